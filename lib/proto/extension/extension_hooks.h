#ifndef WS_PROTO_EXTENSION_EXTENSION_HOOKS_H
#define WS_PROTO_EXTENSION_EXTENSION_HOOKS_H

/* The functions of an extension, in structures of callers that were compiled with another header
   (base/sized.h). */

#include <wsuv/extension.h>

/* Read a caller's structure into one of today's size, which holds the defaults. 0 or WSUV_ESIZE. */
int extension_hooks_in(wsuv_extension_t *to, const wsuv_extension_t *from);

/* Fill in a caller's structure, whose size is set, from one of today's size. 0 or WSUV_ESIZE. */
int extension_hooks_out(wsuv_extension_t *to, const wsuv_extension_t *from);

#endif

#ifndef WS_PROTO_EXTENSION_EXTENSION_LIST_H
#define WS_PROTO_EXTENSION_EXTENSION_LIST_H

/* The extensions that are installed for a client or a server, and their offers. It counts
   references: sessions hold one while they use an extension. */

#include <stddef.h>

#include <wsuv/extension.h>

#include "base/alloc.h"
#include "base/text_buf.h"

typedef struct extension_installed {
  /* A copy, with its own key. The hook `install` has run and is removed, and `data` is what
     sessions share. So it can be installed again while this list exists. */
  wsuv_extension_t hooks;
  void *shared;                    /* what the hook `install` returned */
  void (*uninstall)(void *shared); /* or NULL */
} extension_installed;

typedef struct extension_list {
  const wsuv_allocator_t *alloc;
  size_t refs;
  size_t count;
  const wsuv_extension_t *hooks[WSUV_EXTENSIONS_MAX]; /* the items' hooks, in their order */
  extension_installed items[];
} extension_list;

/* Check, copy and install extensions. 0, with *out NULL if there are none; WSUV_ESIZE; WS_EINVAL:
   too many; a key that is no token or is repeated; a reserved bit that does not exist or is used
   twice; offer without accept; variant without prepare; WS_ENOMEM; what a hook returned. */
int extension_list_new(extension_list **out, const wsuv_allocator_t *alloc,
                       const wsuv_extension_t *const *extensions, size_t count);

extension_list *extension_list_ref(extension_list *list); /* NULL is allowed */
void extension_list_unref(extension_list *list);          /* NULL is allowed */

/* Write the value of Sec-WebSocket-Extensions for a request, not terminated; nothing if there is no
   offer. *offered gets a bit for each extension with an offer. 0; WS_ENOMEM; WS_EINVAL: a parameter
   that is no token; what a hook returned. */
int extension_list_offer(const extension_list *list, text_buf *text, unsigned *offered);

#endif

#ifndef WS_PROTO_EXTENSION_EXTENSION_HEADER_H
#define WS_PROTO_EXTENSION_EXTENSION_HEADER_H

/* The fields Sec-WebSocket-Extensions of a handshake, parsed: a list of extensions with their
   parameters (RFC 6455 9.1). The same for requests and answers. */

#include <stddef.h>

#include <wsuv/extension.h>

#include "base/alloc.h"
#include "proto/http/headers.h"

enum { EXTENSION_ITEMS_MAX = 128 }; /* extensions and parameters in one handshake */

typedef struct extension_element {
  const char *key; /* This is the extension's name, terminated. */
  /* These are the extension's parameters, in the same block as the element. */
  const wsuv_extension_param_t *params;
  size_t param_count; /* `params` has this many elements. */
} extension_element;

typedef struct extension_header {
  const wsuv_allocator_t *alloc; /* This allocator frees `elements`. */
  /* This array is one owned block, together with all that it points to; it is NULL if there are no
     extensions. */
  extension_element *elements;
  size_t count; /* `elements` has this many elements. */
} extension_header;

/* Parse all fields of that name together (RFC 9110 5.3), in linear time. 0, with no elements if
   there is no such field, or only empty ones; WSUV_EEXTENSION: malformed, or more than
   EXTENSION_ITEMS_MAX (*why says which); WS_ENOMEM. After an error there is nothing to clear. */
int extension_header_parse(extension_header *h, const wsuv_allocator_t *alloc,
                           const header_store *fields, const char **why);
void extension_header_clear(extension_header *h);

#endif

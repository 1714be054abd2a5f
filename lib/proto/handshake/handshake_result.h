#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H

/* The result of an opening handshake, the same for both roles and every version of HTTP. */

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/role.h"
#include "base/text_buf.h"
#include "proto/extension/extension_set.h"
#include "proto/http/headers.h"

typedef struct handshake_result {
  const wsuv_allocator_t *alloc;
  ws_role role;              /* Our own role. */
  int status;                /* The status of the response, such as 101. */
  header_store fields;       /* The peer's header fields: of its response or of its request. */
  text_buf request;          /* The head of the request as a client has sent it. */
  char *subprotocol;         /* The negotiated subprotocol, or NULL. */
  extension_set *extensions; /* The negotiated extensions, or NULL. */
  uint8_t *rest;             /* Bytes that came after the handshake. The memory is not owned. */
  size_t rest_len;           /* The number of bytes of `rest`. */
} handshake_result;

/* Free it and all that it owns. NULL is allowed. A member that was taken out (subprotocol,
   extensions) must be set to NULL before. */
void handshake_result_free(handshake_result *result);

#endif

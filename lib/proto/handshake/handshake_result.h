#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H

/* What an opening handshake has agreed upon, the same for either role and every version of HTTP. */

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
  int status;                /* The status of the response, as 101. */
  header_store fields;       /* The peer's header fields: of its response or of its request. */
  text_buf request;          /* The head of the request as a client has sent it. */
  char *subprotocol;         /* The subprotocol that was agreed upon, or NULL. */
  extension_set *extensions; /* The extensions that were agreed upon, or NULL. */
  uint8_t *rest;             /* Bytes that came behind the handshake; the memory is not owned. */
  size_t rest_len;           /* How many bytes of `rest`. */
} handshake_result;

/* Free it and all that it owns; NULL is fine. What was taken out of it (subprotocol, extensions) is
   NULL by then. */
void handshake_result_free(handshake_result *result);

#endif

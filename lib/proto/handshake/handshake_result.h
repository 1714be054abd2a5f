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
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the result. */
  ws_role role;                  /* This is our own role. */
  int status;                    /* This is the status of the response, such as 101. */
  /* These are the header fields that the peer has sent, in its request or response. */
  header_store fields;
  text_buf request;  /* This is the head of the request as the client has sent it. */
  char *subprotocol; /* The result owns the name of the negotiated subprotocol, or this is NULL. */
  extension_set *extensions; /* The result owns the negotiated extensions, or this is NULL. */
  uint8_t *rest;   /* These bytes came after the handshake; the result does not own them. */
  size_t rest_len; /* `rest` has this many bytes. */
} handshake_result;

/* Free it and all that it owns. NULL is allowed. A member that was taken out (subprotocol,
   extensions) must be set to NULL before. */
void handshake_result_free(handshake_result *result);

#endif

#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_RESULT_H

/* The result of an opening handshake, the same for both roles and every version of HTTP. */

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/role.h"
#include "base/text_buf.h"
#include "proto/extension/extension_set.h"
#include "proto/handshake/params.h"
#include "proto/http/headers.h"

typedef struct handshake_result {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the result. */
  ws_role role;                  /* This is our own role. */
  int status;                    /* This is the status of the response, such as 101. */
  /* These are the header fields that the peer has sent, in its request or response. */
  header_store fields;
  /* This is the head of the request as the client has sent it; a server writes it when it is asked
     for (handshake_result_request). */
  text_buf request;
  text_buf line; /* Server: this is the first line of the request, without its end. */
  /* Server: the result owns path and query of the request, as they were sent, or this is NULL. */
  char *target;
  /* Server: the result owns the host that the request was for, unless it is that of the field Host,
     or this is NULL. */
  char *host;
  /* Server: the result owns the parameters of the path, which the router has found, or this is
     NULL. */
  ws_params *params;
  /* Server: the result owns those of the query, once one was asked for, or this is NULL. */
  ws_params *query;
  char *subprotocol; /* The result owns the name of the negotiated subprotocol, or this is NULL. */
  extension_set *extensions; /* The result owns the negotiated extensions, or this is NULL. */
  /* Client: the result owns the list of the proxies that lead to the server, or this is NULL. */
  char *proxy;
  uint8_t *rest;   /* These bytes came after the handshake; the result does not own them. */
  size_t rest_len; /* `rest` has this many bytes. */
} handshake_result;

/* The head of the request, with one space behind each colon; NULL: there is no memory for it. */
const char *handshake_result_request(handshake_result *result, size_t *len);

/* A parameter of the query in `target`; NULL: see ws_params_get; or there is no memory. */
const char *handshake_result_query(handshake_result *result, const char *name);

/* Free it and all that it owns. NULL is allowed. A member that was taken out (subprotocol,
   extensions) must be set to NULL before. */
void handshake_result_free(handshake_result *result);

#endif

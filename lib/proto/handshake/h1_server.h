#ifndef WS_PROTO_HANDSHAKE_H1_SERVER_H
#define WS_PROTO_HANDSHAKE_H1_SERVER_H

/* The server's side of the opening handshake (RFC 6455 4.2): reads the request, decides whether it
   asks for a WebSocket, and writes the response. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/alloc.h"
#include "proto/extension/extension_set.h"
#include "proto/http/headers.h"

typedef struct h1_server h1_server;

typedef struct h1_server_limits {
  size_t max_size;    /* The request's head may have at most this many bytes. */
  size_t max_headers; /* The request may have at most this many header fields. */
} h1_server_limits;

/* `extensions` are accepted when they are offered; NULL: none. 0 or WS_ENOMEM. */
int h1_server_new(h1_server **out, const wsuv_allocator_t *alloc, const h1_server_limits *limits,
                  extension_list *extensions);
void h1_server_free(h1_server *h); /* NULL is allowed */

/* Read bytes of the request. *used says how many belong to it: those after it, when 1 is returned,
   are frames. 1: a valid request, to be accepted or rejected; 0: more is needed; WSUV_EHTTP:
   malformed, a folded field, not HTTP/1.1, not GET, Host missing or repeated, a body, an offered
   subprotocol that is no token; WSUV_EHEADERS: too large; WSUV_EUPGRADE: it does not ask for a
   WebSocket, or its key is wrong; WS_EPROTONOSUPPORT: a version other than 13, or none;
   WSUV_EEXTENSION: malformed offers of extensions; WS_ENOMEM; what an extension's hook returned.
   After an error make the response with h1_server_reject and h1_server_error_status. After anything
   but 0 it may not be called again. */
int h1_server_feed(h1_server *h, const uint8_t *data, size_t len, size_t *used);

const char *h1_server_target(const h1_server *h); /* the target of a valid request */
header_store *h1_server_headers(h1_server *h);    /* the fields of the request */

/* The n-th (from 0) subprotocol that the client offers, in its order; NULL: fewer. Valid until the
   next call. A loop over all of them takes linear time. */
const char *h1_server_offered(h1_server *h, size_t n);

/* The negotiated extensions, once the response 101 is made; NULL: none. They become the
   caller's. */
extension_set *h1_server_take_extensions(h1_server *h);

/* Write the response 101, with a subprotocol unless it is NULL, the negotiated extensions, and
   these fields. 0; WSUV_ESUBPROTOCOL: it was not offered; WSUV_EINVAL_HEADER; WS_ENOMEM. */
int h1_server_accept(h1_server *h, const char *subprotocol, const wsuv_header_t *headers,
                     size_t header_count);

/* Write an error response with a status of 400 to 599 (or 300 to 399), fields and a body. It has
   `Connection: close` and a length; 405 names the method, 426 the protocol and its version (RFC
   9110 15.5.6, 15.5.22, RFC 6455 4.4). 0; WSUV_EINVAL_HEADER; WS_EINVAL: the status; WS_ENOMEM. */
int h1_server_reject(h1_server *h, int status, const wsuv_header_t *headers, size_t header_count,
                     const void *body, size_t body_len);

/* The status for an error of h1_server_feed: 400, 405, 426, 431, 505 or 500; 0: there was none. */
int h1_server_error_status(const h1_server *h);
const char *h1_server_detail(const h1_server *h); /* what was wrong; "" */

/* The bytes of the response. */
const char *h1_server_answer(const h1_server *h, size_t *len);

#endif

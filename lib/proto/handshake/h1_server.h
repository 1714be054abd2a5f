#ifndef WS_PROTO_HANDSHAKE_H1_SERVER_H
#define WS_PROTO_HANDSHAKE_H1_SERVER_H

/* The server's side of the opening handshake (RFC 6455 4.2): reads the request, says whether it
   asks for a WebSocket, and writes the response. Routes, limits, and which hosts and origins are
   allowed are decided by others, in this order:

     1. h1_server_feed fails: the request cannot be understood, and names no resource.
     2. the host (host_check), then the route (router_find)
     3. h1_server_cause: what is wrong with a request that a route has been found for
     4. the origin (origin_check), limits, the program */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>
#include <wsuv/http_request.h>
#include <wsuv/refusal.h>

#include "base/alloc.h"
#include "base/why.h"
#include "proto/extension/extension_list.h"
#include "proto/handshake/handshake_result.h"
#include "proto/handshake/subprotocol.h"
#include "proto/handshake/url.h"
#include "proto/http/headers.h"

typedef struct h1_server h1_server;

typedef struct h1_server_limits {
  size_t max_size;    /* The request's head may have at most this many bytes. */
  size_t max_headers; /* The request may have at most this many header fields. */
} h1_server_limits;

/* 0 or WS_ENOMEM. */
int h1_server_new(h1_server **out, const wsuv_allocator_t *alloc, const h1_server_limits *limits);
void h1_server_free(h1_server *h); /* NULL is allowed */

/* Get ready for the next request of the connection. The last one, and its response, are gone. */
void h1_server_next(h1_server *h);

/* Before the request is read: if it is for something else, it may have a body, whose length is
   given in a way that can be understood only once (RFC 9112 6.3); the body is not read. */
void h1_server_take_bodies(h1_server *h);

/* Read bytes of the request. *used says how many belong to it: those after it, when 1 is returned,
   are none of HTTP's; they are frames if the request is accepted.
   1: the head is read, and the request names a host and a path; h1_server_cause says what it is;
   0: more is needed; an error: the request is to be refused for h1_server_cause, which is one of
   these: WSUV_REFUSED_TLS_ON_PLAIN, _MALFORMED, _HTTP_VERSION, _METHOD (one whose target is no
   path), _TARGET, _TOO_LARGE, _TOO_MANY_FIELDS, _BODY, _HOST, _NO_MEMORY.
   The result does not depend on how the bytes are cut. After anything but 0 it may not be called
   again. */
int h1_server_feed(h1_server *h, const uint8_t *data, size_t len, size_t *used);

/* Read a whole request that was parsed already, instead of bytes. Returns as h1_server_feed; or,
   and then there is no cause, as parsed_request_write. */
int h1_server_read_parsed(h1_server *h, const wsuv_http_request_t *request, ws_why *why);

/* Whether some bytes of the request have come. */
bool h1_server_has_begun(const h1_server *h);

/* Once the head is read: WSUV_REFUSED_NONE: a valid request for a WebSocket, which can be accepted
   or refused. WSUV_REFUSED_METHOD, _HTTP_1_0, _NO_UPGRADE: a request for something else, which is
   refused unless somebody answers it. WSUV_REFUSED_VERSION, _KEY, _SUBPROTOCOL, _EXTENSION: a bad
   request for a WebSocket. After an error of h1_server_feed: its cause. */
wsuv_refused_t h1_server_cause(const h1_server *h);
int h1_server_error(const h1_server *h);          /* the error code for the cause; 0: none */
const char *h1_server_detail(const h1_server *h); /* what was wrong, static text; "" */
bool h1_server_is_plain(const h1_server *h);      /* whether the request asks for something else */
bool h1_server_has_body(const h1_server *h);      /* whether a body follows the head */

/* Whether the connection may have another request after the response (RFC 9112 9.3). */
bool h1_server_may_persist(const h1_server *h);

/* Once the head is read. All of these point into the handshake. */
ws_text h1_server_method(const h1_server *h);
const char *h1_server_target(const h1_server *h); /* path and query, as sent; terminated */
ws_text h1_server_path(const h1_server *h);       /* begins with "/"; still encoded */
ws_text h1_server_query(const h1_server *h);      /* without "?"; still encoded; may be empty */
header_store *h1_server_headers(h1_server *h);
/* The host that the request is for: that of an absolute target, else that of `Host`. Its host is
   empty if a request of HTTP/1.0 has neither. */
const url_authority *h1_server_host(const h1_server *h);
/* The same as text, terminated; NULL: there is none. */
const char *h1_server_host_text(const h1_server *h);
/* The request is for this host, as a trusted proxy says. 0; WS_EINVAL: it is malformed; WS_ENOMEM.
   After an error nothing is changed. */
int h1_server_set_host(h1_server *h, ws_text host);
const char *h1_server_origin(const h1_server *h); /* the value of Origin; NULL: there is none */
const subprotocol_offer *h1_server_offer(const h1_server *h); /* of a valid request */

/* The n-th (from 0) subprotocol that the client offers, in its order; NULL: fewer. Valid until the
   next call. A loop over all of them takes linear time. */
const char *h1_server_offered(h1_server *h, size_t n);

/* Negotiate the installed extensions (NULL: none), and write the response 101, with a subprotocol
   unless it is NULL, and these fields. 0; WSUV_ESUBPROTOCOL: it was not offered;
   WSUV_EINVAL_HEADER; WS_ENOMEM; what a hook returned. After an error there is no response, and
   it may be called again. */
int h1_server_accept(h1_server *h, const char *subprotocol, extension_list *extensions,
                     const wsuv_header_t *headers, size_t header_count);

/* After h1_server_accept: move the result out of the handshake, once. It is the caller's; it has no
   `rest` yet, and no parameters of the path. Afterwards only the response may be read. 0;
   WS_ENOMEM: nothing was moved. */
int h1_server_result(h1_server *h, handshake_result **out);

/* Write an error response with a status of 400 to 599 (or 300 to 399), fields and a body. It has
   `Connection: close` and a length; 405 names the method (RFC 9110 15.5.6); 426 the protocol
   (15.5.22), and the version 13 if another was asked for (RFC 6455 4.4). A response to HEAD has the
   length only (RFC 9110 9.3.2). 0; WSUV_EINVAL_HEADER; WS_EINVAL: the status, or a body with 304;
   WS_ENOMEM. After an error there is no response. */
int h1_server_reject(h1_server *h, int status, const wsuv_header_t *headers, size_t header_count,
                     const void *body, size_t body_len);

/* Write the response to a request for something else, with a status of 200 to 599, fields and a
   body, so that the connection has another request afterwards (`persists`), or closes. It has the
   length of the body; with 204 and 304 it has none, and with these and 205 no body (RFC 9110
   8.6, 15.3.6); 426 names the protocol. A response to HEAD has the length only. 0;
   WSUV_EINVAL_HEADER; WS_EINVAL: the status, or a body that it may not have; WS_ENOMEM. After an
   error there is no response. */
int h1_server_respond(h1_server *h, bool persists, int status, const wsuv_header_t *headers,
                      size_t header_count, const void *body, size_t body_len);

/* The bytes of the response. */
const char *h1_server_answer(const h1_server *h, size_t *len);

#endif

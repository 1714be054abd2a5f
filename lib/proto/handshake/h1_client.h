#ifndef WS_PROTO_HANDSHAKE_H1_CLIENT_H
#define WS_PROTO_HANDSHAKE_H1_CLIENT_H

/* The client's side of the opening handshake (RFC 6455 4.1): makes the request, reads the response
   as it comes, and decides whether the connection is open. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "proto/extension/extension_set.h"
#include "proto/handshake/handshake.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/handshake_result.h"
#include "proto/http/headers.h"

typedef struct h1_client h1_client;

/* Check and write the request. `key` is HANDSHAKE_KEY_SIZE random bytes. Everything is copied. 0;
   WSUV_EINVAL_HEADER: see handshake_request_check, *why, unless it is NULL, says which field;
   WS_ENOMEM; an error of extension_list_offer. */
int h1_client_new(h1_client **out, const wsuv_allocator_t *alloc, const handshake_request *request,
                  const uint8_t *key, ws_why *why);
void h1_client_free(h1_client *h); /* NULL is allowed */

/* Replace the text of the request. Returns 0; WS_ENOMEM: it is empty. */
int h1_client_set_request(h1_client *h, const char *text, size_t len);

/* The bytes of the request. */
const char *h1_client_request(const h1_client *h, size_t *len);

/* The caller should read at most this many bytes next, so that no more of an error response's body
   is read than HTTP_BODY_WIRE_MAX. */
size_t h1_client_most(const h1_client *h);

/* Read bytes of the response. *used says how many belong to it: those after it, when 1 is returned,
   are frames. 1: the connection is open; 0: more is needed; WSUV_ESTATUS: an error response, with
   as much of the body as is kept or as there is, or as there is in its first 64 KiB; WSUV_EHTTP:
   malformed, a status below 100, 101 without HTTP/1.1; WSUV_EHEADERS: larger than max_size, more
   than max_headers fields, too many interim responses; WSUV_EUPGRADE, WSUV_EACCEPT,
   WSUV_ESUBPROTOCOL, WSUV_EEXTENSION: see wsuv/error.h; WS_ENOMEM; what an extension's hook
   returned. After anything but 0 it may not be called again. */
int h1_client_feed(h1_client *h, const uint8_t *data, size_t len, size_t *used);

/* Whether the head of an error response was read. Its status and its fields are known then, and its
   body may still come. */
bool h1_client_refused(const h1_client *h);

/* The stream ended while more was needed. WSUV_ESTATUS if the head of an error response was read,
   otherwise WS_EOF. */
int h1_client_eof(h1_client *h);

int h1_client_status(const h1_client *h);      /* the status of the last response; 0: none yet */
header_store *h1_client_headers(h1_client *h); /* the fields of the response */
/* The name of the n-th (from 0) field of a 101 that has no meaning there; NULL: fewer. */
const char *h1_client_ignored(const h1_client *h, size_t n);

const char *h1_client_subprotocol(const h1_client *h); /* the negotiated subprotocol; "" if none */

/* Move the result out of the handshake, once, after h1_client_feed has returned 1. It is the
   caller's; `rest` is empty. 0; WS_ENOMEM: nothing was moved. */
int h1_client_result(h1_client *h, handshake_result **out);

/* The body of an error response; NULL if empty. */
const uint8_t *h1_client_body(const h1_client *h, size_t *len);

/* What was wrong, in words that may quote the response, escaped and cut; "". Valid until
   h1_client_free. */
const char *h1_client_detail(const h1_client *h);

#endif

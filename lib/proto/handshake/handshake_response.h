#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_RESPONSE_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_RESPONSE_H

/* The text of a server's response to an opening handshake (RFC 6455 4.2.2). */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/config.h>

#include "base/text_buf.h"
#include "proto/handshake/handshake.h"

/* Write 101 for a key of HANDSHAKE_KEY_LEN characters, with a subprotocol unless it is NULL,
   and extensions unless they are "".
   0; WSUV_EINVAL_HEADER: a field that may not be sent (see handshake_field_wrong); WS_ENOMEM. */
int handshake_response_accept(text_buf *text, const char *key, const char *subprotocol,
                              const char *extensions, const wsuv_header_t *fields,
                              size_t field_count);

/* A response other than 101. */
typedef struct handshake_reply {
  int status;             /* This is the status of the response. */
  const char *connection; /* This is the value of Connection, or NULL if it is not sent. */
  bool names_get;         /* With 405, Allow names GET, with which a WebSocket is asked for. */
  bool other_version;     /* Another version of the protocol was asked for. */
  bool to_head;           /* The method is HEAD: the response has no body, but the length of one. */
  const wsuv_header_t *fields; /* These fields are sent. */
  size_t field_count;          /* `fields` has this many elements. */
  const void *body;            /* This is the body; it may be NULL if `body_len` is 0. */
  size_t body_len;             /* The body has this many bytes. */
} handshake_reply;

/* Write it. 0; WS_EINVAL: a status outside 200 to 599, or a body with 204, 205 or 304;
   WSUV_EINVAL_HEADER; WS_ENOMEM. */
int handshake_response_reply(text_buf *text, const handshake_reply *reply);

#endif

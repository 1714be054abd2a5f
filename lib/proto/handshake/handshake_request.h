#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_REQUEST_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_REQUEST_H

/* The client's request for a WebSocket (RFC 6455 4.1): what may be in it, and its text. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/text_buf.h"
#include "base/why.h"
#include "proto/extension/extension_list.h"
#include "proto/handshake/handshake.h"
#include "proto/handshake/url.h"

typedef struct handshake_request {
  /* This is the URL; the caller owns it, and what the other fields point to. */
  const ws_url *url;
  const char *origin;     /* This is the value of Origin, or NULL if it is not sent. */
  const char *user_agent; /* This is the value of User-Agent, or NULL if it is not sent. */
  /* This is the value of Authorization, or NULL if it is not sent or in a list. */
  const char *authorization;
  const char *cookie; /* This is the value of Cookie, or NULL if it is not sent or in a list. */
  /* These two lists of other fields are sent one after the other. */
  const wsuv_header_t *headers[2];
  size_t header_count[2];          /* The two lists have this many elements. */
  const char *const *subprotocols; /* These subprotocols are offered, in this order. */
  size_t subprotocol_count;        /* `subprotocols` has this many elements. */
  extension_list *extensions;      /* These extensions are offered; NULL if there are none. */
  size_t max_size;    /* The heads of all responses together may have at most this many bytes. */
  size_t max_headers; /* Each response may have at most this many header fields. */
} handshake_request;

/* 0, or WSUV_EINVAL_HEADER: a field or subprotocol that may not be sent: control bytes, no token, a
   repeated subprotocol, a name that only the handshake itself sets (see handshake_field_wrong);
   Host, Origin, User-Agent or Authorization twice; a Cookie among the headers beside `cookie`. A
   User-Agent among the headers replaces `user_agent`, a Host the URL's. Userinfo of the URL does
   not count: who makes the request has it in `authorization`. After an error *why, unless it is
   NULL, names the field, without its value. */
int handshake_request_check(const handshake_request *request, ws_why *why);

/* The offered subprotocols as a list, terminated. 0 or WS_ENOMEM. */
int handshake_request_offer(text_buf *offer, const handshake_request *request);

/* Write a request that was checked, with a key in base64 and the offers of subprotocols and
   extensions, terminated; "": none. 0 or WS_ENOMEM. */
int handshake_request_write(text_buf *text, const handshake_request *request, const char *offer,
                            const char *extensions, const char *key);

#endif

#ifndef WS_PROTO_HANDSHAKE_HANDSHAKE_RESPONSE_H
#define WS_PROTO_HANDSHAKE_HANDSHAKE_RESPONSE_H

/* The text of a server's response to an opening handshake (RFC 6455 4.2.2). */

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

/* Write an error response. 0; WS_EINVAL: a status outside 300 to 599; WSUV_EINVAL_HEADER;
   WS_ENOMEM. */
int handshake_response_reject(text_buf *text, int status, const wsuv_header_t *fields,
                              size_t field_count, const void *body, size_t body_len);

#endif

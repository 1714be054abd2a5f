#ifndef WS_PROTO_HANDSHAKE_PARSED_REQUEST_H
#define WS_PROTO_HANDSHAKE_PARSED_REQUEST_H

/* Requests that an HTTP server of the program's has parsed. Their text is written again, so that
   h1_server reads and checks them as any other request. */

#include <wsuv/http_request.h>

#include "base/text_buf.h"
#include "base/why.h"

/* Read a structure of the program's into one of the current size. Returns 0; WSUV_ESIZE; or
   WS_EINVAL: something is missing. */
int parsed_request_read(wsuv_http_request_t *to, const wsuv_http_request_t *from, ws_why *why);

/* Write the head of a request that was read. It has exactly these fields: returns 0;
   WSUV_EINVAL_HEADER: a name is no token, or a value has control bytes, and *why names the field;
   WS_EINVAL: the same of the first line; WS_ENOMEM. */
int parsed_request_write(text_buf *text, const wsuv_http_request_t *request, ws_why *why);

#endif

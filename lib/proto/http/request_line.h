#ifndef WS_PROTO_HTTP_REQUEST_LINE_H
#define WS_PROTO_HTTP_REQUEST_LINE_H

/* The first line of a request (RFC 9112 3). llhttp does not read it, because its versions accept
   different things that are none: several spaces, no version, other protocols. */

#include <stdbool.h>

#include "base/view.h"

typedef struct request_line {
  ws_text method;   /* This is a token, such as "GET"; methods are compared with regard to case. */
  ws_text target;   /* This is not empty and has neither spaces nor control bytes. */
  unsigned version; /* This is ten times the major version and the minor: 11 for HTTP/1.1. */
} request_line;

/* Parse a line without its end. False: it is malformed. The slices point into the text. */
bool request_line_parse(request_line *line, ws_text text);

#endif

#ifndef WS_PROTO_TUNNEL_CHALLENGE_H
#define WS_PROTO_TUNNEL_CHALLENGE_H

/* Parses the challenges in WWW-Authenticate and Proxy-Authenticate (RFC 9110 11.3, 11.6.1). Knows
   no scheme. */

#include <stdbool.h>

#include "base/text_buf.h"
#include "base/view.h"

/* The slices point into the value of the field. */
typedef struct challenge {
  ws_text scheme;  /* This is the scheme; it is compared without regard to case. */
  ws_text token68; /* This follows the scheme in place of parameters; len 0: there is none. */
  ws_text params;  /* These are the parameters as they were written; len 0: there are none. */
} challenge;

/* The next challenge in the value of a field; *rest is the value at first. 1; 0: there are no more;
   -1: what follows is malformed, and nothing of it is used. */
int challenge_next(const char **rest, challenge *c);

typedef struct challenge_param {
  ws_text name;  /* This is the name; it is compared without regard to case. */
  ws_text value; /* This is the value; if it was quoted, without the quotes, with its escapes. */
  bool quoted;   /* The value was a quoted-string. */
} challenge_param;

/* The next parameter; *params are those of a challenge at first. False: there are no more. */
bool challenge_param_next(ws_text *params, challenge_param *p);

/* Add the value, without escapes (RFC 9110 5.6.4). 0 or WS_ENOMEM. */
int challenge_param_value(const challenge_param *p, text_buf *value);

#endif

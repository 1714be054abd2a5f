#ifndef WS_PROTO_HTTP_BASIC_H
#define WS_PROTO_HTTP_BASIC_H

/* Credentials of the scheme Basic (RFC 7617). */

#include "base/text_buf.h"
#include "base/view.h"

/* Add "Basic " and the credentials, which are the value of a field. Bytes from 0x80 up are sent as
   they are: UTF-8, if the caller has it (RFC 7617 2.1). 0; WSUV_EINVAL_HEADER: a colon in the user
   name or a control character, and *wrong says which, in static text; WS_ENOMEM. */
int basic_write(text_buf *value, ws_text user, ws_text password, const char **wrong);

/* What is wrong with a user name or a password of any scheme, in static text; NULL: nothing. */
const char *credentials_wrong(ws_text user, ws_text password);

#endif

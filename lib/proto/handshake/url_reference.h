#ifndef WS_PROTO_HANDSHAKE_URL_REFERENCE_H
#define WS_PROTO_HANDSHAKE_URL_REFERENCE_H

/* References to other URLs, such as the value of Location, and what two URLs have in common. */

#include <stdbool.h>

#include "base/text_buf.h"
#include "base/why.h"
#include "proto/handshake/url.h"

/* Add the URL that a reference means (RFC 3986 5.2), not terminated: with the scheme ws, wss or
   ws+unix, the host in small letters, without the default port, with a path, without a fragment.
   `base` is the URL that the reference is relative to. The schemes http and https mean ws and wss;
   a reference with another scheme, ws+unix too, is refused, but a relative one stays at a Unix
   socket. 0; WSUV_EURL: it is malformed, or has credentials, and *why says which, without showing
   more of it than one character; WS_ENOMEM. */
int url_resolve(text_buf *url, const ws_url *base, const char *reference, ws_why *why);

/* Add the origin of a URL (RFC 6454 4) in one spelling: scheme, host in small letters, port; or the
   path of a Unix socket. 0 or WS_ENOMEM. */
int url_origin_add(text_buf *origin, const ws_url *url);

/* Whether both lead to the same host, whatever the port, or to the same Unix socket. */
bool url_same_host(const ws_url *a, const ws_url *b);

/* The path of the URL, without the query; "/" if it is empty. */
ws_text url_path(const ws_url *url);

#endif

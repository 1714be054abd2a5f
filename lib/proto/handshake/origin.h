#ifndef WS_PROTO_HANDSHAKE_ORIGIN_H
#define WS_PROTO_HANDSHAKE_ORIGIN_H

/* Which hosts a server answers to, and from which origins (RFC 6454, RFC 6455 10.2) it accepts
   requests. Names are compared without regard to case, and without a dot at their end; nothing is
   decoded or looked up. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/refusal.h>

#include "proto/handshake/url.h"

/* What is wrong with a pattern for host_check, in words; NULL: nothing. These are patterns:

     app.example, 127.0.0.1, [::1]    this host
     *.example                        all names below this one, at any depth; not itself
     *                                any host */
const char *host_pattern_wrong(const char *pattern);

/* May a request be for this host? Ports do not matter. Without patterns any host is allowed; on a
   loopback listener, only localhost, names below it, and loopback addresses: a page of another host
   whose name was rebound to a loopback address has the same Origin and Host. WSUV_REFUSED_NONE; or
   WSUV_REFUSED_HOST_UNKNOWN, and *detail says more. */
wsuv_refused_t host_check(const url_authority *host, const char *const *patterns, size_t count,
                          bool loopback, const char **detail);

/* What is wrong with a pattern for origin_check, in words; NULL: nothing. A pattern is "null", for
   sandboxed frames and pages from files; "*", for any origin, also a malformed one; or a scheme,
   "://", and one of these:

     app.example[:port]    this host; without a port, the default one of the scheme
     *.example[:port]      the same for all names below this one
     *                     any host and port, as for "chrome-extension" */
const char *origin_pattern_wrong(const char *pattern);

/* May a request have this Origin? NULL, no Origin, is allowed: the client is no browser. Without
   patterns only pages of the same host are: the host of an origin of HTTP must be that of the
   request, and so must its port, if the request has one (some proxies leave it out of Host). The
   default port of the origin's scheme is the same as none. WSUV_REFUSED_NONE; or
   WSUV_REFUSED_ORIGIN, and *detail says more. */
wsuv_refused_t origin_check(const char *origin, const url_authority *host,
                            const char *const *patterns, size_t count, const char **detail);

#endif

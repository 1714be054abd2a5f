#ifndef WS_PROTO_HANDSHAKE_URL_H
#define WS_PROTO_HANDSHAKE_URL_H

/* ws:// and wss:// URLs (RFC 6455 3, RFC 3986), parsed in place, or made from parts. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "base/why.h"

enum {
  URL_HOST_MAX = 253,        /* characters of a host name (RFC 1035 2.3.4, without the last dot) */
  URL_HOST_SIZE = 256,       /* room for url_host_copy */
  URL_SOCKET_MAX = 107,      /* bytes of a Unix socket's path; libuv would truncate a longer one */
  URL_HOST_HEADER_SIZE = 264 /* room for url_host_header: host, brackets, port, NUL */
};

typedef struct ws_url {
  bool secure;   /* The scheme is wss or https. */
  bool ipv6;     /* The host is an IPv6 literal. */
  uint16_t port; /* This is the port; without one in the URL it is 80, or 443 if `secure` is set. */
  /* This is what is before the "@", with its escapes; base is NULL if there is no "@". */
  ws_text userinfo;
  ws_text host; /* This is the host as it was written, without brackets and zone. */
  /* This is the zone of an IPv6 literal, such as "eth0"; len is 0 if there is none. */
  ws_text zone;
  ws_text socket; /* This is the path of a Unix socket as it was written; base is NULL for TCP. */
  ws_text target; /* These are path and query for the request line, with escapes. */
  bool slash;     /* A "/" must be put before the target, because it is empty or begins with "?". */
  /* After an error, this static text says what is wrong; otherwise it is NULL. */
  const char *wrong;
  /* After an error, this is the text that has it: the URL or one of its parts; base is NULL for a
     port. */
  ws_text wrong_in;
  size_t wrong_at; /* After an error, it is at this index of `wrong_in`, which may be its end. */
  bool wrong_char; /* `wrong` is the name of a part that may not have the character there. */
} ws_url;

/* 0, with slices of `s` that live as long as it does; or WSUV_EURL.
   Schemes are ws, wss, http and https, in any case, and ws+unix, see below. A host has letters,
   digits and "-._~" only, or is an IPv6 literal, perhaps with a zone: "%" and the zone, as users
   type it (RFC 9844), or with the "%" escaped as "%25" (RFC 6874, obsolete). The target may have
   what RFC 3986 names anywhere, so "[" and "]" too, though not in paths and queries; '"', '<',
   '>', '\', '^', '`', '{',
   '|', '}', spaces, control bytes, bytes from 0x80 up and a fragment are refused.

   "ws+unix:///path/to/socket:/request/path": the absolute path of a Unix socket up to the first
   ":", 107 bytes at most, then the target. What is in the path of the socket is taken as it is: "%"
   has no meaning there. The host is "localhost", which outlives everything. */
int url_parse(ws_url *url, const char *s, size_t len);

/* The same from parts, with the same checks. `host` may be an IPv6 literal, without brackets and
   with a zone behind "%"; `port` 0 is the default one; `target` NULL is "/". The parts must outlive
   `url`. 0 or WSUV_EURL. */
int url_from_parts(ws_url *url, bool secure, const char *host, unsigned port, const char *target);

/* The kinds of proxies. */
typedef enum url_proxy {
  URL_PROXY_HTTP,    /* http: CONNECT */
  URL_PROXY_HTTPS,   /* https: the same over TLS */
  URL_PROXY_SOCKS4,  /* socks4: version 4, with an address */
  URL_PROXY_SOCKS4A, /* socks4a: with a name, which the proxy looks up */
  URL_PROXY_SOCKS5,  /* socks5: version 5, with an address */
  URL_PROXY_SOCKS5H  /* socks5h: with a name, which the proxy looks up */
} url_proxy;

/* The URL of a proxy: one of these schemes, or none, which is http; no path but "/", and no query.
   The default ports are 80, 443 and 1080. 0 or WSUV_EURL; `url` as by url_parse, `secure` not
   set. */
int url_parse_proxy(ws_url *url, url_proxy *kind, const char *s, size_t len);

/* The port of a URL of this scheme without one. */
uint16_t url_default_port(const ws_url *url);

/* Say in words what url_parse or another of these functions has refused: "'#' is not allowed in the
   path or query, position 12". Shows no more of the URL than that character. Returns WSUV_EURL. */
int url_explain(const ws_url *url, ws_why *why);

/* A host with an optional port, as in `Host` (RFC 9110 7.2) and in an origin (RFC 6454 6.2). */
typedef struct url_authority {
  ws_text host;  /* This is the host as it was written, without brackets. */
  bool ipv6;     /* The host is an IPv6 literal. */
  uint16_t port; /* This is the port; 0: there is none. */
} url_authority;

/* Parse the whole of `s`, with the same checks as a URL's: no userinfo, no zone, and of names only
   those with unreserved characters, which all names of DNS have. "h:" has no port. False: it is
   malformed, or empty. */
bool url_parse_authority(url_authority *authority, ws_text s);

/* The path of any reference to a resource (RFC 3986 4.1), such as the value of Location; "/" if it
   has none. */
ws_text url_path_of(const char *reference);

/* The host for a name lookup, terminated, with "%" before a zone.
   0; WSUV_EURL: it has more than 253 characters, or none. */
int url_host_copy(const ws_url *url, char dst[URL_HOST_SIZE]);

/* The value of `Host` (RFC 9110 7.2), terminated: brackets around IPv6, no zone (RFC 9844), the
   port only if it is not the default one. The host has 253 characters at most. Returns its
   length. */
size_t url_host_header(const ws_url *url, char dst[URL_HOST_HEADER_SIZE]);

#endif

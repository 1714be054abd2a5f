#include "proto/handshake/url.h"

/* Parses a URL, and rejects what may not go into a request line or a name lookup. The results point
   into the text. Allocates nothing. */

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

/*   scheme "://" [ userinfo "@" ] host [ ":" port ] [ path ] [ "?" query ]     RFC 3986 3

     host     = *( ALPHA / DIGIT / "-" / "." / "_" / "~" ) / "[" IPv6address [ "%" zone ] "]"
     userinfo = *( unreserved / pct-encoded / sub-delims / ":" )
     path     = *( unreserved / pct-encoded / sub-delims / ":" / "@" / "/" ), query: "?" as well

   "ws+unix://" socket [ ":" [ path ] [ "?" query ] ], as the ws library of Node.js has it

     socket   = "/" *( unreserved / sub-delims / "@" / "/" / "%" ) */

#define SUB_DELIMS "!$&'()*+,;="
#define USERINFO_CHARS SUB_DELIMS ":"
#define TARGET_CHARS SUB_DELIMS ":@/?[]"
#define SOCKET_CHARS SUB_DELIMS "@/%"

enum { PORT_PLAIN = 80, PORT_SECURE = 443, PORT_SOCKS = 1080 };

static const struct {
  const char *text; /* A URL with this scheme begins with this text. */
  bool secure;      /* A URL with this scheme uses TLS. */
} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};
static const char unix_scheme[] = "ws+unix://";

static const struct {
  const char *text; /* The URL of such a proxy begins with this text. */
  url_proxy kind;   /* This is its kind. */
  uint16_t port;    /* This is the port of a URL without one. */
} proxy_schemes[] = {
    {"http://", URL_PROXY_HTTP, PORT_PLAIN},     {"https://", URL_PROXY_HTTPS, PORT_SECURE},
    {"socks4://", URL_PROXY_SOCKS4, PORT_SOCKS}, {"socks4a://", URL_PROXY_SOCKS4A, PORT_SOCKS},
    {"socks5://", URL_PROXY_SOCKS5, PORT_SOCKS}, {"socks5h://", URL_PROXY_SOCKS5H, PORT_SOCKS}};

static bool is_unreserved(char c) {
  return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Note what is wrong at `at`, which is in the text that is being parsed. Returns false. */
static bool wrong(ws_url *url, const char *at, const char *what) {
  url->wrong = what;
  url->wrong_at = (size_t) (at - url->wrong_in.base);
  url->wrong_char = false;
  return false;
}

static bool wrong_char(ws_url *url, const char *at, const char *part) {
  (void) wrong(url, at, part);
  url->wrong_char = true;
  return false;
}

/* Whether the part of this name has only unreserved characters and those in `others`, and escapes,
   if it may have them. */
static bool check_chars(ws_url *url, ws_text s, const char *others, bool escapes,
                        const char *part) {
  for (size_t i = 0; i < s.len; i++) {
    const char *at = s.base + i;
    if (escapes && ascii_is_escape(at, s.len - i)) {
      i += 2;
    } else if (escapes && *at == '%') {
      return wrong(url, at, "'%' without two hexadecimal digits");
    } else if (!is_unreserved(*at) && (*at == '\0' || strchr(others, *at) == NULL)) {
      return wrong_char(url, at, part);
    }
  }
  return true;
}

static void skip(ws_text *s, size_t n) {
  s->base += n;
  s->len -= n;
}

/* Zero is none of them. */
static bool is_one_of(char c, const char *set) {
  while (*set != '\0' && *set != c) set++;
  return *set != '\0';
}

/* Cut off and return everything before the first of the characters `ends`. */
static ws_text take_until(ws_text *s, const char *ends) {
  ws_text taken = {s->base, 0};
  while (taken.len < s->len && !is_one_of(s->base[taken.len], ends)) taken.len++;
  skip(s, taken.len);
  return taken;
}

static bool begins_with(ws_text s, const char *text) {
  return s.len >= strlen(text) && ascii_begins_with(s.base, text);
}

uint16_t url_default_port(const ws_url *url) {
  return url->secure ? PORT_SECURE : PORT_PLAIN;
}

static bool parse_scheme(ws_url *url, ws_text *s) {
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    if (!begins_with(*s, schemes[i].text)) continue;
    url->secure = schemes[i].secure;
    url->port = url_default_port(url);
    skip(s, strlen(schemes[i].text));
    return true;
  }
  return wrong(url, s->base, "no ws://, wss://, http://, https:// or ws+unix://");
}

static bool parse_proxy_scheme(ws_url *url, url_proxy *kind, ws_text *s) {
  const size_t count = sizeof proxy_schemes / sizeof proxy_schemes[0];
  size_t i = 0;
  while (i < count && !begins_with(*s, proxy_schemes[i].text)) i++;
  ws_text rest = *s, first = take_until(&rest, ":");
  if (i == count && begins_with(rest, "://")) {
    return wrong(url, first.base,
                 "no http://, https://, socks4://, socks4a://, socks5:// or socks5h://");
  }
  if (i < count) skip(s, strlen(proxy_schemes[i].text));
  *kind = i < count ? proxy_schemes[i].kind : URL_PROXY_HTTP;
  url->port = i < count ? proxy_schemes[i].port : PORT_PLAIN;
  return true;
}

static bool parse_userinfo(ws_url *url, ws_text *authority) {
  ws_text rest = *authority;
  ws_text userinfo = take_until(&rest, "@");
  if (rest.len == 0) return true;
  skip(&rest, 1);
  url->userinfo = userinfo;
  *authority = rest;
  return check_chars(url, userinfo, USERINFO_CHARS, true, "user name or password");
}

static bool is_address(ws_text s) {
  struct in6_addr parsed;
  char address[INET6_ADDRSTRLEN];
  if (s.len >= sizeof address || memchr(s.base, '\0', s.len) != NULL) return false;
  memcpy(address, s.base, s.len);
  address[s.len] = '\0';
  return inet_pton(AF_INET6, address, &parsed) == 1;
}

/* An IPv6 literal, perhaps with "%" and a zone. In a URL, "%25" and a zone is the older form. */
static bool parse_ipv6(ws_url *url, ws_text literal, bool in_url) {
  static const char escaped[] = "%25";
  ws_text zone = literal;
  url->host = take_until(&zone, "%");
  if (!is_address(url->host)) return wrong(url, literal.base, "malformed IPv6 address");
  if (zone.len == 0) return true;
  bool old = in_url && zone.len > strlen(escaped) && begins_with(zone, escaped);
  skip(&zone, old ? strlen(escaped) : 1);
  url->zone = zone;
  if (zone.len == 0) return wrong(url, zone.base, "no zone after '%'");
  return check_chars(url, zone, "", false, "zone of an IPv6 address");
}

static bool is_host_len(size_t len) {
  return len > 0 && len <= URL_HOST_MAX;
}

static bool parse_literal(ws_url *url, ws_text host, bool in_url) {
  if (host.len == 0) return wrong(url, host.base, "no host");
  if (!is_host_len(host.len)) return wrong(url, host.base, "host of more than 253 characters");
  if (url->ipv6) return parse_ipv6(url, host, in_url);
  url->host = host;
  return check_chars(url, host, "", false, "host");
}

static bool parse_host(ws_url *url, ws_text *authority) {
  ws_text host;
  url->ipv6 = authority->len > 0 && authority->base[0] == '[';
  if (url->ipv6) {
    const char *bracket = authority->base;
    skip(authority, 1);
    host = take_until(authority, "]");
    if (authority->len == 0) return wrong(url, bracket, "'[' without ']'");
    skip(authority, 1);
  } else {
    host = take_until(authority, ":");
  }
  return parse_literal(url, host, true);
}

/* `s` is ":port", ":" or empty; without a port, that of the URL stays as it is. */
static bool parse_port(ws_url *url, ws_text s) {
  unsigned port = 0;
  if (s.len == 0) return true;
  if (s.base[0] != ':') return wrong_char(url, s.base, "port");
  if (s.len == 1) return true;
  for (size_t i = 1; i < s.len; i++) {
    if (!ascii_is_digit(s.base[i])) return wrong_char(url, s.base + i, "port");
    port = port * 10 + (unsigned) (s.base[i] - '0');
    if (port > UINT16_MAX) return wrong(url, s.base + 1, "port above 65535");
  }
  url->port = (uint16_t) port;
  return port != 0 || wrong(url, s.base + 1, "port 0");
}

/* "", "/path?query" or "?query". */
static bool parse_target(ws_url *url, ws_text s) {
  url->target = s;
  url->slash = s.len == 0 || s.base[0] != '/';
  if (s.len > 0 && s.base[0] == '#') return wrong(url, s.base, "fragment");
  if (url->slash && s.len > 0 && s.base[0] != '?') return wrong(url, s.base, "path without '/'");
  return check_chars(url, s, TARGET_CHARS, true, "path or query");
}

/* "%" is an ordinary character here. */
static bool check_socket(ws_url *url, ws_text s) {
  if (s.len == 0 || s.base[0] != '/') return wrong(url, s.base, "no absolute path of a socket");
  if (s.len > URL_SOCKET_MAX) return wrong(url, s.base, "socket path of more than 107 bytes");
  return check_chars(url, s, SOCKET_CHARS, false, "path of the socket");
}

static bool parse_unix(ws_url *url, ws_text s) {
  static const char host[] = "localhost";
  url->host = (ws_text){host, sizeof host - 1};
  url->port = PORT_PLAIN;
  url->socket = take_until(&s, ":");
  if (s.len > 0) skip(&s, 1);
  return check_socket(url, url->socket) && parse_target(url, s);
}

static bool parse_all(ws_url *url, ws_text rest) {
  if (begins_with(rest, unix_scheme)) {
    skip(&rest, strlen(unix_scheme));
    return parse_unix(url, rest);
  }
  if (!parse_scheme(url, &rest)) return false;
  ws_text authority = take_until(&rest, "/?#");
  return parse_userinfo(url, &authority) && parse_host(url, &authority) &&
         parse_port(url, authority) && parse_target(url, rest);
}

int url_parse(ws_url *url, const char *s, size_t len) {
  memset(url, 0, sizeof *url);
  url->wrong_in = (ws_text){s, len};
  return parse_all(url, url->wrong_in) ? 0 : WSUV_EURL;
}

static bool parse_proxy(ws_url *url, url_proxy *kind, ws_text rest) {
  if (!parse_proxy_scheme(url, kind, &rest)) return false;
  ws_text authority = take_until(&rest, "/?#");
  if (!parse_userinfo(url, &authority) || !parse_host(url, &authority)) return false;
  if (!parse_port(url, authority)) return false;
  const bool only_slash = rest.len == 1 && rest.base[0] == '/';
  return rest.len == 0 || only_slash || wrong(url, rest.base, "path or query");
}

int url_parse_proxy(ws_url *url, url_proxy *kind, const char *s, size_t len) {
  memset(url, 0, sizeof *url);
  url->wrong_in = (ws_text){s, len};
  return parse_proxy(url, kind, url->wrong_in) ? 0 : WSUV_EURL;
}

int url_from_parts(ws_url *url, bool secure, const char *host, unsigned port, const char *target) {
  const ws_text name = {host, strlen(host)};
  const ws_text rest = {target != NULL ? target : "", target != NULL ? strlen(target) : 0};
  memset(url, 0, sizeof *url);
  url->secure = secure;
  url->port = port != 0 ? (uint16_t) port : url_default_port(url);
  url->ipv6 = strchr(host, ':') != NULL;
  url->wrong_in = name;
  if (!parse_literal(url, name, false)) return WSUV_EURL;
  url->wrong_in = rest;
  if (!parse_target(url, rest)) return WSUV_EURL;
  if (port <= UINT16_MAX) return 0;
  url->wrong_in.base = NULL;
  url->wrong = "port above 65535";
  return WSUV_EURL;
}

bool url_parse_authority(url_authority *authority, ws_text s) {
  ws_url url = {.wrong_in = s};
  if (!parse_host(&url, &s) || !parse_port(&url, s) || url.zone.base != NULL) return false;
  *authority = (url_authority){url.host, url.ipv6, s.len > 1 ? url.port : 0};
  return true;
}

int url_explain(const ws_url *url, ws_why *why) {
  char c[8];
  const size_t position = url->wrong_at + 1;
  if (url->wrong_in.base == NULL) return ws_why_set(why, WSUV_EURL, "%s", url->wrong);
  if (!url->wrong_char) {
    return ws_why_set(why, WSUV_EURL, "%s, position %zu", url->wrong, position);
  }
  unsigned char byte = (unsigned char) url->wrong_in.base[url->wrong_at];
  (void) snprintf(c, sizeof c, byte >= ' ' && byte <= '~' ? "'%c'" : "0x%02x", byte);
  return ws_why_set(why, WSUV_EURL, "%s is not allowed in the %s, position %zu", c, url->wrong,
                    position);
}

ws_text url_path_of(const char *reference) {
  const char *path = reference, *scheme_end = reference + strcspn(reference, ":/?#");
  const char *slashes = *scheme_end == ':' ? scheme_end + 1 : reference;
  if (slashes[0] == '/' && slashes[1] == '/') path = slashes + 2 + strcspn(slashes + 2, "/?#");
  const ws_text text = {path, strcspn(path, "?#")};
  return text.len > 0 ? text : (ws_text){"/", 1};
}

static size_t append(char *dst, size_t at, const char *text, size_t len) {
  if (len > 0) memcpy(dst + at, text, len);
  return at + len;
}

int url_host_copy(const ws_url *url, char dst[URL_HOST_SIZE]) {
  if (!is_host_len(url->host.len + url->zone.len)) return WSUV_EURL;
  size_t n = append(dst, 0, url->host.base, url->host.len);
  if (url->zone.len > 0) dst[n++] = '%';
  n = append(dst, n, url->zone.base, url->zone.len);
  dst[n] = '\0';
  return 0;
}

size_t url_host_header(const ws_url *url, char dst[URL_HOST_HEADER_SIZE]) {
  const bool port = url->port != url_default_port(url);
  assert(is_host_len(url->host.len));
  size_t n = append(dst, 0, "[", url->ipv6 ? 1 : 0);
  n = append(dst, n, url->host.base, url->host.len);
  n = append(dst, n, "]", url->ipv6 ? 1 : 0);
  dst[n] = '\0';
  if (!port) return n;
  return n + (size_t) snprintf(dst + n, URL_HOST_HEADER_SIZE - n, ":%u", (unsigned) url->port);
}

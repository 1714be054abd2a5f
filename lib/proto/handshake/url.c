#include "proto/handshake/url.h"

/* Parses a URL, and rejects what may not go into a request line or a name lookup. The results point
   into the text. Allocates nothing. */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

/*   scheme "://" [ userinfo "@" ] host [ ":" port ] [ path ] [ "?" query ]     RFC 3986 3

     host     = *( ALPHA / DIGIT / "-" / "." / "_" / "~" ) / "[" IPv6address [ "%25" zone ] "]"
     userinfo = *( unreserved / pct-encoded / sub-delims / ":" )
     path     = *( unreserved / pct-encoded / sub-delims / ":" / "@" / "/" ), query: "?" as well

   "ws+unix://" socket [ ":" [ path ] [ "?" query ] ], as the ws library of Node.js has it

     socket   = "/" *( unreserved / sub-delims / "@" / "/" / "%" ) */

#define SUB_DELIMS "!$&'()*+,;="
#define USERINFO_CHARS SUB_DELIMS ":"
#define TARGET_CHARS SUB_DELIMS ":@/?[]"
#define SOCKET_CHARS SUB_DELIMS "@/%"

enum { PORT_PLAIN = 80, PORT_SECURE = 443 };

static const struct {
  const char *text; /* A URL with this scheme begins with this text. */
  bool secure;      /* A URL with this scheme uses TLS. */
} schemes[] = {{"ws://", false}, {"wss://", true}, {"http://", false}, {"https://", true}};
static const char unix_scheme[] = "ws+unix://";

static bool is_unreserved(char c) {
  return ascii_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static int hex_value(char c) {
  if (ascii_is_digit(c)) return c - '0';
  c = ascii_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_escape(const char *s, size_t len) {
  return len >= 3 && s[0] == '%' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0;
}

/* Only unreserved characters, escapes, and the characters in `others`. */
static bool has_only(ws_text s, const char *others) {
  for (size_t i = 0; i < s.len; i++) {
    char c = s.base[i];
    if (is_escape(s.base + i, s.len - i)) {
      i += 2;
    } else if (!is_unreserved(c) && (c == '\0' || strchr(others, c) == NULL)) {
      return false;
    }
  }
  return true;
}

static bool all_unreserved(ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    if (!is_unreserved(s.base[i])) return false;
  }
  return true;
}

static void skip(ws_text *s, size_t n) {
  s->base += n;
  s->len -= n;
}

/* Cut off and return everything before the first of the characters `ends`. */
static ws_text take_until(ws_text *s, const char *ends) {
  ws_text taken = {s->base, 0};
  while (taken.len < s->len &&
         (s->base[taken.len] == '\0' || strchr(ends, s->base[taken.len]) == NULL)) {
    taken.len++;
  }
  skip(s, taken.len);
  return taken;
}

static bool begins_with(ws_text s, const char *text) {
  size_t len = strlen(text);
  if (s.len < len) return false;
  for (size_t i = 0; i < len; i++) {
    if (ascii_lower(s.base[i]) != text[i]) return false;
  }
  return true;
}

static bool parse_scheme(ws_url *url, ws_text *s) {
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    if (!begins_with(*s, schemes[i].text)) continue;
    url->secure = schemes[i].secure;
    skip(s, strlen(schemes[i].text));
    return true;
  }
  return false;
}

static bool parse_userinfo(ws_url *url, ws_text *authority) {
  ws_text rest = *authority;
  ws_text userinfo = take_until(&rest, "@");
  if (rest.len == 0) return true;
  skip(&rest, 1);
  url->userinfo = userinfo;
  *authority = rest;
  return has_only(userinfo, USERINFO_CHARS);
}

static bool is_address(ws_text s) {
  struct in6_addr parsed;
  char address[INET6_ADDRSTRLEN];
  if (s.len >= sizeof address || memchr(s.base, '\0', s.len) != NULL) return false;
  memcpy(address, s.base, s.len);
  address[s.len] = '\0';
  return inet_pton(AF_INET6, address, &parsed) == 1;
}

/* An IPv6 literal. After `mark` may follow a zone: "%25" in URLs (RFC 6874 2), "%" elsewhere. */
static bool parse_ipv6(ws_url *url, ws_text literal, const char *mark) {
  ws_text zone = literal;
  url->host = take_until(&zone, "%");
  if (!is_address(url->host)) return false;
  if (zone.len == 0) return true;
  if (zone.len <= strlen(mark) || !begins_with(zone, mark)) return false;
  skip(&zone, strlen(mark));
  url->zone = zone;
  return all_unreserved(zone);
}

static bool is_host_len(size_t len) {
  return len > 0 && len <= URL_HOST_MAX;
}

static bool parse_name(ws_url *url, ws_text name) {
  url->host = name;
  return all_unreserved(name);
}

static bool parse_host(ws_url *url, ws_text *authority) {
  ws_text host;
  url->ipv6 = authority->len > 0 && authority->base[0] == '[';
  if (url->ipv6) {
    skip(authority, 1);
    host = take_until(authority, "]");
    if (authority->len == 0) return false;
    skip(authority, 1);
  } else {
    host = take_until(authority, ":");
  }
  if (!is_host_len(host.len)) return false;
  return url->ipv6 ? parse_ipv6(url, host, "%25") : parse_name(url, host);
}

static uint16_t default_port(const ws_url *url) {
  return url->secure ? PORT_SECURE : PORT_PLAIN;
}

/* `s` is ":port", ":" or empty. */
static bool parse_port(ws_url *url, ws_text s) {
  unsigned port = 0;
  url->port = default_port(url);
  if (s.len == 0) return true;
  if (s.base[0] != ':') return false;
  if (s.len == 1) return true;
  for (size_t i = 1; i < s.len; i++) {
    if (!ascii_is_digit(s.base[i])) return false;
    port = port * 10 + (unsigned) (s.base[i] - '0');
    if (port > UINT16_MAX) return false;
  }
  url->port = (uint16_t) port;
  return port != 0;
}

/* "", "/path?query" or "?query". */
static bool parse_target(ws_url *url, ws_text s) {
  url->target = s;
  url->slash = s.len == 0 || s.base[0] != '/';
  return (!url->slash || s.len == 0 || s.base[0] == '?') && has_only(s, TARGET_CHARS);
}

/* "%" is an ordinary character here. */
static bool is_socket(ws_text s) {
  if (s.len == 0 || s.len > URL_SOCKET_MAX || s.base[0] != '/') return false;
  for (size_t i = 0; i < s.len; i++) {
    char c = s.base[i];
    if (!is_unreserved(c) && (c == '\0' || strchr(SOCKET_CHARS, c) == NULL)) return false;
  }
  return true;
}

static int parse_unix(ws_url *url, ws_text s) {
  static const char host[] = "localhost";
  url->host = (ws_text){host, sizeof host - 1};
  url->port = PORT_PLAIN;
  url->socket = take_until(&s, ":");
  if (s.len > 0) skip(&s, 1);
  return is_socket(url->socket) && parse_target(url, s) ? 0 : WSUV_EURL;
}

int url_parse(ws_url *url, const char *s, size_t len) {
  ws_text rest = {s, len};
  memset(url, 0, sizeof *url);
  if (begins_with(rest, unix_scheme)) {
    skip(&rest, strlen(unix_scheme));
    return parse_unix(url, rest);
  }
  if (!parse_scheme(url, &rest)) return WSUV_EURL;
  ws_text authority = take_until(&rest, "/?#");
  if (!parse_userinfo(url, &authority)) return WSUV_EURL;
  if (!parse_host(url, &authority)) return WSUV_EURL;
  if (!parse_port(url, authority)) return WSUV_EURL;
  return parse_target(url, rest) ? 0 : WSUV_EURL;
}

int url_from_parts(ws_url *url, bool secure, const char *host, unsigned port, const char *target) {
  const ws_text name = {host, strlen(host)};
  const ws_text rest = {target != NULL ? target : "", target != NULL ? strlen(target) : 0};
  memset(url, 0, sizeof *url);
  url->secure = secure;
  if (!is_host_len(name.len) || port > UINT16_MAX) return WSUV_EURL;
  url->port = port != 0 ? (uint16_t) port : default_port(url);
  url->ipv6 = strchr(host, ':') != NULL;
  bool good = url->ipv6 ? parse_ipv6(url, name, "%") : parse_name(url, name);
  return good && parse_target(url, rest) ? 0 : WSUV_EURL;
}

int url_host_copy(const ws_url *url, char dst[URL_HOST_SIZE]) {
  if (!is_host_len(url->host.len + url->zone.len)) return WSUV_EURL;
  (void) snprintf(dst, URL_HOST_SIZE, "%.*s%s%.*s", (int) url->host.len, url->host.base,
                  url->zone.len > 0 ? "%" : "", (int) url->zone.len,
                  url->zone.len > 0 ? url->zone.base : "");
  return 0;
}

size_t url_host_header(const ws_url *url, char dst[URL_HOST_HEADER_SIZE]) {
  ws_text host = url->host;
  int n =
      snprintf(dst, URL_HOST_HEADER_SIZE, url->ipv6 ? "[%.*s]" : "%.*s", (int) host.len, host.base);
  if (url->port != default_port(url)) {
    n += snprintf(dst + n, URL_HOST_HEADER_SIZE - (size_t) n, ":%u", (unsigned) url->port);
  }
  return (size_t) n;
}

size_t url_unescape(char *dst, ws_text s) {
  size_t n = 0;
  for (size_t i = 0; i < s.len; i++) {
    if (s.base[i] == '%') {
      dst[n++] = (char) (hex_value(s.base[i + 1]) * 16 + hex_value(s.base[i + 2]));
      i += 2;
    } else {
      dst[n++] = s.base[i];
    }
  }
  return n;
}

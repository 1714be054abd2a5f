#include "proto/handshake/origin.h"

/* Compares hosts and origins with patterns, and with each other. */

#include <arpa/inet.h>
#include <string.h>

#include "proto/http/ascii.h"

/*   origin = "null" / scheme "://" [ host [ ":" port ] ]       RFC 6454 6.2, 7.1
     scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )        RFC 3986 3.1 */

typedef struct web_origin {
  ws_text scheme;     /* This is the scheme, in any case. */
  bool hostless;      /* There is no host, as in "file://". */
  url_authority host; /* This is the host with its port. */
} web_origin;

typedef enum pattern_kind {
  PATTERN_ONE,   /* a host */
  PATTERN_BELOW, /* names below a host */
  PATTERN_ANY
} pattern_kind;

typedef struct host_pattern {
  pattern_kind kind;  /* This is what the pattern stands for. */
  url_authority host; /* This is the host, unless it stands for any. */
} host_pattern;

static ws_text text_of(const char *s) {
  return (ws_text){s, strlen(s)};
}

/* --- hosts --- */

static ws_text without_dot(ws_text name) {
  if (name.len > 1 && name.base[name.len - 1] == '.') name.len--;
  return name;
}

/* False: it is no address of this family. `bytes` takes 16 for IPv6, 4 for IPv4. */
static bool read_address(int family, ws_text s, unsigned char *bytes) {
  char text[INET6_ADDRSTRLEN];
  if (s.len == 0 || s.len >= sizeof text) return false;
  memcpy(text, s.base, s.len);
  text[s.len] = '\0';
  return inet_pton(family, text, bytes) == 1;
}

static bool same_address(ws_text a, ws_text b) {
  unsigned char x[16], y[16];
  return read_address(AF_INET6, a, x) && read_address(AF_INET6, b, y) &&
         memcmp(x, y, sizeof x) == 0;
}

static bool same_host(const url_authority *a, const url_authority *b) {
  if (a->ipv6 || b->ipv6) return a->ipv6 && b->ipv6 && same_address(a->host, b->host);
  return ascii_equal(without_dot(a->host), without_dot(b->host));
}

static bool is_below(ws_text name, ws_text parent) {
  if (name.len < parent.len + 2) return false;
  const ws_text end = {name.base + name.len - parent.len, parent.len};
  return end.base[-1] == '.' && ascii_equal(end, parent);
}

static bool matches_host(const host_pattern *pattern, const url_authority *host) {
  switch (pattern->kind) {
  case PATTERN_ANY: return true;
  case PATTERN_BELOW:
    return !host->ipv6 && is_below(without_dot(host->host), without_dot(pattern->host.host));
  case PATTERN_ONE: break;
  }
  return same_host(&pattern->host, host);
}

/* NULL, or what is wrong. */
static const char *parse_host_pattern(host_pattern *pattern, ws_text s) {
  *pattern = (host_pattern){.kind = PATTERN_ANY};
  if (ascii_equal(s, text_of("*"))) return NULL;
  pattern->kind = PATTERN_ONE;
  if (s.len > 2 && s.base[0] == '*' && s.base[1] == '.') {
    pattern->kind = PATTERN_BELOW;
    s = (ws_text){s.base + 2, s.len - 2};
  }
  if (!url_parse_authority(&pattern->host, s)) return "malformed host";
  bool below_address = pattern->kind == PATTERN_BELOW && pattern->host.ipv6;
  return below_address ? "\"*.\" before an address" : NULL;
}

const char *host_pattern_wrong(const char *pattern) {
  host_pattern parsed;
  const char *wrong = parse_host_pattern(&parsed, text_of(pattern));
  if (wrong != NULL) return wrong;
  bool colon = pattern[strlen(pattern) - 1] == ':';
  return parsed.host.port != 0 || colon ? "host with a port" : NULL;
}

static bool is_loopback(const url_authority *host) {
  static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static const unsigned char one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const ws_text localhost = text_of("localhost"), name = without_dot(host->host);
  unsigned char bytes[16];
  if (host->ipv6) {
    return read_address(AF_INET6, host->host, bytes) &&
           (memcmp(bytes, one, sizeof one) == 0 ||
            (memcmp(bytes, mapped, sizeof mapped) == 0 && bytes[sizeof mapped] == 127));
  }
  if (read_address(AF_INET, name, bytes)) return bytes[0] == 127;
  return ascii_equal(name, localhost) || is_below(name, localhost);
}

wsuv_refused_t host_check(const url_authority *host, const char *const *patterns, size_t count,
                          bool loopback, const char **detail) {
  if (count == 0 && (!loopback || is_loopback(host))) return WSUV_REFUSED_NONE;
  for (size_t i = 0; i < count; i++) {
    host_pattern pattern;
    if (parse_host_pattern(&pattern, text_of(patterns[i])) == NULL && matches_host(&pattern, host))
      return WSUV_REFUSED_NONE;
  }
  *detail = count > 0 ? "Host is not among the hosts of the server"
                      : "Host is no loopback name, and the connection came to a loopback address";
  return WSUV_REFUSED_HOST_UNKNOWN;
}

/* --- origins --- */

/* 0: it has none. */
static unsigned default_port(ws_text scheme) {
  static const struct {
    const char *scheme; /* This is the scheme in lower case. */
    unsigned port;      /* Without a port, its URLs have this one. */
  } ports[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};
  for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
    if (ascii_equal(scheme, text_of(ports[i].scheme))) return ports[i].port;
  }
  return 0;
}

static unsigned port_of(ws_text scheme, const url_authority *host) {
  return host->port != 0 ? host->port : default_port(scheme);
}

/* Cut the scheme and "://" off. */
static bool take_scheme(ws_text *s, ws_text *scheme) {
  static const char end[] = "://";
  size_t n = 0;
  while (n < s->len && (ascii_is_alnum(s->base[n]) || (n > 0 && strchr("+-.", s->base[n])))) n++;
  *scheme = (ws_text){s->base, n};
  if (n == 0 || ascii_is_digit(s->base[0]) || s->len - n < sizeof end - 1) return false;
  if (memcmp(s->base + n, end, sizeof end - 1) != 0) return false;
  s->base += n + sizeof end - 1;
  s->len -= n + sizeof end - 1;
  return true;
}

static bool parse_origin(web_origin *origin, ws_text s) {
  *origin = (web_origin){.hostless = false};
  if (!take_scheme(&s, &origin->scheme)) return false;
  origin->hostless = s.len == 0 && default_port(origin->scheme) == 0;
  return origin->hostless || url_parse_authority(&origin->host, s);
}

/* A pattern that is neither "*" nor "null". NULL, or what is wrong. */
static const char *parse_origin_pattern(ws_text s, ws_text *scheme, host_pattern *host) {
  if (!take_scheme(&s, scheme)) return "no scheme";
  *host = (host_pattern){.kind = PATTERN_ONE};
  if (s.len == 0) return default_port(*scheme) == 0 ? NULL : "no host";
  return parse_host_pattern(host, s);
}

static bool is_special(const char *pattern) {
  return strcmp(pattern, "*") == 0 || strcmp(pattern, "null") == 0;
}

const char *origin_pattern_wrong(const char *pattern) {
  ws_text scheme;
  host_pattern host;
  return is_special(pattern) ? NULL : parse_origin_pattern(text_of(pattern), &scheme, &host);
}

static bool matches_origin(const char *pattern, const web_origin *origin) {
  ws_text scheme;
  host_pattern host;
  if (is_special(pattern)) return false;
  if (parse_origin_pattern(text_of(pattern), &scheme, &host) != NULL) return false;
  if (!ascii_equal(scheme, origin->scheme)) return false;
  if (host.kind == PATTERN_ANY) return true;
  if (origin->hostless || host.host.host.len == 0)
    return origin->hostless && host.host.host.len == 0;
  return matches_host(&host, &origin->host) &&
         port_of(scheme, &host.host) == port_of(origin->scheme, &origin->host);
}

static bool is_listed(const char *pattern, const char *const *patterns, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (strcmp(patterns[i], pattern) == 0) return true;
  }
  return false;
}

/* The origin of a page that the same host has served, by whatever scheme: TLS may end in a proxy.
 */
static const char *compare_with_host(const web_origin *origin, const url_authority *host) {
  if (default_port(origin->scheme) == 0) return "Origin is none of HTTP, and is not listed";
  if (!same_host(&origin->host, host)) return "Origin and Host differ";
  if (host->port == 0 || host->port == port_of(origin->scheme, &origin->host)) return NULL;
  return "Origin and Host differ in their ports";
}

static const char *judge_origin(const char *text, const url_authority *host,
                                const char *const *patterns, size_t count) {
  web_origin origin;
  if (is_listed("*", patterns, count)) return NULL;
  if (strcmp(text, "null") == 0) {
    return is_listed(text, patterns, count) ? NULL : "Origin is null, and that is not listed";
  }
  if (!parse_origin(&origin, text_of(text))) return "Origin is malformed";
  if (count == 0) return compare_with_host(&origin, host);
  for (size_t i = 0; i < count; i++) {
    if (matches_origin(patterns[i], &origin)) return NULL;
  }
  return "Origin is not among the allowed ones";
}

wsuv_refused_t origin_check(const char *origin, const url_authority *host,
                            const char *const *patterns, size_t count, const char **detail) {
  const char *wrong = origin != NULL ? judge_origin(origin, host, patterns, count) : NULL;
  if (wrong == NULL) return WSUV_REFUSED_NONE;
  *detail = wrong;
  return WSUV_REFUSED_ORIGIN;
}

#include "proto/handshake/forwarded.h"

/* Reads lists from the right, and elements of them. */

#include <arpa/inet.h>
#include <string.h>

#include "proto/http/ascii.h"

/* --- lists, from the right --- */

/* Whether the character at `at` has an odd number of backslashes before it. */
static bool is_escaped(const char *s, size_t at) {
  size_t n = 0;
  while (n < at && s[at - n - 1] == '\\') n++;
  return n % 2 == 1;
}

/* Cut the last element off the first *len characters. Commas in quotation marks separate nothing,
   where there may be some. An element whose quotation never begins is the whole rest. */
static ws_text cut_last(const char *s, size_t *len, bool quotes) {
  size_t at = *len;
  bool quoted = false;
  for (; at > 0 && (quoted || s[at - 1] != ','); at--) {
    if (quotes && s[at - 1] == '"') quoted = !quoted || is_escaped(s, at - 1);
  }
  const ws_text element = {s + at, *len - at};
  *len = at > 0 ? at - 1 : 0;
  return ascii_trim(element);
}

static size_t count_fields(const header_store *fields, const char *name) {
  header_cursor at = {0};
  size_t n = 0;
  while (header_store_next(fields, name, &at) != NULL) n++;
  return n;
}

static const char *list_name(const forwarded *f) {
  return f->standard ? "Forwarded" : "X-Forwarded-For";
}

void forwarded_begin(forwarded *f, const header_store *fields, wsuv_forwarded_t family) {
  *f = (forwarded){.fields = fields, .standard = family == WSUV_FORWARDED_RFC7239};
  f->lines = count_fields(fields, list_name(f));
}

/* The next element that is not empty (RFC 9110 5.6.1). False: there is none. */
static bool next_element(forwarded *f, ws_text *element) {
  *element = (ws_text){NULL, 0};
  while (element->len == 0) {
    if (f->left == 0) {
      if (f->lines == 0) return false;
      f->line = header_store_get(f->fields, list_name(f), --f->lines);
      f->left = strlen(f->line);
    }
    *element = cut_last(f->line, &f->left, f->standard);
  }
  return true;
}

/* The element of a list without quotation marks that is `n` from the right, or the first one. */
static ws_text nth_from_right(const header_store *fields, const char *name, size_t n) {
  ws_text found = {NULL, 0};
  for (size_t i = count_fields(fields, name); i-- > 0;) {
    const char *line = header_store_get(fields, name, i);
    for (size_t left = strlen(line); left > 0;) {
      const ws_text element = cut_last(line, &left, false);
      if (element.len == 0) continue;
      found = element;
      if (n-- == 0) return found;
    }
  }
  return found;
}

/* --- addresses --- */

static bool read_address(int family, ws_text s, uint8_t *bytes) {
  char text[INET6_ADDRSTRLEN];
  if (s.len >= sizeof text) return false;
  if (s.len > 0) memcpy(text, s.base, s.len);
  text[s.len] = '\0';
  return inet_pton(family, text, bytes) == 1;
}

/* Behind an address: nothing, or a colon and a port, which may be hidden ("_x", RFC 7239 6.3). */
static bool read_port(ws_text s, uint16_t *port) {
  unsigned value = 0;
  if (s.len == 0) return true;
  if (s.len < 2 || s.base[0] != ':') return false;
  if (s.base[1] == '_') return s.len > 2;
  if (s.len > 6) return false;
  for (size_t i = 1; i < s.len; i++) {
    if (!ascii_is_digit(s.base[i])) return false;
    value = value * 10 + (unsigned) (s.base[i] - '0');
  }
  *port = (uint16_t) value;
  return value <= UINT16_MAX;
}

/* 203.0.113.7, 203.0.113.7:80, [2001:db8::1], [2001:db8::1]:80; and, though not in Forwarded,
   2001:db8::1 */
static bool read_node(ws_text s, bool standard, ws_ip *ip) {
  const char *colon = s.len > 0 ? memchr(s.base, ':', s.len) : NULL;
  const char *end = s.len > 0 ? memchr(s.base, ']', s.len) : NULL;
  *ip = (ws_ip){.port = 0};
  ip->ipv6 = s.len > 0 && s.base[0] == '[';
  if (ip->ipv6) {
    if (end == NULL) return false;
    const size_t len = (size_t) (end - s.base);
    return read_address(AF_INET6, (ws_text){s.base + 1, len - 1}, ip->bytes) &&
           read_port((ws_text){end + 1, s.len - len - 1}, &ip->port);
  }
  ip->ipv6 = !standard && read_address(AF_INET6, s, ip->bytes);
  if (ip->ipv6) return true;
  const size_t len = colon != NULL ? (size_t) (colon - s.base) : s.len;
  return read_address(AF_INET, (ws_text){s.base, len}, ip->bytes) &&
         read_port((ws_text){s.base + len, s.len - len}, &ip->port);
}

/* A node that names no address: "unknown", or a name of the proxy's own, either perhaps with a port
   (RFC 7239 6.2, 6.3). */
static bool is_nameless(ws_text node, bool standard) {
  static const char unknown[] = "unknown";
  const size_t len = sizeof unknown - 1;
  uint16_t port;
  if (standard && node.len > 1 && node.base[0] == '_') return true;
  if (node.len < len || !ascii_text_is((ws_text){node.base, len}, unknown)) return false;
  const ws_text rest = {node.base + len, node.len - len};
  return rest.len == 0 || (standard && read_port(rest, &port));
}

/* --- elements --- */

/*   forwarded-element = [ pair ] *( ";" [ pair ] )          RFC 7239 4
     pair              = token "=" ( token / quoted-string )

   Addresses with a port and hosts must be quoted; many proxies do not, and nothing is lost if ":",
   "[" and "]" are accepted. */

static bool is_value_char(char c) {
  return ascii_is_tchar(c) || c == ':' || c == '[' || c == ']';
}

static ws_text take_while(ws_text *s, bool (*wanted)(char c)) {
  ws_text taken = {s->base, 0};
  while (taken.len < s->len && wanted(s->base[taken.len])) taken.len++;
  s->base += taken.len;
  s->len -= taken.len;
  return taken;
}

static void skip(ws_text *s, size_t n) {
  s->base += n;
  s->len -= n;
}

/* What is in quotation marks. Escapes stay: what we read never needs one. */
static bool take_quoted(ws_text *s, ws_text *value) {
  size_t n = 1;
  while (n < s->len && s->base[n] != '"') n += s->base[n] == '\\' ? 2 : 1;
  if (n >= s->len) return false;
  *value = (ws_text){s->base + 1, n - 1};
  skip(s, n + 1);
  return true;
}

static bool take_pair(ws_text *s, ws_text *name, ws_text *value) {
  *name = take_while(s, ascii_is_tchar);
  if (name->len == 0 || s->len < 2 || s->base[0] != '=') return false;
  skip(s, 1);
  if (s->base[0] == '"') return take_quoted(s, value);
  *value = take_while(s, is_value_char);
  return value->len > 0;
}

/* Each parameter at most once. */
static bool keep_pair(ws_text *kept, ws_text value) {
  if (kept->base != NULL) return false;
  *kept = value;
  return true;
}

typedef struct forwarded_pairs {
  ws_text node, host, proto; /* These are values of parameters; base is NULL without one. */
} forwarded_pairs;

static bool read_pairs(ws_text s, forwarded_pairs *to) {
  *to = (forwarded_pairs){.node = {NULL, 0}};
  while ((s = ascii_trim(s)).len > 0) {
    ws_text name, value;
    if (s.base[0] != ';') {
      if (!take_pair(&s, &name, &value)) return false;
      bool once = !ascii_text_is(name, "for") || keep_pair(&to->node, value);
      once = once && (!ascii_text_is(name, "host") || keep_pair(&to->host, value));
      once = once && (!ascii_text_is(name, "proto") || keep_pair(&to->proto, value));
      if (!once) return false;
      s = ascii_trim(s);
      if (s.len > 0 && s.base[0] != ';') return false;
    }
    if (s.len > 0) skip(&s, 1);
  }
  return true;
}

/* False: it is malformed. */
static bool read_element(forwarded *f, ws_text s, forwarded_result *result, ws_ip *address) {
  forwarded_pairs pairs = {.node = s};
  if (f->standard && !read_pairs(s, &pairs)) return false;
  *result = FORWARDED_NOBODY;
  if (pairs.node.base != NULL && !is_nameless(pairs.node, f->standard)) {
    *result = FORWARDED_ADDRESS;
    if (!read_node(pairs.node, f->standard, address)) return false;
  }
  f->host = pairs.host;
  f->proto = pairs.proto;
  return true;
}

forwarded_result forwarded_next(forwarded *f, ws_ip *address) {
  ws_text element;
  forwarded_result result;
  if (f->malformed || !next_element(f, &element)) return FORWARDED_END;
  f->malformed = !read_element(f, element, &result, address);
  if (f->malformed) return FORWARDED_END;
  f->depth++;
  return result;
}

static ws_text fact(const forwarded *f, const char *name) {
  const ws_text none = {NULL, 0};
  if (f->malformed && f->depth == 0) return none;
  return nth_from_right(f->fields, name, f->depth > 0 ? f->depth - 1 : 0);
}

ws_text forwarded_host(const forwarded *f) {
  return f->standard ? f->host : fact(f, "X-Forwarded-Host");
}

ws_text forwarded_proto(const forwarded *f) {
  return f->standard ? f->proto : fact(f, "X-Forwarded-Proto");
}

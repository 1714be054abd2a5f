#include "proto/handshake/url_reference.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"

/*   URI-reference = [ scheme ":" ] [ "//" authority ] path [ "?" query ] [ "#" fragment ]

   RFC 3986 4.1, taken apart as in its appendix B. */

typedef struct reference {
  ws_text scheme;    /* This is the scheme; base is NULL if there is none. */
  ws_text authority; /* This is the authority; base is NULL if there is none. */
  ws_text path;      /* This is the path, perhaps empty. */
  ws_text query;     /* This is the query; base is NULL if there is none. */
} reference;

static const char *scheme_end(const char *s) {
  const char *end = s + strcspn(s, ":/?#");
  return *end == ':' && end > s ? end : NULL;
}

static reference read_reference(const char *s) {
  reference r = {.scheme = {NULL, 0}};
  const char *end = scheme_end(s);
  if (end != NULL) {
    r.scheme = (ws_text){s, (size_t) (end - s)};
    s = end + 1;
  }
  if (s[0] == '/' && s[1] == '/') {
    s += 2;
    r.authority = (ws_text){s, strcspn(s, "/?#")};
    s += r.authority.len;
  }
  r.path = (ws_text){s, strcspn(s, "?#")};
  s += r.path.len;
  if (*s == '?') r.query = (ws_text){s + 1, strcspn(s + 1, "#")};
  return r;
}

/* The scheme that another one means here; NULL: it cannot be followed. */
static const char *meant_scheme(ws_text scheme) {
  if (ascii_text_is(scheme, "ws") || ascii_text_is(scheme, "http")) return "ws";
  return ascii_text_is(scheme, "wss") || ascii_text_is(scheme, "https") ? "wss" : NULL;
}

/* Paths */

static void cut_segment(text_buf *path, size_t begin) {
  size_t len = text_buf_len(path);
  while (len > begin && text_buf_base(path)[len - 1] != '/') len--;
  text_buf_cut(path, len > begin ? len - 1 : begin);
}

/* RFC 3986 5.2.4, for a path that begins with "/": add each segment with the "/" before it. */
static void put_segments(text_buf *path, size_t begin, ws_text s) {
  while (s.len > 0) {
    size_t len = 1;
    while (len < s.len && s.base[len] != '/') len++;
    const bool last = len == s.len;
    const bool dot = len == 2 && s.base[1] == '.';
    const bool dots = len == 3 && s.base[1] == '.' && s.base[2] == '.';
    if (dots && !path->failed) cut_segment(path, begin);
    if (!dot && !dots) text_buf_add(path, s.base, len);
    if (last && (dot || dots)) text_buf_puts(path, "/");
    s.base += len;
    s.len -= len;
  }
}

/* RFC 3986 5.2.3: what the relative path replaces is behind the last "/". */
static ws_text without_last_segment(ws_text path) {
  while (path.len > 0 && path.base[path.len - 1] != '/') path.len--;
  return path;
}

/* Add the path: both parts together begin with "/". */
static int put_path(text_buf *url, ws_text base, ws_text path) {
  text_buf whole;
  const size_t begin = text_buf_len(url);
  text_buf_init_secret(&whole, url->none.alloc);
  text_buf_add(&whole, base.base, base.len);
  int err = text_buf_add(&whole, path.base, path.len);
  if (err == 0) put_segments(url, begin, (ws_text){text_buf_base(&whole), text_buf_len(&whole)});
  text_buf_clear(&whole);
  if (err == 0 && text_buf_len(url) == begin) err = text_buf_puts(url, "/");
  return err < 0 ? err : text_buf_add(url, "", 0);
}

ws_text url_path(const ws_url *url) {
  const char *query = url->target.len > 0 ? memchr(url->target.base, '?', url->target.len) : NULL;
  const size_t len = query != NULL ? (size_t) (query - url->target.base) : url->target.len;
  return len > 0 ? (ws_text){url->target.base, len} : (ws_text){"/", 1};
}

static ws_text query_of(const ws_url *url) {
  const char *query = url->target.len > 0 ? memchr(url->target.base, '?', url->target.len) : NULL;
  if (query == NULL) return (ws_text){NULL, 0};
  query++;
  return (ws_text){query, url->target.len - (size_t) (query - url->target.base)};
}

/* RFC 3986 5.2.2 */
static int put_target(text_buf *url, const ws_url *base, const reference *r) {
  const ws_text none = {NULL, 0}, root = {"/", 1};
  ws_text before = none, query = r->query;
  ws_text path = r->path;
  if (r->authority.base != NULL) {
    if (path.len == 0) path = root;
  } else if (path.len == 0) {
    path = url_path(base);
    if (query.base == NULL) query = query_of(base);
  } else if (path.base[0] != '/') {
    before = without_last_segment(url_path(base));
  }
  int err = put_path(url, before, path);
  if (err == 0 && query.base != NULL) {
    text_buf_puts(url, "?");
    err = text_buf_add(url, query.base, query.len);
  }
  return err;
}

/* Origins */

/* A zone that begins with "25" is written behind the older "%25", or it would be read as a shorter
   one that is. */
static void put_zone(text_buf *text, ws_text zone) {
  static const char older[] = "25";
  const bool alike = zone.len >= strlen(older) && memcmp(zone.base, older, strlen(older)) == 0;
  text_buf_puts(text, alike ? "%25" : "%");
  text_buf_add(text, zone.base, zone.len);
}

static void put_lower(text_buf *text, ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    const char c = ascii_lower(s.base[i]);
    text_buf_add(text, &c, 1);
  }
}

static int put_origin(text_buf *text, const ws_url *url, bool always_port) {
  char port[8];
  if (url->socket.base != NULL) {
    text_buf_puts(text, "ws+unix://");
    return text_buf_add(text, url->socket.base, url->socket.len);
  }
  text_buf_puts(text, url->secure ? "wss://" : "ws://");
  if (url->ipv6) text_buf_puts(text, "[");
  put_lower(text, url->host);
  if (url->zone.len > 0) put_zone(text, url->zone);
  if (url->ipv6) text_buf_puts(text, "]");
  if (!always_port && url->port == url_default_port(url)) return text_buf_add(text, "", 0);
  (void) snprintf(port, sizeof port, ":%u", (unsigned) url->port); /* it fits */
  return text_buf_puts(text, port);
}

int url_origin_add(text_buf *origin, const ws_url *url) {
  return put_origin(origin, url, true);
}

bool url_same_host(const ws_url *a, const ws_url *b) {
  const bool sockets = a->socket.base != NULL;
  if (sockets != (b->socket.base != NULL)) return false;
  if (sockets) return ws_text_equal(a->socket, b->socket);
  return ascii_equal(a->host, b->host) && ws_text_equal(a->zone, b->zone);
}

/* The scheme and authority of the URL that is meant. */
static int put_place(text_buf *text, const ws_url *base, const reference *r, ws_why *why) {
  ws_url to;
  text_buf place;
  const char *scheme = base->secure ? "wss" : "ws";
  if (r->scheme.base != NULL) scheme = meant_scheme(r->scheme);
  if (scheme == NULL) return ws_why_set(why, WSUV_EURL, "no ws, wss, http or https");
  if (r->authority.base == NULL) {
    if (r->scheme.base != NULL) return ws_why_set(why, WSUV_EURL, "a scheme without a host");
    int err = put_origin(text, base, false);
    return err == 0 && base->socket.base != NULL ? text_buf_puts(text, ":") : err;
  }
  if (r->authority.len > 0 && memchr(r->authority.base, '@', r->authority.len) != NULL) {
    return ws_why_set(why, WSUV_EURL, "credentials in the URL");
  }
  text_buf_init(&place, text->none.alloc);
  text_buf_puts(&place, scheme);
  text_buf_puts(&place, "://");
  int err = text_buf_add(&place, r->authority.base, r->authority.len);
  if (err == 0 && url_parse(&to, text_buf_base(&place), text_buf_len(&place)) < 0) {
    err = url_explain(&to, why);
  }
  if (err == 0) err = put_origin(text, &to, false);
  text_buf_clear(&place);
  return err;
}

int url_resolve(text_buf *url, const ws_url *base, const char *reference_text, ws_why *why) {
  const reference r = read_reference(reference_text);
  const size_t begin = text_buf_len(url);
  ws_url parsed;
  int err = put_place(url, base, &r, why);
  if (err == 0) err = put_target(url, base, &r);
  if (err < 0) return err;
  err = url_parse(&parsed, text_buf_base(url) + begin, text_buf_len(url) - begin);
  return err < 0 ? url_explain(&parsed, why) : 0;
}

#include "proto/http/cookie_jar.h"

#include <string.h>

#include "base/error.h"
#include "proto/http/ascii.h"
#include "proto/http/http_date.h"

/*   Set-Cookie = name "=" value *( ";" attribute [ "=" value ] )     RFC 6265 5.2

   Cookies are kept in a list. One that was deleted stays in it without a value, because it also
   hides a cookie of this name that the program gives. */

typedef struct cookie {
  ws_list node;   /* This links the cookie into cookie_jar.cookies. */
  size_t size;    /* This is the number of bytes from here to the end of `text`. */
  bool deleted;   /* The cookie was deleted. */
  ws_text origin; /* These four are in `text`. The cookie is for this origin. */
  ws_text path;   /* It is for this path and what is below it. */
  ws_text name;   /* This is its name. */
  ws_text value;  /* This is its value. */
  char text[];
} cookie;

static cookie *cookie_at(ws_list *node) {
  return ws_list_entry(node, cookie, node);
}

void cookie_jar_init(cookie_jar *jar, const wsuv_allocator_t *alloc) {
  *jar = (cookie_jar){.alloc = alloc};
  ws_list_init(&jar->cookies);
}

static void cookie_remove(cookie_jar *jar, cookie *c) {
  ws_list_remove(&c->node);
  jar->count--;
  jar->bytes -= c->size;
  ws_wipe(c->text, c->size - sizeof *c);
  ws_free(jar->alloc, c);
}

void cookie_jar_clear(cookie_jar *jar) {
  while (!ws_list_empty(&jar->cookies)) cookie_remove(jar, cookie_at(jar->cookies.next));
}

/* Texts */

/* Cut off and return what is before `end`, which is skipped, too. */
static ws_text take_to(ws_text *s, char end) {
  const char *at = s->len > 0 ? memchr(s->base, end, s->len) : NULL;
  const ws_text taken = {s->base, at != NULL ? (size_t) (at - s->base) : s->len};
  const size_t used = taken.len + (at != NULL);
  s->base = used > 0 ? s->base + used : s->base;
  s->len -= used;
  return taken;
}

/* Whether the text has a control character, which RFC 6265 4.1.1 does not allow. */
static bool has_control(ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    if ((unsigned char) s.base[i] < ' ' || s.base[i] == 0x7f) return true;
  }
  return false;
}

/* Set-Cookie */

/* RFC 6265 5.1.4: the path of the request up to its last "/". */
static ws_text default_path(ws_text path) {
  size_t n = path.len;
  if (n == 0 || path.base[0] != '/') return (ws_text){"/", 1};
  while (path.base[n - 1] != '/') n--;
  return (ws_text){path.base, n > 1 ? n - 1 : 1};
}

/* RFC 6265 5.1.4 */
static bool path_matches(ws_text cookie_path, ws_text path) {
  if (cookie_path.len > path.len || memcmp(cookie_path.base, path.base, cookie_path.len) != 0) {
    return false;
  }
  return cookie_path.len == path.len || cookie_path.base[cookie_path.len - 1] == '/' ||
         path.base[cookie_path.len] == '/';
}

static bool is_ipv4(ws_text host) {
  size_t i = 0;
  while (i < host.len && (ascii_is_digit(host.base[i]) || host.base[i] == '.')) i++;
  return i == host.len;
}

/* RFC 6265 5.1.3: the host is the domain, or below it. An address has nothing below it. */
static bool domain_matches(ws_text domain, ws_text host) {
  if (ascii_equal(domain, host)) return true;
  if (domain.len >= host.len || is_ipv4(host) || memchr(host.base, ':', host.len) != NULL) {
    return false;
  }
  const ws_text end = {host.base + host.len - domain.len, domain.len};
  return end.base[-1] == '.' && ascii_equal(domain, end);
}

/* What Set-Cookie says. */
typedef struct cookie_fields {
  ws_text name, value, path;
  bool expired;
  bool max_age;    /* Max-Age was read, which counts more than Expires. */
  bool other_host; /* The last Domain is not that of the host. */
  bool insecure;   /* Secure came over a connection without TLS. */
} cookie_fields;

/* RFC 6265 5.2.2. A malformed value is ignored. */
static void read_max_age(ws_text value, cookie_fields *f) {
  const bool negative = value.len > 0 && value.base[0] == '-';
  bool zero = true;
  size_t i = negative;
  for (; i < value.len && ascii_is_digit(value.base[i]); i++) zero = zero && value.base[i] == '0';
  if (value.len == negative || i < value.len) return;
  f->max_age = true;
  f->expired = negative || zero;
}

/* RFC 6265 5.2.1 */
static void read_expires(ws_text value, int64_t now_s, cookie_fields *f) {
  char text[64];
  int64_t at_s;
  if (f->max_age || value.len >= sizeof text) return;
  if (value.len > 0) memcpy(text, value.base, value.len);
  text[value.len] = '\0';
  if (http_date_read(text, &at_s)) f->expired = at_s <= now_s;
}

/* RFC 6265 5.2.3 */
static void read_domain(ws_text value, const cookie_place *from, cookie_fields *f) {
  if (value.len > 0 && value.base[0] == '.') value.base++, value.len--;
  if (value.len > 0) f->other_host = !domain_matches(value, from->host);
}

static void read_attribute(ws_text name, ws_text value, const cookie_place *from, int64_t now_s,
                           cookie_fields *f) {
  if (ascii_text_is(name, "max-age")) {
    read_max_age(value, f);
  } else if (ascii_text_is(name, "expires")) {
    read_expires(value, now_s, f);
  } else if (ascii_text_is(name, "domain")) {
    read_domain(value, from, f);
  } else if (ascii_text_is(name, "secure")) {
    f->insecure = !from->secure;
  } else if (ascii_text_is(name, "path")) {
    const bool usable = value.len > 0 && value.base[0] == '/' && value.len <= COOKIE_PATH_MAX;
    f->path = usable ? value : default_path(from->path);
  }
}

/* False: it is no cookie for this place. */
static bool read_set_cookie(const char *text, const cookie_place *from, int64_t now_s,
                            cookie_fields *f) {
  ws_text rest = {text, strlen(text)};
  ws_text pair = take_to(&rest, ';');
  if (memchr(text, '=', pair.len) == NULL) return false;
  *f = (cookie_fields){.path = default_path(from->path)};
  f->name = ascii_trim(take_to(&pair, '='));
  f->value = ascii_trim(pair);
  while (rest.len > 0) {
    ws_text attribute = take_to(&rest, ';');
    const ws_text name = ascii_trim(take_to(&attribute, '='));
    read_attribute(name, ascii_trim(attribute), from, now_s, f);
  }
  return f->name.len > 0 && f->name.len + f->value.len <= COOKIE_SIZE_MAX && !f->other_host &&
         !f->insecure && f->path.len <= COOKIE_PATH_MAX && !has_control(f->name) &&
         !has_control(f->value);
}

/* Keeping */

static ws_text put(char **at, ws_text s) {
  const ws_text copy = {*at, s.len};
  if (s.len > 0) memcpy(*at, s.base, s.len);
  *at += s.len;
  return copy;
}

static cookie *cookie_new(const cookie_jar *jar, const cookie_place *from, const cookie_fields *f) {
  const ws_text value = f->expired ? (ws_text){NULL, 0} : f->value;
  const size_t size = sizeof(cookie) + from->origin.len + f->path.len + f->name.len + value.len;
  cookie *c = ws_malloc(jar->alloc, size);
  if (c == NULL) return NULL;
  char *at = c->text;
  ws_list_init(&c->node);
  c->size = size;
  c->deleted = f->expired;
  c->origin = put(&at, from->origin);
  c->path = put(&at, f->path);
  c->name = put(&at, f->name);
  c->value = put(&at, value);
  return c;
}

/* RFC 6265 5.3: a cookie is known by its name, domain and path. */
static cookie *find_same(cookie_jar *jar, const cookie *c) {
  for (ws_list *n = jar->cookies.next; n != &jar->cookies; n = n->next) {
    cookie *other = cookie_at(n);
    if (ws_text_equal(other->origin, c->origin) && ws_text_equal(other->name, c->name) &&
        ws_text_equal(other->path, c->path)) {
      return other;
    }
  }
  return NULL;
}

/* The oldest cookies give way to the new one, which stays, even if it has the place of an old one.
 */
static void make_room(cookie_jar *jar, const cookie *added) {
  while (jar->count > COOKIE_JAR_COUNT_MAX ||
         (jar->count > 1 && jar->bytes > COOKIE_JAR_BYTES_MAX)) {
    cookie *oldest = cookie_at(jar->cookies.next);
    if (oldest == added) oldest = cookie_at(added->node.next);
    cookie_remove(jar, oldest);
  }
}

/* The new cookie has the place of the old one, whose time of creation it keeps. */
int cookie_jar_take(cookie_jar *jar, const cookie_place *from, const char *set_cookie,
                    int64_t now_s, bool *changed) {
  cookie_fields f;
  if (!read_set_cookie(set_cookie, from, now_s, &f)) return 0;
  cookie *c = cookie_new(jar, from, &f);
  if (c == NULL) return WS_ENOMEM;
  cookie *old = find_same(jar, c);
  const bool same =
      old != NULL && old->deleted == c->deleted && ws_text_equal(old->value, c->value);
  *changed = *changed || !same;
  ws_list_append(old != NULL ? &old->node : &jar->cookies, &c->node); /* before `old`, or last */
  jar->count++;
  jar->bytes += c->size;
  if (old != NULL) cookie_remove(jar, old);
  make_room(jar, c);
  return 0;
}

/* Sending */

static bool is_for(const cookie *c, const cookie_place *to) {
  return ws_text_equal(c->origin, to->origin) && path_matches(c->path, to->path);
}

bool cookie_jar_has(const cookie_jar *jar, const cookie_place *to) {
  for (ws_list *n = jar->cookies.next; n != &jar->cookies; n = n->next) {
    if (is_for(cookie_at(n), to)) return true;
  }
  return false;
}

static bool hides(const cookie_jar *jar, const cookie_place *to, ws_text name) {
  for (ws_list *n = jar->cookies.next; n != &jar->cookies; n = n->next) {
    const cookie *c = cookie_at(n);
    if (is_for(c, to) && ws_text_equal(c->name, name)) return true;
  }
  return false;
}

static void put_pair(text_buf *value, size_t begin, ws_text pair) {
  if (text_buf_len(value) > begin) text_buf_puts(value, "; ");
  text_buf_add(value, pair.base, pair.len);
}

static void put_given(const cookie_jar *jar, const cookie_place *to, const char *given,
                      text_buf *value, size_t begin) {
  ws_text rest = {given, strlen(given)};
  while (rest.len > 0) {
    const ws_text pair = ascii_trim(take_to(&rest, ';'));
    ws_text name = pair;
    name = ascii_trim(take_to(&name, '='));
    if (pair.len > 0 && !hides(jar, to, name)) put_pair(value, begin, pair);
  }
}

static void put_cookie(text_buf *value, size_t begin, const cookie *c) {
  put_pair(value, begin, c->name);
  text_buf_puts(value, "=");
  text_buf_add(value, c->value.base, c->value.len);
}

/* The length of the longest path that is shorter than `below`; 0: there is none. */
static size_t next_path_len(const cookie_jar *jar, const cookie_place *to, size_t below) {
  size_t longest = 0;
  for (ws_list *n = jar->cookies.next; n != &jar->cookies; n = n->next) {
    const cookie *c = cookie_at(n);
    if (is_for(c, to) && c->path.len < below && c->path.len > longest) longest = c->path.len;
  }
  return longest;
}

int cookie_jar_write(const cookie_jar *jar, const cookie_place *to, const char *given,
                     text_buf *value) {
  const size_t begin = text_buf_len(value);
  if (given != NULL) put_given(jar, to, given, value, begin);
  for (size_t len = (size_t) -1; (len = next_path_len(jar, to, len)) > 0;) {
    for (ws_list *n = jar->cookies.next; n != &jar->cookies; n = n->next) {
      const cookie *c = cookie_at(n);
      if (!c->deleted && c->path.len == len && is_for(c, to)) put_cookie(value, begin, c);
    }
  }
  return text_buf_add(value, "", 0);
}

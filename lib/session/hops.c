#include "session/hops.h"

#include <string.h>

#include "base/error.h"
#include "proto/handshake/url_reference.h"
#include "proto/http/http_date.h"

enum { SHOWN_MAX = 80 }; /* bytes of a path that are shown */

/* Texts */

static ws_text text_of(const text_buf *t) {
  return (ws_text){text_buf_base(t), text_buf_len(t)};
}

static int terminate(text_buf *t) {
  return text_buf_add(t, "", 1);
}

/* Credentials */

/* Those of the request, or of the URL. Empty userinfo is none. */
static int read_credentials(hops *h, const ws_url *url) {
  const char *user = h->config->user, *password = h->config->password;
  if (user == NULL) return user_login_read(&h->login, url->userinfo);
  if (password == NULL) password = "";
  return user_login_set(&h->login, (ws_text){user, strlen(user)},
                        (ws_text){password, strlen(password)});
}

/* Begin to answer challenges. What another URL has refused may be accepted at this one. */
static int restart_auth(hops *h, ws_why *why) {
  static const unsigned schemes[] = {[WSUV_AUTH_BASIC] = AUTH_BASIC,
                                     [WSUV_AUTH_DIGEST] = AUTH_DIGEST,
                                     [WSUV_AUTH_ANY] = AUTH_BASIC | AUTH_DIGEST};
  const auth_config config = {.user = user_login_user(&h->login),
                              .password = user_login_password(&h->login),
                              .schemes = schemes[h->config->auth],
                              .at_once = h->config->auth == WSUV_AUTH_BASIC,
                              .hash = h->config->hash};
  auth_clear(&h->auth);
  return auth_init(&h->auth, h->alloc, &config, why);
}

static void forget_credentials(hops *h) {
  user_login_clear(&h->login);
  h->auth.next = 0;
}

int hops_init(hops *h, const wsuv_allocator_t *alloc, const hops_config *config, const ws_url *url,
              ws_why *why) {
  text_buf *const secrets[] = {&h->next, &h->fields, &h->authorization, &h->given_cookies,
                               &h->cookie};
  memset(h, 0, sizeof *h);
  h->alloc = alloc;
  h->config = config;
  for (size_t i = 0; i < sizeof secrets / sizeof(text_buf *); i++) {
    text_buf_init_secret(secrets[i], alloc);
  }
  text_buf_init(&h->origin, alloc);
  text_buf_init(&h->visited, alloc);
  cookie_jar_init(&h->jar, alloc);
  user_login_init(&h->login, alloc);
  auth_init_empty(&h->auth, alloc);
  int err = read_credentials(h, url);
  if (err == 0) err = url_origin_add(&h->origin, url);
  if (err < 0) return err;
  ws_why words = {""};
  err = restart_auth(h, &words);
  if (err != WSUV_EINVAL_HEADER) return err;
  return ws_why_set(why, err, "Authorization: %s%s", words.text,
                    config->user == NULL ? " of the URL" : "");
}

void hops_clear(hops *h) {
  text_buf *const texts[] = {&h->next,   &h->fields, &h->authorization, &h->given_cookies,
                             &h->cookie, &h->origin, &h->visited};
  for (size_t i = 0; i < sizeof texts / sizeof(text_buf *); i++) text_buf_clear(texts[i]);
  user_login_clear(&h->login);
  auth_clear(&h->auth);
  cookie_jar_clear(&h->jar);
  ws_free(h->alloc, h->list);
  h->list = NULL;
}

/* The fields of a request */

/* The next field of the program's last answer. *at is 0 at first; false: there are no more. */
static bool next_answer(const hops *h, size_t *at, wsuv_header_t *field) {
  if (*at >= text_buf_len(&h->fields)) return false;
  field->name = text_buf_base(&h->fields) + *at;
  field->value = field->name + strlen(field->name) + 1;
  *at += strlen(field->name) + strlen(field->value) + 2;
  return true;
}

static bool is_answered(const hops *h, const char *name) {
  wsuv_header_t field;
  size_t at = 0;
  while (next_answer(h, &at, &field)) {
    if (header_name_equal(field.name, name)) return true;
  }
  return false;
}

/* Fields that are for the first origin only. Host names it. */
static bool stays_behind(const char *name) {
  static const char *const names[] = {"Authorization", "Cookie", "Proxy-Authorization", "Host"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (header_name_equal(name, names[i])) return true;
  }
  return false;
}

static bool is_sent(const hops *h, const char *name) {
  return !is_answered(h, name) && !(h->away && stays_behind(name));
}

static size_t count_answers(const hops *h) {
  wsuv_header_t field;
  size_t at = 0, count = 0;
  while (next_answer(h, &at, &field)) count++;
  return count;
}

/* One list in place of the two: what is sent of them, then the program's answer. */
static int list_fields(hops *h, const handshake_request *base, handshake_request *out) {
  const size_t count = base->header_count[0] + base->header_count[1] + count_answers(h);
  wsuv_header_t field;
  size_t n = 0, at = 0;
  ws_free(h->alloc, h->list);
  h->list = ws_calloc(h->alloc, (count + 1) * sizeof *h->list);
  if (h->list == NULL) return WS_ENOMEM;
  for (size_t list = 0; list < 2; list++) {
    for (size_t i = 0; i < base->header_count[list]; i++) {
      /* A field without a name is refused later. */
      field = base->headers[list][i];
      if (field.name == NULL || is_sent(h, field.name)) h->list[n++] = field;
    }
  }
  while (next_answer(h, &at, &field)) h->list[n++] = field;
  out->headers[0] = h->list;
  out->headers[1] = NULL;
  out->header_count[0] = n;
  out->header_count[1] = 0;
  return 0;
}

static const char *find_field(const handshake_request *r, const char *name) {
  for (size_t i = 0; i < r->header_count[0]; i++) {
    const wsuv_header_t *field = &r->headers[0][i];
    if (field->name != NULL && header_name_equal(field->name, name)) return field->value;
  }
  return NULL;
}

/* Cookies */

static cookie_place place_of(const hops *h, const ws_url *url) {
  return (cookie_place){text_of(&h->origin), url->host, url_path(url), url->secure};
}

static void add_cookies(text_buf *t, const char *value) {
  if (value == NULL) return;
  if (text_buf_len(t) > 0) text_buf_puts(t, "; ");
  text_buf_puts(t, value);
}

/* What the program has given: the fields Cookie, and `cookies` of the request unless an answer has
   replaced them. */
static int gather_cookies(hops *h, handshake_request *out) {
  text_buf *t = &h->given_cookies;
  text_buf_clear(t);
  for (size_t i = 0; i < out->header_count[0]; i++) {
    const wsuv_header_t *field = &out->headers[0][i];
    if (field->name != NULL && header_name_equal(field->name, "Cookie")) {
      add_cookies(t, field->value);
    }
  }
  out->cookie = is_sent(h, "Cookie") ? h->config->cookies : NULL;
  add_cookies(t, out->cookie);
  return text_buf_len(t) > 0 ? terminate(t) : text_buf_add(t, "", 0);
}

static void drop_field(hops *h, handshake_request *out, const char *name) {
  size_t n = 0;
  for (size_t i = 0; i < out->header_count[0]; i++) {
    const bool drop = h->list[i].name != NULL && header_name_equal(h->list[i].name, name);
    if (!drop) h->list[n++] = h->list[i];
  }
  out->header_count[0] = n;
}

/* As long as no response has set a cookie, what the program has given is sent as it is. */
static int put_cookies(hops *h, handshake_request *out) {
  const cookie_place place = place_of(h, out->url);
  int err = gather_cookies(h, out);
  text_buf_clear(&h->cookie);
  if (err < 0 || !cookie_jar_has(&h->jar, &place)) return err;
  err = cookie_jar_write(&h->jar, &place, text_buf_base(&h->given_cookies), &h->cookie);
  if (err < 0) return err;
  const bool any = text_buf_len(&h->cookie) > 0;
  err = terminate(&h->cookie);
  drop_field(h, out, "Cookie");
  out->cookie = any ? text_buf_base(&h->cookie) : NULL;
  return err;
}

static int put_authorization(hops *h, const uint8_t random[AUTH_RANDOM_SIZE],
                             handshake_request *out, ws_why *why) {
  text_buf target;
  text_buf_clear(&h->authorization);
  if (h->login.given && find_field(out, "Authorization") != NULL) {
    return ws_why_set(why, WSUV_EINVAL_HEADER, "Authorization: more than one value");
  }
  if (!h->login.given || !auth_has_next(&h->auth)) return 0;
  text_buf_init_secret(&target, h->alloc);
  if (out->url->slash) text_buf_puts(&target, "/");
  int err = text_buf_add(&target, out->url->target.base, out->url->target.len);
  if (err == 0) {
    err = auth_write(&h->auth, &h->authorization, (ws_text){"GET", 3}, text_of(&target), random);
  }
  text_buf_clear(&target);
  if (err == 0) err = terminate(&h->authorization);
  if (err == 0) out->authorization = text_buf_base(&h->authorization);
  return err;
}

int hops_prepare(hops *h, const handshake_request *base, const uint8_t random[AUTH_RANDOM_SIZE],
                 handshake_request *out, ws_why *why) {
  *out = *base;
  out->authorization = out->cookie = NULL;
  if (is_answered(h, "Origin")) out->origin = NULL;
  int err = list_fields(h, base, out);
  if (err == 0) err = put_cookies(h, out);
  if (err == 0) err = put_authorization(h, random, out, why);
  h->sent = *out;
  return err;
}

/* Who was refused */

static const char *find_in(const wsuv_header_t *fields, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++) {
    if (header_name_equal(fields[i].name, name)) return fields[i].value;
  }
  return NULL;
}

/* Digest has other credentials in each request, so user name and password stand for them. */
static void put_identity(const hops *h, const wsuv_header_t *fields, size_t count, text_buf *t) {
  const char *authorization = find_in(fields, count, "Authorization");
  const char *cookies = find_in(fields, count, "Cookie");
  if (authorization == NULL) authorization = find_field(&h->sent, "Authorization");
  if (cookies == NULL) cookies = text_buf_base(&h->given_cookies);
  text_buf_add(t, text_buf_base(&h->origin), text_buf_len(&h->origin));
  text_buf_add(t, "\0a", 2);
  if (authorization != NULL) {
    text_buf_puts(t, authorization);
  } else if (h->login.given) {
    const ws_text user = user_login_user(&h->login), password = user_login_password(&h->login);
    text_buf_add(t, "\0", 1);
    text_buf_add(t, user.base, user.len);
    text_buf_add(t, "\0", 1);
    text_buf_add(t, password.base, password.len);
  }
  text_buf_add(t, "\0c", 2);
  if (cookies != NULL) text_buf_puts(t, cookies);
}

int hops_identity(hops *h, const wsuv_header_t *fields, size_t count, const void *salt,
                  size_t salt_len, uint8_t hash[SHA1_SIZE]) {
  text_buf t;
  text_buf_init_secret(&t, h->alloc);
  text_buf_add(&t, salt, salt_len);
  put_identity(h, fields, count, &t);
  int err = terminate(&t);
  if (err == 0) sha1(hash, text_buf_base(&t), text_buf_len(&t));
  text_buf_clear(&t);
  return err;
}

/* Judging */

static bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The cookies of a response on the way. 1: they have changed, so that the same place may answer
   otherwise; 0: they have not; WS_ENOMEM. */
static int take_cookies(hops *h, const header_store *fields, int64_t clock_s) {
  const cookie_place place = place_of(h, h->sent.url);
  const int64_t now_s = http_date_of(fields, clock_s);
  header_cursor at = {0};
  const char *value;
  bool changed = false;
  int err = 0;
  while (err == 0 && (value = header_store_next(fields, "Set-Cookie", &at)) != NULL) {
    err = cookie_jar_take(&h->jar, &place, value, now_s, &changed);
  }
  if (changed) text_buf_clear(&h->visited);
  return err < 0 ? err : changed;
}

static bool has_been_at(const hops *h, const uint8_t place[SHA1_SIZE]) {
  const char *list = text_buf_base(&h->visited);
  for (size_t at = 0; at < text_buf_len(&h->visited); at += SHA1_SIZE) {
    if (memcmp(list + at, place, SHA1_SIZE) == 0) return true;
  }
  return false;
}

/* Remember the present place, in the one spelling that url_resolve gives. */
static int note_place(hops *h) {
  uint8_t place[SHA1_SIZE];
  text_buf url;
  text_buf_init_secret(&url, h->alloc);
  int err = url_resolve(&url, h->sent.url, "", NULL);
  if (err == 0) {
    sha1(place, text_buf_base(&url), text_buf_len(&url));
    if (!has_been_at(h, place)) err = text_buf_add(&h->visited, (const char *) place, SHA1_SIZE);
  }
  text_buf_clear(&url);
  return err;
}

static int set_crosses(hops *h, const ws_url *to) {
  text_buf origin;
  text_buf_init(&origin, h->alloc);
  int err = url_origin_add(&origin, to);
  if (err == 0) h->crosses = !ws_text_equal(text_of(&origin), text_of(&h->origin));
  text_buf_clear(&origin);
  return err;
}

/* The path alone is shown, because the query may have secrets. */
static int refuse_redirect(hop_verdict *v, int status, const char *location, const char *what) {
  const ws_text path = url_path_of(location);
  v->step = HOP_END;
  v->status = WSUV_EREDIRECT;
  (void) ws_why_set(&v->detail, 0, "HTTP %d, Location %.*s: %s", status,
                    (int) (path.len < SHOWN_MAX ? path.len : SHOWN_MAX), path.base, what);
  return 0;
}

/* Find the URL that is meant. 1: it may be followed; 0: it is refused. */
static int resolve(hops *h, int status, const char *location, hop_verdict *v) {
  const ws_url *from = h->sent.url;
  uint8_t place[SHA1_SIZE];
  ws_url to;
  ws_why why = {""};
  text_buf_clear(&h->next);
  int err = url_resolve(&h->next, from, location, &why);
  if (err == WSUV_EURL) return refuse_redirect(v, status, location, why.text);
  const size_t len = text_buf_len(&h->next);
  if (err == 0) err = terminate(&h->next);
  if (err == 0) err = url_parse(&to, text_buf_base(&h->next), len);
  if (err == 0) err = set_crosses(h, &to);
  if (err != 0) return err;
  if (from->secure && !to.secure) return refuse_redirect(v, status, location, "from wss to ws");
  sha1(place, text_buf_base(&h->next), len);
  if (has_been_at(h, place)) {
    return refuse_redirect(v, status, location, "the session has been there");
  }
  return 1;
}

static int judge_redirect(hops *h, int status, const header_store *fields, int64_t clock_s,
                          hop_verdict *v) {
  header_cursor at = {0};
  const char *location = header_store_next(fields, "Location", &at);
  if (location == NULL || h->config->max_redirects == 0) return 0;
  if (h->redirects == h->config->max_redirects) {
    return refuse_redirect(v, status, location, "too many redirects");
  }
  if (header_store_next(fields, "Location", &at) != NULL) {
    return refuse_redirect(v, status, location, "Location is repeated");
  }
  int err = take_cookies(h, fields, clock_s);
  if (err == 0) err = note_place(h); /* with other cookies it may be asked again */
  if (err >= 0) err = resolve(h, status, location, v);
  if (err > 0) v->step = HOP_FOLLOW;
  return err < 0 ? err : 0;
}

static int judge_unauthorized(hops *h, const header_store *fields, int64_t clock_s, bool asks,
                              hop_verdict *v) {
  ws_why why = {""};
  int err = take_cookies(h, fields, clock_s);
  if (err < 0) return err;
  if (h->login.given) {
    err = auth_answer(&h->auth, fields, "WWW-Authenticate", &why);
    if (err == WS_ENOMEM) return err;
    if (err == 0) v->step = HOP_AUTHENTICATE;
  }
  if (v->step == HOP_END && asks && h->answers < h->config->max_attempts) v->step = HOP_ASK;
  if (v->step == HOP_END && h->login.given) {
    (void) ws_why_set(&v->detail, 0, "HTTP 401: %s", why.text);
  }
  if (v->step != HOP_END) text_buf_clear(&h->visited);
  return 0;
}

int hops_judge(hops *h, int status, const header_store *fields, int64_t clock_s, bool asks,
               hop_verdict *v) {
  *v = (hop_verdict){.step = HOP_END, .status = WSUV_ESTATUS};
  if (is_redirect(status)) return judge_redirect(h, status, fields, clock_s, v);
  return status == 401 ? judge_unauthorized(h, fields, clock_s, asks, v) : 0;
}

/* Going on */

int hops_follow(hops *h, const ws_url *url) {
  h->redirects++;
  if (h->crosses) {
    h->away = true;
    forget_credentials(h);
    text_buf_clear(&h->fields);
    text_buf_clear(&h->origin);
    int err = url_origin_add(&h->origin, url);
    if (err < 0) return err;
  }
  return h->login.given ? restart_auth(h, NULL) : 0;
}

static int put_field(text_buf *t, const wsuv_header_t *field) {
  text_buf_add(t, field->name, strlen(field->name) + 1);
  return text_buf_add(t, field->value, strlen(field->value) + 1);
}

/* An earlier answer holds for the names that are not in the new one. */
int hops_authorize(hops *h, const wsuv_header_t *fields, size_t count) {
  text_buf all;
  wsuv_header_t field;
  size_t at = 0;
  int err = 0;
  text_buf_init_secret(&all, h->alloc);
  for (size_t i = 0; i < count; i++) err = put_field(&all, &fields[i]);
  while (next_answer(h, &at, &field)) {
    if (find_in(fields, count, field.name) == NULL) err = put_field(&all, &field);
  }
  if (err < 0) {
    text_buf_clear(&all);
    return err;
  }
  text_buf_clear(&h->fields);
  h->fields = all;
  h->answers++;
  if (is_answered(h, "Authorization")) forget_credentials(h);
  return 0;
}

#include "proto/tunnel/digest.h"

/* The hash functions are passed in. What is derived from a password is overwritten. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "proto/http/ascii.h"
#include "proto/http/headers.h"

/* ---- the challenge: RFC 7616 3.3 ---- */

void digest_challenge_init(digest_challenge *d, const wsuv_allocator_t *alloc) {
  memset(d, 0, sizeof *d);
  text_buf_init(&d->realm, alloc);
  text_buf_init(&d->nonce, alloc);
  text_buf_init(&d->opaque, alloc);
}

void digest_challenge_clear(digest_challenge *d) {
  text_buf_clear(&d->realm);
  text_buf_clear(&d->nonce);
  text_buf_clear(&d->opaque);
}

static const struct {
  const char *name; /* The algorithm has this name. */
  ws_hash_kind hash;
  bool session;
} algorithms[] = {
    {"MD5", WS_HASH_MD5, false},
    {"MD5-sess", WS_HASH_MD5, true},
    {"SHA-256", WS_HASH_SHA256, false},
    {"SHA-256-sess", WS_HASH_SHA256, true},
};

enum { ALGORITHMS = sizeof algorithms / sizeof algorithms[0], SHOWN_MAX = 32 };

static int shown_len(ws_text s) {
  return (int) (s.len < SHOWN_MAX ? s.len : SHOWN_MAX);
}

static int read_algorithm(digest_challenge *d, ws_text name, ws_why *why) {
  for (size_t i = 0; i < ALGORITHMS; i++) {
    if (!ascii_text_is(name, algorithms[i].name)) continue;
    d->hash = algorithms[i].hash;
    d->session = algorithms[i].session;
    d->named = true;
    return 0;
  }
  return ws_why_set(why, WS_ENOTSUP, "algorithm %.*s of Digest is not supported", shown_len(name),
                    name.base);
}

/* A list in quotes (RFC 7616 3.3). */
static int read_qop(digest_challenge *d, ws_text list, ws_why *why) {
  char text[128];
  if (list.len < sizeof text) {
    memcpy(text, list.base, list.len);
    text[list.len] = '\0';
    d->qop = header_list_has(text, "auth");
  }
  if (d->qop) return 0;
  return ws_why_set(why, WS_ENOTSUP, "qop %.*s of Digest is not supported", shown_len(list),
                    list.base);
}

/* The parameters that are known, each with its bit in `seen`. */
typedef enum param_id {
  PARAM_REALM,
  PARAM_NONCE,
  PARAM_OPAQUE,
  PARAM_ALGORITHM,
  PARAM_QOP,
  PARAM_STALE,
  PARAM_USERHASH,
  PARAM_CHARSET,
  PARAM_COUNT
} param_id;

static const char *const param_names[PARAM_COUNT] = {"realm", "nonce", "opaque",   "algorithm",
                                                     "qop",   "stale", "userhash", "charset"};

static param_id find_param(const challenge_param *p) {
  int id = 0;
  while (id < PARAM_COUNT && !ascii_text_is(p->name, param_names[id])) id++;
  return (param_id) id;
}

static int read_param(digest_challenge *d, param_id id, const challenge_param *p, ws_why *why) {
  switch (id) {
  case PARAM_REALM: return challenge_param_value(p, &d->realm);
  case PARAM_NONCE: return challenge_param_value(p, &d->nonce);
  case PARAM_OPAQUE: d->has_opaque = true; return challenge_param_value(p, &d->opaque);
  case PARAM_ALGORITHM: return read_algorithm(d, p->value, why);
  case PARAM_QOP: return read_qop(d, p->value, why);
  case PARAM_STALE: d->stale = ascii_text_is(p->value, "true"); return 0;
  case PARAM_USERHASH: d->userhash = ascii_text_is(p->value, "true"); return 0;
  case PARAM_CHARSET: d->utf8 = ascii_text_is(p->value, "UTF-8"); return 0;
  case PARAM_COUNT: break;
  }
  return 0;
}

int digest_challenge_read(digest_challenge *d, const challenge *c, ws_why *why) {
  const unsigned needed = 1u << PARAM_REALM | 1u << PARAM_NONCE;
  ws_text params = c->params;
  challenge_param p;
  unsigned seen = 0;
  while (challenge_param_next(&params, &p)) {
    const param_id id = find_param(&p);
    if (id == PARAM_COUNT) continue;
    if ((seen & 1u << id) != 0) {
      return ws_why_set(why, WS_EINVAL, "%s of Digest is repeated", param_names[id]);
    }
    seen |= 1u << id;
    int err = read_param(d, id, &p, why);
    if (err < 0) return err;
  }
  if ((seen & needed) != needed) {
    return ws_why_set(why, WS_EINVAL, "Digest without realm or nonce");
  }
  /* The algorithms with "-sess" have a cnonce, which the credentials of RFC 2069 do not have. */
  if (d->session && !d->qop) return ws_why_set(why, WS_ENOTSUP, "Digest with -sess without qop");
  return 0;
}

int digest_challenge_strength(const digest_challenge *d) {
  return 2 * (d->hash == WS_HASH_SHA256) + d->qop;
}

/* ---- the credentials: RFC 7616 3.4 ---- */

enum { HEX_MAX = 2 * WS_HASH_SIZE_MAX, PARTS_MAX = 11, COUNT_LEN = 8 };

/* A hash in lower-case hexadecimal digits. */
typedef struct hex_hash {
  char text[HEX_MAX]; /* These digits are not terminated. */
  size_t len;         /* There are this many. */
} hex_hash;

static ws_text hex_text(const hex_hash *h) {
  return (ws_text){h->text, h->len};
}

static ws_text text_of(const text_buf *t) {
  return (ws_text){text_buf_base(t), text_buf_len(t)};
}

static ws_text text(const char *s) {
  return (ws_text){s, strlen(s)};
}

/* H(part ":" part ...). */
static int hash_parts(const digest_challenge *d, const digest_request *r, const ws_text *parts,
                      size_t count, hex_hash *hex) {
  static const char digits[] = "0123456789abcdef";
  ws_view views[PARTS_MAX];
  uint8_t hash[WS_HASH_SIZE_MAX];
  const size_t size = ws_hash_size(d->hash);
  for (size_t i = 0; i < count; i++) {
    if (i > 0) views[2 * i - 1] = (ws_view){(const uint8_t *) ":", 1};
    views[2 * i] = (ws_view){(const uint8_t *) parts[i].base, parts[i].len};
  }
  int err = r->hash(d->hash, views, 2 * count - 1, hash);
  for (size_t i = 0; i < size && err == 0; i++) {
    hex->text[2 * i] = digits[hash[i] >> 4];
    hex->text[2 * i + 1] = digits[hash[i] & 15];
  }
  hex->len = 2 * size;
  ws_wipe(hash, sizeof hash);
  return err;
}

#define HASH_PARTS(d, r, hex, ...)                 \
  hash_parts(d, r, (const ws_text[]){__VA_ARGS__}, \
             sizeof((const ws_text[]){__VA_ARGS__}) / sizeof(ws_text), hex)

/* 3.4.2 */
static int hash_a1(const digest_challenge *d, const digest_request *r, hex_hash *a1) {
  int err = HASH_PARTS(d, r, a1, r->user, text_of(&d->realm), r->password);
  if (err < 0 || !d->session) return err;
  hex_hash first = *a1;
  err = HASH_PARTS(d, r, a1, hex_text(&first), text_of(&d->nonce), r->cnonce);
  ws_wipe(&first, sizeof first);
  return err;
}

static void format_count(const digest_request *r, char count[COUNT_LEN + 1]) {
  (void) snprintf(count, COUNT_LEN + 1, "%08x", (unsigned) r->count);
}

/* 3.4.1; RFC 2069 2.1.2 without qop */
static int make_response(const digest_challenge *d, const digest_request *r, hex_hash *response) {
  hex_hash a1, a2;
  char count[COUNT_LEN + 1];
  format_count(r, count);
  int err = hash_a1(d, r, &a1);
  if (err == 0) err = HASH_PARTS(d, r, &a2, r->method, r->target);
  if (err == 0 && d->qop) {
    err = HASH_PARTS(d, r, response, hex_text(&a1), text_of(&d->nonce), text(count), r->cnonce,
                     text("auth"), hex_text(&a2));
  } else if (err == 0) {
    err = HASH_PARTS(d, r, response, hex_text(&a1), text_of(&d->nonce), hex_text(&a2));
  }
  ws_wipe(&a1, sizeof a1);
  return err;
}

/* quoted-string, RFC 9110 5.6.4 */
static void put_quoted(text_buf *t, const char *name, ws_text s) {
  text_buf_puts(t, name);
  text_buf_puts(t, "=\"");
  for (size_t i = 0; i < s.len; i++) {
    if (s.base[i] == '"' || s.base[i] == '\\') text_buf_puts(t, "\\");
    text_buf_add(t, s.base + i, 1);
  }
  text_buf_puts(t, "\"");
}

static bool is_ascii(ws_text s) {
  for (size_t i = 0; i < s.len; i++) {
    if ((unsigned char) s.base[i] > 0x7f) return false;
  }
  return true;
}

/* ext-value and attr-char, RFC 8187 3.2.1 */
static void put_extended(text_buf *t, const char *name, ws_text s) {
  text_buf_puts(t, name);
  text_buf_puts(t, "*=UTF-8''");
  for (size_t i = 0; i < s.len; i++) {
    const char c = s.base[i];
    char escape[4];
    (void) snprintf(escape, sizeof escape, "%%%02X", (unsigned char) c);
    const bool plain = ascii_is_tchar(c) && c != '*' && c != '\'' && c != '%';
    text_buf_add(t, plain ? &c : escape, plain ? 1 : 3);
  }
}

/* 3.4.3, 3.4.4 */
static int put_user(text_buf *t, const digest_challenge *d, const digest_request *r) {
  hex_hash hashed;
  if (!d->userhash) {
    if (d->utf8 && !is_ascii(r->user)) {
      put_extended(t, "username", r->user);
    } else {
      put_quoted(t, "username", r->user);
    }
    return 0;
  }
  int err = HASH_PARTS(d, r, &hashed, r->user, text_of(&d->realm));
  if (err == 0) put_quoted(t, "username", hex_text(&hashed));
  return err;
}

static void put_algorithm(text_buf *t, const digest_challenge *d) {
  if (!d->named) return;
  text_buf_puts(t, ", algorithm=");
  text_buf_puts(t, d->hash == WS_HASH_SHA256 ? "SHA-256" : "MD5");
  if (d->session) text_buf_puts(t, "-sess");
}

static void put_qop(text_buf *t, const digest_request *r) {
  char count[COUNT_LEN + 1];
  format_count(r, count);
  text_buf_puts(t, ", nc=");
  text_buf_puts(t, count);
  put_quoted(t, ", cnonce", r->cnonce);
  text_buf_puts(t, ", qop=auth");
}

/* The function is asked first, so that nothing is written without it. */
int digest_write(text_buf *value, const digest_challenge *d, const digest_request *r) {
  hex_hash response;
  int err = make_response(d, r, &response);
  if (err != 0) return err;
  text_buf_puts(value, "Digest ");
  err = put_user(value, d, r);
  if (err != 0) return err;
  put_quoted(value, ", realm", text_of(&d->realm));
  put_quoted(value, ", uri", r->target);
  put_algorithm(value, d);
  put_quoted(value, ", nonce", text_of(&d->nonce));
  if (d->qop) put_qop(value, r);
  put_quoted(value, ", response", hex_text(&response));
  if (d->has_opaque) put_quoted(value, ", opaque", text_of(&d->opaque));
  return text_buf_puts(value, d->userhash ? ", userhash=true" : "");
}

#include "proto/tunnel/authentication.h"

/* Knows the schemes Basic and Digest, and which is stronger. Knows neither proxies nor servers. */

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "proto/http/ascii.h"
#include "proto/http/basic.h"

/* Basic ends the user name at the first colon (RFC 7617 2); Digest has no such rule. */
static int check(const auth_config *config, ws_why *why) {
  const ws_text user = config->user;
  const char *wrong = credentials_wrong(user, config->password);
  const bool basic = (config->schemes & AUTH_BASIC) != 0;
  if (basic && user.len > 0 && memchr(user.base, ':', user.len) != NULL) {
    wrong = "colon in the user name";
  }
  return wrong != NULL ? ws_why_set(why, WSUV_EINVAL_HEADER, "%s", wrong) : 0;
}

void auth_init_empty(authentication *a, const wsuv_allocator_t *alloc) {
  memset(a, 0, sizeof *a);
  user_login_init(&a->login, alloc);
  digest_challenge_init(&a->digest, alloc);
}

int auth_init(authentication *a, const wsuv_allocator_t *alloc, const auth_config *config,
              ws_why *why) {
  auth_init_empty(a, alloc);
  if (config->user.base == NULL) return 0;
  int err = check(config, why);
  if (err < 0) return err;
  a->schemes = config->schemes;
  a->hash = config->hash;
  if (a->hash == NULL) a->schemes &= ~(unsigned) AUTH_DIGEST;
  a->next = config->at_once ? a->schemes & AUTH_BASIC : 0;
  return user_login_set(&a->login, config->user, config->password);
}

void auth_clear(authentication *a) {
  user_login_clear(&a->login);
  digest_challenge_clear(&a->digest);
}

/* ---- choosing ---- */

/* The best challenge so far. */
typedef struct auth_choice {
  unsigned scheme;         /* This is its scheme; 0: there is none. */
  unsigned offered;        /* There were challenges of these schemes. */
  digest_challenge digest; /* This is the challenge, if the scheme is Digest. */
} auth_choice;

/* 0, or WS_ENOTSUP with *why: the library has no such hash function. */
static int check_hash(const authentication *a, ws_hash_kind kind, ws_why *why) {
  uint8_t unused[WS_HASH_SIZE_MAX];
  int err = a->hash(kind, NULL, 0, unused);
  if (err == 0 || err == WS_ENOMEM) return err;
  return ws_why_set(why, WS_ENOTSUP, "the TLS library has no %s",
                    kind == WS_HASH_MD5 ? "MD5" : "SHA-256");
}

static bool may_answer(const authentication *a, const digest_challenge *d) {
  return (a->sent & AUTH_DIGEST) == 0 || (d->stale && !a->stale);
}

static void take_digest(const authentication *a, digest_challenge *d, auth_choice *best) {
  const bool better = best->scheme != AUTH_DIGEST ||
                      digest_challenge_strength(d) > digest_challenge_strength(&best->digest);
  digest_challenge worse = *d;
  if (better && may_answer(a, d)) {
    worse = best->digest;
    best->digest = *d;
    best->scheme = AUTH_DIGEST;
  }
  digest_challenge_clear(&worse);
}

static int consider_digest(const authentication *a, const challenge *c, auth_choice *best,
                           ws_why *why) {
  digest_challenge d;
  if ((a->schemes & AUTH_DIGEST) == 0) return 0;
  digest_challenge_init(&d, a->login.secret.none.alloc);
  int err = digest_challenge_read(&d, c, why);
  if (err == 0) err = check_hash(a, d.hash, why);
  if (err == 0) {
    take_digest(a, &d, best);
    return 0;
  }
  digest_challenge_clear(&d);
  return err == WS_ENOMEM ? err : 0;
}

/* Basic shows the password, so it is not sent after Digest. */
static int consider(const authentication *a, const challenge *c, auth_choice *best, ws_why *why) {
  const bool basic = (a->schemes & AUTH_BASIC) != 0 && a->sent == 0;
  if (ascii_text_is(c->scheme, "Digest")) {
    best->offered |= AUTH_DIGEST;
    return consider_digest(a, c, best, why);
  }
  if (!ascii_text_is(c->scheme, "Basic")) return 0;
  best->offered |= AUTH_BASIC;
  if (basic && best->scheme == 0) best->scheme = AUTH_BASIC;
  return 0;
}

static int choose(const authentication *a, const header_store *fields, const char *name,
                  auth_choice *best, ws_why *why) {
  header_cursor at = {0};
  const char *rest;
  while ((rest = header_store_next(fields, name, &at)) != NULL) {
    challenge c;
    while (challenge_next(&rest, &c) > 0) {
      int err = consider(a, &c, best, why);
      if (err < 0) return err;
    }
  }
  return 0;
}

/* Why none was chosen, unless *why says why the last one could not be answered. */
static int refuse(const authentication *a, const auth_choice *best, ws_why *why) {
  if (!a->login.given) return ws_why_set(why, WS_EACCES, "no credentials");
  if ((a->sent & best->offered) != 0) return ws_why_set(why, WS_EACCES, "credentials were refused");
  if (why->text[0] != '\0') return WS_EACCES;
  return ws_why_set(why, WS_EACCES, "no scheme that may be used");
}

int auth_answer(authentication *a, const header_store *fields, const char *name, ws_why *why) {
  auth_choice best = {0};
  ws_why words = {""};
  digest_challenge_init(&best.digest, a->login.secret.none.alloc);
  int err = choose(a, fields, name, &best, &words);
  if (err == 0 && best.scheme == 0) err = refuse(a, &best, &words);
  if (err < 0) {
    digest_challenge_clear(&best.digest);
    return ws_why_set(why, err, "%s", words.text);
  }
  digest_challenge_clear(&a->digest);
  a->digest = best.digest;
  a->stale = a->stale || (a->sent & best.scheme & AUTH_DIGEST) != 0;
  a->count = 0;
  a->next = best.scheme;
  return 0;
}

/* ---- writing ---- */

bool auth_has_next(const authentication *a) {
  return a->next != 0;
}

static int write_digest(authentication *a, text_buf *value, ws_text method, ws_text target,
                        const uint8_t random[AUTH_RANDOM_SIZE]) {
  char cnonce[AUTH_RANDOM_SIZE / 3 * 4];
  base64_encode(cnonce, random, AUTH_RANDOM_SIZE);
  const digest_request request = {.user = user_login_user(&a->login),
                                  .password = user_login_password(&a->login),
                                  .method = method,
                                  .target = target,
                                  .cnonce = {cnonce, sizeof cnonce},
                                  .count = ++a->count,
                                  .hash = a->hash};
  return digest_write(value, &a->digest, &request);
}

int auth_write(authentication *a, text_buf *value, ws_text method, ws_text target,
               const uint8_t random[AUTH_RANDOM_SIZE]) {
  const char *wrong; /* auth_init has checked them */
  a->sent |= a->next;
  if (a->next == AUTH_DIGEST) return write_digest(a, value, method, target, random);
  return a->next == AUTH_BASIC ? basic_write(value, user_login_user(&a->login),
                                             user_login_password(&a->login), &wrong)
                               : 0;
}

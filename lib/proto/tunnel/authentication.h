#ifndef WS_PROTO_TUNNEL_AUTHENTICATION_H
#define WS_PROTO_TUNNEL_AUTHENTICATION_H

/* The client's side of authentication in HTTP (RFC 9110 11): keeps user name and password, chooses
   among the challenges of a response, and writes the credentials of the next request. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/text_buf.h"
#include "base/view.h"
#include "base/why.h"
#include "proto/http/headers.h"
#include "proto/http/user_login.h"
#include "proto/tunnel/digest.h"

enum {
  AUTH_BASIC = 1, /* the scheme Basic (RFC 7617) */
  AUTH_DIGEST = 2 /* the scheme Digest (RFC 7616) */
};

enum {
  AUTH_ANSWERS_MAX = 3, /* responses that are answered: Basic, Digest, and one stale nonce */
  AUTH_RANDOM_SIZE = 15 /* random bytes of a cnonce */
};

typedef struct auth_config {
  ws_text user, password; /* These are copied; the base of `user` is NULL if there are none. */
  unsigned schemes;       /* Credentials of these schemes may be sent. */
  bool at_once;           /* Credentials of Basic are sent without a challenge. */
  ws_hash_fn *hash;       /* These are the hash functions; NULL: without Digest. */
} auth_config;

typedef struct authentication {
  user_login login;        /* These are the credentials, if there are any. */
  unsigned schemes;        /* Credentials of these schemes may be sent. */
  ws_hash_fn *hash;        /* These are the hash functions, or NULL. */
  unsigned next;           /* The next request has credentials of this scheme; 0: it has none. */
  unsigned sent;           /* Credentials of these schemes were written. */
  bool stale;              /* A stale nonce was answered. */
  digest_challenge digest; /* This is the challenge that is answered by Digest. */
  uint32_t count;          /* This many requests were written with the nonce of `digest`. */
} authentication;

/* 0; WSUV_EINVAL_HEADER: a control character, or a colon in the user name where Basic may be sent,
   and *why, unless it is NULL, says which; WS_ENOMEM. Clear it in any case. */
int auth_init(authentication *a, const wsuv_allocator_t *alloc, const auth_config *config,
              ws_why *why);
void auth_init_empty(authentication *a, const wsuv_allocator_t *alloc); /* without credentials */
void auth_clear(authentication *a);                                     /* frees all */

/* Choose among the challenges in all fields of that name: the strongest that can be answered. What
   was refused is not tried again, except that one stale nonce is no refusal, and after Digest
   nothing weaker. 0: the next request may be accepted; WS_EACCES: it would not be, and *why says
   why not; WS_ENOMEM. */
int auth_answer(authentication *a, const header_store *fields, const char *name, ws_why *why);

/* Whether the next request has credentials. */
bool auth_has_next(const authentication *a);

/* Add the credentials of the next request, if it has any: the value of Authorization or
   Proxy-Authorization. 0; WS_ENOMEM; or a code of the hash function. */
int auth_write(authentication *a, text_buf *value, ws_text method, ws_text target,
               const uint8_t random[AUTH_RANDOM_SIZE]);

#endif

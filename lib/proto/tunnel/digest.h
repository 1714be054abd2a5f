#ifndef WS_PROTO_TUNNEL_DIGEST_H
#define WS_PROTO_TUNNEL_DIGEST_H

/* The scheme Digest (RFC 7616; without qop as in RFC 2069): reads a challenge, writes the
   credentials that answer it. */

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/text_buf.h"
#include "base/view.h"
#include "base/why.h"
#include "proto/tunnel/challenge.h"

typedef struct digest_challenge {
  text_buf realm;    /* This is the realm, without escapes. */
  text_buf nonce;    /* This is the nonce, without escapes. */
  text_buf opaque;   /* This is the opaque, without escapes. */
  bool has_opaque;   /* The challenge has an opaque, so the credentials must have it, too. */
  ws_hash_kind hash; /* This is the hash function of the algorithm. */
  bool session;      /* The algorithm is one with "-sess". */
  bool named;        /* The challenge names its algorithm, so the credentials do, too. */
  bool qop;          /* The credentials have qop=auth; otherwise they are those of RFC 2069. */
  bool stale;        /* Only the nonce was too old. */
  bool userhash;     /* The user name is sent as a hash. */
  bool utf8;         /* The server takes user names and passwords for UTF-8. */
} digest_challenge;

void digest_challenge_init(digest_challenge *d, const wsuv_allocator_t *alloc);
void digest_challenge_clear(digest_challenge *d); /* frees all */

/* Read a challenge whose scheme is Digest, once. Parameters that are not known are ignored, and so
   is `domain`. 0; WS_ENOTSUP: an algorithm or a qop that is not supported; WS_EINVAL: realm or
   nonce is missing, a parameter is repeated; WS_ENOMEM. After the first two, *why says more. */
int digest_challenge_read(digest_challenge *d, const challenge *c, ws_why *why);

/* How strong the answer to a challenge is: a larger number is stronger. */
int digest_challenge_strength(const digest_challenge *d);

typedef struct digest_request {
  ws_text user, password; /* These have no control characters (credentials_wrong). */
  ws_text method, target; /* These are from the request line. */
  ws_text cnonce;         /* This is random, of characters that a quoted-string may have. */
  uint32_t count;         /* This is the number of requests with this nonce, the new one too. */
  ws_hash_fn *hash;       /* This is the hash function. */
} digest_request;

/* Add "Digest " and the credentials, which are the value of a field. 0; WS_ENOTSUP: the hash
   function is missing; WS_ENOMEM; another code of the hash function. */
int digest_write(text_buf *value, const digest_challenge *d, const digest_request *r);

#endif

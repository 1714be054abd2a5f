#ifndef WS_SESSION_HOPS_H
#define WS_SESSION_HOPS_H

/* The requests that lead to one open session: what each of them carries, and what follows from a
   response that does not open it. Redirects, credentials and cookies are decided here, and what
   must stay behind at another origin. It does no I/O, and knows no session.

     hops_prepare -> the request is sent -> hops_judge -> HOP_END
                                                       -> HOP_FOLLOW        hops_follow
                                                       -> HOP_AUTHENTICATE
                                                       -> HOP_ASK           hops_authorize
     and hops_prepare again */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/sha1.h"
#include "base/text_buf.h"
#include "base/view.h"
#include "base/why.h"
#include "proto/handshake/handshake_request.h"
#include "proto/handshake/url.h"
#include "proto/http/cookie_jar.h"
#include "proto/http/headers.h"
#include "proto/http/user_login.h"
#include "proto/tunnel/authentication.h"

/* What the program says. What it points to outlives the hops. */
typedef struct hops_config {
  const char *user;       /* This is the user name; NULL: the URL's credentials are used. */
  const char *password;   /* This is the password that belongs to `user`; NULL: it is empty. */
  const char *cookies;    /* This is the value of Cookie, or NULL. */
  wsuv_auth_t auth;       /* User name and password are sent like this. */
  unsigned max_redirects; /* So many redirects are followed. */
  unsigned max_attempts;  /* So many times the program is asked for credentials. */
  ws_hash_fn *hash;       /* These are the hash functions for Digest. */
} hops_config;

typedef enum hop_step {
  HOP_END,          /* the session ends */
  HOP_FOLLOW,       /* the next request goes to the URL `next` */
  HOP_AUTHENTICATE, /* the next request has credentials that answer the challenge */
  HOP_ASK           /* the program is asked for other header fields */
} hop_step;

typedef struct hop_verdict {
  hop_step step; /* This is what follows. */
  int status;    /* With HOP_END, this is the code. */
  ws_why detail; /* With HOP_END, this says more; "": what the response was says enough. */
} hop_verdict;

typedef struct hops {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the hops. */
  const hops_config *config;     /* This belongs to the request, which outlives the hops. */
  user_login login;              /* These are the credentials, as long as they may be used. */
  authentication auth;           /* This answers the challenges for the present URL. */
  cookie_jar jar;                /* These are the cookies of responses. */
  text_buf origin;               /* This is the origin of the present URL. */
  text_buf next;                 /* After HOP_FOLLOW, this is the URL, terminated. */
  bool crosses;                  /* After HOP_FOLLOW, the URL is at another origin. */
  bool away;                     /* The session has left its first origin. */
  unsigned redirects;            /* So many redirects were followed. */
  unsigned answers;              /* So many answers of the program were used. */
  /* The session has been at these places: hashes of URLs. They are forgotten when cookies or
     credentials change, because the same place may then answer otherwise. */
  text_buf visited;
  text_buf fields;     /* The program's last answer: names and values, each terminated. */
  wsuv_header_t *list; /* The hops own these fields of the present request, or this is NULL. */
  text_buf
      authorization; /* This is the value of Authorization, terminated, if it is not a field. */
  text_buf
      given_cookies; /* This is what the program has given as Cookie, terminated; "": nothing. */
  text_buf cookie;   /* This is the value of Cookie, terminated, if it is not a field. */
  handshake_request sent; /* This is the present request, as hops_prepare has made it. */
} hops;

/* 0; WSUV_EINVAL_HEADER: credentials that cannot be sent, and *why, unless it is NULL, says which;
   WS_ENOMEM. hops_clear frees everything in any case. `url` is where the first request goes to. */
int hops_init(hops *h, const wsuv_allocator_t *alloc, const hops_config *config, const ws_url *url,
              ws_why *why);
void hops_clear(hops *h);

/* Make the next request to base->url: `base` with the fields and credentials that this URL may get.
   *out points into the hops and to what `base` points to. `random` is for Digest. 0;
   WSUV_EINVAL_HEADER: there are credentials and an Authorization, and *why says so; WS_ENOMEM; a
   code of the hash functions. */
int hops_prepare(hops *h, const handshake_request *base, const uint8_t random[AUTH_RANDOM_SIZE],
                 handshake_request *out, ws_why *why);

/* Decide what follows from a response to the present request that has not opened the session.
   `asks`: there is a program to be asked. 0 or WS_ENOMEM. */
int hops_judge(hops *h, int status, const header_store *fields, int64_t clock_s, bool asks,
               hop_verdict *verdict);

/* HOP_FOLLOW is done: `url` is what `next` says, parsed. */
int hops_follow(hops *h, const ws_url *url); /* 0 or WS_ENOMEM */

/* The program has answered. Its fields replace those of the same names, at this origin. They are
   copied. 0 or WS_ENOMEM. */
int hops_authorize(hops *h, const wsuv_header_t *fields, size_t count);

/* What the present request has identified itself with, and where: a hash of its origin, and of
   Authorization and Cookie as the program has given them. `fields`: as if the program had answered
   with these. 0 or WS_ENOMEM. */
int hops_identity(hops *h, const wsuv_header_t *fields, size_t count, const void *salt,
                  size_t salt_len, uint8_t hash[SHA1_SIZE]);

#endif

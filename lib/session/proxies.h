#ifndef WS_SESSION_PROXIES_H
#define WS_SESSION_PROXIES_H

/* The proxies that a connection goes through, as a list of URLs says: parsed, checked and copied.
   Starts nothing. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/config.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random_pool.h"
#include "base/text_buf.h"
#include "base/tunnel.h"
#include "base/why.h"
#include "proto/handshake/url.h"
#include "proto/http/user_login.h"
#include "proto/tunnel/tunnel_target.h"

enum { PROXIES_MAX = 8 }; /* proxies of a connection */

/* One proxy. */
typedef struct proxy {
  url_proxy kind;           /* This is what the scheme of its URL says. */
  char host[URL_HOST_SIZE]; /* This is its host for the lookup, terminated, with a zone. */
  char name[URL_HOST_SIZE]; /* This is its host without a zone, terminated. */
  uint16_t port;            /* This is its port. */
  user_login login;         /* These are its credentials, if there are any. */
  ws_text shown;            /* This is its URL without credentials, a part of proxies.shown. */
} proxy;

typedef struct proxies {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the list. */
  text_buf shown; /* These are the URLs without credentials, separated by spaces, terminated. */
  size_t count;   /* There are this many proxies, at least one. */
  proxy list[];   /* The first one is connected to, and each leads to the next. */
} proxies;

/* Make a list from URLs that are separated by spaces. *out is NULL if there are none. 0; WSUV_EURL:
   a URL is malformed; WSUV_EINVAL_HEADER: credentials that cannot be sent to such a proxy; with
   *why, unless it is NULL, which shows no credentials; WS_ENOMEM. */
int proxies_new(proxies **out, const wsuv_allocator_t *alloc, const char *urls, wsuv_auth_t auth,
                ws_why *why);
void proxies_free(proxies *p); /* NULL is allowed */

/* What a program says of its proxies. */
typedef struct proxy_choice {
  const char *urls;     /* These are the URLs, or WSUV_PROXY_ENVIRONMENT, or NULL. */
  const char *no_proxy; /* These destinations have none; NULL: it is not configured. */
  wsuv_auth_t auth;     /* Credentials go to proxies of HTTP like this. */
} proxy_choice;

/* Check what a program says, without the environment, as proxies_new does. WS_EINVAL: an exception
   makes no sense. */
int proxies_check(const wsuv_allocator_t *alloc, const proxy_choice *choice, ws_why *why);

/* Choose the proxies for a destination; *out is NULL if it has none. As proxies_new, and WS_EINVAL:
   an exception of the environment makes no sense; *why names the variable. */
int proxies_choose(proxies **out, const wsuv_allocator_t *alloc, const proxy_choice *choice,
                   const ws_url *to, ws_why *why);

/* Whether the proxy gets an address of what it shall connect to, which is looked up here. */
bool proxy_wants_address(const proxy *p);

/* What a machine needs besides the proxy. */
typedef struct proxy_means {
  const wsuv_allocator_t *alloc; /* This outlives the machine. */
  wsuv_auth_t auth;              /* Credentials go to proxies of HTTP like this. */
  ws_hash_fn *hash;              /* These are the hash functions for Digest, or NULL. */
  random_pool *random;           /* This has random bytes for Digest; NULL: zeros do. */
  size_t max_size;               /* The heads of all responses may have this many bytes. */
  size_t max_headers;            /* Each response may have at most this many fields. */
} proxy_means;

/* Make the machine that asks this proxy for a tunnel to `target`. 0; an error as those of
   proto/tunnel; WSUV_ERANDOM. */
int proxy_machine(ws_tunnel **out, const proxy *p, const tunnel_target *target,
                  const proxy_means *means, ws_why *why);

#endif

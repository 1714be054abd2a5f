#ifndef WS_PROTO_HANDSHAKE_ROUTER_H
#define WS_PROTO_HANDSHAKE_ROUTER_H

/* A server's routes: from the path of a request to what was added for its pattern. */

#include <stddef.h>

#include <wsuv/refusal.h>

#include "base/alloc.h"
#include "base/view.h"
#include "base/why.h"
#include "proto/handshake/params.h"
#include "proto/handshake/subprotocol.h"

typedef struct router_entry router_entry;

typedef struct router {
  const wsuv_allocator_t *alloc; /* The caller's allocator outlives the router. */
  router_entry **entries;        /* The router owns these, the first that matches counting. */
  size_t count;                  /* `entries` has this many elements. */
  size_t room;                   /* There is memory for this many elements. */
  size_t depth;                  /* No pattern has more segments than this. */
} router;

void router_init(router *r, const wsuv_allocator_t *alloc);
void router_clear(router *r); /* frees all but the routes */

/* Add a route. A pattern begins with "/", and has these segments between its slashes:

     text         the same text, once the request's segment is decoded; so it has no escapes itself
     {name}       any segment that is not empty
     {name?}      only at the end: the same, or the segment is missing with the slash before it
     {name...}    only at the end: the rest of the path, with its slashes; may be empty

   The last segment may be empty: a pattern with a slash at its end differs from one without. Other
   empty segments, and the segments "." and "..", can never match, so they are refused. Names have
   letters, digits, "-" and "_", and a pattern has none twice.

   If `subprotocol` is not NULL, the route matches only a request that offers it. Everything but
   `route` is copied. 0; WS_EINVAL: a pattern that is malformed; WSUV_EINVAL_HEADER: a subprotocol
   that is no token; WS_EEXIST: an equal pattern, whatever its parameters are called, with the same
   subprotocol; WS_ENOMEM. *why, unless it is NULL, says more. */
int router_add(router *r, const char *pattern, const char *subprotocol, void *route, ws_why *why);

typedef struct router_match {
  void *route;             /* This is what was added with the pattern. */
  const char *subprotocol; /* The route demands this subprotocol, or it is NULL; the router's. */
  /* The caller owns the parameters, names and decoded values, or this is NULL: there are none. */
  ws_params *params;
} router_match;

/* Find the route for a path, which is everything before "?". The path is split at its slashes, then
   each segment is decoded once; "+" stands for itself. Of all patterns that match as a whole the
   best counts, in whatever order they were added: compared segment by segment from the left, text
   is better than {name}, that than {name?}, and that than {name...}; a pattern that ends is better
   than one that goes on. Of equal patterns the one counts whose subprotocol comes first in the
   offer; the one without is last. An empty segment in the middle of a path, "." and ".." match
   nothing, not even {name...}, and are not resolved.

   The time is at most linear in the length of the path and the total length of all patterns: every
   pattern is compared once, from the left, and nothing is tried again.

   WSUV_REFUSED_NONE; WSUV_REFUSED_NO_ROUTE; WSUV_REFUSED_ESCAPE: a malformed escape, or "%00";
   WSUV_REFUSED_NO_MEMORY. After an error *detail says more. */
wsuv_refused_t router_find(const router *r, ws_text path, const subprotocol_offer *offer,
                           router_match *match, const char **detail);

#endif

#ifndef WS_NET_DIAL_RESOLVER_H
#define WS_NET_DIAL_RESOLVER_H

/* Shares name lookups: while the lookup of a host and port is running, all that ask for them wait
   for the same result. Results are not cached. Knows the environment only. */

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/list.h"

typedef struct resolver {
  ws_env *env;     /* The lookups run in this environment, which outlives the resolver. */
  ws_list queries; /* These are the running lookups. */
} resolver;

/* One waiter. The memory is the caller's, and must not move until the waiter is called or
   cancelled. */
typedef struct resolver_waiter {
  ws_list node;                 /* This links the waiter into the list of its lookup. */
  struct resolver_query *query; /* This is the lookup, which belongs to the resolver. */
  ws_lookup_cb cb;              /* This is called with the addresses. */
  void *data;                   /* This is the first argument of `cb`. */
} resolver_waiter;

void resolver_init(resolver *r, ws_env *env); /* needs no freeing once nobody waits */

/* 0: cb runs once, from the loop, unless cancelled; or a code. The waiter may be used again when cb
   is called. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data);

/* Whether the name is being looked up, so that resolver_lookup only waits for that. */
bool resolver_is_looking_up(resolver *r, const char *host, uint16_t port);

/* Cancel: cb does not run any more. When no waiter is left, the lookup is cancelled. */
void resolver_cancel(resolver_waiter *w);

#endif

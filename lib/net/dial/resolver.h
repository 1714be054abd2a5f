#ifndef WS_NET_DIAL_RESOLVER_H
#define WS_NET_DIAL_RESOLVER_H

/* Shares name lookups: who asks for a host and port whose lookup is running waits for the same
   result. Results are not cached. Knows the environment only. */

#include <stdint.h>

#include "base/env.h"
#include "base/list.h"

typedef struct resolver {
  ws_env *env;
  ws_list queries; /* running lookups */
} resolver;

/* One waiter. The memory is the caller's, and must not move until the waiter is called or
   cancelled. */
typedef struct resolver_waiter {
  ws_list node;
  struct resolver_query *query;
  ws_lookup_cb cb;
  void *data;
} resolver_waiter;

void resolver_init(resolver *r, ws_env *env); /* needs no freeing once nobody waits */

/* 0: cb runs once, from the loop, unless cancelled; or a code. The waiter may be used again when cb
   is called. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data);

/* Cancel: cb does not run any more. When no waiter is left, the lookup is cancelled. */
void resolver_cancel(resolver_waiter *w);

#endif

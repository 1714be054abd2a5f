#ifndef WS_NET_DIAL_RESOLVER_H
#define WS_NET_DIAL_RESOLVER_H

/* Name lookups that are shared: whoever asks for the host and port that is looked up already waits
   for the same answer. Nothing is remembered. Knows the environment only. */

#include <stdint.h>

#include "base/env.h"
#include "base/list.h"

typedef struct resolver {
  ws_env *env;
  ws_list queries; /* under way */
} resolver;

/* One who waits; memory of the caller's, which keeps its place until the end. */
typedef struct resolver_waiter {
  ws_list node;
  struct resolver_query *query;
  ws_lookup_cb cb;
  void *data;
} resolver_waiter;

void resolver_init(resolver *r, ws_env *env); /* nothing to be freed, once nobody waits */

/* 0, and cb runs once, from the loop, unless cancelled; or a code. The waiter is free for other
   uses when cb is called. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data);

/* cb does not run any more. The others go on waiting; when there are none, the lookup is
   cancelled. */
void resolver_cancel(resolver_waiter *w);

#endif

#ifndef WS_NET_DIAL_RESOLVER_H
#define WS_NET_DIAL_RESOLVER_H

/* Shares name lookups: while the lookup of a host and port is running, all that ask for them wait
   for the same result. Results are not cached. One turn of the loop begins only so many lookups,
   and gives their results to so many of those that wait. Knows the environment only. */

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/list.h"
#include "net/turn_list.h"

enum { RESOLVER_BUCKETS = 64 };

typedef struct resolver {
  ws_env *env; /* The lookups run in this environment, which outlives the resolver. */
  /* The resolver shares this budget with others; NULL: there is none. It outlives the resolver. */
  turn_list *turns;
  /* These are the lookups that have no result yet, by the hash of host and port. */
  ws_list queries[RESOLVER_BUCKETS];
} resolver;

/* One waiter. The memory is the caller's, and must not move until the waiter is called or
   cancelled. */
typedef struct resolver_waiter {
  ws_list node;                 /* This links the waiter into the list of its lookup. */
  struct resolver_query *query; /* This is the lookup, which belongs to the resolver. */
  ws_lookup_cb cb;              /* This is called with the addresses. */
  void *data;                   /* This is the first argument of `cb`. */
} resolver_waiter;

/* Needs no freeing once nobody waits. */
void resolver_init(resolver *r, ws_env *env, turn_list *turns);

/* 0: cb runs once, from the loop, unless cancelled; or a code. The waiter may be used again when cb
   is called. A lookup is a unit of the budget, and so is a result that is an error; whoever gets
   addresses takes what it does with them off the budget. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data);

/* Whether the waiter waits until the loop has done the work of others: for the lookup to begin, or
   for the result, which is there. */
bool resolver_is_held(const resolver_waiter *w);

/* Cancel: cb does not run any more. When no waiter is left, the lookup is cancelled. */
void resolver_cancel(resolver_waiter *w);

#endif

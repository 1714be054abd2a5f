#ifndef WS_NET_DIAL_RESOLVER_H
#define WS_NET_DIAL_RESOLVER_H

/* Shares name lookups: while the lookup of a host and port is running, all that ask for them wait
   for the same result. Results are not cached. A budget limits how many lookups begin in one turn
   of the loop, and how many waiters get a result in it. Knows the environment and the budget only.
 */

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
   is called. The resolver spends a unit of the budget for each lookup that it begins, and for each
   error that it gives to a waiter. A callback that gets addresses spends a unit itself, when it
   uses them. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data);

/* Whether the waiter waits because the budget of this turn is spent: the lookup has not begun, or
   it has ended and the waiter has not got the result yet. */
bool resolver_is_held(const resolver_waiter *w);

/* Cancel: cb does not run any more. When no waiter is left, the lookup is cancelled. */
void resolver_cancel(resolver_waiter *w);

#endif

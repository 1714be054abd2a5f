#ifndef WS_SESSION_DEADLINES_H
#define WS_SESSION_DEADLINES_H

/* The deadlines of all sessions of an endpoint, or of all connections of a server that have none: a
   heap of them, and one timer of the environment, which is set for the first one or for an earlier
   time. A deadline that comes is called after one more poll, as a timer is (base/env.h). */

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/heap.h"

typedef struct deadlines {
  ws_env *env;     /* This is the environment, which outlives the deadlines. */
  heap waiting;    /* The deadlines that run; the key is when one comes, in milliseconds. */
  ws_timer *timer; /* The deadlines own this timer. */
  uint64_t set_ms; /* `timer` fires at this time or before; UINT64_MAX: it does not run. */
  bool firing;     /* Deadlines are called. `timer` is set after them. */
  /* This is called with each deadline that has come, which does not run any more then. It may start
     and stop any. */
  void (*on_deadline)(heap_node *deadline);
} deadlines;

/* Returns 0 or an error of the environment. */
int deadlines_init(deadlines *ds, ws_env *env);
void deadlines_free(deadlines *ds); /* none runs any more */

/* Start a deadline, or move one that runs: it comes at this time, in milliseconds, or, if that has
   come, a millisecond from now. */
void deadlines_start(deadlines *ds, heap_node *deadline, uint64_t at_ms);

/* Stop a deadline. It may already be stopped. */
void deadlines_stop(deadlines *ds, heap_node *deadline);

#endif

#ifndef WS_SESSION_WORK_H
#define WS_SESSION_WORK_H

/* What a session needs only while something is under way: bytes that were read and not used, a
   frame or a message in part, frames to be written, and completions that wait for them. An idle
   session has none of it. The memory comes from a pool that the endpoint's sessions share. */

#include <stdbool.h>
#include <stddef.h>

#include "proto/frame/conn.h"
#include "session/outflow.h"

typedef struct session_work {
  conn_work conn; /* This must be the first field, because session_out converts its address. */
  outflow out;    /* This writes the queue of `conn`. */
  struct session_work *next; /* In the pool: this is the next spare, or NULL. */
} session_work;

/* The work of every idle session: it is empty, and nobody writes to it. */
extern const session_work session_no_work;

typedef struct work_pool {
  conn_shared *shared; /* All connections of the endpoint share this, which outlives the pool. */
  ws_role role;        /* All sessions of the endpoint have this role. */
  session_work *spare; /* The pool owns this list of those that are not used, or NULL. */
  size_t spares;       /* This is the number of those in `spare`. */
} work_pool;

void work_pool_init(work_pool *pool, conn_shared *shared, ws_role role);
void work_pool_free(work_pool *pool);

/* For work_take only, if there is no spare: allocate one. NULL: there is no memory. */
session_work *work_new(const work_pool *pool);

/* Take memory for the work of a session: nothing is under way in it. NULL: there is no memory. */
static inline session_work *work_take(work_pool *pool) {
  session_work *w = pool->spare;
  if (w == NULL) return work_new(pool);
  pool->spare = w->next;
  pool->spares--;
  return w;
}

enum { WORK_SPARES_MAX = 1024 };

/* Give it back. Nothing is under way (work_continues). */
static inline void work_give(work_pool *pool, session_work *w) {
  if (pool->spares >= WORK_SPARES_MAX) {
    ws_free(pool->shared->chunks.alloc, w);
    return;
  }
  w->next = pool->spare;
  pool->spare = w;
  pool->spares++;
}

/* Whether something is under way. */
static inline bool work_continues(const session_work *w) {
  return conn_works(&w->conn) || outflow_waits(&w->out);
}

#endif

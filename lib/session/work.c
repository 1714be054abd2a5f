#include "session/work.h"

/* A pool of what sessions need while something is under way. */

const session_work session_no_work = {.conn.none = true, .out.refused_least = SIZE_MAX};

void work_pool_init(work_pool *pool, conn_shared *shared, ws_role role) {
  *pool = (work_pool){.shared = shared, .role = role};
}

void work_pool_free(work_pool *pool) {
  while (pool->spare != NULL) {
    session_work *w = pool->spare;
    pool->spare = w->next;
    ws_free(pool->shared->chunks.alloc, w);
  }
  pool->spares = 0;
}

session_work *work_new(const work_pool *pool) {
  session_work *w = ws_malloc(pool->shared->chunks.alloc, sizeof *w);
  if (w == NULL) return NULL;
  conn_work_init(&w->conn, pool->shared, pool->role);
  outflow_init(&w->out);
  return w;
}

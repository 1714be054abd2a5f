#include "proto/frame/conn_small.h"

#include "base/error.h"

/* What the fast paths do not do themselves, so that they need no registers for it. */

/* An error is found again by conn_send_frame. A frame that would be cut at the end of a chunk of
   the queue is not small. */
bool conn_small_prepare(conn *c, size_t len) {
  conn_work *const w = c->work;
  const size_t size = conn_small_head(c->masking) + len;
  if (len > CONN_SMALL_MAX || !conn_small_allowed(c)) return false;
  if (c->masking && !random_pool_has(&w->shared->random, sizeof(mask_key)) &&
      random_pool_refill(&w->shared->random) < 0)
    return false;
  return out_queue_reserve(&w->out, size) == 0 && out_queue_data_fits(&w->out, size);
}

#include "proto/frame/conn_small.h"

#include "base/error.h"

/* What the fast paths do not do themselves, so that they need no registers for it. */

/* An error is found again by conn_send_frame. */
uint8_t *conn_small_prepare(conn *c, size_t len) {
  random_pool *random = &c->work->shared->random;
  if (!conn_is_small(c, len) || c->work->shared->trace != NULL) return NULL;
  if (c->masking && !random_pool_has(random, sizeof(mask_key)) && random_pool_refill(random) < 0)
    return NULL;
  const int err = out_queue_reserve(&c->work->out, conn_small_head(c->masking) + len);
  return err == 0 ? conn_small_room(c, len) : NULL;
}

int conn_small_text(conn *c, const conn_event *ev) {
  if (!utf8_valid(ev->data, ev->len)) {
    c->work->shared->why = MESSAGE_NOT_UTF8;
    return WSUV_EUTF8;
  }
  conn_small_received(c, ev->len);
  return 1;
}

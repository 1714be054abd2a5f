#include "support/tunnel_rig.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

void tunnel_rig_open(tunnel_rig *r, const char *secret) {
  memset(r, 0, sizeof *r);
  secret_alloc_init(&r->alloc, secret);
}

void tunnel_rig_close(tunnel_rig *r) {
  if (r->t != NULL) r->t->ops->free(r->t);
  bytes_free(&r->sent);
  bytes_free(&r->behind);
  assert_int_equal(r->alloc.leaks, 0);
  assert_int_equal(r->alloc.below.live, 0);
}

void tunnel_rig_send(tunnel_rig *r) {
  for (ws_view out = tunnel_output(r->t); out.len > 0; out = tunnel_output(r->t)) {
    const size_t n = r->at_once > 0 && r->at_once < out.len ? r->at_once : out.len;
    bytes_add(&r->sent, out.base, n);
    tunnel_sent(r->t, n);
  }
}

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  tunnel_rig *r = arg;
  int result = r->t->ops->feed(r->t, data, len, used);
  assert_true(*used <= len);
  if (result == 0) assert_int_equal(*used, len);
  if (result >= 0) tunnel_rig_send(r);
  if (result < 0) assert_int_equal(tunnel_output(r->t).len, 0);
  return result;
}

int tunnel_rig_feed(tunnel_rig *r, pieces how, const void *data, size_t len) {
  size_t used;
  int result = pieces_feed(how, data, len, take, r, &used);
  bytes_add(&r->behind, (const uint8_t *) data + used, len - used);
  return result;
}

pieces tunnel_rig_way(size_t n) {
  if (n == 0) return (pieces){.kind = PIECES_WHOLE};
  if (n == 1) return (pieces){.kind = PIECES_BYTES};
  return (pieces){.kind = PIECES_AT, .a = n - 1, .b = n - 1};
}

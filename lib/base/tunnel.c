#include "base/tunnel.h"

/* What all machines have in common: their output. Knows none of their protocols. */

#include <assert.h>

void tunnel_init(ws_tunnel *t, const ws_tunnel_ops *ops, const wsuv_allocator_t *alloc) {
  *t = (ws_tunnel){.ops = ops};
  text_buf_init_secret(&t->output, alloc);
}

ws_view tunnel_output(const ws_tunnel *t) {
  const size_t len = text_buf_len(&t->output) - t->sent;
  if (len == 0) return (ws_view){NULL, 0};
  return (ws_view){(const uint8_t *) text_buf_base(&t->output) + t->sent, len};
}

/* The credentials in it are overwritten as soon as they are sent. */
void tunnel_sent(ws_tunnel *t, size_t n) {
  assert(n <= text_buf_len(&t->output) - t->sent);
  t->sent += n;
  if (t->sent < text_buf_len(&t->output)) return;
  text_buf_clear(&t->output);
  t->sent = 0;
}

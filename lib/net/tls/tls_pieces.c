#include "net/tls/tls_pieces.h"

#include <string.h>

enum { DIRECT_MIN = 8 * 1024 }; /* a piece of this size or more makes a record of its own */

static void skip_empty(tls_pieces *p) {
  while (p->count > 0 && p->off == p->bufs->len) {
    p->bufs++;
    p->count--;
    p->off = 0;
  }
}

void tls_pieces_skip(tls_pieces *p, size_t n) {
  for (skip_empty(p); n > 0; skip_empty(p)) {
    size_t len = p->bufs->len - p->off;
    if (len > n) len = n;
    p->off += len;
    n -= len;
  }
}

static size_t join(tls_pieces *p, uint8_t *to, size_t max) {
  size_t len = 0;
  for (skip_empty(p); p->count > 0 && len < max; skip_empty(p)) {
    size_t n = p->bufs->len - p->off;
    if (n > max - len) n = max - len;
    memcpy(to + len, p->bufs->base + p->off, n);
    p->off += n;
    len += n;
  }
  return len;
}

ws_view tls_pieces_next(tls_pieces *p, uint8_t *scratch, size_t max) {
  skip_empty(p);
  if (p->count == 0) return (ws_view){NULL, 0};
  size_t n = p->bufs->len - p->off;
  if (n < DIRECT_MIN && p->count > 1) return (ws_view){scratch, join(p, scratch, max)};
  if (n > max) n = max;
  p->off += n;
  return (ws_view){p->bufs->base + p->off - n, n};
}

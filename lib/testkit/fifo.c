#include "testkit/fifo.h"

/* The queue of bytes that the simulated sockets and the raw peers are made of. */

#include <string.h>

#include "testkit/check.h"

/* Bytes move to the front only when that frees half of the memory: each moves seldom. */
static void make_room(fifo *b, size_t n) {
  if (b->head >= b->cap / 2 && b->head > 0) {
    memmove(b->base, b->base + b->head, b->len);
    b->head = 0;
  }
  size_t used = b->head + b->len;
  if (b->cap - used >= n) return;
  b->cap = b->cap * 2 > used + n ? b->cap * 2 : used + n;
  b->base = check_realloc(b->base, b->cap);
}

void fifo_append(fifo *b, const void *data, size_t n) {
  if (n == 0) return;
  if (b->cap - b->head - b->len < n) make_room(b, n);
  memcpy(b->base + b->head + b->len, data, n);
  b->len += n;
}

void fifo_consume(fifo *b, size_t n) {
  CHECK(n <= b->len);
  b->len -= n;
  b->head = b->len == 0 ? 0 : b->head + n;
}

void fifo_free(fifo *b) {
  check_free(b->base);
  *b = (fifo){0};
}

#ifndef WS_TESTKIT_FIFO_H
#define WS_TESTKIT_FIFO_H

/* A growing queue of bytes in one piece. Zeroed is empty. */

#include <stddef.h>
#include <stdint.h>

typedef struct fifo {
  uint8_t *base;
  size_t head, len, cap;
} fifo;

static inline uint8_t *fifo_data(const fifo *b) {
  return b->base == NULL ? NULL : b->base + b->head;
}

void fifo_append(fifo *b, const void *data, size_t n);
void fifo_consume(fifo *b, size_t n); /* from the front; n <= len */
void fifo_free(fifo *b);              /* empty afterwards */

#endif

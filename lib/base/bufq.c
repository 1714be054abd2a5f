#include "base/bufq.h"

/* The byte queue: a chain of chunks, from a pool and back to it.

     head              write             reserved
      |                  |                  |
     [..####] -> [######] -> [####..] -> [......]
        begin^               end^

   Chunks between head and write are full to their end. When write is full, nothing follows it. */

#include <string.h>

#include "base/error.h"

void bufq_pool_init(bufq_pool *pool, const wsuv_allocator_t *alloc, size_t max_spares) {
  *pool = (bufq_pool){alloc, NULL, 0, max_spares};
}

void bufq_pool_free(bufq_pool *pool) {
  while (pool->spare != NULL) {
    bufq_chunk *c = pool->spare;
    pool->spare = c->next;
    ws_free(pool->alloc, c);
  }
  pool->spares = 0;
}

/* The spare that was used last comes first: it may still be in the processor's cache. */
static bufq_chunk *pool_take(bufq_pool *pool) {
  bufq_chunk *c = pool->spare;
  if (c != NULL) {
    pool->spare = c->next;
    pool->spares--;
  } else {
    c = ws_malloc(pool->alloc, sizeof *c + BUFQ_CHUNK_SIZE);
    if (c == NULL) return NULL;
  }
  c->next = c->prev = NULL;
  c->begin = c->end = 0;
  return c;
}

static void pool_give(bufq_pool *pool, bufq_chunk *c) {
  if (pool->spares >= pool->max_spares) {
    ws_free(pool->alloc, c);
    return;
  }
  c->next = pool->spare;
  pool->spare = c;
  pool->spares++;
}

static void pool_give_chain(bufq_pool *pool, bufq_chunk *c) {
  while (c != NULL) {
    bufq_chunk *next = c->next;
    pool_give(pool, c);
    c = next;
  }
}

/* As many chunks as n bytes need, or none at all and NULL. */
static bufq_chunk *pool_take_chain(bufq_pool *pool, size_t n) {
  bufq_chunk *first = NULL;
  for (;;) {
    bufq_chunk *c = pool_take(pool);
    if (c == NULL) {
      pool_give_chain(pool, first);
      return NULL;
    }
    c->next = first;
    if (first != NULL) first->prev = c;
    first = c;
    if (n <= BUFQ_CHUNK_SIZE) return first;
    n -= BUFQ_CHUNK_SIZE;
  }
}

static int reserve_chunks(bufq *q, bufq_pool *pool, size_t n) {
  bufq_chunk *last = NULL;
  for (bufq_chunk *c = q->write; c != NULL; c = c->next) {
    size_t room = BUFQ_CHUNK_SIZE - c->end;
    if (room >= n) return 0;
    n -= room;
    last = c;
  }
  if (n == 0) return 0;
  bufq_chunk *fresh = pool_take_chain(pool, n);
  if (fresh == NULL) return WS_ENOMEM;
  fresh->prev = last;
  if (last != NULL) last->next = fresh;
  if (last == NULL || q->write->end == BUFQ_CHUNK_SIZE) q->write = fresh;
  return 0;
}

/* An empty queue and few bytes are what most messages find. */
int bufq_reserve_slow(bufq *q, bufq_pool *pool, size_t n) {
  if (q->write != NULL || n > BUFQ_CHUNK_SIZE || n == 0) return reserve_chunks(q, pool, n);
  q->write = pool_take(pool);
  return q->write != NULL ? 0 : WS_ENOMEM;
}

int bufq_append(bufq *q, bufq_pool *pool, const void *data, size_t n) {
  int err = bufq_reserve(q, pool, n);
  if (err < 0) return err;
  for (const uint8_t *src = data; n > 0;) {
    size_t len;
    uint8_t *dst = bufq_tail(q, &len);
    if (len > n) len = n;
    memcpy(dst, src, len);
    bufq_commit(q, len);
    src += len;
    n -= len;
  }
  return 0;
}

size_t bufq_peek(const bufq *q, size_t skip, size_t limit, ws_view *bufs, size_t max) {
  size_t count = 0;
  for (bufq_chunk *c = q->head; c != NULL && limit > 0 && count < max; c = c->next) {
    size_t len = c->end - c->begin;
    if (skip >= len) {
      skip -= len;
      continue;
    }
    len -= skip;
    if (len > limit) len = limit;
    bufs[count++] = (ws_view){c->data + c->begin + skip, len};
    limit -= len;
    skip = 0;
  }
  return count;
}

void bufq_copy(const bufq *q, size_t skip, void *dst, size_t n) {
  assert(skip <= q->len && n <= q->len - skip);
  uint8_t *out = dst;
  for (const bufq_chunk *c = q->head; n > 0; c = c->next) {
    size_t len = c->end - c->begin;
    if (skip >= len) {
      skip -= len;
      continue;
    }
    len -= skip;
    if (len > n) len = n;
    memcpy(out, c->data + c->begin + skip, len);
    out += len;
    n -= len;
    skip = 0;
  }
}

void bufq_consume(bufq *q, bufq_pool *pool, size_t n) {
  assert(n <= q->len);
  if (n == q->len) {
    bufq_clear(q, pool);
    return;
  }
  q->len -= n;
  for (;;) {
    bufq_chunk *c = q->head;
    size_t len = c->end - c->begin;
    if (n < len) {
      c->begin += n;
      return;
    }
    n -= len;
    q->head = c->next;
    q->head->prev = NULL;
    pool_give(pool, c);
  }
}

/* Chunks that become empty stay behind the new end: they count as reserved. */
void bufq_trim(bufq *q, bufq_pool *pool, size_t n) {
  assert(n <= q->len);
  if (n == q->len) {
    bufq_clear(q, pool);
    return;
  }
  q->len -= n;
  while (n > 0) {
    bufq_chunk *c = q->write;
    size_t len = c->end - c->begin;
    if (len > n) len = n;
    c->end -= len;
    n -= len;
    if (n > 0) q->write = c->prev;
  }
}

void bufq_clear(bufq *q, bufq_pool *pool) {
  pool_give_chain(pool, q->head != NULL ? q->head : q->write);
  bufq_init(q);
}

#ifndef WS_BASE_BUFQ_H
#define WS_BASE_BUFQ_H

/* A queue of bytes in chunks of one size. Chunks come from a pool that many queues share, so a
   queue that is empty holds nothing and a busy one allocates nothing in the steady state.

   Bytes never move once they are in: what bufq_peek gave stays where it is until it is consumed,
   trimmed or cleared, whatever is appended meanwhile. */

#include <assert.h>

#include "base/alloc.h"
#include "base/view.h"

enum { BUFQ_CHUNK_SIZE = 16 * 1024 }; /* bytes of payload in a chunk */

typedef struct bufq_chunk bufq_chunk;

struct bufq_chunk {
  /* These are the neighbours in the queue, or NULL; a spare chunk has only `next`. */
  bufq_chunk *next, *prev;
  size_t begin, end; /* The bytes of `data` from index `begin` up to `end` are in the queue. */
  uint8_t data[];    /* The chunk has BUFQ_CHUNK_SIZE bytes. */
};

typedef struct bufq_pool {
  /* This allocator, which outlives the pool, gives the chunks their memory. */
  const wsuv_allocator_t *alloc;
  bufq_chunk *spare; /* The pool owns this list of chunks that are not in use. */
  size_t spares;     /* This is the number of chunks in `spare`. */
  size_t max_spares; /* At most this many chunks are kept in `spare`. */
} bufq_pool;

void bufq_pool_init(bufq_pool *pool, const wsuv_allocator_t *alloc, size_t max_spares);
void bufq_pool_free(bufq_pool *pool); /* every queue of the pool must be cleared before */

typedef struct bufq {
  /* This is the first chunk with bytes, or NULL; the queue owns all its chunks. */
  bufq_chunk *head;
  /* The next byte goes into this chunk, which reserved chunks follow; it may be NULL. */
  bufq_chunk *write;
  size_t len; /* This many bytes are in the queue. */
} bufq;

static inline void bufq_init(bufq *q) {
  q->head = q->write = NULL;
  q->len = 0;
}

static inline size_t bufq_len(const bufq *q) {
  return q->len;
}

/* Make room for n more bytes, so that writing them cannot fail. The reservation is valid until they
   are written, or until consume, trim or clear leave the queue empty. 0 or WS_ENOMEM, and then
   nothing is changed. */
int bufq_reserve_slow(bufq *q, bufq_pool *pool, size_t n);

static inline int bufq_reserve(bufq *q, bufq_pool *pool, size_t n) {
  const bufq_chunk *c = q->write;
  return c != NULL && BUFQ_CHUNK_SIZE - c->end >= n ? 0 : bufq_reserve_slow(q, pool, n);
}

/* Where the next bytes go, and how many fit there without a gap: at least 1 after a reservation
   that is not used up. Write, then commit what was written. NULL with *room 0 if there is none. */
static inline uint8_t *bufq_tail(const bufq *q, size_t *room) {
  bufq_chunk *c = q->write;
  *room = c == NULL ? 0 : BUFQ_CHUNK_SIZE - c->end;
  return *room == 0 ? NULL : c->data + c->end;
}

static inline void bufq_commit(bufq *q, size_t n) {
  if (n == 0) return;
  bufq_chunk *c = q->write;
  assert(c != NULL && n <= BUFQ_CHUNK_SIZE - c->end);
  c->end += n;
  q->len += n;
  if (q->head == NULL) q->head = c;
  if (c->end == BUFQ_CHUNK_SIZE && c->next != NULL) q->write = c->next;
}

/* Append a copy. 0 or WS_ENOMEM, and then nothing is changed. */
int bufq_append(bufq *q, bufq_pool *pool, const void *data, size_t n);

/* Describe up to `limit` bytes, from `skip` bytes after the front, in up to `max` pieces.
   Returns the number of pieces. */
size_t bufq_peek(const bufq *q, size_t skip, size_t limit, ws_view *bufs, size_t max);

/* Copy n bytes, from `skip` bytes after the front; skip + n <= length. */
void bufq_copy(const bufq *q, size_t skip, void *dst, size_t n);

void bufq_consume(bufq *q, bufq_pool *pool, size_t n); /* drop n from the front; n <= length */
void bufq_trim(bufq *q, bufq_pool *pool, size_t n);    /* drop n from the end; n <= length */
void bufq_clear(bufq *q, bufq_pool *pool);             /* drop all, give every chunk back */

#endif

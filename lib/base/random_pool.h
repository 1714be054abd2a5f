#ifndef WS_BASE_RANDOM_POOL_H
#define WS_BASE_RANDOM_POOL_H

/* Random bytes, made in bulk and handed out in small pieces, each byte once. Masking keys must be
   unpredictable (RFC 6455 10.3). A system call for each would cost more than the frame, and the
   bytes of the kernel as much as the rest of a small frame, so the environment gives only a seed,
   from which ChaCha20 makes the pool. The seed is forgotten at once: bytes that were handed out
   tell nothing about others. A forked child starts with an empty pool, so it never repeats its
   parent's masking keys. */

#include <stdbool.h>
#include <string.h>

#include "base/chacha20.h"
#include "base/env.h"
#include "base/fork.h"

enum { RANDOM_POOL_SIZE = 8192, RANDOM_SEED_SIZE = CHACHA20_KEY_SIZE };

typedef struct random_pool {
  ws_env *env;         /* Seeds come from this environment, which outlives the pool. */
  size_t left;         /* This many bytes at the start of `buf` were not handed out yet. */
  unsigned generation; /* This was fork_generation() when `buf` was filled. */
  uint8_t buf[RANDOM_POOL_SIZE]; /* These are the random bytes. */
} random_pool;

void random_pool_init(random_pool *pool, ws_env *env);

/* Fill the pool anew, from a new seed. 0, or WSUV_ERANDOM: the pool is empty. */
int random_pool_refill(random_pool *pool);

/* Whether the pool has n bytes that this process may use. */
static inline bool random_pool_has(const random_pool *pool, size_t n) {
  return pool->left >= n && pool->generation == fork_generation();
}

/* Take n bytes that the pool has. Bytes that were handed out are overwritten in the pool. */
static inline void random_pool_pop(random_pool *pool, void *dst, size_t n) {
  pool->left -= n;
  memcpy(dst, pool->buf + pool->left, n);
  memset(pool->buf + pool->left, 0, n);
}

/* The same for n <= RANDOM_POOL_SIZE bytes that it may not have. 0, or WSUV_ERANDOM: dst is
   unchanged, and no frame may be masked. */
static inline int random_pool_take(random_pool *pool, void *dst, size_t n) {
  if (!random_pool_has(pool, n)) {
    int err = random_pool_refill(pool);
    if (err < 0) return err;
  }
  random_pool_pop(pool, dst, n);
  return 0;
}

#endif

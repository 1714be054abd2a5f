#include "base/random_pool.h"

/* Filling the pool of random bytes. If the source fails, the pool is empty: no byte of half a seed,
   and none of an older one, is used. */

#include "base/alloc.h"
#include "base/error.h"

void random_pool_init(random_pool *pool, ws_env *env) {
  pool->env = env;
  pool->left = 0;
  pool->generation = fork_generation();
}

_Static_assert(RANDOM_POOL_SIZE % CHACHA20_STEP == 0, "the pool is filled in whole steps");

/* A child that is forked in here, by the program's source or in a signal handler, gets an error. */
int random_pool_refill(random_pool *pool) {
  uint8_t seed[RANDOM_SEED_SIZE];
  pool->left = 0;
  const bool watched = fork_watch() == 0;
  const unsigned generation = fork_generation();
  bool filled = watched && pool->env->ops->random(pool->env, seed, sizeof seed) == 0;
  if (filled) chacha20_stream(seed, pool->buf, sizeof pool->buf);
  ws_wipe(seed, sizeof seed);
  filled = filled && fork_generation() == generation;
  if (!filled) {
    memset(pool->buf, 0, sizeof pool->buf);
    return WSUV_ERANDOM;
  }
  pool->left = sizeof pool->buf;
  pool->generation = generation;
  return 0;
}

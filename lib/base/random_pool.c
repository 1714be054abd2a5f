#include "base/random_pool.h"

/* Filling the pool of random bytes. A source that fails leaves it empty: no byte of a half filled
   pool, and none of an older one, is handed out. */

#include "base/error.h"

void random_pool_init(random_pool *pool, ws_env *env) {
  pool->env = env;
  pool->left = 0;
  pool->generation = fork_generation();
}

int random_pool_refill(random_pool *pool) {
  pool->left = 0;
  bool filled =
      fork_watch() == 0 && pool->env->ops->random(pool->env, pool->buf, sizeof pool->buf) == 0;
  if (!filled) {
    memset(pool->buf, 0, sizeof pool->buf);
    return WSUV_ERANDOM;
  }
  pool->left = sizeof pool->buf;
  pool->generation = fork_generation();
  return 0;
}

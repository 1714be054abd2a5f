#ifndef TEST_FAKE_ENV_H
#define TEST_FAKE_ENV_H

/* An environment for the protocol core: memory and random bytes, from a seed. It has nothing else,
   so code below lib/session that wants a clock or a socket crashes. */

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"

typedef struct fake_env {
  ws_env base; /* give the library &base */
  uint64_t seed;
  uint64_t calls;    /* of random, so far */
  bool random_fails; /* from now on */
} fake_env;

void fake_env_init(fake_env *e, const wsuv_allocator_t *alloc, uint64_t seed);

#endif

#include "support/fake_env.h"

#include <string.h>

#include "base/error.h"
#include "support/frames.h"

static int fake_random(ws_env *env, void *buf, size_t len) {
  fake_env *e = (fake_env *) (void *) env;
  uint8_t *p = buf;
  e->calls++;
  if (e->random_fails) return WSUV_ERANDOM;
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t) seeded(&e->seed);
  return 0;
}

static const ws_env_ops fake_ops = {.random = fake_random};

void fake_env_init(fake_env *e, const wsuv_allocator_t *alloc, uint64_t seed) {
  *e = (fake_env){.base = {.ops = &fake_ops, .alloc = alloc}, .seed = seed};
}

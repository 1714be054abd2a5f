#include "testkit/kit.h"

/* The world in memory. */

#include "testkit/check.h"

enum { NS_PER_MS = 1000 * 1000, RUN_MS = 10 * 60 * 1000 };

static int env_new(wsuv_testkit_t *kit, ws_env **out, const wsuv_allocator_t *alloc) {
  return sim_env_new(out, kit->sim, alloc);
}

static uint64_t now_ms(const wsuv_testkit_t *kit) {
  return sim_now_ms(kit->sim);
}

/* Handles that the program has on the loop have their turn. */
static bool turn(wsuv_testkit_t *kit, uint64_t limit_ms) {
  bool alive = uv_loop_alive(&kit->own_loop) != 0;
  if (alive) uv_run(&kit->own_loop, UV_RUN_NOWAIT);
  const uint64_t limit_ns = limit_ms < UINT64_MAX / NS_PER_MS ? limit_ms * NS_PER_MS : UINT64_MAX;
  return sim_turn(kit->sim, limit_ns) || alive;
}

static bool is_over(const wsuv_testkit_t *kit) {
  (void) kit;
  return false;
}

/* Handles that are being closed have their callbacks. */
static int end(wsuv_testkit_t *kit) {
  uv_run(&kit->own_loop, UV_RUN_NOWAIT);
  int err = uv_loop_close(&kit->own_loop);
  if (err == 0) sim_free(kit->sim);
  return err;
}

const kit_world_ops kit_simulated = {env_new, now_ms, turn, is_over, end, RUN_MS};

int wsuv_testkit_new(wsuv_testkit_t **out, uint64_t seed) {
  wsuv_testkit_t *kit = kit_new(&kit_simulated, seed);
  CHECK(uv_loop_init(&kit->own_loop) == 0);
  kit->loop = &kit->own_loop;
  kit->sim = sim_new(kit->seed);
  *out = kit;
  return 0;
}

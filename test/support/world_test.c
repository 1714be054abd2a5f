#include "support/world_test.h"

/* Each scenario made into a test for each place. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/world_tls.h"
#include "testkit/check.h"

/* A handshake of TLS takes its time, and a loop real time: of these, one seed for each ten. */
enum { SEEDS = 10, SEEDS_FOR_ONE_SLOW = 10 };

static void run_in(world_case *c, uint64_t seed) {
  track_alloc alloc;
  track_alloc_init(&alloc);
  c->running = true;
  world *w = world_new(c->kind, seed, &alloc);
  if (c->secure) world_secure(w);
  c->test->run(w);
  world_end(w);
  c->running = false;
}

static void run_seeds(world_case *c) {
  const char *one = getenv("WSUV_TEST_SEED"), *many = getenv("WSUV_TEST_SEEDS");
  uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 0;
  uint64_t count = SEEDS;
  if (many != NULL) count = strtoull(many, NULL, 10);
  if (c->secure || c->kind == WORLD_LOOP) {
    count = (count + SEEDS_FOR_ONE_SLOW - 1) / SEEDS_FOR_ONE_SLOW;
  }
  if (one != NULL) count = 1;
  for (uint64_t i = 0; i < count; i++) run_in(c, first + i);
}

static void run_case(void **state) {
  world_case *c = *state;
  if (c->kind != WORLD_UV) run_seeds(c);
  if (c->kind == WORLD_UV) run_in(c, 0);
}

static int after_case(void **state) {
  const world_case *c = *state;
  if (c->running) fprintf(stderr, "%s failed with seed %" PRIu64 "\n", c->name, check_seed);
  return 0;
}

static void add_case(world_test *test, world_case *c, world_kind kind, bool secure) {
  static const char *const kinds[] = {
      [WORLD_SIM] = "simulated", [WORLD_UV] = "libuv", [WORLD_LOOP] = "simulated links on libuv"};
  c->test = test;
  c->kind = kind;
  c->secure = secure;
  (void) snprintf(c->name, sizeof c->name, "%s, %s%s", test->name, kinds[kind],
                  secure ? ", TLS" : "");
  c->entry = (test_entry){test->file, c->name, run_case, after_case, c, NULL};
  test_add(&c->entry);
}

void world_test_add(world_test *test) {
  world_case *c = test->cases;
  if (test->places & WORLD_IN_SIM) add_case(test, c++, WORLD_SIM, false);
  if (test->places & WORLD_IN_UV) add_case(test, c++, WORLD_UV, false);
  if (test->places & WORLD_IN_SIM_TLS) add_case(test, c++, WORLD_SIM, true);
  if (test->places & WORLD_IN_UV_TLS) add_case(test, c++, WORLD_UV, true);
  if (test->places & WORLD_IN_LOOP) add_case(test, c, WORLD_LOOP, false);
}

void world_assert_took(const world *w, uint64_t took_ms, uint64_t least_ms, uint64_t most_ms) {
  if (w->kind == WORLD_SIM) assert_in_range(took_ms, least_ms, most_ms);
}

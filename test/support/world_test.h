#ifndef TEST_WORLD_TEST_H
#define TEST_WORLD_TEST_H

/* Runs scenarios as cmocka's tests, once over libuv and for many seeds over the simulation.

       static void test_claim(world *w) { ... }
       static const world_test tests[] = {WORLD_TEST(test_claim), ...};
       int main(void) { return world_run_tests("group", tests, sizeof tests / sizeof *tests); }

   The environment variable WSUV_TEST_SEED runs one seed only, WSUV_TEST_SEEDS so many. */

#include <stddef.h>

#include "support/world.h"

typedef struct world_test {
  const char *name;
  void (*run)(world *w);
  bool in_sim, in_uv;
  bool in_sim_tls, in_uv_tls; /* the same, with peers and clients that speak TLS */
} world_test;

#define WORLD_TEST(fn) \
  { #fn, fn, true, true, false, false }
#define WORLD_SIM_TEST(fn) \
  { #fn, fn, true, false, false, false }
#define WORLD_UV_TEST(fn) \
  { #fn, fn, false, true, false, false }
/* And with TLS besides. Handshakes take their time: so there are fewer seeds of them. */
#define WORLD_TLS_TEST(fn) \
  { #fn, fn, true, true, true, true }
/* TLS in the simulation only: for those that are to be done within some real time. */
#define WORLD_AND_SIM_TLS_TEST(fn) \
  { #fn, fn, true, true, true, false }
#define WORLD_SIM_TLS_TEST(fn) \
  { #fn, fn, true, false, true, false }

#define WORLD_ONLY_TLS_TEST(fn) \
  { #fn, fn, false, false, true, true }
#define WORLD_ONLY_SIM_TLS_TEST(fn) \
  { #fn, fn, false, false, true, false }
#define WORLD_ONLY_UV_TLS_TEST(fn) \
  { #fn, fn, false, false, false, true }

/* How long something may take. A busy machine takes its time: the most holds in the simulation. */
void world_assert_took(const world *w, uint64_t took_ms, uint64_t least_ms, uint64_t most_ms);

/* What main returns. */
int world_run_tests(const char *group, const world_test *tests, size_t count);

#endif

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
} world_test;

#define WORLD_TEST(fn) \
  { #fn, fn, true, true }
#define WORLD_SIM_TEST(fn) \
  { #fn, fn, true, false }
#define WORLD_UV_TEST(fn) \
  { #fn, fn, false, true }

/* What main returns. */
int world_run_tests(const char *group, const world_test *tests, size_t count);

#endif

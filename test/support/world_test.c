#include "support/world_test.h"

/* The table of scenarios made into cmocka's table of tests. */

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/check.h"
#include "support/world_tls.h"

/* A handshake of TLS takes its time: one seed of TLS for each ten. */
enum { SEEDS = 20, SEEDS_FOR_ONE_OF_TLS = 10, NAME_MAX_LEN = 128, CASES = 4 };

typedef struct test_case {
  const world_test *test;
  world_kind kind;
  bool secure;
  bool running; /* still so after it: it has failed */
  char name[NAME_MAX_LEN];
} test_case;

static void run_in(test_case *c, uint64_t seed) {
  track_alloc alloc;
  track_alloc_init(&alloc);
  c->running = true;
  world *w = world_new(c->kind, seed, &alloc);
  if (c->secure) world_secure(w);
  c->test->run(w);
  world_end(w);
  c->running = false;
}

static void run_seeds(test_case *c) {
  const char *one = getenv("WSUV_TEST_SEED"), *many = getenv("WSUV_TEST_SEEDS");
  uint64_t first = one != NULL ? strtoull(one, NULL, 10) : 0;
  uint64_t count = many != NULL ? strtoull(many, NULL, 10) : SEEDS;
  if (c->secure) count = (count + SEEDS_FOR_ONE_OF_TLS - 1) / SEEDS_FOR_ONE_OF_TLS;
  if (one != NULL) count = 1;
  for (uint64_t i = 0; i < count; i++) run_in(c, first + i);
}

static void run_case(void **state) {
  test_case *c = *state;
  if (c->kind == WORLD_SIM) run_seeds(c);
  if (c->kind == WORLD_UV) run_in(c, 0);
}

static int after_case(void **state) {
  const test_case *c = *state;
  if (c->running) fprintf(stderr, "%s failed with seed %" PRIu64 "\n", c->name, check_seed);
  return 0;
}

static void set_case(struct CMUnitTest *unit, test_case *c, const world_test *test, world_kind kind,
                     bool secure) {
  c->test = test;
  c->kind = kind;
  c->secure = secure;
  (void) snprintf(c->name, sizeof c->name, "%s, %s%s", test->name,
                  kind == WORLD_SIM ? "simulated" : "libuv", secure ? ", TLS" : "");
  *unit = (struct CMUnitTest){c->name, run_case, NULL, after_case, c};
}

void world_assert_took(const world *w, uint64_t took_ms, uint64_t least_ms, uint64_t most_ms) {
  assert_in_range(took_ms, least_ms, w->kind == WORLD_SIM ? most_ms : UINT64_MAX);
}

int world_run_tests(const char *group, const world_test *tests, size_t count) {
  struct CMUnitTest *units = check_alloc(CASES * count * sizeof *units);
  test_case *cases = check_alloc(CASES * count * sizeof *cases);
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    const world_test *t = &tests[i];
    if (t->in_sim) set_case(&units[n], &cases[n], t, WORLD_SIM, false), n++;
    if (t->in_uv) set_case(&units[n], &cases[n], t, WORLD_UV, false), n++;
    if (t->in_sim_tls) set_case(&units[n], &cases[n], t, WORLD_SIM, true), n++;
    if (t->in_uv_tls) set_case(&units[n], &cases[n], t, WORLD_UV, true), n++;
  }
  int failed = _cmocka_run_group_tests(group, units, n, NULL, NULL);
  free(cases);
  free(units);
  return failed;
}

#ifndef TEST_WORLD_TEST_H
#define TEST_WORLD_TEST_H

/* Tests that are scenarios: each is run over libuv, and over the simulation for many seeds.

       WORLD_TEST(test_claim, w) { world_run_until(w, ...); }

   The environment variable WSUV_TEST_SEED runs one seed only, WSUV_TEST_SEEDS so many. */

#include <stddef.h>

#include "support/test.h"
#include "support/world.h"

/* Where a scenario is played; each is a test of its own. */
enum {
  WORLD_IN_SIM = 1,
  WORLD_IN_UV = 2,
  WORLD_IN_SIM_TLS = 4, /* with peers and clients that speak TLS */
  WORLD_IN_UV_TLS = 8,
  WORLD_IN_LOOP = 16,
  WORLD_PLACES = 5,
};

struct world_test;

typedef struct world_case {
  test_entry entry;
  const struct world_test *test;
  world_kind kind;
  bool secure;
  bool running; /* still so after it: it has failed */
  char name[128];
} world_case;

typedef struct world_test {
  const char *file;
  const char *name;
  void (*run)(world *w);
  unsigned places;
  world_case cases[WORLD_PLACES];
} world_test;

void world_test_add(world_test *test);

/* Registers RUN as the test NAME. */
#define WORLD_TEST_ADD(NAME, RUN, PLACES)                                                      \
  TEST_BEFORE_MAIN(NAME##_add) {                                                               \
    static world_test test_ = {.file = __FILE__, .name = #NAME, .run = RUN, .places = PLACES}; \
    world_test_add(&test_);                                                                    \
  }

#define WORLD_TEST_IN(NAME, W, PLACES) \
  static void NAME(world *W);          \
  WORLD_TEST_ADD(NAME, NAME, PLACES)   \
  static void NAME(world *W)

#define WORLD_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM | WORLD_IN_UV)
#define WORLD_SIM_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM)
#define WORLD_LOOP_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_LOOP)
/* The contracts of environments. */
#define WORLD_EACH_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_LOOP)
#define WORLD_UV_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_UV)
#define WORLD_UV_AND_TLS_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_UV | WORLD_IN_UV_TLS)
/* And with TLS besides. Handshakes take their time: so there are fewer seeds of them. */
#define WORLD_TLS_TEST(NAME, W) \
  WORLD_TEST_IN(NAME, W, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
/* TLS in the simulation only: for those that are to be done within some real time. */
#define WORLD_AND_SIM_TLS_TEST(NAME, W) \
  WORLD_TEST_IN(NAME, W, WORLD_IN_SIM | WORLD_IN_UV | WORLD_IN_SIM_TLS)
#define WORLD_SIM_TLS_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM | WORLD_IN_SIM_TLS)

#define WORLD_ONLY_TLS_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM_TLS | WORLD_IN_UV_TLS)
#define WORLD_ONLY_SIM_TLS_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_SIM_TLS)
#define WORLD_ONLY_UV_TLS_TEST(NAME, W) WORLD_TEST_IN(NAME, W, WORLD_IN_UV_TLS)

/* How long something takes in simulated time. In real time no limit holds on a busy machine: what
   ends too late was not given the processor, and what ends too early was measured from too late.
   test_env_timer.c shows that timers of libuv do not expire early. */
void world_assert_took(const world *w, uint64_t took_ms, uint64_t least_ms, uint64_t most_ms);

#endif

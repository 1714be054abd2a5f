#include "testkit/kit.h"

/* Plays a scenario with many seeds. */

#include <inttypes.h>
#include <stdio.h>

static int play(wsuv_testkit_scenario scenario, void *arg, uint64_t seed, uint64_t *used) {
  wsuv_testkit_t *kit;
  int err = wsuv_testkit_new(&kit, seed);
  if (err < 0) return err;
  *used = kit->seed;
  err = scenario(kit, arg);
  if (err != 0) {
    if (*kit->failure == '\0') {
      kit_note(kit, err, "the scenario returns %d %s", err, err < 0 ? wsuv_err_name(err) : "");
    }
    if (!kit->failed) kit_report(kit);
    fprintf(stderr, "wsuv testkit: WSUV_TEST_SEED=%" PRIu64 " replays it\n", *used);
  }
  int leak = wsuv_testkit_free(kit);
  if (leak < 0 && err == 0) {
    fprintf(stderr, "wsuv testkit: WSUV_TEST_SEED=%" PRIu64 " replays it\n", *used);
  }
  return err != 0 ? err : leak;
}

int wsuv_testkit_explore(wsuv_testkit_scenario scenario, void *arg, uint64_t seeds,
                         uint64_t *failed) {
  if (seeds > 1 && kit_choose_seed(0) == kit_choose_seed(1)) seeds = 1;
  for (uint64_t seed = 0; seed < seeds; seed++) {
    uint64_t used = seed;
    int err = play(scenario, arg, seed, &used);
    if (err != 0) {
      if (failed != NULL) *failed = used;
      return err;
    }
  }
  return 0;
}

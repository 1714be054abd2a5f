#include "testkit/kit.h"

/* Runs worlds. */

uint64_t wsuv_testkit_now_ms(const wsuv_testkit_t *kit) {
  return kit->ops->now_ms(kit);
}

/* Time is counted in nanoseconds up to here. What is longer waits for ever: if nothing is left to
   happen, time does not go on. */
static const uint64_t end_ms = UINT64_MAX / 2000000;

static uint64_t limit_of(uint64_t now_ms, uint64_t timeout_ms) {
  return now_ms < end_ms && timeout_ms < end_ms - now_ms ? now_ms + timeout_ms : UINT64_MAX;
}

int kit_run_until(wsuv_testkit_t *kit, bool (*done)(void *arg), void *arg, uint64_t timeout_ms) {
  int err = 0;
  if (kit->running) return WSUV_ESTATE;
  const uint64_t limit = limit_of(kit->ops->now_ms(kit), timeout_ms);
  kit->running = true;
  while (!done(arg)) {
    if (kit->ops->now_ms(kit) < limit && kit->ops->turn(kit, limit)) continue;
    if (!done(arg)) err = UV_ETIMEDOUT;
    break;
  }
  kit->running = false;
  return err;
}

int wsuv_testkit_run_until(wsuv_testkit_t *kit, bool (*done)(void *arg), void *arg,
                           uint64_t timeout_ms) {
  return kit_run_until(kit, done, arg, timeout_ms);
}

static bool is_idle(void *arg) {
  const wsuv_testkit_t *kit = arg;
  return !sim_is_busy(kit->sim);
}

int wsuv_testkit_run(wsuv_testkit_t *kit) {
  return kit_run_until(kit, is_idle, kit, kit->ops->run_ms);
}

static bool never(void *arg) {
  (void) arg;
  return false;
}

int wsuv_testkit_advance(wsuv_testkit_t *kit, uint64_t ms) {
  int err = kit_run_until(kit, never, NULL, ms);
  return err == UV_ETIMEDOUT ? 0 : err;
}

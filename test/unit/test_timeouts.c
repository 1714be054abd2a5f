/* The deadline of a state: when it is checked, and what a loop that was away changes. */

#include "session/timeouts.h"
#include "support/test.h"

enum { TIMEOUT_MS = 8000, START_MS = 1000, POLL_MS = 1 };

static const uint64_t never = UINT64_MAX;

/* A loop that calls each timer so late, until the deadline has passed: the time at which it did. */
static uint64_t passes_at(timeouts *t, uint64_t late_ms, uint64_t *turns) {
  for (*turns = 0; *turns < 1000; ++*turns) {
    uint64_t now_ms = timeouts_next_ms(t) + late_ms;
    if (t->last_poll) now_ms = t->deadline_ms + late_ms + POLL_MS;
    if (timeouts_check(t, now_ms) == TIMEOUTS_OVER) return now_ms;
  }
  return never;
}

static uint64_t passes_after(uint64_t timeout_ms, uint64_t late_ms, uint64_t *turns) {
  timeouts t = {.last_poll = false};
  timeouts_set_deadline(&t, START_MS, timeout_ms);
  return passes_at(&t, late_ms, turns) - START_MS;
}

TEST(test_deadline_passes_after_its_time_and_one_more_poll) {
  static const uint64_t times[] = {0, 1, 2, 7, 8, 9, 80, 500, TIMEOUT_MS};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    uint64_t turns;
    assert_int_equal(passes_after(times[i], 0, &turns), times[i] + POLL_MS);
    assert_in_range(turns, 1, 2);
  }
}

TEST(test_deadline_is_not_put_off_by_a_loop_that_is_a_little_late) {
  uint64_t turns;
  assert_in_range(passes_after(TIMEOUT_MS, 5, &turns), TIMEOUT_MS, TIMEOUT_MS + 20);
}

/* The time that the loop was away comes back, and the last eighth of the timeout with it. */
TEST(test_deadline_is_put_off_by_the_time_that_the_loop_was_away) {
  static const uint64_t away[] = {20, 500, 2000, TIMEOUT_MS - 1, TIMEOUT_MS, 10 * TIMEOUT_MS};
  for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
    timeouts t = {.last_poll = false};
    uint64_t turns;
    timeouts_set_deadline(&t, START_MS, TIMEOUT_MS);
    uint64_t now_ms = timeouts_next_ms(&t) + away[i];
    assert_int_equal(timeouts_check(&t, now_ms), TIMEOUTS_NOTHING);
    uint64_t left_ms = passes_at(&t, 0, &turns) - now_ms;
    assert_true(left_ms >= (away[i] < TIMEOUT_MS ? away[i] : TIMEOUT_MS));
    assert_true(left_ms >= TIMEOUT_MS / 8);
    assert_true(left_ms <= TIMEOUT_MS + POLL_MS);
  }
}

/* In the last moment, too. */
TEST(test_deadline_is_put_off_when_the_loop_was_away_at_its_end) {
  timeouts t = {.last_poll = false};
  timeouts_set_deadline(&t, START_MS, TIMEOUT_MS);
  assert_int_equal(timeouts_check(&t, timeouts_next_ms(&t)), TIMEOUTS_NOTHING);
  assert_int_equal(timeouts_next_ms(&t), START_MS + TIMEOUT_MS);
  assert_int_equal(timeouts_check(&t, START_MS + TIMEOUT_MS + 100), TIMEOUTS_NOTHING);
  assert_true(timeouts_next_ms(&t) > START_MS + TIMEOUT_MS + 100);
}

TEST(test_deadline_passes_in_a_loop_that_is_always_away) {
  uint64_t turns;
  assert_true(passes_after(TIMEOUT_MS, 2 * TIMEOUT_MS, &turns) != never);
  assert_in_range(turns, 8, 20); /* as many looks at the socket as it takes to open a session */
  assert_true(passes_after(TIMEOUT_MS, 50, &turns) <= 3 * TIMEOUT_MS);
  assert_true(passes_after(1, 2 * TIMEOUT_MS, &turns) != never);
}

TEST(test_deadline_without_end) {
  timeouts t = {.last_poll = false};
  timeouts_set_deadline(&t, START_MS, never);
  assert_int_equal(timeouts_check(&t, never / 2), TIMEOUTS_NOTHING);
  assert_true(timeouts_next_ms(&t) > never / 2);
}

/* A session that waits for the loop's work on others keeps the last eighth for itself. */
TEST(test_deadline_is_put_off_while_the_session_is_held) {
  static const uint64_t times[] = {1, 7, 8, 80, TIMEOUT_MS};
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    timeouts t = {.last_poll = false};
    uint64_t turns, now_ms = START_MS;
    timeouts_set_deadline(&t, START_MS, times[i]);
    for (int n = 0; n < 100; n++) {
      now_ms = timeouts_next_ms(&t);
      timeouts_hold(&t, now_ms);
      assert_int_equal(timeouts_check(&t, now_ms), TIMEOUTS_NOTHING);
      assert_true(timeouts_next_ms(&t) > now_ms);
    }
    assert_true(now_ms > START_MS + times[i]);
    uint64_t left_ms = passes_at(&t, 0, &turns) - now_ms;
    assert_in_range(left_ms, times[i] / 8 + 1, times[i] / 4 + 2 + POLL_MS);
  }
}

TEST(test_deadline_is_not_put_off_before_it_is_due) {
  timeouts t = {.last_poll = false};
  uint64_t turns;
  timeouts_set_deadline(&t, START_MS, TIMEOUT_MS);
  timeouts_hold(&t, timeouts_next_ms(&t) - 1);
  assert_int_equal(passes_at(&t, 0, &turns), START_MS + TIMEOUT_MS + POLL_MS);
}

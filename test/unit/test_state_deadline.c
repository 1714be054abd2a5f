/* The deadline of a state: when it is checked, what a loop that was away changes, and closing. */

#include "session/state_deadline.h"
#include "support/test.h"

enum { TIMEOUT_MS = 8000, START_MS = 1000, POLL_MS = 1 };

static const uint64_t never = UINT64_MAX;

/* A deadline with what has been acknowledged. */
typedef struct rig {
  state_deadline d;
  progress p;
} rig;

static void set(rig *t, uint64_t timeout_ms) {
  *t = (rig){.d.last_poll = false};
  state_deadline_set(&t->d, &t->p, START_MS, timeout_ms);
}

static uint64_t next_ms(const rig *t) {
  return state_deadline_next_ms(&t->d, &t->p);
}

/* It has not passed, and was not found to be due either. */
static bool is_put_off(rig *t, uint64_t now_ms) {
  return !state_deadline_passed(&t->d, now_ms) && !t->d.last_poll;
}

/* A loop that calls each timer so late, until the deadline has passed: the time at which it did. */
static uint64_t passes_at(rig *t, uint64_t late_ms, uint64_t *turns) {
  for (*turns = 0; *turns < 1000; ++*turns) {
    uint64_t now_ms = next_ms(t) + late_ms;
    if (t->d.last_poll) now_ms = t->d.at_ms + late_ms + POLL_MS;
    if (state_deadline_passed(&t->d, now_ms)) return now_ms;
  }
  return never;
}

static uint64_t passes_after(uint64_t timeout_ms, uint64_t late_ms, uint64_t *turns) {
  rig t;
  set(&t, timeout_ms);
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
    rig t;
    uint64_t turns;
    set(&t, TIMEOUT_MS);
    uint64_t now_ms = next_ms(&t) + away[i];
    assert_true(is_put_off(&t, now_ms));
    uint64_t left_ms = passes_at(&t, 0, &turns) - now_ms;
    assert_true(left_ms >= (away[i] < TIMEOUT_MS ? away[i] : TIMEOUT_MS));
    assert_true(left_ms >= TIMEOUT_MS / 8);
    assert_true(left_ms <= TIMEOUT_MS + POLL_MS);
  }
}

/* In the last moment, too. */
TEST(test_deadline_is_put_off_when_the_loop_was_away_at_its_end) {
  rig t;
  set(&t, TIMEOUT_MS);
  assert_true(is_put_off(&t, next_ms(&t)));
  assert_int_equal(next_ms(&t), START_MS + TIMEOUT_MS);
  assert_true(is_put_off(&t, START_MS + TIMEOUT_MS + 100));
  assert_true(next_ms(&t) > START_MS + TIMEOUT_MS + 100);
}

TEST(test_deadline_passes_in_a_loop_that_is_always_away) {
  uint64_t turns;
  assert_true(passes_after(TIMEOUT_MS, 2 * TIMEOUT_MS, &turns) != never);
  assert_in_range(turns, 8, 20); /* as many looks at the socket as it takes to open a session */
  assert_true(passes_after(TIMEOUT_MS, 50, &turns) <= 3 * TIMEOUT_MS);
  assert_true(passes_after(1, 2 * TIMEOUT_MS, &turns) != never);
}

TEST(test_deadline_without_end) {
  rig t;
  set(&t, never);
  assert_true(is_put_off(&t, never / 2));
  assert_true(next_ms(&t) > never / 2);
}

/* A session that waits for the loop's work on others keeps the last eighth for itself. */
TEST(test_deadline_is_put_off_while_the_session_is_held) {
  static const uint64_t times[] = {1, 7, 8, 80, TIMEOUT_MS};
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    rig t;
    uint64_t turns, now_ms = START_MS;
    set(&t, times[i]);
    for (int n = 0; n < 100; n++) {
      now_ms = next_ms(&t);
      state_deadline_hold(&t.d, now_ms);
      assert_true(is_put_off(&t, now_ms));
      assert_true(next_ms(&t) > now_ms);
    }
    assert_true(now_ms > START_MS + times[i]);
    uint64_t left_ms = passes_at(&t, 0, &turns) - now_ms;
    assert_in_range(left_ms, times[i] / 8 + 1, times[i] / 4 + 2 + POLL_MS);
  }
}

TEST(test_deadline_is_not_put_off_before_it_is_due) {
  rig t;
  uint64_t turns;
  set(&t, TIMEOUT_MS);
  state_deadline_hold(&t.d, next_ms(&t) - 1);
  assert_int_equal(passes_at(&t, 0, &turns), START_MS + TIMEOUT_MS + POLL_MS);
}

/* --- closing --- */

enum { CLOSE_MS = 800, LIMIT_MS = 5000 };

/* A peer that acknowledges something before each look, or nothing: when closing is given up. */
static uint64_t closing_passes_after(bool more) {
  rig t = {.d.last_poll = false};
  const progress_seen seen = {.more = more};
  state_deadline_close(&t.d, &t.p, START_MS, CLOSE_MS, LIMIT_MS);
  for (int turns = 0; turns < 1000; turns++) {
    uint64_t now_ms = t.d.last_poll ? t.d.at_ms + POLL_MS : next_ms(&t);
    if (t.p.look_ms != 0) state_deadline_seen(&t.d, &t.p, now_ms, &seen, CLOSE_MS);
    if (state_deadline_passed(&t.d, now_ms)) return now_ms - START_MS;
  }
  return never;
}

TEST(test_closing_passes_when_nothing_is_acknowledged) {
  assert_int_equal(closing_passes_after(false), CLOSE_MS + POLL_MS);
}

TEST(test_closing_passes_at_its_end_though_the_peer_acknowledges) {
  assert_int_equal(closing_passes_after(true), LIMIT_MS + POLL_MS);
}

TEST(test_closing_is_looked_at_until_the_close_frame_is_acknowledged) {
  rig t = {.d.last_poll = false};
  const progress_seen seen = {.more = true};
  state_deadline_close(&t.d, &t.p, START_MS, CLOSE_MS, LIMIT_MS);
  assert_int_equal(next_ms(&t), START_MS + CLOSE_MS / 8);
  t.p.target = 100;
  t.p.acknowledged = 99;
  state_deadline_seen(&t.d, &t.p, START_MS + 100, &seen, CLOSE_MS);
  assert_int_equal(next_ms(&t), START_MS + 200);
  assert_int_equal(t.d.at_ms, START_MS + 100 + CLOSE_MS);
  t.p.acknowledged = 100;
  state_deadline_seen(&t.d, &t.p, START_MS + 200, &seen, CLOSE_MS);
  assert_int_equal(t.p.look_ms, 0);
  assert_int_equal(t.d.at_ms, START_MS + 100 + CLOSE_MS); /* since the look before */
}

/* A time that is longer than the parts can be is kept in full. */
TEST(test_deadline_of_many_years) {
  const uint64_t years_ms = UINT64_C(1000) * UINT32_MAX;
  uint64_t turns;
  assert_int_equal(passes_after(years_ms, 0, &turns), years_ms + POLL_MS);
}

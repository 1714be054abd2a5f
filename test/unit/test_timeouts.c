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

/* --- closing --- */

enum { CLOSE_MS = 800, LIMIT_MS = 5000 };

/* A peer that acknowledges something before each look, or nothing: when closing is given up. */
static uint64_t closing_passes_after(bool more) {
  timeouts t = {.close_deadline_ms = LIMIT_MS};
  const progress_seen seen = {.more = more};
  timeouts_close(&t, START_MS, CLOSE_MS);
  for (int turns = 0; turns < 1000; turns++) {
    uint64_t now_ms = t.last_poll ? t.deadline_ms + POLL_MS : timeouts_next_ms(&t);
    if (t.progress.look_ms != 0) timeouts_seen_closing(&t, now_ms, &seen, CLOSE_MS);
    if (timeouts_check(&t, now_ms) == TIMEOUTS_OVER) return now_ms - START_MS;
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
  timeouts t = {.close_deadline_ms = LIMIT_MS};
  const progress_seen seen = {.more = true};
  timeouts_close(&t, START_MS, CLOSE_MS);
  assert_int_equal(timeouts_next_ms(&t), START_MS + CLOSE_MS / 8);
  t.progress.target = 100;
  t.progress.acknowledged = 99;
  timeouts_seen_closing(&t, START_MS + 100, &seen, CLOSE_MS);
  assert_int_equal(timeouts_next_ms(&t), START_MS + 200);
  assert_int_equal(t.deadline_ms, START_MS + 100 + CLOSE_MS);
  t.progress.acknowledged = 100;
  timeouts_seen_closing(&t, START_MS + 200, &seen, CLOSE_MS);
  assert_int_equal(t.progress.look_ms, 0);
  assert_int_equal(t.deadline_ms, START_MS + 100 + CLOSE_MS); /* since the look before */
}

/* --- the idle timeout --- */

enum { IDLE_MS = 800 };

static void open_idle(timeouts *t) {
  *t = (timeouts){.idle_timeout_ms = IDLE_MS};
  timeouts_open(t, START_MS);
  assert_int_equal(timeouts_next_open_ms(t, false), START_MS + IDLE_MS);
}

static void look(timeouts *t, uint64_t now_ms, uint64_t written, int64_t acknowledged,
                 bool data_queued) {
  const progress_seen seen = {.written = written, .more = acknowledged > t->progress.acknowledged};
  t->progress.acknowledged = acknowledged;
  timeouts_seen(t, now_ms, &seen, data_queued);
  timeouts_plan_look(t, now_ms);
}

TEST(test_idle_timeout_looks_for_what_was_sent) {
  timeouts t;
  open_idle(&t);
  assert_true(timeouts_queued(&t, START_MS + 10));
  assert_false(timeouts_queued(&t, START_MS + 20)); /* the timer is set */
  assert_int_equal(timeouts_next_open_ms(&t, false), START_MS + 10 + IDLE_MS / 8);
  look(&t, START_MS + 110, 1000, 600, true); /* more is in the queue */
  assert_int_equal(t.last_data_ms, START_MS + 110);
  look(&t, START_MS + 210, 2000, 600, false); /* nothing was acknowledged */
  assert_int_equal(t.last_data_ms, START_MS + 110);
  look(&t, START_MS + 310, 2000, 2000, false);
  assert_int_equal(t.last_data_ms, START_MS + 310);
  assert_int_equal(t.progress.look_ms, 0);
  look(&t, START_MS + 400, 2014, 2014, false); /* a ping */
  assert_int_equal(t.last_data_ms, START_MS + 310);
  assert_int_equal(timeouts_next_open_ms(&t, false), START_MS + 310 + IDLE_MS);
}

/* What arrives at once counts from when it was sent. */
TEST(test_idle_timeout_of_what_arrives_at_once) {
  timeouts t;
  open_idle(&t);
  assert_true(timeouts_queued(&t, START_MS + 10));
  look(&t, START_MS + 110, 1000, 1000, false);
  assert_int_equal(t.last_data_ms, START_MS + 10);
  assert_int_equal(t.progress.look_ms, 0);
  assert_true(timeouts_queued(&t, START_MS + 120));
}

TEST(test_looks_stop_while_paused) {
  timeouts t;
  open_idle(&t);
  assert_true(timeouts_queued(&t, START_MS + 10));
  assert_int_equal(timeouts_next_open_ms(&t, true), never);
}

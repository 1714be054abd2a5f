/* The timeouts of an open session: what the peer acknowledges, and what waits for one more poll. */

#include "session/timeouts.h"
#include "support/test.h"

enum { START_MS = 1000, IDLE_MS = 800 };

static const uint64_t never = UINT64_MAX;

/* Timeouts with what has been acknowledged. */
typedef struct rig {
  timeouts t;
  progress p;
} rig;

/* --- the idle timeout --- */

static void open_idle(rig *r) {
  *r = (rig){.p.look_ms = 0};
  timeouts_open(&r->t, START_MS, 0, 0);
  r->t.idle_timeout_ms = IDLE_MS;
  assert_int_equal(timeouts_next_ms(&r->t, &r->p, false), START_MS + IDLE_MS);
}

static void look(rig *r, uint64_t now_ms, uint64_t written, int64_t acknowledged,
                 bool data_queued) {
  const progress_seen seen = {.written = written, .more = acknowledged > r->p.acknowledged};
  r->p.acknowledged = acknowledged;
  timeouts_seen(&r->t, &r->p, now_ms, &seen, data_queued);
  timeouts_plan_look(&r->t, &r->p, now_ms);
}

TEST(test_idle_timeout_looks_for_what_was_sent) {
  rig r;
  open_idle(&r);
  assert_true(timeouts_queued(&r.t, &r.p, START_MS + 10));
  assert_false(timeouts_queued(&r.t, &r.p, START_MS + 20)); /* the timer is set */
  assert_int_equal(timeouts_next_ms(&r.t, &r.p, false), START_MS + 10 + IDLE_MS / 8);
  look(&r, START_MS + 110, 1000, 600, true); /* more is in the queue */
  assert_int_equal(r.t.last_data_ms, START_MS + 110);
  look(&r, START_MS + 210, 2000, 600, false); /* nothing was acknowledged */
  assert_int_equal(r.t.last_data_ms, START_MS + 110);
  look(&r, START_MS + 310, 2000, 2000, false);
  assert_int_equal(r.t.last_data_ms, START_MS + 310);
  assert_int_equal(r.p.look_ms, 0);
  look(&r, START_MS + 400, 2014, 2014, false); /* a ping */
  assert_int_equal(r.t.last_data_ms, START_MS + 310);
  assert_int_equal(timeouts_next_ms(&r.t, &r.p, false), START_MS + 310 + IDLE_MS);
}

/* What arrives at once counts from when it was sent. */
TEST(test_idle_timeout_of_what_arrives_at_once) {
  rig r;
  open_idle(&r);
  assert_true(timeouts_queued(&r.t, &r.p, START_MS + 10));
  look(&r, START_MS + 110, 1000, 1000, false);
  assert_int_equal(r.t.last_data_ms, START_MS + 10);
  assert_int_equal(r.p.look_ms, 0);
  assert_true(timeouts_queued(&r.t, &r.p, START_MS + 120));
}

TEST(test_looks_stop_while_paused) {
  rig r;
  open_idle(&r);
  assert_true(timeouts_queued(&r.t, &r.p, START_MS + 10));
  assert_int_equal(timeouts_next_ms(&r.t, &r.p, true), never);
}

/* --- pings --- */

static void open_pings(rig *r, uint64_t interval_ms, uint64_t timeout_ms) {
  *r = (rig){.p.target = 7};
  timeouts_open(&r->t, START_MS, interval_ms, timeout_ms);
}

static bool is_dead(const rig *r, uint64_t now_ms) {
  return keepalive_dead(&r->t.keepalive, now_ms);
}

static uint64_t dead_ms(const rig *r) {
  return keepalive_dead_ms(&r->t.keepalive);
}

/* The timeout of a ping that is behind other bytes starts again as long as the peer acknowledges
   those. */
TEST(test_acknowledged_bytes_are_life_until_the_ping_is) {
  rig r;
  open_pings(&r, 100, 50);
  timeouts_ping(&r.t, &r.p, 1100, true);
  assert_int_equal(r.p.target, never); /* it has not left the queue */
  assert_true(timeouts_watch_ping(&r.t, &r.p));
  assert_true(is_dead(&r, 1150)); /* nothing moves */
  timeouts_acknowledged(&r.t, &r.p, 1140, 1134, false);
  assert_false(is_dead(&r, 1189));
  assert_true(is_dead(&r, 1190));
  timeouts_ping(&r.t, &r.p, 1180, true);
  assert_int_equal(r.t.keepalive.next_ping_ms, 1280);
  r.p.target = 1000;
  timeouts_ping(&r.t, &r.p, 1185, true);
  assert_int_equal(r.p.target, 1000);                   /* the first one counts */
  timeouts_acknowledged(&r.t, &r.p, 1187, 1181, false); /* the kernel has it, the peer does not */
  assert_false(is_dead(&r, 1236));
  assert_true(is_dead(&r, 1237));
}

/* When the ping was acknowledged is known to a part of the timeout: it starts with that part. */
TEST(test_acknowledged_ping_starts_the_timeout_for_the_last_time) {
  rig r;
  open_pings(&r, 100, 80);
  timeouts_ping(&r.t, &r.p, 1100, true);
  timeouts_acknowledged(&r.t, &r.p, 1150, 1140, true);
  assert_false(timeouts_watch_ping(&r.t, &r.p));
  assert_int_equal(dead_ms(&r), 1220);
  timeouts_acknowledged(&r.t, &r.p, 1160, 1150, true); /* what is behind it says nothing */
  timeouts_acknowledged(&r.t, &r.p, 1170, 1160, false);
  assert_int_equal(dead_ms(&r), 1220);
}

TEST(test_look_that_reaches_the_ping_is_the_last_one_for_it) {
  rig r;
  open_pings(&r, 1000, 800);
  timeouts_ping(&r.t, &r.p, 2000, true);
  r.p.target = 500;
  look(&r, 2100, 600, 400, false);
  assert_int_equal(dead_ms(&r), 2900);
  assert_int_equal(r.p.look_ms, 2200);
  look(&r, 2200, 600, 500, false);
  assert_int_equal(dead_ms(&r), 2900); /* since the look before */
  assert_int_equal(r.p.look_ms, 0);
  look(&r, 2300, 600, 600, false);
  assert_int_equal(dead_ms(&r), 2900);
}

/* A look that comes soon does not make the timeout start before the ping. */
TEST(test_ping_timeout_never_starts_before_the_ping) {
  rig r;
  open_pings(&r, 100, 80);
  timeouts_ping(&r.t, &r.p, 1100, true);
  timeouts_acknowledged(&r.t, &r.p, 1105, 1095, true);
  assert_int_equal(dead_ms(&r), 1180);
}

TEST(test_ping_that_nothing_delays_needs_an_answer) {
  rig r;
  open_pings(&r, 100, 50);
  timeouts_ping(&r.t, &r.p, 1100, false);
  assert_false(timeouts_watch_ping(&r.t, &r.p));
  timeouts_acknowledged(&r.t, &r.p, 1140, 1130, false);
  assert_true(is_dead(&r, 1150));
}

/* The first ping without an answer counts, and what is acknowledged after it does not. */
TEST(test_later_pings_do_not_start_the_timeout_again) {
  rig r;
  open_pings(&r, 100, 250);
  timeouts_ping(&r.t, &r.p, 1100, false);
  timeouts_ping(&r.t, &r.p, 1200, true);
  assert_false(timeouts_watch_ping(&r.t, &r.p));
  timeouts_acknowledged(&r.t, &r.p, 1210, 1200, false);
  assert_int_equal(dead_ms(&r), 1350);
}

/* The life that was seen meanwhile is no answer to the one that it stands for. */
TEST(test_ping_that_is_stuck_is_waited_for_again) {
  rig r;
  open_pings(&r, 100, 150);
  timeouts_ping(&r.t, &r.p, 1100, true);
  keepalive_received(&r.t.keepalive);
  assert_false(timeouts_watch_ping(&r.t, &r.p));
  timeouts_ping(&r.t, &r.p, 1200, true);
  assert_int_equal(r.t.keepalive.next_ping_ms, 1300);
  timeouts_ping(&r.t, &r.p, 1300, true);
  assert_false(is_dead(&r, 1349));
  assert_true(is_dead(&r, 1350));
  timeouts_acknowledged(&r.t, &r.p, 1320, 1302, false);
  assert_false(is_dead(&r, 1469));
  assert_true(is_dead(&r, 1470));
}

/* What is acknowledged later is not that of a ping that is waited for no more. */
TEST(test_ping_is_forgotten_when_the_interval_changes) {
  rig r;
  open_pings(&r, 100, 50);
  timeouts_ping(&r.t, &r.p, 1100, true);
  keepalive_start(&r.t.keepalive, 100, 50, 1110);
  assert_false(timeouts_watch_ping(&r.t, &r.p));
  timeouts_acknowledged(&r.t, &r.p, 1120, 1115, false);
  assert_false(is_dead(&r, never));
}

/* --- one more poll --- */

TEST(test_timeout_counts_if_it_still_holds_after_one_more_poll) {
  rig r;
  open_idle(&r);
  assert_int_equal(timeouts_check(&r.t, START_MS + IDLE_MS - 1, false), TIMEOUTS_NOTHING);
  assert_int_equal(timeouts_check(&r.t, START_MS + IDLE_MS, false), TIMEOUTS_POLL);
  assert_int_equal(timeouts_next_ms(&r.t, &r.p, false), 0);
  assert_int_equal(timeouts_check(&r.t, START_MS + IDLE_MS + 1, false), TIMEOUTS_IDLE);
}

/* The loop was away again, as long as the whole timeout, after a message has come. */
TEST(test_timeout_that_takes_the_place_of_another_needs_its_own_poll) {
  rig r;
  open_idle(&r);
  assert_int_equal(timeouts_check(&r.t, START_MS + IDLE_MS, false), TIMEOUTS_POLL);
  timeouts_used(&r.t, START_MS + IDLE_MS + 1);
  const uint64_t late_ms = START_MS + 1 + 2 * IDLE_MS;
  assert_int_equal(timeouts_check(&r.t, late_ms, false), TIMEOUTS_POLL);
  assert_int_equal(timeouts_check(&r.t, late_ms + 1, false), TIMEOUTS_IDLE);
}

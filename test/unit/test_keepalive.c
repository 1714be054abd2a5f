#include <string.h>

#include "session/keepalive.h"
#include "support/test.h"

static const uint8_t random_bytes[4] = {1, 2, 3, 4};

static void start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms) {
  memset(k, 0xa5, sizeof *k);
  keepalive_start(k, interval_ms, timeout_ms, 1000);
}

static void ping(keepalive *k, uint64_t now_ms) {
  keepalive_ping(k, random_bytes, now_ms, false);
  keepalive_sent(k, now_ms * 1000000);
}

static void pong(keepalive *k, uint64_t now_us) {
  uint8_t payload[KEEPALIVE_PAYLOAD];
  keepalive_payload(k, payload);
  keepalive_pong(k, payload, sizeof payload, now_us * 1000);
}

TEST(test_keepalive_of_interval_zero_is_off) {
  keepalive k = {0};
  assert_false(keepalive_on(&k));
  start(&k, 1, 0);
  assert_true(keepalive_on(&k));
}

TEST(test_keepalive_pings_each_interval) {
  keepalive k;
  start(&k, 100, 250);
  assert_int_equal(keepalive_next_ms(&k, false), 1100);
  assert_false(keepalive_ping_due(&k, 1099));
  assert_true(keepalive_ping_due(&k, 1100));
  ping(&k, 1103);
  assert_false(keepalive_ping_due(&k, 1103));
  assert_int_equal(keepalive_next_ms(&k, false), 1203);
}

TEST(test_keepalive_timeout_is_two_intervals_by_default) {
  keepalive k;
  start(&k, 100, 0);
  assert_int_equal(k.timeout_ms, 200);
  start(&k, 100, 7);
  assert_int_equal(k.timeout_ms, 7);
}

TEST(test_keepalive_is_never_dead_before_a_ping) {
  keepalive k;
  start(&k, 100, 50);
  assert_false(keepalive_dead(&k, UINT64_MAX));
}

TEST(test_keepalive_counts_from_the_first_ping_without_life) {
  keepalive k;
  start(&k, 100, 250);
  ping(&k, 1100);
  ping(&k, 1200);
  ping(&k, 1300);
  assert_int_equal(keepalive_next_ms(&k, false), 1350);
  assert_false(keepalive_dead(&k, 1349));
  assert_true(keepalive_dead(&k, 1350));
}

TEST(test_keepalive_any_byte_is_life) {
  keepalive k;
  start(&k, 100, 50);
  ping(&k, 1100);
  keepalive_received(&k);
  assert_false(keepalive_dead(&k, 5000));
  assert_int_equal(keepalive_next_ms(&k, false), 1200);
  ping(&k, 1200);
  assert_false(keepalive_dead(&k, 1249));
  assert_true(keepalive_dead(&k, 1250));
}

/* The timeout of a ping that is behind other bytes starts again as long as the peer acknowledges
   those. */
TEST(test_keepalive_acknowledged_bytes_are_life_until_the_ping_is) {
  keepalive k;
  start(&k, 100, 50);
  keepalive_ping(&k, random_bytes, 1100, true);
  assert_true(keepalive_queued(&k));
  assert_true(keepalive_watches(&k));
  assert_true(keepalive_dead(&k, 1150)); /* nothing moves */
  keepalive_acknowledged(&k, 1140, 1134, false);
  assert_false(keepalive_dead(&k, 1189));
  assert_true(keepalive_dead(&k, 1190));
  keepalive_wait(&k, 1180, true);
  assert_int_equal(k.next_ping_ms, 1280);
  keepalive_sent(&k, 1);
  assert_false(keepalive_queued(&k));
  keepalive_acknowledged(&k, 1187, 1181, false); /* the kernel has it, and the peer does not */
  assert_false(keepalive_dead(&k, 1236));
  assert_true(keepalive_dead(&k, 1237));
}

/* When the ping was acknowledged is known to a part of the timeout: it starts with that part. */
TEST(test_keepalive_acknowledged_ping_starts_the_timeout_for_the_last_time) {
  keepalive k;
  start(&k, 100, 80);
  keepalive_ping(&k, random_bytes, 1100, true);
  keepalive_acknowledged(&k, 1150, 1140, true);
  assert_false(keepalive_watches(&k));
  assert_int_equal(keepalive_dead_ms(&k), 1220);
  keepalive_acknowledged(&k, 1160, 1150, true); /* what is behind it says nothing */
  keepalive_acknowledged(&k, 1170, 1160, false);
  assert_int_equal(keepalive_dead_ms(&k), 1220);
}

/* A look that comes soon does not make the timeout start before the ping. */
TEST(test_keepalive_timeout_never_starts_before_the_ping) {
  keepalive k;
  start(&k, 100, 80);
  keepalive_ping(&k, random_bytes, 1100, true);
  keepalive_acknowledged(&k, 1105, 1095, true);
  assert_int_equal(keepalive_dead_ms(&k), 1180);
}

TEST(test_keepalive_ping_that_nothing_delays_needs_an_answer) {
  keepalive k;
  start(&k, 100, 50);
  ping(&k, 1100);
  assert_false(keepalive_watches(&k));
  keepalive_acknowledged(&k, 1140, 1130, false);
  assert_true(keepalive_dead(&k, 1150));
}

/* The first ping without an answer counts, and what is acknowledged after it does not. */
TEST(test_keepalive_later_pings_do_not_start_the_timeout_again) {
  keepalive k;
  start(&k, 100, 250);
  ping(&k, 1100);
  keepalive_ping(&k, random_bytes, 1200, true);
  assert_false(keepalive_watches(&k));
  keepalive_acknowledged(&k, 1210, 1200, false);
  keepalive_sent(&k, 1);
  assert_int_equal(keepalive_dead_ms(&k), 1350);
}

TEST(test_keepalive_payloads_are_unique) {
  enum { PINGS = 300 };
  static uint8_t seen[PINGS][KEEPALIVE_PAYLOAD];
  keepalive k;
  start(&k, 1, 0);
  for (size_t i = 0; i < PINGS; i++) {
    ping(&k, 1000 + i); /* with the same random bytes each time */
    keepalive_payload(&k, seen[i]);
    for (size_t j = 0; j < i; j++) assert_memory_not_equal(seen[i], seen[j], KEEPALIVE_PAYLOAD);
  }
  uint8_t before[KEEPALIVE_PAYLOAD], after[KEEPALIVE_PAYLOAD];
  const uint8_t other[4] = {9, 9, 9, 9};
  start(&k, 1, 0);
  ping(&k, 1000);
  keepalive_payload(&k, before);
  start(&k, 1, 0);
  keepalive_ping(&k, other, 1000, false);
  keepalive_payload(&k, after);
  assert_memory_not_equal(before, after, sizeof before);
}

TEST(test_keepalive_measures_the_answer) {
  keepalive k;
  start(&k, 100, 0);
  assert_false(k.answered);
  ping(&k, 1100);
  pong(&k, 1100 * 1000 + 800);
  assert_true(k.answered);
  assert_int_equal(k.last_us, 800);
  assert_int_equal(k.min_us, 800);
  assert_int_equal(k.smoothed_us, 800);
  ping(&k, 1200);
  pong(&k, 1200 * 1000 + 1600);
  assert_int_equal(k.last_us, 1600);
  assert_int_equal(k.min_us, 800);
  assert_int_equal(k.smoothed_us, 900); /* RFC 6298: 7/8 of the old, 1/8 of the new */
  ping(&k, 1300);
  pong(&k, 1300 * 1000 + 100);
  assert_int_equal(k.last_us, 100);
  assert_int_equal(k.min_us, 100);
  assert_int_equal(k.smoothed_us, 800);
}

TEST(test_keepalive_ignores_other_pongs) {
  keepalive k;
  uint8_t old[KEEPALIVE_PAYLOAD], last[KEEPALIVE_PAYLOAD];
  start(&k, 100, 0);
  keepalive_payload(&k, last);
  keepalive_pong(&k, last, sizeof last, 1);
  assert_false(k.answered); /* nothing was asked */
  ping(&k, 1100);
  keepalive_payload(&k, old);
  ping(&k, 1200);
  keepalive_pong(&k, old, sizeof old, UINT64_C(1201000000));
  keepalive_payload(&k, last);
  keepalive_pong(&k, last, sizeof last - 1, UINT64_C(1201000000));
  keepalive_pong(&k, NULL, 0, UINT64_C(1201000000));
  assert_false(k.answered);
}

TEST(test_keepalive_measures_a_ping_once) {
  keepalive k;
  start(&k, 100, 0);
  ping(&k, 1100);
  pong(&k, 1100 * 1000 + 5);
  pong(&k, 1100 * 1000 + 5000);
  assert_int_equal(k.last_us, 5);
  assert_int_equal(k.smoothed_us, 5);
}

/* The life that was seen meanwhile is no answer to the one that it stands for. */
TEST(test_keepalive_ping_that_is_stuck_is_waited_for_again) {
  keepalive k;
  start(&k, 100, 150);
  keepalive_ping(&k, random_bytes, 1100, true);
  keepalive_received(&k);
  keepalive_wait(&k, 1200, true);
  assert_int_equal(k.next_ping_ms, 1300);
  keepalive_wait(&k, 1300, true);
  assert_false(keepalive_dead(&k, 1349));
  assert_true(keepalive_dead(&k, 1350));
  keepalive_acknowledged(&k, 1320, 1302, false);
  assert_false(keepalive_dead(&k, 1469));
  assert_true(keepalive_dead(&k, 1470));
}

TEST(test_keepalive_change_begins_anew) {
  keepalive k;
  start(&k, 100, 50);
  ping(&k, 1100);
  keepalive_change(&k, 300, 0, 1120);
  assert_int_equal(k.timeout_ms, 600);
  assert_int_equal(keepalive_next_ms(&k, false), 1420);
  assert_false(keepalive_dead(&k, UINT64_MAX)); /* the old ping is waited for no more */
  ping(&k, 1420);
  assert_true(keepalive_dead(&k, 2020));
  assert_int_equal(keepalive_dead_ms(&k), 2020);
  keepalive_change(&k, 0, 0, 1500);
  assert_false(keepalive_on(&k));
}

TEST(test_keepalive_change_leaves_what_was_measured) {
  keepalive k;
  uint8_t before[KEEPALIVE_PAYLOAD], after[KEEPALIVE_PAYLOAD];
  start(&k, 100, 0);
  ping(&k, 1100);
  keepalive_payload(&k, before);
  pong(&k, 1100 * 1000 + 800);
  keepalive_change(&k, 200, 0, 1150);
  assert_true(k.answered);
  assert_int_equal(k.last_us, 800);
  ping(&k, 1350);
  keepalive_payload(&k, after);
  assert_memory_not_equal(before, after, sizeof before);
}

/* A ping that still waits to be written does not begin to count when it goes. */
TEST(test_keepalive_change_forgets_a_queued_ping) {
  keepalive k;
  start(&k, 100, 50);
  keepalive_ping(&k, random_bytes, 1100, true);
  keepalive_change(&k, 100, 50, 1110);
  assert_true(keepalive_queued(&k));
  keepalive_sent(&k, 1120 * UINT64_C(1000000));
  assert_false(keepalive_dead(&k, UINT64_MAX));
  pong(&k, 1120 * 1000 + 5);
  assert_int_equal(k.last_us, 5);
}

TEST(test_keepalive_next_may_be_of_pings_only) {
  keepalive k;
  start(&k, 100, 50);
  ping(&k, 1100);
  assert_int_equal(keepalive_next_ms(&k, false), 1150);
  assert_int_equal(keepalive_next_ms(&k, true), 1200);
}

/* A time that does not fit is told as the longest that does. */
TEST(test_keepalive_round_trip_time_of_hours) {
  keepalive k;
  start(&k, 100, 0);
  ping(&k, 1100);
  pong(&k, 1100 * 1000 + UINT64_C(5000) * 1000000);
  assert_int_equal(k.last_us, UINT32_MAX);
  assert_int_equal(k.smoothed_us, UINT32_MAX);
  ping(&k, 9000000);
  pong(&k, UINT64_C(9000000) * 1000 + 8);
  assert_int_equal(k.min_us, 8);
  assert_int_equal(k.smoothed_us, UINT32_C(3758096384));
}

/* Times that do not fit are never. */
TEST(test_keepalive_times_do_not_wrap) {
  keepalive k;
  start(&k, UINT64_MAX, 0);
  assert_int_equal(k.timeout_ms, UINT32_MAX);
  assert_int_equal(keepalive_next_ms(&k, false), UINT64_MAX);
  start(&k, UINT64_MAX / 2 + 1, 0);
  assert_int_equal(k.timeout_ms, UINT32_MAX);
  start(&k, UINT32_MAX / 2, 0); /* the longest that is less */
  assert_int_equal(k.timeout_ms, UINT32_MAX - 1);
  ping(&k, 1100);
  assert_false(keepalive_dead(&k, 1100 + UINT64_C(4294967293)));
  assert_true(keepalive_dead(&k, 1100 + UINT64_C(4294967294)));
  start(&k, UINT32_MAX, 0);
  assert_int_equal(keepalive_next_ms(&k, false), UINT64_MAX);
  start(&k, 100, UINT64_MAX - 1);
  ping(&k, 1100);
  assert_int_equal(keepalive_next_ms(&k, false), 1200);
  assert_false(keepalive_dead(&k, UINT64_MAX - 1));
  start(&k, UINT64_MAX - 10, 1);
  ping(&k, 1100);
  assert_int_equal(k.next_ping_ms, UINT64_MAX);
}

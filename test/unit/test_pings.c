/* The payloads of pings, and the times that their answers take. */

#include "session/pings.h"
#include "support/test.h"

static const uint8_t random_bytes[4] = {1, 2, 3, 4};

static void ping(pings *p, uint64_t now_ms) {
  pings_make(p, random_bytes);
  assert_true(p->queued);
  pings_sent(p, now_ms * 1000000);
  assert_false(p->queued);
}

static void pong(pings *p, uint64_t now_us) {
  uint8_t payload[PING_PAYLOAD];
  pings_payload(p, payload);
  pings_pong(p, payload, sizeof payload, now_us * 1000);
}

TEST(test_ping_payloads_are_unique) {
  enum { PINGS = 300 };
  static uint8_t seen[PINGS][PING_PAYLOAD];
  pings p = {0};
  for (size_t i = 0; i < PINGS; i++) {
    ping(&p, 1000 + i); /* with the same random bytes each time */
    pings_payload(&p, seen[i]);
    for (size_t j = 0; j < i; j++) assert_memory_not_equal(seen[i], seen[j], PING_PAYLOAD);
  }
  uint8_t before[PING_PAYLOAD], after[PING_PAYLOAD];
  const uint8_t other[4] = {9, 9, 9, 9};
  p = (pings){0};
  ping(&p, 1000);
  pings_payload(&p, before);
  p = (pings){0};
  pings_make(&p, other);
  pings_payload(&p, after);
  assert_memory_not_equal(before, after, sizeof before);
}

TEST(test_ping_answer_is_measured) {
  pings p = {0};
  assert_false(p.answered);
  ping(&p, 1100);
  pong(&p, 1100 * 1000 + 800);
  assert_true(p.answered);
  assert_int_equal(p.last_us, 800);
  assert_int_equal(p.min_us, 800);
  assert_int_equal(p.smoothed_us, 800);
  ping(&p, 1200);
  pong(&p, 1200 * 1000 + 1600);
  assert_int_equal(p.last_us, 1600);
  assert_int_equal(p.min_us, 800);
  assert_int_equal(p.smoothed_us, 900); /* RFC 6298: 7/8 of the old, 1/8 of the new */
  ping(&p, 1300);
  pong(&p, 1300 * 1000 + 100);
  assert_int_equal(p.last_us, 100);
  assert_int_equal(p.min_us, 100);
  assert_int_equal(p.smoothed_us, 800);
}

TEST(test_other_pongs_are_ignored) {
  pings p = {0};
  uint8_t old[PING_PAYLOAD], last[PING_PAYLOAD];
  pings_payload(&p, last);
  pings_pong(&p, last, sizeof last, 1);
  assert_false(p.answered); /* nothing was asked */
  ping(&p, 1100);
  pings_payload(&p, old);
  ping(&p, 1200);
  pings_pong(&p, old, sizeof old, UINT64_C(1201000000));
  pings_payload(&p, last);
  pings_pong(&p, last, sizeof last - 1, UINT64_C(1201000000));
  pings_pong(&p, NULL, 0, UINT64_C(1201000000));
  assert_false(p.answered);
}

TEST(test_ping_is_measured_once) {
  pings p = {0};
  ping(&p, 1100);
  pong(&p, 1100 * 1000 + 5);
  pong(&p, 1100 * 1000 + 5000);
  assert_int_equal(p.last_us, 5);
  assert_int_equal(p.smoothed_us, 5);
}

/* A time that does not fit is told as the longest that does. */
TEST(test_ping_round_trip_time_of_hours) {
  pings p = {0};
  ping(&p, 1100);
  pong(&p, 1100 * 1000 + UINT64_C(5000) * 1000000);
  assert_int_equal(p.last_us, UINT32_MAX);
  assert_int_equal(p.smoothed_us, UINT32_MAX);
  ping(&p, 9000000);
  pong(&p, UINT64_C(9000000) * 1000 + 8);
  assert_int_equal(p.min_us, 8);
  assert_int_equal(p.smoothed_us, UINT32_C(3758096384));
}

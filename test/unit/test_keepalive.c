#include "session/keepalive.h"
#include "support/test.h"

static void start(keepalive *k, uint64_t interval_ms, uint64_t timeout_ms) {
  *k = (keepalive){.waiting_since_ms = 1};
  keepalive_start(k, interval_ms, timeout_ms, 1000);
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
  keepalive_wait(&k, 1103);
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
  keepalive_wait(&k, 1100);
  keepalive_wait(&k, 1200);
  keepalive_wait(&k, 1300);
  assert_int_equal(keepalive_next_ms(&k, false), 1350);
  assert_false(keepalive_dead(&k, 1349));
  assert_true(keepalive_dead(&k, 1350));
}

TEST(test_keepalive_any_byte_is_life) {
  keepalive k;
  start(&k, 100, 50);
  keepalive_wait(&k, 1100);
  keepalive_received(&k);
  assert_false(keepalive_dead(&k, 5000));
  assert_int_equal(keepalive_next_ms(&k, false), 1200);
  keepalive_wait(&k, 1200);
  assert_false(keepalive_dead(&k, 1249));
  assert_true(keepalive_dead(&k, 1250));
}

TEST(test_keepalive_change_begins_anew) {
  keepalive k;
  start(&k, 100, 50);
  keepalive_wait(&k, 1100);
  keepalive_start(&k, 300, 0, 1120);
  assert_int_equal(k.timeout_ms, 600);
  assert_int_equal(keepalive_next_ms(&k, false), 1420);
  assert_false(keepalive_dead(&k, UINT64_MAX)); /* the old ping is waited for no more */
  keepalive_wait(&k, 1420);
  assert_true(keepalive_dead(&k, 2020));
  assert_int_equal(keepalive_dead_ms(&k), 2020);
  keepalive_start(&k, 0, 0, 1500);
  assert_false(keepalive_on(&k));
}

TEST(test_keepalive_next_may_be_of_pings_only) {
  keepalive k;
  start(&k, 100, 50);
  keepalive_wait(&k, 1100);
  assert_int_equal(keepalive_next_ms(&k, false), 1150);
  assert_int_equal(keepalive_next_ms(&k, true), 1200);
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
  keepalive_wait(&k, 1100);
  assert_false(keepalive_dead(&k, 1100 + UINT64_C(4294967293)));
  assert_true(keepalive_dead(&k, 1100 + UINT64_C(4294967294)));
  start(&k, UINT32_MAX, 0);
  assert_int_equal(keepalive_next_ms(&k, false), UINT64_MAX);
  start(&k, 100, UINT64_MAX - 1);
  keepalive_wait(&k, 1100);
  assert_int_equal(keepalive_next_ms(&k, false), 1200);
  assert_false(keepalive_dead(&k, UINT64_MAX - 1));
  start(&k, UINT64_MAX - 10, 1);
  keepalive_wait(&k, 1100);
  assert_int_equal(k.next_ping_ms, UINT64_MAX);
}

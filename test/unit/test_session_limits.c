/* Messages a second, and the longest life of a session. */

#include <limits.h>

#include "session/session_limits.h"
#include "support/test.h"

enum { START_MS = 12345 };

static session_limits opened(unsigned rate, uint64_t lifetime_ms, uint64_t random) {
  wsuv_config_t config;
  session_limits l;
  wsuv_client_config_init(&config);
  config.max_message_rate = rate;
  config.max_lifetime_ms = lifetime_ms;
  limits_init(&l, &config);
  limits_open(&l, START_MS, random);
  return l;
}

TEST(test_limits_are_wanted_by_configurations_that_have_any) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  assert_false(limits_wanted(&config));
  config.max_message_rate = 1;
  assert_true(limits_wanted(&config));
  config.max_message_rate = 0;
  config.max_lifetime_ms = 1;
  assert_true(limits_wanted(&config));
}

/* --- messages a second --- */

TEST(test_limits_allow_the_messages_of_one_second_at_once) {
  static const unsigned rates[] = {1, 2, 3, 7, 999, 1000, 1001, 1000000, UINT_MAX};
  for (size_t i = 0; i < COUNT_OF(rates); i++) {
    session_limits l = opened(rates[i], 0, 0);
    assert_int_equal(limits_messages(&l, START_MS), rates[i]);
    limits_received(&l, rates[i]);
    assert_int_equal(limits_messages(&l, START_MS), 0);
    assert_true(limits_spent(&l));
    assert_int_equal(limits_messages(&l, START_MS + 1000), rates[i]);
    assert_int_equal(limits_messages(&l, START_MS + 3600 * 1000), rates[i]);
    assert_int_equal(limits_messages(&l, UINT64_MAX), rates[i]);
  }
}

/* When it is said to be so late, one may be received, and a millisecond before none. */
TEST(test_limits_say_when_another_message_may_be_received) {
  static const unsigned rates[] = {1, 3, 7, 10, 999, 1000, 1001, 5000};
  for (size_t i = 0; i < COUNT_OF(rates); i++) {
    session_limits l = opened(rates[i], 0, 0);
    uint64_t now_ms = START_MS, received = limits_messages(&l, now_ms);
    limits_received(&l, received);
    for (size_t n = 0; n < 100; n++) {
      assert_true(limits_spent(&l));
      uint64_t at_ms = limits_refilled_ms(&l);
      assert_true(at_ms > now_ms);
      session_limits early = l;
      assert_int_equal(limits_messages(&early, at_ms - 1), 0);
      uint64_t allowed = limits_messages(&l, at_ms);
      assert_in_range(allowed, 1, 1 + rates[i] / 1000);
      limits_received(&l, allowed);
      received += allowed;
      now_ms = at_ms;
    }
    /* what may be received at once, and then the rate to the millisecond */
    assert_in_range(received * 1000, (now_ms - START_MS) * rates[i] + (rates[i] - 1) * 1000,
                    (now_ms - START_MS) * rates[i] + rates[i] * 1000);
  }
}

TEST(test_limits_without_a_rate) {
  session_limits l = opened(0, 1000, 0);
  limits_received(&l, 1000000);
  assert_true(limits_messages(&l, START_MS) == UINT64_MAX);
  assert_false(limits_spent(&l));
}

/* --- the longest life --- */

TEST(test_limits_end_a_life_up_to_a_tenth_earlier) {
  static const uint64_t randoms[] = {0, 1, 99, 100, 101, 1u << 31, UINT64_MAX};
  for (size_t i = 0; i < COUNT_OF(randoms); i++) {
    session_limits l = opened(0, 1000, randoms[i]);
    assert_in_range(l.end_ms, START_MS + 900, START_MS + 1000);
  }
  assert_int_equal(opened(0, 1000, 0).end_ms, START_MS + 1000);
  assert_int_equal(opened(0, 1000, 100).end_ms, START_MS + 900);
  assert_int_equal(opened(0, 1, UINT64_MAX).end_ms, START_MS + 1);
}

TEST(test_limits_of_a_life_beyond_all_bounds) {
  assert_true(opened(1, 0, 0).end_ms == UINT64_MAX);
  assert_true(opened(0, UINT64_MAX, 0).end_ms == UINT64_MAX);
  assert_true(opened(0, UINT64_MAX, UINT64_MAX).end_ms >= UINT64_MAX / 10 * 9);
}

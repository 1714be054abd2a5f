#include <string.h>

#include "base/error.h"
#include "base/text_buf.h"
#include "support/secret_alloc.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

TEST(test_text_buf_joins_what_is_added) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init(&t, &a.handle);
  assert_int_equal(text_buf_add(&t, "", 0), 0);
  assert_int_equal(a.calls, 0);
  assert_int_equal(text_buf_puts(&t, "ab"), 0);
  memcpy(text_buf_extend(&t, 2), "cd", 2);
  assert_int_equal(text_buf_add(&t, "e", 2), 0);
  assert_int_equal(text_buf_len(&t), 6);
  assert_string_equal(text_buf_base(&t), "abcde");
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
}

static void assert_doubles(bool secret) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init(&t, &a.handle);
  t.secret = secret;
  for (int i = 0; i < 1 << 20; i++) assert_int_equal(text_buf_add(&t, "x", 1), 0);
  assert_in_range(a.calls, 1, 20);
  assert_in_range(t.bytes.cap, 1 << 20, 2 << 20);
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
}

TEST(test_text_buf_grows_by_doubling) {
  assert_doubles(false);
  assert_doubles(true);
}

TEST(test_text_buf_refuses_sizes_that_wrap) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init(&t, &a.handle);
  assert_int_equal(text_buf_puts(&t, "x"), 0);
  assert_null(text_buf_extend(&t, SIZE_MAX));
  text_buf_clear(&t);
  assert_int_equal(text_buf_puts(&t, "x"), 0);
  assert_null(text_buf_extend(&t, SIZE_MAX - 1));
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
}

TEST(test_text_buf_keeps_failing_until_cleared) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init(&t, &a.handle);
  a.fail_at = 1;
  assert_int_equal(text_buf_puts(&t, "x"), WS_ENOMEM);
  assert_int_equal(text_buf_puts(&t, "y"), WS_ENOMEM);
  assert_int_equal(text_buf_add(&t, "", 0), WS_ENOMEM);
  text_buf_clear(&t);
  assert_int_equal(text_buf_puts(&t, "z"), 0);
  assert_int_equal(text_buf_len(&t), 1);
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
}

TEST(test_text_buf_overwrites_a_secret) {
  secret_alloc a;
  text_buf t;
  secret_alloc_init(&a, "secret");
  text_buf_init_secret(&t, &a.handle);
  for (int i = 0; i < 500; i++) assert_int_equal(text_buf_add(&t, "secret", 6), 0);
  for (size_t i = 0; i < 500; i++) assert_memory_equal(text_buf_base(&t) + 6 * i, "secret", 6);
  text_buf_cut(&t, 0);
  text_buf_clear(&t);
  assert_true(a.freed >= 3);
  assert_int_equal(a.leaks, 0);
  assert_int_equal(text_buf_puts(&t, "secret"), 0); /* it stays one */
  text_buf_clear(&t);
  assert_int_equal(a.leaks, 0);
  assert_int_equal(a.below.live, 0);
}

TEST(test_text_buf_without_memory_for_a_secret) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init_secret(&t, &a.handle);
  assert_int_equal(text_buf_puts(&t, "secret"), 0);
  a.fail_at = a.calls + 1;
  assert_null(text_buf_extend(&t, 1000));
  assert_int_equal(text_buf_len(&t), 6);
  assert_memory_equal(text_buf_base(&t), "secret", 6);
  assert_int_equal(text_buf_add(&t, "x", 1), WS_ENOMEM);
  text_buf_clear(&t);
  assert_null(text_buf_extend(&t, SIZE_MAX));
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
}

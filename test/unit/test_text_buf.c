#include <string.h>

#include "base/error.h"
#include "base/text_buf.h"
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

TEST(test_text_buf_grows_by_doubling) {
  track_alloc a;
  text_buf t;
  track_alloc_init(&a);
  text_buf_init(&t, &a.handle);
  for (int i = 0; i < 1 << 20; i++) assert_int_equal(text_buf_add(&t, "x", 1), 0);
  assert_in_range(a.calls, 1, 20);
  assert_in_range(t.bytes.cap, 1 << 20, 2 << 20);
  text_buf_clear(&t);
  assert_int_equal(a.live, 0);
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

/* The allocator handle: what it asks of the user's functions, and what it makes of a failure. */

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

TEST(test_alloc_libc_allocates_resizes_and_frees) {
  char *p = ws_malloc(&ws_alloc_libc, 4);
  assert_non_null(p);
  memcpy(p, "abc", 4);
  p = ws_realloc(&ws_alloc_libc, p, 4096);
  assert_non_null(p);
  assert_string_equal(p, "abc");
  ws_free(&ws_alloc_libc, p);
}

TEST(test_alloc_goes_through_the_handle) {
  track_alloc t;
  track_alloc_init(&t);
  void *p = ws_malloc(&t.handle, 10);
  assert_int_equal(t.live_bytes, 10);
  p = ws_realloc(&t.handle, p, 30);
  assert_int_equal(t.live, 1);
  assert_int_equal(t.live_bytes, 30);
  ws_free(&t.handle, p);
  ws_free(&t.handle, NULL);
  assert_int_equal(t.live, 0);
}

TEST(test_alloc_calloc_zeroes) {
  track_alloc t;
  track_alloc_init(&t);
  uint8_t *p = ws_calloc(&t.handle, 100); /* track_alloc fills blocks with 0xa5 */
  for (size_t i = 0; i < 100; i++) assert_int_equal(p[i], 0);
  ws_free(&t.handle, p);
  assert_int_equal(t.live, 0);
}

TEST(test_alloc_size_zero_is_a_block) {
  track_alloc t;
  track_alloc_init(&t);
  void *p = ws_malloc(&t.handle, 0), *q = ws_calloc(&t.handle, 0);
  assert_non_null(p);
  assert_non_null(q);
  p = ws_realloc(&t.handle, p, 0);
  assert_non_null(p);
  assert_int_equal(t.live, 2);
  ws_free(&t.handle, p);
  ws_free(&t.handle, q);
  assert_int_equal(t.live, 0);
}

TEST(test_alloc_strndup_copies_exactly_and_terminates) {
  track_alloc t;
  track_alloc_init(&t);
  const char text[] = {'a', '\0', 'b', 'c'};
  char *copy = ws_strndup(&t.handle, text, 3);
  assert_memory_equal(copy, "a\0b", 4);
  assert_int_equal(t.live_bytes, 4);
  char *none = ws_strndup(&t.handle, NULL, 0);
  assert_string_equal(none, "");
  char *whole = ws_strdup(&t.handle, "whole");
  assert_string_equal(whole, "whole");
  ws_free(&t.handle, copy);
  ws_free(&t.handle, none);
  ws_free(&t.handle, whole);
  assert_int_equal(t.live, 0);
}

TEST(test_alloc_failure_is_null) {
  track_alloc t;
  track_alloc_init(&t);
  char *kept = ws_strdup(&t.handle, "kept");
  t.fail_at = 1;
  t.fail_for_ever = true;
  assert_null(ws_malloc(&t.handle, 1));
  assert_null(ws_calloc(&t.handle, 1));
  assert_null(ws_strdup(&t.handle, "x"));
  assert_null(ws_strndup(&t.handle, "x", 1));
  assert_null(ws_realloc(&t.handle, kept, 100));
  assert_int_equal(t.failed, 5);
  assert_string_equal(kept, "kept"); /* a failed realloc leaves the old block */
  ws_free(&t.handle, kept);
  assert_int_equal(t.live, 0);
}

/* The block that grows, and the spare one that many share. */

#include <string.h>

#include "base/block.h"
#include "base/error.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  block_spare spare;
} rig;

static void rig_open(rig *r) {
  track_alloc_init(&r->alloc);
  block_spare_init(&r->spare, &r->alloc.handle);
  assert_null(r->spare.memory);
}

static void rig_close(rig *r) {
  block_spare_free(&r->spare);
  assert_int_equal(r->alloc.live, 0);
  assert_int_equal(r->alloc.live_bytes, 0);
}

static void fill(block *b, size_t n) {
  for (size_t i = 0; i < n; i++, b->len++) b->base[b->len] = (unsigned char) (b->len * 7);
}

static void expect_filled(const block *b) {
  for (size_t i = 0; i < b->len; i++)
    assert_that(b->base[i] == (unsigned char) (i * 7), "byte %zu of %zu", i, b->len);
}

TEST(test_block_keeps_its_bytes_while_it_grows) {
  SCOPED(rig, r);
  uint64_t seed = 3;
  block b = {0};
  for (int i = 0; i < 200; i++) {
    size_t n = seeded_below(&seed, 3000), old = b.cap;
    assert_int_equal(block_reserve(&b, &r.spare, n, SIZE_MAX), 0);
    assert_that(b.cap - b.len >= n, "step %d: no room for %zu", i, n);
    assert_that(b.cap == old || b.cap >= 2 * old, "step %d: %zu after %zu", i, b.cap, old);
    fill(&b, n);
    expect_filled(&b);
  }
  assert_true(r.alloc.calls < 25);
  block_release(&b, &r.spare);
  assert_null(b.base);
  assert_int_equal(b.len, 0);
  assert_int_equal(b.cap, 0);
}

/* Whatever the allocator gives, new, grown or spare. */
TEST(test_block_lies_as_it_was_asked_to) {
  static const unsigned char example[2 * BLOCK_ALIGN];
  SCOPED(rig, r);
  for (size_t i = 0; i < BLOCK_ALIGN; i++) {
    const unsigned char *like = example + i;
    block b = {0};
    block_align(&b, like);
    for (size_t n = 1; n < 20000; n *= 3) {
      assert_int_equal(block_reserve(&b, &r.spare, n, SIZE_MAX), 0);
      assert_that(((uintptr_t) b.base - (uintptr_t) like) % BLOCK_ALIGN == 0, "%zu, %zu", i, n);
      fill(&b, n);
      expect_filled(&b);
      block_align(&b, like + 1); /* too late: it is not empty */
    }
    block_release(&b, &r.spare);
  }
}

TEST(test_block_stays_within_most_unless_more_is_needed) {
  SCOPED(rig, r);
  for (size_t most = 10000; most < 20000; most += 999) {
    block b = {0};
    while (b.len < most) {
      size_t n = most - b.len < 700 ? most - b.len : 700;
      assert_int_equal(block_reserve(&b, &r.spare, n, most), 0);
      assert_that(b.cap <= most, "most %zu: %zu", most, b.cap);
      fill(&b, n);
    }
    assert_int_equal(block_reserve(&b, &r.spare, 100, most), 0);
    assert_true(b.cap >= most + 100);
    fill(&b, 100);
    expect_filled(&b);
    block_release(&b, &r.spare);
    block_spare_free(&r.spare);
    block_spare_init(&r.spare, &r.alloc.handle);
  }
}

/* Growing may copy all bytes (F49), so it is not done for a few more. Wherever it begins, it ends
   with a half of the most. */
TEST(test_block_grows_to_a_half_of_the_most_and_to_the_most) {
  enum { MOST = 1024 * 1024 + 1, HALF = MOST / 2 + 1, LARGE = MOST / 16 };
  SCOPED(rig, r);
  for (size_t first = LARGE; first < 2 * LARGE; first += 997) {
    size_t steps = 0, old = 0;
    block b = {0};
    assert_int_equal(block_reserve(&b, &r.spare, first, MOST), 0);
    assert_int_equal(b.cap, first);
    r.alloc.moved_bytes = 0;
    for (size_t before = first; b.len < MOST; before = b.cap) {
      const size_t n = MOST - b.len < 500 ? MOST - b.len : 500;
      assert_int_equal(block_reserve(&b, &r.spare, n, MOST), 0);
      assert_in_range(b.cap, before, 2 * before > b.len + n ? 2 * before : b.len + n);
      if (b.cap != before) old = before;
      steps += b.cap != before;
      fill(&b, n);
    }
    assert_int_equal(b.cap, MOST);
    assert_int_equal(old, HALF);
    assert_in_range(steps, 1, 5);
    assert_in_range(r.alloc.moved_bytes, 1, MOST + 2 * LARGE);
    block_release(&b, &r.spare);
    block_spare_free(&r.spare);
  }
}

TEST(test_block_reserves_nothing_where_there_is_room) {
  SCOPED(rig, r);
  block b = {0};
  assert_int_equal(block_reserve(&b, &r.spare, 5000, SIZE_MAX), 0);
  unsigned char *base = b.base;
  uint64_t calls = r.alloc.calls;
  for (size_t n = 0; n <= 5000; n += 500) {
    assert_int_equal(block_reserve(&b, &r.spare, n, SIZE_MAX), 0);
    assert_ptr_equal(b.base, base);
  }
  assert_int_equal(r.alloc.calls, calls);
  block_release(&b, &r.spare);
}

TEST(test_block_takes_the_spare_and_allocates_nothing) {
  SCOPED(rig, r);
  for (int i = 0; i < 10; i++) {
    block b = {0};
    uint64_t calls = r.alloc.calls;
    assert_int_equal(block_reserve(&b, &r.spare, 100000, SIZE_MAX), 0);
    assert_null(r.spare.memory);
    if (i > 0) assert_int_equal(r.alloc.calls, calls);
    fill(&b, 100000);
    expect_filled(&b);
    block_release(&b, &r.spare);
    assert_non_null(r.spare.memory);
    assert_true(r.spare.size >= 100000);
    assert_int_equal(r.alloc.live, 1);
  }
}

TEST(test_block_grows_when_the_spare_is_too_small) {
  SCOPED(rig, r);
  block b = {0};
  assert_int_equal(block_reserve(&b, &r.spare, 1000, SIZE_MAX), 0);
  block_release(&b, &r.spare);
  assert_int_equal(block_reserve(&b, &r.spare, 500000, SIZE_MAX), 0);
  fill(&b, 500000);
  expect_filled(&b);
  block_release(&b, &r.spare);
  assert_int_equal(r.alloc.live, 1);
}

TEST(test_block_keeps_the_larger_of_two_spares) {
  SCOPED(rig, r);
  block small = {0}, large = {0}, again = {0};
  assert_int_equal(block_reserve(&small, &r.spare, 1000, SIZE_MAX), 0);
  assert_int_equal(block_reserve(&large, &r.spare, 300000, SIZE_MAX), 0);
  assert_int_equal(block_reserve(&again, &r.spare, 2000, SIZE_MAX), 0);
  block_release(&small, &r.spare);
  block_release(&large, &r.spare);
  assert_true(r.spare.size >= 300000);
  assert_int_equal(r.alloc.live, 2);
  block_release(&again, &r.spare);
  assert_true(r.spare.size >= 300000);
  assert_int_equal(r.alloc.live, 1);
}

TEST(test_block_too_large_is_not_kept) {
  SCOPED(rig, r);
  block b = {0};
  assert_int_equal(block_reserve(&b, &r.spare, BLOCK_SPARE_MAX + 1, SIZE_MAX), 0);
  block_release(&b, &r.spare);
  assert_int_equal(r.alloc.live, 0);
  assert_int_equal(block_reserve(&b, &r.spare, BLOCK_SPARE_MAX, BLOCK_SPARE_MAX), 0);
  assert_int_equal(b.cap, BLOCK_SPARE_MAX);
  block_release(&b, &r.spare);
  assert_int_equal(r.alloc.live, 1);
}

TEST(test_block_that_was_never_used_can_be_released) {
  SCOPED(rig, r);
  block b = {0};
  block_release(&b, &r.spare);
  block_release(&b, &r.spare);
  assert_null(r.spare.memory);
}

TEST(test_block_without_memory_is_unchanged) {
  SCOPED(rig, r);
  block b = {0};
  r.alloc.fail_at = 1;
  assert_int_equal(block_reserve(&b, &r.spare, 100, SIZE_MAX), WS_ENOMEM);
  assert_true(b.base == NULL && b.len == 0 && b.cap == 0);
  r.alloc.fail_at = 0;
  assert_int_equal(block_reserve(&b, &r.spare, 100, SIZE_MAX), 0);
  fill(&b, 100);
  block before = b;
  r.alloc.fail_at = r.alloc.calls + 1;
  r.alloc.fail_for_ever = true;
  assert_int_equal(block_reserve(&b, &r.spare, 1000000, SIZE_MAX), WS_ENOMEM);
  assert_memory_equal(&b, &before, sizeof b);
  expect_filled(&b);
  r.alloc.fail_at = 0;
  block_release(&b, &r.spare);
}

/* A spare that is too small may be given up, but is neither lost nor used twice. */
TEST(test_block_without_memory_loses_no_spare) {
  SCOPED(rig, r);
  block b = {0};
  assert_int_equal(block_reserve(&b, &r.spare, 1000, SIZE_MAX), 0);
  block_release(&b, &r.spare);
  r.alloc.fail_at = r.alloc.calls + 1;
  r.alloc.fail_for_ever = true;
  assert_int_equal(block_reserve(&b, &r.spare, 1000000, SIZE_MAX), WS_ENOMEM);
  assert_true(b.base == NULL && b.len == 0 && b.cap == 0);
  r.alloc.fail_at = 0;
}

/* F16: sums that would wrap are seen before they do. */
TEST(test_block_refuses_a_size_that_wraps) {
  SCOPED(rig, r);
  block b = {0};
  assert_int_equal(block_reserve(&b, &r.spare, 100, SIZE_MAX), 0);
  fill(&b, 100);
  for (size_t n = SIZE_MAX - 100; n != 0; n++) {
    block before = b;
    r.alloc.fail_at = r.alloc.calls + 1; /* whatever is asked for could not be had */
    assert_that(block_reserve(&b, &r.spare, n, SIZE_MAX) == WS_ENOMEM, "n = SIZE_MAX - %zu",
                SIZE_MAX - n);
    assert_memory_equal(&b, &before, sizeof b);
  }
  r.alloc.fail_at = 0;
  for (size_t n = SIZE_MAX - 99; n != 0; n++)
    assert_that(block_reserve(&b, &r.spare, n, SIZE_MAX) == WS_ENOMEM, "n = SIZE_MAX - %zu",
                SIZE_MAX - n);
  expect_filled(&b);
  block_release(&b, &r.spare);
}

/* Structures of older and newer callers (F52), by one that has had two releases. */

#include <stdlib.h>
#include <string.h>

#include "base/sized.h"
#include "support/test.h"

typedef struct sample {
  size_t size;
  uint64_t first;
  uint64_t second; /* since the second release */
} sample;

enum { OLD = offsetof(sample, second), NEW = sizeof(sample) };

SIZED_TYPE(sample_type, sample, second, OLD, sizeof(sample));

static const sample defaults = {.size = NEW, .first = 11, .second = 22};

/* A structure of a caller, in a block of just its size: nothing beyond may be touched. */
static void *make(size_t claimed, size_t real, uint8_t fill) {
  unsigned char *p = malloc(real);
  assert_non_null(p);
  memset(p, fill, real);
  memcpy(p, &claimed, sizeof claimed);
  return p;
}

static void check_in(size_t size, uint8_t tail, int expected, uint64_t first, uint64_t second) {
  sample to = defaults;
  unsigned char *from = make(size, size, 1);
  if (size > NEW) memset(from + NEW, tail, size - NEW);
  assert_int_equal(sized_in(&to, &sample_type, from, NULL), expected);
  assert_int_equal(to.size, NEW);
  assert_int_equal(to.first, first);
  assert_int_equal(to.second, second);
  free(from);
}

static const uint64_t ones = 0x0101010101010101;

TEST(test_sized_in_takes_older_and_newer_callers) {
  check_in(OLD, 0, 0, ones, 22);
  check_in(NEW, 0, 0, ones, ones);
  check_in(NEW + 1, 0, 0, ones, ones);
  check_in(SIZED_MAX, 0, 0, ones, ones);
  check_in(NEW + 8, 1, WSUV_ESIZE, 11, 22);
  check_in(SIZED_MAX, 1, WSUV_ESIZE, 11, 22);
}

static void check_fill(size_t size) {
  const size_t known = size < NEW ? size : NEW;
  unsigned char *to = make(NEW, size > NEW ? size : NEW, 0xff), expected[2 * NEW] = {0};
  sized_fill(to, size, &sample_type, &defaults);
  memcpy(expected, &defaults, known);
  memcpy(expected, &size, sizeof size);
  assert_memory_equal(to, expected, size);
  for (size_t i = size; i < NEW; i++) assert_int_equal(to[i], 0xff);
  free(to);
}

TEST(test_sized_fill_goes_as_far_as_the_caller_s_structure) {
  check_fill(OLD);
  check_fill(NEW);
  check_fill(NEW + 8);
  check_fill(sizeof(size_t));
}

TEST(test_sized_fill_leaves_what_holds_no_size) {
  sample to = {.size = 77};
  sized_fill(&to, sizeof(size_t) - 1, &sample_type, &defaults);
  assert_int_equal(to.size, 77);
}

TEST(test_sized_in_refuses_what_is_no_size) {
  static const size_t sizes[] = {0,       1,        sizeof(size_t), OLD - 1,      OLD + 1,
                                 NEW - 1, SIZE_MAX, SIZE_MAX / 2,   SIZED_MAX + 1};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    sample to = defaults;
    void *from = make(sizes[i], NEW, 0);
    assert_int_equal(sized_in(&to, &sample_type, from, NULL), WSUV_ESIZE);
    assert_memory_equal(&to, &defaults, sizeof to);
    assert_int_equal(sized_out(from, &sample_type, &defaults, NULL), WSUV_ESIZE);
    free(from);
  }
}

TEST(test_sized_in_sees_each_byte_that_it_does_not_know) {
  for (size_t at = NEW; at < NEW + 24; at++) {
    sample to = defaults;
    unsigned char *from = make(NEW + 24, NEW + 24, 0);
    assert_int_equal(sized_in(&to, &sample_type, from, NULL), 0);
    from[at] = 0x80;
    assert_int_equal(sized_in(&to, &sample_type, from, NULL), WSUV_ESIZE);
    free(from);
  }
}

TEST(test_sized_out_fills_as_far_as_the_caller_goes) {
  static const size_t sizes[] = {OLD, NEW, NEW + 1, NEW + 16, SIZED_MAX};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    size_t size = sizes[i], known = size < NEW ? size : NEW, told;
    unsigned char *to = make(size, size, 0xff);
    assert_int_equal(sized_out(to, &sample_type, &defaults, NULL), 0);
    memcpy(&told, to, sizeof told);
    assert_int_equal(told, size);
    assert_memory_equal(to + sizeof told, (const char *) &defaults + sizeof told,
                        known - sizeof told);
    for (size_t at = known; at < size; at++) assert_int_equal(to[at], 0);
    free(to);
  }
}

TEST(test_sized_names_the_structure) {
  static const char *const said[] = {"sample of 3 bytes",
                                     "sample of 48 bytes with fields set that are unknown here"};
  static const size_t sizes[] = {3, 48};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    sample to = defaults;
    ws_why why = {""};
    void *from = make(sizes[i], sizes[i] > NEW ? sizes[i] : NEW, 1);
    assert_int_equal(sized_in(&to, &sample_type, from, &why), WSUV_ESIZE);
    assert_string_equal(why.text, said[i]);
    free(from);
  }
}

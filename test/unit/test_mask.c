/* Masking in every way that mask_apply has, against RFC 6455 5.3 byte by byte. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame/mask.h"
#include "support/test.h"

static const mask_key key = {.b = {0x37, 0xfa, 0x21, 0x3d}};

typedef void (*mask_fn)(uint8_t *dst, const uint8_t *src, size_t n, mask_key k, uint64_t offset);

/* The kernels take no offset: the key is turned by hand. */
static mask_key turned(mask_key k, uint64_t offset) {
  mask_key t;
  for (size_t i = 0; i < 4; i++) t.b[i] = k.b[(i + offset) % 4];
  return t;
}

static void portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key k, uint64_t offset) {
  mask_apply_portable(dst, src, n, turned(k, offset));
}

#ifdef MASK_HAS_AVX2
static void avx2(uint8_t *dst, const uint8_t *src, size_t n, mask_key k, uint64_t offset) {
  mask_apply_avx2(dst, src, n, turned(k, offset));
}
#endif

static uint8_t expected(size_t i, uint64_t offset) {
  return (uint8_t) ((uint8_t) (i * 29 + 11) ^ key.b[(i + offset) % 4]);
}

/* Blocks that end with the last byte, so that one byte too far is seen. */
static void check_one(mask_fn mask, size_t n, size_t shift, uint64_t offset, bool in_place) {
  size_t dst_shift = in_place ? shift : (shift * 5 + 2) % 8;
  uint8_t *src = malloc(shift + n + 1), *dst = in_place ? src : malloc(dst_shift + n + 1);
  src[shift] = dst[dst_shift] = 0xee;
  uint8_t *from = src + shift + 1, *to = dst + dst_shift + 1;
  for (size_t i = 0; i < n; i++) from[i] = (uint8_t) (i * 29 + 11);
  mask(to, from, n, key, offset);
  for (size_t i = 0; i < n; i++) {
    if (to[i] != expected(i, offset))
      fail_msg("byte %zu of %zu, shift %zu, offset %u", i, n, shift, (unsigned) offset);
  }
  assert_int_equal(src[shift], 0xee);
  assert_int_equal(dst[dst_shift], 0xee);
  if (!in_place) free(dst);
  free(src);
}

static void check_all(mask_fn mask) {
  for (size_t n = 0; n <= 300; n++) {
    for (size_t shift = 0; shift < 8; shift++) {
      for (uint64_t offset = 0; offset < 8; offset++) {
        check_one(mask, n, shift, offset, false);
        check_one(mask, n, shift, offset, true);
      }
    }
  }
  for (size_t n = 16380; n < 16390; n++) check_one(mask, n, n % 8, n, n % 2);
}

TEST(test_mask_apply_is_the_definition) {
  check_all(mask_apply);
}

TEST(test_mask_portable_is_the_definition) {
  check_all(portable);
}

TEST(test_mask_avx2_is_the_definition) {
#ifdef MASK_HAS_AVX2
  if (__builtin_cpu_supports("avx2")) check_all(avx2);
#endif
}

/* RFC 6455 5.7: a single-frame masked text message, "Hello". */
TEST(test_mask_example_of_the_rfc) {
  uint8_t text[5] = "Hello";
  mask_apply(text, text, 5, key, 0);
  assert_memory_equal(text, "\x7f\x9f\x4d\x51\x58", 5);
  mask_apply(text, text, 5, key, 0);
  assert_memory_equal(text, "Hello", 5);
}

TEST(test_mask_offset_can_be_very_large) {
  check_one(mask_apply, 100, 0, UINT64_MAX, false);
  check_one(mask_apply, 100, 0, (uint64_t) 1 << 63 | 2, false);
  check_one(mask_apply, 100, 0, ((uint64_t) 1 << 32) + 1, false);
}

/* Cut anywhere, the pieces join. */
TEST(test_mask_of_pieces_is_mask_of_the_whole) {
  enum { SIZE = 400 };
  uint8_t whole[SIZE], pieces[SIZE];
  for (size_t cut = 0; cut <= SIZE; cut++) {
    for (size_t i = 0; i < SIZE; i++) whole[i] = pieces[i] = (uint8_t) (i * 29 + 11);
    mask_apply(whole, whole, SIZE, key, 0);
    mask_apply(pieces, pieces, cut, key, 0);
    mask_apply(pieces + cut, pieces + cut, SIZE - cut, key, cut);
    assert_memory_equal(whole, pieces, SIZE);
  }
}

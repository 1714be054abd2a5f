#include "proto/frame/mask.h"

/* Masking with wide words. The key repeats every four octets, so it fills any word whose size is a
   multiple of four, in the same memory order on every machine. */

#include <string.h>

#ifdef MASK_HAS_AVX2
#include <immintrin.h>
#endif

/* The widest vector that every processor of this kind has. */
#if defined(__GNUC__)
typedef uint32_t wide_word __attribute__((vector_size(16)));

static wide_word widen(uint32_t word) {
  return (wide_word){word, word, word, word};
}
#else
typedef uint64_t wide_word;

static wide_word widen(uint32_t word) {
  return (uint64_t) word << 32 | word;
}
#endif

static void mask8(uint8_t *dst, const uint8_t *src, mask_key key) {
  uint64_t word;
  memcpy(&word, src, sizeof word);
  word ^= (uint64_t) key.word << 32 | key.word;
  memcpy(dst, &word, sizeof word);
}

/* Less than eight octets. */
static void mask_rest(uint8_t *dst, const uint8_t *src, size_t n, mask_key key) {
  if ((n & 4) != 0) {
    uint32_t word;
    memcpy(&word, src, sizeof word);
    word ^= key.word;
    memcpy(dst, &word, sizeof word);
    dst += 4;
    src += 4;
  }
  if ((n & 3) > 0) dst[0] = src[0] ^ key.b[0];
  if ((n & 3) > 1) dst[1] = src[1] ^ key.b[1];
  if ((n & 3) > 2) dst[2] = src[2] ^ key.b[2];
}

void mask_apply_portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key key) {
  wide_word word, words[4], wide = widen(key.word);
  for (; n >= sizeof words; n -= sizeof words, src += sizeof words, dst += sizeof words) {
    memcpy(words, src, sizeof words);
    for (int i = 0; i < 4; i++) words[i] ^= wide;
    memcpy(dst, words, sizeof words);
  }
  for (; n >= sizeof word; n -= sizeof word, src += sizeof word, dst += sizeof word) {
    memcpy(&word, src, sizeof word);
    word ^= wide;
    memcpy(dst, &word, sizeof word);
  }
  for (; n >= 8; n -= 8, src += 8, dst += 8) mask8(dst, src, key);
  mask_rest(dst, src, n, key);
}

#ifdef MASK_HAS_AVX2
__attribute__((target("avx2"))) static inline void mask32(uint8_t *dst, const uint8_t *src,
                                                          __m256i wide) {
  __m256i word = _mm256_loadu_si256((const __m256i *) (const void *) src);
  _mm256_storeu_si256((__m256i *) (void *) dst, _mm256_xor_si256(word, wide));
}

__attribute__((target("avx2"))) void mask_apply_avx2(uint8_t *dst, const uint8_t *src, size_t n,
                                                     mask_key key) {
  __m256i wide = _mm256_set1_epi32((int) key.word);
  for (; n >= 128; n -= 128, src += 128, dst += 128) {
    mask32(dst, src, wide);
    mask32(dst + 32, src + 32, wide);
    mask32(dst + 64, src + 64, wide);
    mask32(dst + 96, src + 96, wide);
  }
  for (; n >= 32; n -= 32, src += 32, dst += 32) mask32(dst, src, wide);
  mask_apply_portable(dst, src, n, key);
}
#endif

mask_key mask_key_at(mask_key key, uint64_t offset) {
  unsigned shift = (unsigned) (offset & 3) * 8;
  if (shift == 0) return key;
  const mask_key probe = {.b = {1, 0, 0, 0}};
  if (probe.word != 1) shift = 32 - shift; /* big endian: the first octet is the highest */
  key.word = key.word >> shift | key.word << (32 - shift);
  return key;
}

void mask_apply_long(uint8_t *dst, const uint8_t *src, size_t n, mask_key key) {
#ifdef MASK_HAS_AVX2
  if (__builtin_cpu_supports("avx2")) {
    mask_apply_avx2(dst, src, n, key);
    return;
  }
#endif
  mask_apply_portable(dst, src, n, key);
}

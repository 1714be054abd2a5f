#include "proto/frame/mask.h"

/* Masking of long payloads. */

#include <string.h>

#ifdef MASK_HAS_AVX2
#include <immintrin.h>
#endif

void mask_apply_portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key key) {
  mask_word words[4], wide = mask_widen(key);
  for (; n >= sizeof words; n -= sizeof words, src += sizeof words, dst += sizeof words) {
    memcpy(words, src, sizeof words);
    for (int i = 0; i < 4; i++) words[i] ^= wide;
    memcpy(dst, words, sizeof words);
  }
  mask_apply_short(dst, src, n, key);
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

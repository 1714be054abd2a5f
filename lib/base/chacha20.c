#include "base/chacha20.h"

/* Several blocks are made at once, one in each lane of vectors: word i of all of them is in x[i].
   The compiler makes of it what the processor has. */

#include <string.h>

#include "base/alloc.h"

#ifdef __GNUC__
#define ALWAYS_INLINE static inline __attribute__((always_inline))
enum { LANES = CHACHA20_STEP / CHACHA20_BLOCK };
typedef uint32_t lanes __attribute__((vector_size(LANES * 4)));
#else
#define ALWAYS_INLINE static inline
enum { LANES = 1 };
typedef uint32_t lanes;
#endif

enum { WORDS = CHACHA20_BLOCK / 4, COUNTER = 12 /* the word with the number of the block */ };

/* Turns a word into bytes, lowest first, and back. */
ALWAYS_INLINE uint32_t little_endian(uint32_t word) {
  const uint32_t probe = 1;
  uint8_t first;
  memcpy(&first, &probe, sizeof first);
  if (first == 1) return word;
  return word << 24 | (word & 0xff00) << 8 | (word >> 8 & 0xff00) | word >> 24;
}

ALWAYS_INLINE void rotate(lanes *x, int bits) {
  *x = *x << bits | *x >> (32 - bits);
}

/* RFC 8439 2.1 */
ALWAYS_INLINE void quarter_round(lanes *a, lanes *b, lanes *c, lanes *d) {
  *a += *b, *d ^= *a, rotate(d, 16);
  *c += *d, *b ^= *c, rotate(b, 12);
  *a += *b, *d ^= *a, rotate(d, 8);
  *c += *d, *b ^= *c, rotate(b, 7);
}

ALWAYS_INLINE void double_round(lanes x[WORDS]) {
  for (int i = 0; i < 4; i++) quarter_round(&x[i], &x[4 + i], &x[8 + i], &x[12 + i]);
  for (int i = 0; i < 4; i++) {
    quarter_round(&x[i], &x[4 + (i + 1) % 4], &x[8 + (i + 2) % 4], &x[12 + (i + 3) % 4]);
  }
}

/* The next LANES blocks; the first has this number (RFC 8439 2.3). */
ALWAYS_INLINE void make_blocks(const uint32_t start[WORDS], uint32_t number, uint8_t *dst) {
  lanes x[WORDS], numbers;
  uint32_t words[WORDS][LANES];
  for (uint32_t i = 0; i < LANES; i++) words[0][i] = number + i;
  memcpy(&numbers, words[0], sizeof numbers);
  for (int i = 0; i < WORDS; i++) x[i] = (lanes){0} + start[i];
  x[COUNTER] += numbers;
  for (int i = 0; i < 10; i++) double_round(x);
  for (int i = 0; i < WORDS; i++) x[i] += start[i];
  x[COUNTER] += numbers;
  memcpy(words, x, sizeof words);
  for (int lane = 0; lane < LANES; lane++) {
    for (int i = 0; i < WORDS; i++, dst += 4) {
      const uint32_t word = little_endian(words[i][lane]);
      memcpy(dst, &word, sizeof word);
    }
  }
}

ALWAYS_INLINE void make_stream(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n) {
  uint32_t start[WORDS] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  memcpy(start + 4, key, CHACHA20_KEY_SIZE);
  for (int i = 4; i < COUNTER; i++) start[i] = little_endian(start[i]);
  for (size_t done = 0; done < n; done += LANES * CHACHA20_BLOCK) {
    make_blocks(start, (uint32_t) (done / CHACHA20_BLOCK), dst + done);
  }
  ws_wipe(start, sizeof start);
}

void chacha20_stream_portable(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n) {
  make_stream(key, dst, n);
}

#ifdef CHACHA20_HAS_AVX2
__attribute__((target("avx2"))) void chacha20_stream_avx2(const uint8_t key[CHACHA20_KEY_SIZE],
                                                          uint8_t *dst, size_t n) {
  make_stream(key, dst, n);
}
#endif

void chacha20_stream(const uint8_t key[CHACHA20_KEY_SIZE], uint8_t *dst, size_t n) {
#ifdef CHACHA20_HAS_AVX2
  if (__builtin_cpu_supports("avx2")) {
    chacha20_stream_avx2(key, dst, n);
    return;
  }
#endif
  chacha20_stream_portable(key, dst, n);
}

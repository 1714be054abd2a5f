#include "base/sha1.h"

/* SHA-1 of a whole text in memory (FIPS 180-4, 6.1). It hashes 60 octets for each handshake, which
   are two blocks. */

#include <string.h>

#ifdef SHA1_HAS_X86
#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#endif

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8 };

static uint32_t rotl(uint32_t x, int n) {
  return x << n | x >> (32 - n);
}

/* Function and constant of 20 rounds (4.1.1, 4.2.1). */
static inline uint32_t mix(int phase, uint32_t b, uint32_t c, uint32_t d) {
  switch (phase) {
  case 0: return (d ^ (b & (c ^ d))) + 0x5a827999;
  case 1: return (b ^ c ^ d) + 0x6ed9eba1;
  case 2: return ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
  default: return (b ^ c ^ d) + 0xca62c1d6;
  }
}

/* The rounds of one phase (6.1.2). Each step is a round whose variables are named anew instead of
   moved: after five of them each has its old name. The phase is a constant of the caller's. */
static inline void rounds(uint32_t v[5], const uint32_t *w, int phase) {
  uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4];
  for (int t = 0; t < 20; t += 5) {
    e += rotl(a, 5) + mix(phase, b, c, d) + w[t], b = rotl(b, 30);
    d += rotl(e, 5) + mix(phase, a, b, c) + w[t + 1], a = rotl(a, 30);
    c += rotl(d, 5) + mix(phase, e, a, b) + w[t + 2], e = rotl(e, 30);
    b += rotl(c, 5) + mix(phase, d, e, a) + w[t + 3], d = rotl(d, 30);
    a += rotl(b, 5) + mix(phase, c, d, e) + w[t + 4], c = rotl(c, 30);
  }
  v[0] = a, v[1] = b, v[2] = c, v[3] = d, v[4] = e;
}

void sha1_block_portable(uint32_t h[5], const uint8_t *p) {
  uint32_t w[80], v[5] = {h[0], h[1], h[2], h[3], h[4]};
  for (int t = 0; t < 16; t++, p += 4)
    w[t] = (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
  for (int t = 16; t < 80; t++) w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  rounds(v, w, 0);
  rounds(v, w + 20, 1);
  rounds(v, w + 40, 2);
  rounds(v, w + 60, 3);
  for (int i = 0; i < 5; i++) h[i] += v[i];
}

#ifdef SHA1_HAS_X86

/* Leaf 7 of CPUID has the SHA extensions in bit 29 of EBX; SSSE3 and SSE4.1, which are needed, too,
   are older than they. In a virtual machine CPUID takes longer than the hash, so the answer is
   kept: it is the same in every thread. */
bool sha1_has_x86(void) {
  enum { NOT_ASKED, NO, YES };
  static atomic_int answer;
  unsigned a, b = 0, c, d;
  if (atomic_load_explicit(&answer, memory_order_relaxed) == NOT_ASKED) {
    const bool has = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & 1U << 29) != 0;
    atomic_store_explicit(&answer, has ? YES : NO, memory_order_relaxed);
  }
  return atomic_load_explicit(&answer, memory_order_relaxed) == YES;
}

/* Four rounds; the phase is a constant of the processor's instruction. */
__attribute__((target("sha,sse4.1"))) static inline __m128i four_rounds(__m128i abcd, __m128i e,
                                                                        int phase) {
  switch (phase) {
  case 0: return _mm_sha1rnds4_epu32(abcd, e, 0);
  case 1: return _mm_sha1rnds4_epu32(abcd, e, 1);
  case 2: return _mm_sha1rnds4_epu32(abcd, e, 2);
  default: return _mm_sha1rnds4_epu32(abcd, e, 3);
  }
}

/* Vectors have the first word in the highest place. In each step `e` is that of the next rounds,
   with their words of the message added. */
__attribute__((target("sha,sse4.1"))) void sha1_block_x86(uint32_t h[5], const uint8_t *p) {
  const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128i begin = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *) h), 0x1b);
  const __m128i begin_e = _mm_set_epi32((int) h[4], 0, 0, 0);
  __m128i w[20], abcd = begin, before = begin, e = begin_e;
  for (int i = 0; i < 4; i++) {
    w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *) (p + 16 * i)), order);
  }
  for (int i = 4; i < 20; i++) {
    const __m128i older = _mm_xor_si128(_mm_sha1msg1_epu32(w[i - 4], w[i - 3]), w[i - 2]);
    w[i] = _mm_sha1msg2_epu32(older, w[i - 1]);
  }
  for (int i = 0; i < 20; i++) {
    e = i == 0 ? _mm_add_epi32(e, w[0]) : _mm_sha1nexte_epu32(before, w[i]);
    before = abcd;
    abcd = four_rounds(abcd, e, i / 5);
  }
  e = _mm_sha1nexte_epu32(before, begin_e);
  abcd = _mm_add_epi32(abcd, begin);
  _mm_storeu_si128((__m128i *) h, _mm_shuffle_epi32(abcd, 0x1b));
  h[4] = (uint32_t) _mm_extract_epi32(e, 3);
}

#endif

typedef void hash_block(uint32_t h[5], const uint8_t *p);

static hash_block *choose(void) {
#ifdef SHA1_HAS_X86
  if (sha1_has_x86()) return sha1_block_x86;
#endif
  return sha1_block_portable;
}

void sha1(uint8_t digest[SHA1_SIZE], const void *data, size_t len) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint8_t *p = data;
  hash_block *block = choose();
  size_t rest = len;
  for (; rest >= BLOCK_SIZE; rest -= BLOCK_SIZE, p += BLOCK_SIZE) block(h, p);
  /* A one bit, zeros, and the length in bits fill one block or two (5.1.1). */
  uint8_t last[2 * BLOCK_SIZE] = {0};
  size_t size = rest + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
  if (rest > 0) memcpy(last, p, rest);
  last[rest] = 0x80;
  uint64_t bits = (uint64_t) len * 8;
  for (size_t i = 1; i <= LENGTH_SIZE; i++, bits >>= 8) last[size - i] = (uint8_t) bits;
  for (size_t i = 0; i < size; i += BLOCK_SIZE) block(h, last + i);
  for (size_t i = 0; i < SHA1_SIZE; i++) digest[i] = (uint8_t) (h[i / 4] >> (24 - 8 * (i % 4)));
}

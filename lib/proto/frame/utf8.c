#include "proto/frame/utf8.h"

/* UTF-8 piece by piece: a machine of one byte a step, which knows where it stands at every cut, and
   for long pieces a check of 32 bytes at once, which does not. The machine takes the first and the
   last character of a piece, so it alone handles characters that are cut.

     UTF8-1  00-7F                                            RFC 3629 4
     UTF8-2  C2-DF tail                                       tail: 80-BF
     UTF8-3  E0 A0-BF tail / E1-EC 2 tail / ED 80-9F tail / EE-EF 2 tail
     UTF8-4  F0 90-BF 2 tail / F1-F3 3 tail / F4 80-8F 2 tail */

#include <string.h>

#ifdef UTF8_HAS_AVX2
#include <immintrin.h>
#endif

static bool step(utf8_state *s, uint8_t b) {
  if (s->need > 0) {
    if (b < s->lo || b > s->hi) return false;
    s->need--;
    s->lo = 0x80;
    s->hi = 0xbf;
    return true;
  }
  if (b < 0x80) return true;
  if (b < 0xc2 || b > 0xf4) return false;
  s->need = (uint8_t) (1 + (b >= 0xe0) + (b >= 0xf0));
  s->lo = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80; /* overlong below */
  s->hi = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf; /* surrogates, above U+10FFFF */
  return true;
}

static bool eight_ascii(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return (word & 0x8080808080808080U) == 0;
}

/* From i, the start of a character, skip ASCII: eight bytes at a time, the last of them again. */
static size_t skip_ascii(const uint8_t *p, size_t i, size_t n) {
  for (; n - i >= 8; i += 8) {
    if (!eight_ascii(p + i)) return i;
  }
  return n >= 8 && eight_ascii(p + n - 8) ? n : i;
}

bool utf8_feed_scalar(utf8_state *state, const uint8_t *p, size_t n) {
  utf8_state s = *state;
  for (size_t i = 0; i < n;) {
    if (s.need == 0 && p[i] < 0x80) i = skip_ascii(p, i, n);
    if (i < n && !step(&s, p[i++])) return false;
  }
  *state = s;
  return true;
}

#ifdef UTF8_HAS_AVX2

/* What two neighbours can be guilty of, a bit each, after Keiser and Lemire, "Validating UTF-8 in
   less than one instruction per byte" (2020). Each table names the errors that one nibble allows;
   what all three allow is an error. */
enum {
  TOO_SHORT = 1 << 0,   /* a lead byte, then no continuation */
  TOO_LONG = 1 << 1,    /* ASCII, then a continuation */
  OVERLONG_3 = 1 << 2,  /* E0, then 80-9F */
  TOO_LARGE = 1 << 3,   /* F4 or more, then 90-BF */
  SURROGATE = 1 << 4,   /* ED, then A0-BF */
  OVERLONG_2 = 1 << 5,  /* C0 or C1, then a continuation */
  LIMITS_4_80 = 1 << 6, /* F0, or F5 or more, then 80-8F: overlong or too large */
  TWO_TAILS = 1 << 7,   /* continuation twice: right if a longer character asks for it */
  ANY_LOW = TOO_SHORT | TOO_LONG | TWO_TAILS, /* does not depend on the first one's low nibble */
  F5_UP = ANY_LOW | TOO_LARGE | LIMITS_4_80,
  LEAD_F = TOO_SHORT | TOO_LARGE | LIMITS_4_80,
  ANY_TAIL = TOO_LONG | OVERLONG_2 | TWO_TAILS
};

#define FOUR(x) x, x, x, x

static const uint8_t first_high[16] = {
    FOUR(TOO_LONG),                     /* 0 to 3: ASCII */
    FOUR(TOO_LONG),                     /* 4 to 7 */
    FOUR(TWO_TAILS),                    /* 8 to b: a continuation */
    TOO_SHORT | OVERLONG_2,             /* c: lead bytes from here */
    TOO_SHORT,                          /* d */
    TOO_SHORT | OVERLONG_3 | SURROGATE, /* e */
    LEAD_F,                             /* f */
};

static const uint8_t first_low[16] = {
    ANY_LOW | OVERLONG_2 | OVERLONG_3 | LIMITS_4_80, /* 0 */
    ANY_LOW | OVERLONG_2,                            /* 1 */
    ANY_LOW,                                         /* 2 */
    ANY_LOW,                                         /* 3 */
    ANY_LOW | TOO_LARGE,                             /* 4 */
    FOUR(F5_UP),                                     /* 5 to 8 */
    FOUR(F5_UP),                                     /* 9 to c */
    F5_UP | SURROGATE,                               /* d */
    F5_UP,                                           /* e */
    F5_UP,                                           /* f */
};

static const uint8_t second_high[16] = {
    FOUR(TOO_SHORT),                     /* 0 to 3: ASCII */
    FOUR(TOO_SHORT),                     /* 4 to 7 */
    ANY_TAIL | OVERLONG_3 | LIMITS_4_80, /* 8: continuations */
    ANY_TAIL | OVERLONG_3 | TOO_LARGE,   /* 9 */
    ANY_TAIL | SURROGATE | TOO_LARGE,    /* a */
    ANY_TAIL | SURROGATE | TOO_LARGE,    /* b */
    FOUR(TOO_SHORT),                     /* c to f: lead bytes */
};

#define AVX2 __attribute__((target("avx2"))) static inline

AVX2 __m256i load(const uint8_t *p) {
  return _mm256_loadu_si256((const __m256i *) (const void *) p);
}

AVX2 __m256i look_up(const uint8_t table[16], __m256i nibbles) {
  __m128i half = _mm_loadu_si128((const __m128i *) (const void *) table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), nibbles);
}

AVX2 __m256i low_nibbles(__m256i v) {
  return _mm256_and_si256(v, _mm256_set1_epi8(0x0f));
}

AVX2 __m256i high_nibbles(__m256i v) {
  return low_nibbles(_mm256_srli_epi16(v, 4));
}

/* The errors at p[0] to p[31]. Reads from p[-3]. */
AVX2 __m256i errors_in_32(const uint8_t *p) {
  __m256i before = load(p - 1);
  __m256i pairs = _mm256_and_si256(look_up(first_high, high_nibbles(before)),
                                   look_up(first_low, low_nibbles(before)));
  pairs = _mm256_and_si256(pairs, look_up(second_high, high_nibbles(load(p))));
  /* Two after E0 or more, and three after F0 or more, a second continuation must stand. */
  __m256i third = _mm256_subs_epu8(load(p - 2), _mm256_set1_epi8(0xe0 - 0x80));
  __m256i fourth = _mm256_subs_epu8(load(p - 3), _mm256_set1_epi8(0xf0 - 0x80));
  __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8(-0x80));
  return _mm256_xor_si256(wanted, pairs);
}

/* Nothing but ASCII from p[-3], from where a character could reach into this block, to p[63]. */
AVX2 bool ascii_in_64(const uint8_t *p) {
  __m256i all = _mm256_or_si256(_mm256_or_si256(load(p), load(p + 32)), load(p - 3));
  return _mm256_movemask_epi8(all) == 0;
}

/* The same behind ASCII, where none can reach into it, to p[127]. */
AVX2 bool ascii_in_128(const uint8_t *p) {
  __m256i first = _mm256_or_si256(load(p), load(p + 32));
  __m256i second = _mm256_or_si256(load(p + 64), load(p + 96));
  return _mm256_movemask_epi8(_mm256_or_si256(first, second)) == 0;
}

/* p[0] starts a character, p[-3] can be read, n >= 32. The last character may be incomplete. */
AVX2 bool check(const uint8_t *p, size_t n) {
  __m256i errors = errors_in_32(p + n - 32); /* the loop may leave less than that */
  size_t i = 0;
  for (; n - i >= 64; i += 64) {
    if (ascii_in_64(p + i)) {
      while (n - i >= 64 + 128 && ascii_in_128(p + i + 64)) i += 128;
      continue;
    }
    errors = _mm256_or_si256(errors, errors_in_32(p + i));
    errors = _mm256_or_si256(errors, errors_in_32(p + i + 32));
  }
  if (n - i > 32) errors = _mm256_or_si256(errors, errors_in_32(p + i));
  return _mm256_testz_si256(errors, errors) != 0;
}

/* How many bytes at the end may be an incomplete character, or a complete one. */
static size_t last_char_len(const uint8_t *end) {
  size_t len = 1;
  while (len < 4 && (end[-(ptrdiff_t) len] & 0xc0) == 0x80) len++;
  return len;
}

__attribute__((target("avx2"))) bool utf8_feed_avx2(utf8_state *state, const uint8_t *p, size_t n) {
  size_t i = 0;
  for (; i < 3 || state->need > 0; i++) {
    if (!step(state, p[i])) return false;
  }
  if (!check(p + i, n - i)) return false;
  size_t last = last_char_len(p + n);
  return utf8_feed_scalar(state, p + n - last, last);
}

#endif

bool utf8_feed(utf8_state *state, const uint8_t *p, size_t n) {
#ifdef UTF8_HAS_AVX2
  if (n >= UTF8_AVX2_MIN && __builtin_cpu_supports("avx2")) return utf8_feed_avx2(state, p, n);
#endif
  return utf8_feed_scalar(state, p, n);
}

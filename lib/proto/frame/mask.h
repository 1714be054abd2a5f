#ifndef WS_PROTO_FRAME_MASK_H
#define WS_PROTO_FRAME_MASK_H

/* Masking (RFC 6455 5.3): octet i of the payload XOR octet i mod 4 of the key. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A masking key as it stands in the frame: key.b[i] is octet i. */
typedef union mask_key {
  uint8_t b[4];  /* These are the octets of the key. */
  uint32_t word; /* These are the same octets, in the order of memory, for masking by words. */
} mask_key;

/* The widest vector that every processor of this kind has. The key repeats every four octets, so it
   fills any word whose size is a multiple of four, in the same memory order on every machine. */
#if defined(__GNUC__)
typedef uint32_t mask_word __attribute__((vector_size(16)));

static inline mask_word mask_widen(mask_key key) {
  return (mask_word){key.word, key.word, key.word, key.word};
}
#else
typedef uint64_t mask_word;

static inline mask_word mask_widen(mask_key key) {
  return (mask_word) key.word << 32 | key.word;
}
#endif

/* For a short payload, with the key for src[0]; it is inlined. */
static inline void mask_apply_short(uint8_t *dst, const uint8_t *src, size_t n, mask_key key) {
  const mask_word wide = mask_widen(key);
  for (; n >= sizeof wide; n -= sizeof wide, src += sizeof wide, dst += sizeof wide) {
    mask_word word;
    memcpy(&word, src, sizeof word);
    word ^= wide;
    memcpy(dst, &word, sizeof word);
  }
  for (; n >= sizeof key; n -= sizeof key, src += sizeof key, dst += sizeof key) {
    uint32_t word;
    memcpy(&word, src, sizeof word);
    word ^= key.word;
    memcpy(dst, &word, sizeof word);
  }
  if (n > 0) dst[0] = src[0] ^ key.b[0];
  if (n > 1) dst[1] = src[1] ^ key.b[1];
  if (n > 2) dst[2] = src[2] ^ key.b[2];
}

/* The two implementations for a long payload, with the key for src[0]. The second needs a processor
   with AVX2. */
void mask_apply_portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);

#if defined(__x86_64__) && defined(__GNUC__)
#define MASK_HAS_AVX2 1
void mask_apply_avx2(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);
#endif

/* With the implementation that is best for a long payload. For mask_apply only. */
void mask_apply_long(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);

/* The key, rotated to start `offset` octets into the payload. */
mask_key mask_key_at(mask_key key, uint64_t offset);

enum { MASK_LONG_MIN = 128 }; /* shorter payloads gain less than the call of another costs */

/* dst = src masked. dst may be src; other overlaps are not allowed. Any alignment. `offset` is the
   position of src in the payload. */
static inline void mask_apply(uint8_t *dst, const uint8_t *src, size_t n, mask_key key,
                              uint64_t offset) {
  if ((offset & 3) != 0) key = mask_key_at(key, offset);
  if (n < MASK_LONG_MIN) {
    mask_apply_short(dst, src, n, key);
  } else {
    mask_apply_long(dst, src, n, key);
  }
}

#endif

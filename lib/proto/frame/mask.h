#ifndef WS_PROTO_FRAME_MASK_H
#define WS_PROTO_FRAME_MASK_H

/* Masking (RFC 6455 5.3): octet i of the payload XOR octet i mod 4 of the key. */

#include <stddef.h>
#include <stdint.h>

/* A masking key as it stands in the frame: key.b[i] is octet i. */
typedef union mask_key {
  uint8_t b[4];  /* These are the octets of the key. */
  uint32_t word; /* These are the same octets, in the order of memory, for masking by words. */
} mask_key;

/* The two implementations of mask_apply, with the key for src[0]. The second needs a processor with
   AVX2. */
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
    mask_apply_portable(dst, src, n, key);
  } else {
    mask_apply_long(dst, src, n, key);
  }
}

#endif

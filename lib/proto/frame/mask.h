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

/* dst = src masked. dst may be src; other overlaps are not allowed. Any alignment. `offset` is the
   position of src in the payload. */
void mask_apply(uint8_t *dst, const uint8_t *src, size_t n, mask_key key, uint64_t offset);

/* The two implementations of mask_apply, with the key for src[0]. The second needs a processor with
   AVX2. */
void mask_apply_portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);

#if defined(__x86_64__) && defined(__GNUC__)
#define MASK_HAS_AVX2 1
void mask_apply_avx2(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);
#endif

#endif

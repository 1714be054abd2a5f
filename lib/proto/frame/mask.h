#ifndef WS_PROTO_FRAME_MASK_H
#define WS_PROTO_FRAME_MASK_H

/* Masking (RFC 6455 5.3): octet i of the payload XOR octet i mod 4 of the key. */

#include <stddef.h>
#include <stdint.h>

/* A masking key as it stands in the frame: key.b[i] is octet i. */
typedef union mask_key {
  uint8_t b[4];
  uint32_t word;
} mask_key;

/* dst = src masked; dst == src is fine, other overlaps are not. Any alignment.
   `offset` is the place in the payload at which src begins. */
void mask_apply(uint8_t *dst, const uint8_t *src, size_t n, mask_key key, uint64_t offset);

/* The two ways that mask_apply chooses from, with the key as it stands at src[0]. The second is
   for processors with AVX2 only. */
void mask_apply_portable(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);

#if defined(__x86_64__) && defined(__GNUC__)
#define MASK_HAS_AVX2 1
void mask_apply_avx2(uint8_t *dst, const uint8_t *src, size_t n, mask_key key);
#endif

#endif

#ifndef FLOOR_FRAME_H
#define FLOOR_FRAME_H

/* Framing by hand for the floors (RFC 6455 5.2), in the fewest instructions: nothing is checked.

     FIN RSV opcode | MASK length (7) | length (16 or 64)? | key (32)? | payload */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FLOOR_TEXT = 1, FLOOR_BINARY = 2, FLOOR_FIN = 0x80, FLOOR_HEAD_MAX = 14 };

typedef struct floor_head {
  uint64_t length; /* The payload has this many bytes. */
  uint8_t key[4];  /* all zero if the frame is not masked */
  uint8_t first;   /* FIN, RSV and opcode, as in the frame */
} floor_head;

/* Read the head at p. Returns its size; 0: it is not complete. */
static inline size_t floor_head_read(floor_head *h, const uint8_t *p, size_t n) {
  if (n < 2) return 0;
  const unsigned length = p[1] & 0x7f;
  const bool masked = (p[1] & 0x80) != 0;
  const size_t more = length < 126 ? 0 : length == 126 ? 2 : 8;
  const size_t size = 2 + more + (masked ? 4 : 0);
  if (n < size) return 0;
  h->first = p[0];
  h->length = more == 0 ? length : 0;
  for (size_t i = 0; i < more; i++) h->length = h->length << 8 | p[2 + i];
  memset(h->key, 0, sizeof h->key);
  if (masked) memcpy(h->key, p + 2 + more, sizeof h->key);
  return size;
}

/* Write a head at p, masked if `key` is not NULL. Returns its size. */
static inline size_t floor_head_write(uint8_t *p, uint8_t first, uint64_t length,
                                      const uint8_t *key) {
  const size_t more = length < 126 ? 0 : length < 65536 ? 2 : 8;
  p[0] = first;
  p[1] = (uint8_t) ((key != NULL ? 0x80 : 0) | (more == 0 ? (int) length : more == 2 ? 126 : 127));
  for (size_t i = 0; i < more; i++) p[2 + i] = (uint8_t) (length >> 8 * (more - 1 - i));
  if (key == NULL) return 2 + more;
  memcpy(p + 2 + more, key, 4);
  return 6 + more;
}

/* dst = src masked, by words, which compilers make wider. dst may be src. */
static inline void floor_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4]) {
  uint32_t half;
  size_t i = 0;
  memcpy(&half, key, sizeof half);
  const uint64_t word = (uint64_t) half << 32 | half;
  for (; i + 8 <= n; i += 8) {
    uint64_t v;
    memcpy(&v, src + i, sizeof v);
    v ^= word;
    memcpy(dst + i, &v, sizeof v);
  }
  for (; i < n; i++) dst[i] = src[i] ^ key[i & 3];
}

#endif

#ifndef TEST_PIECES_H
#define TEST_PIECES_H

/* Feeds bytes in pieces, each from a block of its exact size, so that AddressSanitizer sees a read
   too far. */

#include <stddef.h>
#include <stdint.h>

typedef enum pieces_kind {
  PIECES_WHOLE,
  PIECES_BYTES,  /* one at a time */
  PIECES_RANDOM, /* 1 to 40 bytes, from a seed */
  PIECES_OF,     /* a bytes at a time */
  PIECES_AT      /* cut at two places, a <= b */
} pieces_kind;

typedef struct pieces {
  pieces_kind kind;
  uint32_t seed;
  size_t a, b;
} pieces;

/* Takes a piece, and says how many bytes of it were used; anything but 0 ends the feeding. */
typedef int (*pieces_taker)(void *arg, const uint8_t *data, size_t len, size_t *used);

/* What the taker said last; *used is the sum. */
int pieces_feed(pieces how, const void *data, size_t len, pieces_taker taker, void *arg,
                size_t *used);

#endif

#ifndef WS_BASE_BLOCK_H
#define WS_BASE_BLOCK_H

/* One contiguous block that grows as bytes arrive, for a message that is assembled. Many sessions
   share a spare one, so that large messages, one after the other, allocate nothing. */

#include <stdint.h>

#include "base/alloc.h"

enum { BLOCK_SPARE_MAX = 4 * 1024 * 1024 }; /* a larger block is not kept */

typedef struct block_spare {
  const wsuv_allocator_t *alloc;
  unsigned char *memory; /* or NULL */
  size_t cap;            /* BLOCK_ALIGN bytes less than there are */
} block_spare;

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc);
void block_spare_free(block_spare *spare);

typedef struct block {
  unsigned char *base; /* or NULL */
  size_t len, cap;
  uint8_t lead;      /* bytes before base that belong to the memory, too */
  uint8_t alignment; /* of base, modulo BLOCK_ALIGN */
} block;

enum { BLOCK_ALIGN = 64 };

/* Have what an empty block is going to hold lie as it would lie at `like`, modulo BLOCK_ALIGN.
   Whoever reads the rest of a message into it, behind a first part that was read elsewhere, has the
   kernel copy as if it were one buffer: that is up to ten times as fast as with a few bytes' shift
   on processors whose `rep movsb` minds. */
void block_align(block *b, const unsigned char *like);

/* Make room for n bytes more, at least doubling the block, but never beyond `most` bytes in all
   unless n needs it. 0 or WS_ENOMEM, and then nothing is changed. */
int block_reserve(block *b, block_spare *spare, size_t n, size_t most);

/* Give the memory back: to the spare if there is none or a smaller one. The block is empty. */
void block_release(block *b, block_spare *spare);

#endif

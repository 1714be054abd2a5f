#ifndef WS_BASE_BLOCK_H
#define WS_BASE_BLOCK_H

/* One contiguous block that grows as bytes arrive, for a message that is assembled. Many sessions
   share a spare one, so that large messages, one after the other, allocate nothing. */

#include "base/alloc.h"

enum { BLOCK_SPARE_MAX = 4 * 1024 * 1024 }; /* a larger block is not kept */

typedef struct block_spare {
  const wsuv_allocator_t *alloc;
  unsigned char *base; /* or NULL */
  size_t cap;
} block_spare;

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc);
void block_spare_free(block_spare *spare);

typedef struct block {
  unsigned char *base; /* or NULL */
  size_t len, cap;
} block;

/* Make room for n bytes more, at least doubling the block, but never beyond `most` bytes in all
   unless n needs it. 0 or WS_ENOMEM, and then nothing is changed. */
int block_reserve(block *b, block_spare *spare, size_t n, size_t most);

/* Give the memory back: to the spare if there is none or a smaller one. The block is empty. */
void block_release(block *b, block_spare *spare);

#endif

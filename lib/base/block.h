#ifndef WS_BASE_BLOCK_H
#define WS_BASE_BLOCK_H

/* One contiguous block that grows as bytes arrive: a message that is assembled, a text that is
   written. Sessions share a spare one, so that large messages, one after the other, allocate
   nothing. */

#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"

enum { BLOCK_SPARE_MAX = 4 * 1024 * 1024 }; /* a larger block is not kept */

typedef struct block_spare {
  /* The blocks of this spare use this allocator, which outlives them. */
  const wsuv_allocator_t *alloc;
  unsigned char *memory; /* The spare owns this memory, or it is NULL. */
  size_t size;           /* `memory` has this many bytes. */
} block_spare;

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc);
void block_spare_free(block_spare *spare);

typedef struct block {
  /* This is the first byte, in memory that the block owns, or NULL if it has none. */
  unsigned char *base;
  size_t len;   /* This many bytes from `base` are used. */
  size_t cap;   /* There is room for this many bytes from `base`. */
  uint8_t lead; /* The memory has this many bytes before `base`. */
  /* The address of `base` modulo BLOCK_ALIGN should be this, if `aligned` is set. */
  uint8_t alignment;
  bool aligned; /* An alignment is wanted, so the memory is BLOCK_ALIGN bytes larger than `cap`. */
} block;

enum { BLOCK_ALIGN = 64 };

/* Place the bytes of an empty block at an address that equals `like` modulo BLOCK_ALIGN. A message
   whose first part was read at `like`, and whose rest the kernel copies into the block, then keeps
   its alignment: on processors with a slow unaligned `rep movsb` the copy is up to ten times as
   fast. */
void block_align(block *b, const unsigned char *like);

/* Make room for n bytes more. Unless n needs more, the block becomes at most twice as large, and
   never larger than `most` bytes; SIZE_MAX: there is no limit. Growing may copy all bytes, so the
   last step before `most` is not one for a few bytes: it begins at half of it. 0 or WS_ENOMEM, and
   then nothing is changed. */
int block_reserve(block *b, block_spare *spare, size_t n, size_t most);

/* Give the memory back: to the spare if there is none or a smaller one. The block is empty. */
void block_release(block *b, block_spare *spare);

#endif

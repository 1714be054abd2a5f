#include "base/block.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* A growing block. The spare one is swapped in and out here. */

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc) {
  *spare = (block_spare){alloc, NULL, 0};
}

void block_spare_free(block_spare *spare) {
  ws_free(spare->alloc, spare->memory);
  block_spare_init(spare, spare->alloc);
}

void block_align(block *b, const unsigned char *like) {
  if (b->base != NULL) return;
  b->alignment = (uint8_t) ((uintptr_t) like % BLOCK_ALIGN);
  b->aligned = true;
}

static unsigned char *memory_of(const block *b) {
  return b->base != NULL ? b->base - b->lead : NULL;
}

/* The bytes of a block's memory beyond its cap. */
static size_t slack(const block *b) {
  return b->aligned ? BLOCK_ALIGN : 0;
}

/* Use `memory`, which begins with the old one's bytes; they are moved if they have to lie
   elsewhere. */
static void settle(block *b, unsigned char *memory, size_t size) {
  uint8_t lead = 0;
  if (b->aligned) lead = (uint8_t) ((b->alignment - (uintptr_t) memory) % BLOCK_ALIGN);
  if (lead != b->lead && b->len > 0) memmove(memory + lead, memory + b->lead, b->len);
  b->base = memory + lead;
  b->lead = lead;
  b->cap = size - slack(b);
}

enum { SMALLEST = 256 }; /* so that bytes that come one by one do not cost a block each */

/* At least `need`, within `most`, and otherwise at most twice as much as before: `most`, or half of
   it, or a quarter and so on. After its first step a block doubles. */
static size_t grown(size_t cap, size_t need, size_t most) {
  size_t twice = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
  if (twice < SMALLEST) twice = SMALLEST;
  if (most == SIZE_MAX) most = twice;
  while (cap > 0 && most > twice) most = most / 2 + most % 2;
  if (most > twice) most = twice;
  return most > need ? most : need;
}

int block_reserve(block *b, block_spare *spare, size_t n, size_t most) {
  if (n > SIZE_MAX - b->len) return WS_ENOMEM;
  size_t need = b->len + n;
  if (need <= b->cap) return 0;
  if (need > SIZE_MAX - BLOCK_ALIGN) return WS_ENOMEM;
  if (b->base == NULL && spare->size >= need + slack(b)) {
    settle(b, spare->memory, spare->size);
    *spare = (block_spare){spare->alloc, NULL, 0};
    return 0;
  }
  size_t size = grown(b->cap, need, most);
  if (size <= SIZE_MAX - BLOCK_ALIGN) size += slack(b);
  unsigned char *memory = ws_realloc(spare->alloc, memory_of(b), size);
  if (memory == NULL) return WS_ENOMEM;
  settle(b, memory, size);
  return 0;
}

void block_release(block *b, block_spare *spare) {
  unsigned char *memory = memory_of(b);
  size_t size = b->cap + slack(b);
  if (memory != NULL && size > spare->size && b->cap <= BLOCK_SPARE_MAX) {
    block_spare_free(spare);
    *spare = (block_spare){spare->alloc, memory, size};
  } else {
    ws_free(spare->alloc, memory);
  }
  *b = (block){0};
}

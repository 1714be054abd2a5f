#include "base/block.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"

/* A growing block for a message under assembly; the spare one is swapped in and out here. */

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc) {
  spare->alloc = alloc;
  spare->memory = NULL;
  spare->cap = 0;
}

void block_spare_free(block_spare *spare) {
  ws_free(spare->alloc, spare->memory);
  spare->memory = NULL;
  spare->cap = 0;
}

void block_align(block *b, const unsigned char *like) {
  if (b->base == NULL) b->alignment = (uint8_t) ((uintptr_t) like % BLOCK_ALIGN);
}

static unsigned char *memory_of(const block *b) {
  return b->base != NULL ? b->base - b->lead : NULL;
}

/* What the block holds is `lead` bytes behind the beginning of the memory, and may have to move. */
static void settle(block *b, unsigned char *memory, size_t cap) {
  uint8_t lead = (uint8_t) ((b->alignment - (uintptr_t) memory) % BLOCK_ALIGN);
  if (lead != b->lead && b->len > 0) memmove(memory + lead, memory + b->lead, b->len);
  b->base = memory + lead;
  b->lead = lead;
  b->cap = cap;
}

static void take_spare(block *b, block_spare *spare) {
  settle(b, spare->memory, spare->cap);
  spare->memory = NULL;
  spare->cap = 0;
}

enum { SMALLEST = 512 }; /* so that bytes that come one by one do not cost a block each */

/* Twice as much, within `most`, and at least `need`. */
static size_t grown(size_t cap, size_t need, size_t most) {
  size_t twice = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
  if (twice < SMALLEST) twice = SMALLEST;
  if (twice > most) twice = most;
  return twice > need ? twice : need;
}

int block_reserve(block *b, block_spare *spare, size_t n, size_t most) {
  if (n > SIZE_MAX - b->len) return WS_ENOMEM;
  size_t need = b->len + n;
  if (need <= b->cap) return 0;
  if (b->base == NULL && spare->cap >= need) {
    take_spare(b, spare);
    return 0;
  }
  size_t cap = grown(b->cap, need, most);
  if (cap > SIZE_MAX - BLOCK_ALIGN) return WS_ENOMEM;
  unsigned char *memory = ws_realloc(spare->alloc, memory_of(b), cap + BLOCK_ALIGN);
  if (memory == NULL) return WS_ENOMEM;
  settle(b, memory, cap);
  return 0;
}

void block_release(block *b, block_spare *spare) {
  unsigned char *memory = memory_of(b);
  if (memory == NULL) return;
  if (b->cap > spare->cap && b->cap <= BLOCK_SPARE_MAX) {
    ws_free(spare->alloc, spare->memory);
    spare->memory = memory;
    spare->cap = b->cap;
  } else {
    ws_free(spare->alloc, memory);
  }
  *b = (block){0};
}

#include "base/block.h"

#include <stdint.h>

#include "base/error.h"

/* A growing block for a message under assembly; the spare one is swapped in and out here. */

void block_spare_init(block_spare *spare, const wsuv_allocator_t *alloc) {
  spare->alloc = alloc;
  spare->base = NULL;
  spare->cap = 0;
}

void block_spare_free(block_spare *spare) {
  ws_free(spare->alloc, spare->base);
  spare->base = NULL;
  spare->cap = 0;
}

static void take_spare(block *b, block_spare *spare) {
  b->base = spare->base;
  b->cap = spare->cap;
  spare->base = NULL;
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
  unsigned char *base = ws_realloc(spare->alloc, b->base, cap);
  if (base == NULL) return WS_ENOMEM;
  b->base = base;
  b->cap = cap;
  return 0;
}

void block_release(block *b, block_spare *spare) {
  if (b->base == NULL) return;
  if (b->cap > spare->cap && b->cap <= BLOCK_SPARE_MAX) {
    ws_free(spare->alloc, spare->base);
    spare->base = b->base;
    spare->cap = b->cap;
  } else {
    ws_free(spare->alloc, b->base);
  }
  b->base = NULL;
  b->len = b->cap = 0;
}

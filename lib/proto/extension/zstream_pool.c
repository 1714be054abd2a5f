#include "proto/extension/zstream_pool.h"

/* Creates, keeps and frees zlib states. */

#include <string.h>

/* The smallest window of a raw zlib deflater. An inflater has the same: with fewer bits, distances
   over 256 would be accepted or not, depending on how the input is cut. */
enum { SMALLEST_WINDOW = 9 };

static void *allocate(void *opaque, uInt items, uInt size) {
  if (size != 0 && items > SIZE_MAX / size) return NULL;
  return ws_malloc(opaque, (size_t) items * size);
}

static void release(void *opaque, void *ptr) {
  ws_free(opaque, ptr);
}

void zstream_pool_init(zstream_pool *pool, const wsuv_allocator_t *alloc, int level,
                       int mem_level) {
  memset(pool, 0, sizeof *pool);
  pool->alloc = alloc;
  pool->level = level;
  pool->mem_level = mem_level;
}

static void end_deflater(zstream_pool *pool, z_stream *z) {
  if (z == NULL) return;
  (void) deflateEnd(z);
  ws_free(pool->alloc, z);
}

static void end_inflater(zstream_pool *pool, z_stream *z) {
  if (z == NULL) return;
  (void) inflateEnd(z);
  ws_free(pool->alloc, z);
}

void zstream_pool_free(zstream_pool *pool) {
  for (int bits = 0; bits <= DEFLATE_BITS_MAX; bits++) {
    end_deflater(pool, pool->deflaters[bits]);
    end_inflater(pool, pool->inflaters[bits]);
  }
}

static z_stream *take_spare(z_stream **spare) {
  z_stream *z = *spare;
  *spare = NULL;
  return z;
}

static z_stream *blank(zstream_pool *pool) {
  z_stream *z = ws_calloc(pool->alloc, sizeof *z);
  if (z == NULL) return NULL;
  z->zalloc = allocate;
  z->zfree = release;
  z->opaque = (void *) pool->alloc;
  return z;
}

static int window_of(uint8_t bits) {
  return bits < SMALLEST_WINDOW ? SMALLEST_WINDOW : bits;
}

/* As zconf.h says: beside the buffers a deflater has "a few kilobytes", and an inflater has 7. */
enum { SMALL_OBJECTS = 8 * 1024 };

size_t zstream_deflater_size(const zstream_pool *pool, uint8_t bits) {
  return ((size_t) 4 << window_of(bits)) + ((size_t) 512 << pool->mem_level) + SMALL_OBJECTS;
}

size_t zstream_inflater_size(uint8_t bits) {
  return ((size_t) 1 << window_of(bits)) + SMALL_OBJECTS;
}

z_stream *zstream_take_deflater(zstream_pool *pool, uint8_t bits) {
  if (pool->deflaters[bits] != NULL) return take_spare(&pool->deflaters[bits]);
  z_stream *z = blank(pool);
  if (z == NULL) return NULL;
  int r = deflateInit2(z, pool->level, Z_DEFLATED, -window_of(bits), pool->mem_level,
                       Z_DEFAULT_STRATEGY);
  if (r == Z_OK) return z;
  ws_free(pool->alloc, z);
  return NULL;
}

z_stream *zstream_take_inflater(zstream_pool *pool, uint8_t bits) {
  if (pool->inflaters[bits] != NULL) return take_spare(&pool->inflaters[bits]);
  z_stream *z = blank(pool);
  if (z == NULL) return NULL;
  if (inflateInit2(z, -window_of(bits)) == Z_OK) return z;
  ws_free(pool->alloc, z);
  return NULL;
}

void zstream_give_deflater(zstream_pool *pool, uint8_t bits, z_stream *z) {
  bool keep = pool->deflaters[bits] == NULL && deflateReset(z) == Z_OK;
  if (keep) {
    pool->deflaters[bits] = z;
  } else {
    end_deflater(pool, z);
  }
}

void zstream_give_inflater(zstream_pool *pool, uint8_t bits, z_stream *z) {
  bool keep = pool->inflaters[bits] == NULL && inflateReset(z) == Z_OK;
  if (keep) {
    pool->inflaters[bits] = z;
  } else {
    end_inflater(pool, z);
  }
}

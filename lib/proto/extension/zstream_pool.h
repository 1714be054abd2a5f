#ifndef WS_PROTO_EXTENSION_ZSTREAM_POOL_H
#define WS_PROTO_EXTENSION_ZSTREAM_POOL_H

/* zlib states for raw deflate, in our allocator's memory. They are large and slow to create, so one
   spare of each kind is kept. */

#include <stdint.h>
#include <zlib.h>

#include "base/alloc.h"
#include "proto/extension/deflate_params.h"

typedef struct zstream_pool {
  /* This allocator, which outlives the pool, gives zlib its memory. */
  const wsuv_allocator_t *alloc;
  int level, mem_level; /* All deflaters have zlib's parameters level and memLevel from here. */
  /* The pool owns one spare deflater, which is reset, or NULL for each number of window bits. */
  z_stream *deflaters[DEFLATE_BITS_MAX + 1];
  /* The pool owns one spare inflater, which is reset, or NULL for each number of window bits. */
  z_stream *inflaters[DEFLATE_BITS_MAX + 1];
} zstream_pool;

void zstream_pool_init(zstream_pool *pool, const wsuv_allocator_t *alloc, int level, int mem_level);
void zstream_pool_free(zstream_pool *pool); /* all states must have been given back */

/* Take a reset state. NULL: no memory. zlib has no deflater with a window of 8 bits; the one of 9
   bits that it creates keeps distances below 256 anyway. */
z_stream *zstream_take_deflater(zstream_pool *pool, uint8_t bits);
z_stream *zstream_take_inflater(zstream_pool *pool, uint8_t bits);

/* The most bytes of memory that a state has. */
size_t zstream_deflater_size(const zstream_pool *pool, uint8_t bits);
size_t zstream_inflater_size(uint8_t bits);

/* Give a state back. Its content does not matter. */
void zstream_give_deflater(zstream_pool *pool, uint8_t bits, z_stream *z);
void zstream_give_inflater(zstream_pool *pool, uint8_t bits, z_stream *z);

#endif

#ifndef WS_PROTO_EXTENSION_ZSTREAM_POOL_H
#define WS_PROTO_EXTENSION_ZSTREAM_POOL_H

/* zlib's states, deflaters and inflaters of raw streams, on our allocator. They are large and slow
   to make, so one spare of each kind is kept for whoever wants one next. */

#include <stdint.h>
#include <zlib.h>

#include "base/alloc.h"
#include "proto/extension/deflate_params.h"

typedef struct zstream_pool {
  const wsuv_allocator_t *alloc;
  int level, mem_level;                      /* of all its deflaters */
  z_stream *deflaters[DEFLATE_BITS_MAX + 1]; /* spares by window bits, fresh; or NULL */
  z_stream *inflaters[DEFLATE_BITS_MAX + 1];
} zstream_pool;

void zstream_pool_init(zstream_pool *pool, const wsuv_allocator_t *alloc, int level, int mem_level);
void zstream_pool_free(zstream_pool *pool); /* what was taken has been given back */

/* A fresh one, or NULL: no memory. zlib's deflater knows no window of 8 bits; the one of 9 that it
   is given keeps its distances below 256 all the same. */
z_stream *zstream_take_deflater(zstream_pool *pool, uint8_t bits);
z_stream *zstream_take_inflater(zstream_pool *pool, uint8_t bits);

/* Give one back, whatever state it is in. */
void zstream_give_deflater(zstream_pool *pool, uint8_t bits, z_stream *z);
void zstream_give_inflater(zstream_pool *pool, uint8_t bits, z_stream *z);

#endif

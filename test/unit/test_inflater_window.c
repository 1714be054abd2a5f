/* A window of 8 bits is taken for one of 9 (zlib makes no smaller one): distances up to 512 are
   accepted, however the input is cut. */

#include <string.h>

#include "proto/extension/inflater.h"
#include "proto/extension/zstream_pool.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { PLENTY = 1 << 16, FIRST = 600 };

typedef struct bits {
  bytes *to;
  unsigned byte, count;
} bits;

static void put_bit(bits *b, unsigned bit) {
  b->byte |= (bit & 1) << b->count++;
  if (b->count < 8) return;
  const uint8_t byte = (uint8_t) b->byte;
  bytes_add(b->to, &byte, 1);
  b->byte = b->count = 0;
}

static void put_number(bits *b, unsigned value, unsigned count) {
  for (unsigned i = 0; i < count; i++) put_bit(b, value >> i);
}

static void put_code(bits *b, unsigned code, unsigned count) {
  while (count-- > 0) put_bit(b, code >> count);
}

/* FIRST bytes as they are, then three that are copied from `distance` (257 ... 512) bytes before,
   in a block with fixed codes, then the beginning of an empty block (RFC 1951 3.2). */
static void build(bytes *message, unsigned distance) {
  const uint8_t header[] = {0, FIRST & 0xff, FIRST >> 8, 0xff - (FIRST & 0xff),
                            0xff - (FIRST >> 8)};
  bits b = {.to = message};
  bool far = distance > 384;
  bytes_add(message, header, sizeof header);
  for (unsigned i = 0; i < FIRST; i++) {
    const uint8_t byte = (uint8_t) (i * i >> 3);
    bytes_add(message, &byte, 1);
  }
  put_number(&b, 2, 3);           /* not final, fixed codes */
  put_code(&b, 1, 7);             /* 257: length 3 */
  put_code(&b, far ? 17 : 16, 5); /* from 257, or from 385 */
  put_number(&b, distance - (far ? 385 : 257), 7);
  put_code(&b, 0, 7);   /* the end of the block */
  put_number(&b, 0, 3); /* an empty block */
  while (b.count > 0) put_bit(&b, 0);
}

static void assert_inflates(const bytes *message, size_t piece, unsigned distance) {
  track_alloc alloc;
  zstream_pool pool;
  block_spare spare;
  block to = {0};
  inflater_progress p;
  track_alloc_init(&alloc);
  zstream_pool_init(&pool, &alloc.handle, 6, 8);
  block_spare_init(&spare, &alloc.handle);
  z_stream *z = zstream_take_inflater(&pool, 8);
  inflater_begin(&p, PLENTY);
  for (size_t at = 0, n; at < message->len; at += n) {
    block_sink sink;
    n = message->len - at < piece ? message->len - at : piece;
    block_sink_begin(&sink, &to, &spare, PLENTY);
    assert_int_equal(
        inflater_feed(z, &p, message->base + at, n, at + n == message->len, &sink.sink), 0);
    block_sink_end(&sink);
  }
  assert_int_equal(to.len, FIRST + 3);
  assert_memory_equal(to.base + FIRST, to.base + FIRST - distance, 3);
  block_release(&to, &spare);
  block_spare_free(&spare);
  zstream_give_inflater(&pool, 8, z);
  zstream_pool_free(&pool);
  assert_int_equal(alloc.live, 0);
}

TEST(test_inflater_takes_distances_in_the_same_way_however_cut) {
  static const unsigned distances[] = {257, 300, 384, 385, 511, 512};
  for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
    bytes message = {0};
    build(&message, distances[i]);
    for (size_t piece = 1; piece <= message.len; piece++) {
      assert_inflates(&message, piece, distances[i]);
    }
    bytes_free(&message);
  }
}

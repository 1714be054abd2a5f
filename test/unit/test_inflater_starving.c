/* Input that yields next to nothing: at most 64 times the output, and 64 KiB besides, judged in the
   same way however it is cut. */

#include <string.h>

#include "base/error.h"
#include "proto/extension/inflater.h"
#include "proto/extension/zstream_pool.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { KIB = 1024, PLENTY = 1 << 24, HELLO = 5 };

/* A block that yields five bytes, and one that yields none (RFC 1951 3.2.4). */
static const uint8_t hello[] = {0x00, 0x05, 0x00, 0xfa, 0xff, 'H', 'e', 'l', 'l', 'o'};
static const uint8_t nothing[] = {0x00, 0x00, 0x00, 0xff, 0xff};

static void add(bytes *to, const uint8_t *data, size_t size, size_t total) {
  for (size_t n = 0; n + size <= total; n += size) bytes_add(to, data, size);
}

/* Inflate a message in pieces; its result. */
static int play(const bytes *message, size_t piece, size_t *output) {
  track_alloc alloc;
  zstream_pool pool;
  block_spare spare;
  block to = {0};
  inflater_progress p;
  int err = 0;
  track_alloc_init(&alloc);
  zstream_pool_init(&pool, &alloc.handle, 6, 8);
  block_spare_init(&spare, &alloc.handle);
  z_stream *z = zstream_take_inflater(&pool, 15);
  inflater_begin(&p, PLENTY);
  for (size_t at = 0, n; err == 0 && at < message->len; at += n) {
    block_sink sink;
    n = message->len - at < piece ? message->len - at : piece;
    block_sink_begin(&sink, &to, &spare, PLENTY);
    err = inflater_feed(z, &p, message->base + at, n, at + n == message->len, &sink.sink);
    block_sink_end(&sink);
  }
  *output = to.len;
  block_release(&to, &spare);
  block_spare_free(&spare);
  zstream_give_inflater(&pool, 15, z);
  zstream_pool_free(&pool);
  assert_int_equal(alloc.live, 0);
  return err;
}

static void assert_plays(bytes *message, int expected) {
  static const size_t pieces[] = {1, 5, 1000, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, PLENTY};
  size_t output, first = SIZE_MAX;
  bytes_add(message, "", 1); /* an empty block, without its end */
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    assert_int_equal(play(message, pieces[i], &output), expected);
    if (first == SIZE_MAX) first = output;
    assert_int_equal(output, first);
  }
  bytes_free(message);
}

TEST(test_inflater_takes_64_kib_for_nothing) {
  bytes message = {0};
  add(&message, nothing, sizeof nothing, 64 * KIB - 1);
  assert_plays(&message, 0);
}

TEST(test_inflater_refuses_more_than_64_kib_for_nothing) {
  bytes message = {0};
  add(&message, nothing, sizeof nothing, 64 * KIB + 5);
  assert_plays(&message, WSUV_EDEFLATE);
  add(&message, nothing, sizeof nothing, 1024 * KIB);
  assert_plays(&message, WSUV_EDEFLATE);
}

/* Each byte of output is worth 64 of input. */
TEST(test_inflater_takes_64_times_the_output) {
  bytes message = {0};
  for (int i = 0; i < 1000; i++) {
    add(&message, hello, sizeof hello, sizeof hello);
    add(&message, nothing, sizeof nothing, 64 * HELLO - sizeof hello);
  }
  assert_plays(&message, 0);
}

TEST(test_inflater_refuses_more_than_64_times_the_output) {
  bytes message = {0};
  for (int i = 0; i < 10000; i++) {
    add(&message, hello, sizeof hello, sizeof hello);
    add(&message, nothing, sizeof nothing, 65 * HELLO - sizeof hello);
  }
  add(&message, nothing, sizeof nothing, 16 * KIB);
  assert_plays(&message, WSUV_EDEFLATE);
}

/* Output that came early counts for what follows it, and no earlier: a message that has yielded too
   little by one of its stretches of 64 KiB is refused there, whatever would have come. */
TEST(test_inflater_judges_each_stretch) {
  bytes message = {0};
  add(&message, hello, sizeof hello, 10 * KIB);
  add(&message, nothing, sizeof nothing, 256 * KIB);
  assert_plays(&message, 0);
  add(&message, nothing, sizeof nothing, 256 * KIB);
  add(&message, hello, sizeof hello, 10 * KIB);
  assert_plays(&message, WSUV_EDEFLATE);
}

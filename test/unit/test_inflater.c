/* Inflating messages (RFC 7692 7.2.2): what is legal, what is corrupt, and the bound. */

#include <stdlib.h>

#include <string.h>

#include "base/error.h"
#include "proto/extension/inflater.h"
#include "proto/extension/zstream_pool.h"
#include "support/alloc_failures.h"
#include "support/raw_zlib.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { PLENTY = 1 << 24 };

typedef struct rig {
  track_alloc alloc;
  zstream_pool pool;
  block_spare spare;
  block to;
  z_stream *z;
  size_t highest; /* bytes that were live between two chunks, zlib's apart */
} rig;

static void rig_open(rig *r, uint8_t bits) {
  memset(r, 0, sizeof *r);
  track_alloc_init(&r->alloc);
  zstream_pool_init(&r->pool, &r->alloc.handle, 6, 8);
  block_spare_init(&r->spare, &r->alloc.handle);
  r->z = zstream_take_inflater(&r->pool, bits);
  assert_non_null(r->z);
}

static void rig_close(rig *r) {
  block_release(&r->to, &r->spare);
  block_spare_free(&r->spare);
  zstream_give_inflater(&r->pool, 8, r->z); /* whichever: it is freed next */
  zstream_pool_free(&r->pool);
  assert_int_equal(r->alloc.live, 0);
}

/* A message in pieces, into r->to. */
static int inflate_message(rig *r, const void *data, size_t len, size_t piece, uint64_t bound,
                           size_t most) {
  enum { ZLIB_STATE = 48 * 1024 };
  inflater_progress p;
  size_t at = 0;
  int err;
  r->to.len = 0;
  inflater_begin(&p, bound);
  do {
    size_t n = len - at < piece ? len - at : piece;
    uint8_t *exact = bytes_exact(n == 0 ? NULL : (const uint8_t *) data + at, n);
    block_sink sink;
    block_sink_begin(&sink, &r->to, &r->spare, most);
    err = inflater_feed(r->z, &p, exact, n, at + n == len, &sink.sink);
    block_sink_end(&sink);
    free(exact);
    at += n;
    size_t live = r->alloc.live_bytes < ZLIB_STATE ? 0 : r->alloc.live_bytes - ZLIB_STATE;
    if (live > r->highest) r->highest = live;
    assert_true(r->to.len <= most && r->to.len <= bound);
  } while (err == 0 && at < len);
  return err;
}

static void assert_inflates(const void *data, size_t len, const char *text) {
  for (size_t piece = 1; piece <= len + 1; piece++) {
    SCOPED(rig, r, 15);
    for (int again = 0; again < 2; again++) { /* with and without what came before */
      int err = inflate_message(&r, data, len, piece, PLENTY, PLENTY);
      assert_that(err == 0, "'%s' in pieces of %zu: %d", text, piece, err);
      assert_int_equal(r.to.len, strlen(text));
      if (r.to.len > 0) assert_memory_equal(r.to.base, text, r.to.len);
    }
  }
}

TEST(test_inflater_reads_the_examples_of_the_rfc) {
  assert_inflates("\xf2\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");                /* 7.2.3.1 */
  assert_inflates("\x00\x05\x00\xfa\xffHello\x00", 11, "Hello");              /* 7.2.3.3 */
  assert_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello");            /* 7.2.3.4 */
  assert_inflates("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, /* 7.2.3.5 */
                  "Hello");
  assert_inflates("\x00", 1, ""); /* 7.2.3.6 */
  SCOPED(rig, r, 15);             /* 7.2.3.2 */
  assert_int_equal(inflate_message(&r, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 7, PLENTY, PLENTY), 0);
  assert_int_equal(inflate_message(&r, "\xf2\x00\x11\x00\x00", 5, 5, PLENTY, PLENTY), 0);
  assert_int_equal(r.to.len, 5);
  assert_memory_equal(r.to.base, "Hello", 5);
}

/* RFC 7692 7.2.3.4: several final blocks in one message, and a distance across one of them. */
TEST(test_inflater_goes_on_behind_a_final_block_with_its_window) {
  assert_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 15, "HelloHello");
  assert_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00", 12, "HelloHello");
  assert_inflates("\x03\x00\x03\x00\xf2\x48\xcd\xc9\xc9\x07\x00", 11, "Hello");
  /* Nothing behind the last of them: taken for complete. */
  assert_inflates("\xf3\x48\xcd\xc9\xc9\x07\x00", 7, "Hello");
  assert_inflates("\x03\x00", 2, "");
}

/* Some senders flush nothing the second time. */
TEST(test_inflater_takes_no_bytes_for_an_empty_message) {
  assert_inflates("", 0, "");
  SCOPED(rig, r, 15);
  assert_int_equal(inflate_message(&r, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 7, PLENTY, PLENTY), 0);
  assert_int_equal(inflate_message(&r, "", 0, 1, PLENTY, PLENTY), 0);
  assert_int_equal(inflate_message(&r, "\xf2\x00\x11\x00\x00", 5, 5, PLENTY, PLENTY), 0);
  assert_int_equal(r.to.len, 5);
}

/* A flood of final blocks costs no more than its bytes. */
TEST(test_inflater_many_final_blocks_are_linear_work) {
  SCOPED_BYTES flood = {0};
  SCOPED(rig, r, 15);
  for (int i = 0; i < 32000; i++) bytes_add(&flood, "\x03\x00", 2);
  assert_int_equal(inflate_message(&r, flood.base, flood.len, 65536, PLENTY, PLENTY), 0);
  assert_int_equal(r.to.len, 0);
}

/* F27 */
TEST(test_inflater_refuses_what_is_corrupt) {
  static const struct {
    const char *data;
    size_t len;
  } bad[] = {
      {"\xff", 1},                           /* a type of block that does not exist */
      {"\x06", 1},                           /* the same, not final */
      {"\x00\x05\x00\xfb\xffHello\x00", 11}, /* length and its complement differ */
      {"\xf2\x00\x11\x00\x00", 5},           /* a distance before the beginning */
      {"\x02\x03\x00", 3},                   /* another */
      {"\x04\xff\xff\xff\xff\xff\xff", 7},   /* code lengths that make no code */
      {"\x00\x05\x00\xfa\xffHe", 7},         /* cut short */
      {"\xf2\x48\xcd", 3},                   /* the same */
      {"\x00\x00\x00\xff\xff", 5},           /* nothing was cut off */
  };
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    for (size_t piece = 1; piece < 12; piece++) {
      SCOPED(rig, r, 15);
      int err = inflate_message(&r, bad[i].data, bad[i].len, piece, PLENTY, PLENTY);
      assert_that(err == WSUV_EDEFLATE, "case %zu in pieces of %zu: %d", i, piece, err);
    }
  }
}

static void squeeze(bytes *out, const bytes *text, int bits, int level, size_t flush_at,
                    int flush) {
  z_stream z = {0};
  assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  raw_deflate(&z, text->base, text->len, flush_at, flush, out);
  deflateEnd(&z);
}

/* F27: no message that lacks its end is taken for whole. */
TEST(test_inflater_refuses_every_message_cut_short) {
  uint64_t seed = 8;
  for (int level = 0; level <= 9; level += 3) {
    SCOPED_BYTES text = {0}, wire = {0};
    raw_text(&seed, 700, &text);
    squeeze(&wire, &text, 15, level, 0, 0);
    /* One byte 0 is a message, though an empty one. */
    for (size_t len = level == 0 ? 2 : 1; len < wire.len; len++) {
      SCOPED(rig, r, 15);
      int err = inflate_message(&r, wire.base, len, 1 + len % 50, PLENTY, PLENTY);
      assert_that(err == WSUV_EDEFLATE, "level %d, %zu of %zu: %d", level, len, wire.len, err);
    }
  }
}

/* F27: what comes of a damaged message is an error or other text, never more than the bound. */
TEST(test_inflater_survives_random_damage) {
  uint64_t seed = 9;
  size_t refused = 0;
  for (int round = 0; round < 1500; round++) {
    SCOPED_BYTES text = {0}, wire = {0};
    SCOPED(rig, r, 15);
    raw_text(&seed, 1 + seeded_below(&seed, 1500), &text);
    squeeze(&wire, &text, 15, (int) seeded_below(&seed, 10), 300, Z_FULL_FLUSH);
    for (size_t n = 1 + seeded_below(&seed, 4); n > 0; n--) {
      wire.base[seeded_below(&seed, wire.len)] ^= (uint8_t) (1u << seeded_below(&seed, 8));
    }
    size_t piece = 1 + seeded_below(&seed, wire.len);
    int err = inflate_message(&r, wire.base, wire.len, piece, 5000, 4000);
    assert_true(err == 0 || err == WSUV_EDEFLATE || err == WSUV_ETOOBIG);
    refused += err == WSUV_EDEFLATE;
  }
  assert_true(refused > 250);
}

TEST(test_inflater_survives_random_bytes) {
  uint64_t seed = 10;
  for (int round = 0; round < 2000; round++) {
    SCOPED_BYTES wire = {0};
    SCOPED(rig, r, (uint8_t) (8 + seeded_below(&seed, 8)));
    bytes_noise(&wire, &seed, seeded_below(&seed, 64));
    int err = inflate_message(&r, wire.base, wire.len, 1 + seeded_below(&seed, 20), 5000, 4000);
    assert_true(err == 0 || err == WSUV_EDEFLATE || err == WSUV_ETOOBIG);
  }
}

/* F26: to the byte, by either bound, however the message is cut. */
TEST(test_inflater_holds_its_bound_exactly) {
  static const size_t sizes[] = {1, 2, 257, 258, 259, 511, 512, 513, 1023, 1024, 1025, 3000};
  static const size_t pieces[] = {1, 2, 3, 7, 100, 10000};
  for (size_t i = 0; i < COUNT_OF(sizes); i++) {
    for (int level = 0; level < 2; level++) {
      SCOPED_BYTES text = {0}, wire = {0};
      for (size_t n = 0; n < sizes[i]; n++) bytes_add(&text, "x", 1);
      squeeze(&wire, &text, 15, level * 9, 0, 0);
      for (size_t j = 0; j < COUNT_OF(pieces); j++) {
        for (size_t less = 0; less < 4; less++) {
          size_t bound = sizes[i] > less ? sizes[i] - less : 0;
          rig r;
          rig_open(&r, 15);
          int by_bound = bound == 0
                             ? WSUV_ETOOBIG
                             : inflate_message(&r, wire.base, wire.len, pieces[j], bound, PLENTY);
          assert_int_equal(by_bound, less == 0 ? 0 : WSUV_ETOOBIG);
          rig_close(&r);
          rig_open(&r, 15);
          int by_sink = inflate_message(&r, wire.base, wire.len, pieces[j], PLENTY, bound);
          assert_int_equal(by_sink, less == 0 ? 0 : WSUV_ETOOBIG);
          rig_close(&r);
        }
      }
    }
  }
}

/* F26: 64 MiB in 64 KiB; memory stays at the bound, whichever it is, and no chunk beyond it. */
TEST(test_inflater_bomb_takes_no_memory_beyond_the_bound) {
  z_stream z = {0};
  SCOPED_BYTES zeros = {0}, bomb = {0};
  bytes_noise(&zeros, &(uint64_t){1}, 1);
  zeros.len = 0;
  for (int i = 0; i < 1 << 10; i++) bytes_add(&zeros, (char[1024]){0}, 1024);
  assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  for (int i = 0; i < 64; i++) {
    raw_deflate(&z, zeros.base, zeros.len, 0, 0, &bomb);
    bytes_add(&bomb, "\0\0\xff\xff", 4);
  }
  bomb.len -= 4;
  deflateEnd(&z);
  static const size_t bounds[] = {1, 1000, 65536, 1 << 20, (3 << 20) + 5};
  static const size_t pieces[] = {1, 500, 16384, 1 << 20};
  for (size_t i = 0; i < COUNT_OF(bounds); i++) {
    for (size_t j = 0; j < COUNT_OF(pieces); j++) {
      SCOPED(rig, r, 15);
      assert_int_equal(inflate_message(&r, bomb.base, bomb.len, pieces[j], PLENTY, bounds[i]),
                       WSUV_ETOOBIG);
      assert_that(r.highest <= bounds[i] + 65536, "bound %zu: %zu bytes", bounds[i], r.highest);
      assert_true(r.to.cap <= bounds[i]);
    }
  }
}

/* Whatever blocks the sender makes. */
TEST(test_inflater_reads_what_zlib_wrote) {
  uint64_t seed = 12;
  static const int flushes[] = {Z_NO_FLUSH, Z_PARTIAL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_BLOCK};
  for (int round = 0; round < 250; round++) {
    z_stream z = {0};
    int bits = 9 + (int) seeded_below(&seed, 7), level = (int) seeded_below(&seed, 10);
    int strategy = (int) seeded_below(&seed, 5);
    SCOPED(rig, r, (uint8_t) bits);
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -bits, 8, strategy), Z_OK);
    for (int message = 0; message < 4; message++) { /* with takeover */
      bytes text = {0}, wire = {0};
      size_t len = seeded_below(&seed, round % 20 == 0 ? 60000 : 2000);
      if (seeded_below(&seed, 4) == 0)
        bytes_noise(&text, &seed, len);
      else
        raw_text(&seed, len, &text);
      raw_deflate(&z, text.base, text.len, 1 + seeded_below(&seed, 500),
                  flushes[seeded_below(&seed, 5)], &wire);
      size_t piece = 1 + seeded_below(&seed, wire.len + 1);
      int err = inflate_message(&r, wire.base, wire.len, piece, len + 1, len + 1);
      assert_that(err == 0, "round %d: %d", round, err);
      assert_int_equal(r.to.len, len);
      if (len > 0) assert_memory_equal(r.to.base, text.base, len);
      bytes_free(&text);
      bytes_free(&wire);
    }
    deflateEnd(&z);
  }
}

/* F46: the window of zlib's, and ours. */
TEST(test_inflater_survives_every_failed_allocation) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r, 15);
    alloc_failures_begin(&f, &r.alloc);
    int err = inflate_message(&r, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, 3, PLENTY, PLENTY);
    assert_int_equal(err, alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 0);
    if (err == 0) assert_true(f.n > 2);
  }
}

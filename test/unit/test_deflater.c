/* Compressing messages (RFC 7692 7.2.1). */

#include <stdlib.h>

#include <string.h>

#include "base/error.h"
#include "proto/extension/deflater.h"
#include "proto/extension/zstream_pool.h"
#include "support/alloc_failures.h"
#include "support/raw_zlib.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  zstream_pool pool;
  block_spare spare;
  uint8_t bits;
  z_stream *z;
  z_stream peer; /* inflates what goes out */
  bytes out;     /* of the last message or fragment */
} rig;

static void rig_open(rig *r, uint8_t bits, int level, int mem_level) {
  memset(r, 0, sizeof *r);
  track_alloc_init(&r->alloc);
  zstream_pool_init(&r->pool, &r->alloc.handle, level, mem_level);
  block_spare_init(&r->spare, &r->alloc.handle);
  r->bits = bits;
  r->z = zstream_take_deflater(&r->pool, bits);
  assert_non_null(r->z);
  assert_int_equal(inflateInit2(&r->peer, -bits), Z_OK);
}

static void rig_close(rig *r) {
  zstream_give_deflater(&r->pool, r->bits, r->z);
  zstream_pool_free(&r->pool);
  block_spare_free(&r->spare);
  inflateEnd(&r->peer);
  bytes_free(&r->out);
  assert_int_equal(r->alloc.live, 0);
}

/* What it becomes is added to r->out. */
static int feed(rig *r, const void *data, size_t len, bool last) {
  block to = {0};
  block_sink sink;
  uint8_t *exact = bytes_exact(data, len);
  block_sink_begin(&sink, &to, &r->spare, SIZE_MAX);
  int err = deflater_feed(r->z, exact, len, last, &sink.sink);
  block_sink_end(&sink);
  bytes_add(&r->out, to.base, to.len);
  block_release(&to, &r->spare);
  free(exact);
  return err;
}

static void assert_out(rig *r, const void *expected, size_t len) {
  assert_int_equal(r->out.len, len);
  assert_memory_equal(r->out.base, expected, len);
  r->out.len = 0;
}

/* RFC 7692 7.2.3.1, 7.2.3.2 */
TEST(test_deflater_makes_the_bytes_of_the_rfc) {
  SCOPED(rig, r, 15, 6, 8);
  assert_int_equal(feed(&r, "Hello", 5, true), 0);
  assert_out(&r, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
  assert_int_equal(feed(&r, "Hello", 5, true), 0);
  assert_out(&r, "\xf2\x00\x11\x00\x00", 5);
}

/* RFC 7692 7.2.3.6, also behind a message that ended with the same flush. */
TEST(test_deflater_makes_one_byte_of_an_empty_message) {
  SCOPED(rig, r, 15, 6, 8);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(feed(&r, "", 0, true), 0);
    assert_out(&r, "\0", 1);
  }
  assert_int_equal(feed(&r, "Hello", 5, true), 0);
  r.out.len = 0;
  assert_int_equal(feed(&r, "", 0, true), 0);
  assert_out(&r, "\0", 1);
}

/* What has gone out of a message so far can be read without the rest of it. */
TEST(test_deflater_flushes_each_fragment) {
  SCOPED_BYTES text = {0};
  SCOPED(rig, r, 15, 6, 8);
  static const char *const parts[] = {"frag", "", "men", "ted mes", "sage", ""};
  for (size_t i = 0; i < 6; i++) {
    size_t before = r.out.len;
    assert_int_equal(feed(&r, parts[i], strlen(parts[i]), i == 5), 0);
    if (i == 5) assert_int_equal(r.out.len, before + 1);
    if (*parts[i] == '\0' && i < 5) assert_int_equal(r.out.len, before);
    r.peer.next_in = r.out.base + before;
    r.peer.avail_in = (uInt) (r.out.len - before);
    uint8_t buf[100];
    r.peer.next_out = buf;
    r.peer.avail_out = sizeof buf;
    if (r.peer.avail_in > 0) assert_int_equal(inflate(&r.peer, Z_SYNC_FLUSH), Z_OK);
    bytes_add(&text, buf, sizeof buf - r.peer.avail_out);
  }
  assert_string_equal(bytes_text(&text), "fragmented message");
}

/* Every window, its limit held: the peer's inflater has no more, and looks at each distance. */
TEST(test_deflater_stays_in_its_window) {
  uint64_t seed = 5;
  for (uint8_t bits = 8; bits <= 15; bits++) {
    for (int level = 0; level <= 9; level += 3) {
      SCOPED_BYTES text = {0}, out = {0};
      SCOPED(rig, r, bits, level, bits == 15 ? 9 : 1);
      for (int message = 0; message < 4; message++) {
        text.len = out.len = r.out.len = 0;
        raw_text(&seed, 20000, &text);
        size_t cut = seeded_below(&seed, text.len + 1);
        assert_int_equal(feed(&r, text.base, cut, false), 0);
        assert_int_equal(feed(&r, text.base + cut, text.len - cut, true), 0);
        if (!raw_inflate(&r.peer, r.out.base, r.out.len, &out)) {
          fail_msg("bits %d level %d: %s", bits, level, r.peer.msg);
        }
        assert_int_equal(out.len, text.len);
        assert_memory_equal(out.base, text.base, text.len);
        if (level > 0) assert_true(r.out.len < text.len);
      }
    }
  }
}

/* However little room the sink gives at a time, as long as it is more than the six bytes that zlib
   wants for the end of a flush; less makes it flush again and again. */
typedef struct tight_sink {
  wsuv_sink_t sink;
  size_t piece;
  uint8_t all[8192]; /* all that was written, so that it can be trimmed */
} tight_sink;

static int tight_more(wsuv_sink_t *sink, size_t want) {
  tight_sink *t = (tight_sink *) sink;
  (void) want;
  if (sink->left == 0) sink->left = t->piece;
  assert_true(sink->at + sink->left <= t->all + sizeof t->all);
  return 0;
}

TEST(test_deflater_takes_little_room) {
  uint64_t seed = 6;
  for (size_t piece = 7; piece < 50; piece++) {
    SCOPED_BYTES text = {0}, out = {0};
    SCOPED(rig, r, 12, 6, 8);
    for (int message = 0; message < 6; message++) {
      tight_sink t = {.sink = {.more = tight_more}, .piece = piece};
      t.sink.at = t.all;
      text.len = out.len = 0;
      raw_text(&seed, seeded_below(&seed, 2000), &text);
      assert_int_equal(deflater_feed(r.z, text.base, text.len, true, &t.sink), 0);
      assert_true(raw_inflate(&r.peer, t.all, t.sink.written, &out));
      assert_int_equal(out.len, text.len);
      if (text.len > 0) assert_memory_equal(out.base, text.base, text.len);
    }
  }
}

TEST(test_deflater_fails_with_its_sink) {
  SCOPED(rig, r, 15, 6, 8);
  r.alloc.fail_at = r.alloc.calls + 1;
  assert_int_equal(feed(&r, "Hello", 5, true), WS_ENOMEM);
  assert_int_equal(deflateReset(r.z), Z_OK);
  assert_int_equal(feed(&r, "Hello", 5, true), 0);
  assert_out(&r, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
}

/* The pool of states. */

TEST(test_zstream_pool_keeps_one_spare_of_each_kind) {
  track_alloc alloc;
  zstream_pool pool;
  z_stream *z[16][4];
  track_alloc_init(&alloc);
  zstream_pool_init(&pool, &alloc.handle, 6, 8);
  for (uint8_t bits = 8; bits <= 15; bits++) {
    for (int i = 0; i < 2; i++) {
      z[bits][i] = zstream_take_deflater(&pool, bits);
      z[bits][2 + i] = zstream_take_inflater(&pool, bits);
      assert_true(z[bits][i] != NULL && z[bits][2 + i] != NULL);
    }
    assert_ptr_not_equal(z[bits][0], z[bits][1]);
    for (int i = 0; i < 2; i++) {
      zstream_give_deflater(&pool, bits, z[bits][i]);
      zstream_give_inflater(&pool, bits, z[bits][2 + i]);
    }
    uint64_t calls = alloc.calls;
    size_t live = alloc.live;
    z_stream *d = zstream_take_deflater(&pool, bits), *n = zstream_take_inflater(&pool, bits);
    assert_ptr_equal(d, z[bits][0]);
    assert_ptr_equal(n, z[bits][2]);
    assert_int_equal(alloc.calls, calls);
    zstream_give_deflater(&pool, bits, d);
    zstream_give_inflater(&pool, bits, n);
    assert_int_equal(alloc.live, live);
  }
  zstream_pool_free(&pool);
  assert_int_equal(alloc.live, 0);
}

/* F46 */
TEST(test_zstream_pool_survives_every_failed_allocation) {
  for (int kind = 0; kind < 2; kind++) {
    for (alloc_failures f = {0}; alloc_failures_next(&f);) {
      track_alloc alloc;
      zstream_pool pool;
      track_alloc_init(&alloc);
      zstream_pool_init(&pool, &alloc.handle, 6, 8);
      alloc_failures_begin(&f, &alloc);
      z_stream *z = kind == 0 ? zstream_take_deflater(&pool, 15) : zstream_take_inflater(&pool, 15);
      assert_int_equal(z == NULL, alloc_failures_end(&f, &alloc));
      if (z == NULL) assert_int_equal(alloc.live, 0);
      if (z != NULL && kind == 0) zstream_give_deflater(&pool, 15, z);
      if (z != NULL && kind == 1) zstream_give_inflater(&pool, 15, z);
      zstream_pool_free(&pool);
      assert_int_equal(alloc.live, 0);
    }
  }
}

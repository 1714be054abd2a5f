/* Where extensions put their output: room in place, within a bound. */

#include <string.h>

#include "base/error.h"
#include "proto/extension/sink.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

typedef struct rig {
  track_alloc alloc;
  block_spare spare;
  block to;
  block_sink sink;
} rig;

static void rig_open(rig *r, size_t most) {
  *r = (rig){.to = {0}};
  track_alloc_init(&r->alloc);
  block_spare_init(&r->spare, &r->alloc.handle);
  block_sink_begin(&r->sink, &r->to, &r->spare, most);
}

static void rig_close(rig *r) {
  block_release(&r->to, &r->spare);
  block_spare_free(&r->spare);
  assert_int_equal(r->alloc.live, 0);
}

TEST(test_sink_untouched_allocates_nothing) {
  SCOPED(rig, r, 100);
  assert_int_equal(wsuv_sink_write(&r.sink.sink, NULL, 0), 0);
  wsuv_sink_commit(&r.sink.sink, 0);
  wsuv_sink_trim(&r.sink.sink, 0);
  block_sink_end(&r.sink);
  assert_int_equal(r.to.len, 0);
  assert_int_equal(r.alloc.calls, 0);
}

/* Against a plain copy: room of any size, written in parts, taken back in parts. */
TEST(test_sink_keeps_what_was_committed_and_not_trimmed) {
  uint64_t seed = 3;
  for (int round = 0; round < 200; round++) {
    SCOPED_BYTES model = {0};
    SCOPED(rig, r, 1 << 20);
    for (int step = 0; step < 40; step++) {
      uint8_t *dst;
      size_t room, want = seeded_below(&seed, 3000);
      assert_int_equal(wsuv_sink_reserve(&r.sink.sink, want, &dst, &room), 0);
      assert_true(room >= want && room > 0);
      size_t n = seeded_below(&seed, room + 1), back = seeded_below(&seed, n + 1);
      memset(dst, step, n);
      wsuv_sink_commit(&r.sink.sink, n);
      wsuv_sink_trim(&r.sink.sink, back);
      bytes_add(&model, dst, n - back);
    }
    assert_int_equal(r.sink.sink.written, model.len);
    block_sink_end(&r.sink);
    assert_int_equal(r.to.len, model.len);
    if (model.len > 0) assert_memory_equal(r.to.base, model.base, model.len);
  }
}

TEST(test_sink_goes_on_behind_what_is_in_the_block) {
  SCOPED(rig, r, 1 << 20);
  for (int i = 0; i < 50; i++) {
    block_sink_begin(&r.sink, &r.to, &r.spare, 1 << 20);
    assert_int_equal(wsuv_sink_write(&r.sink.sink, "0123456789", 10), 0);
    assert_int_equal(r.sink.sink.written, 10);
    block_sink_end(&r.sink);
  }
  assert_int_equal(r.to.len, 500);
  for (size_t i = 0; i < 500; i++) assert_int_equal(r.to.base[i], '0' + i % 10);
}

/* F26: to the byte, with and without a block that is larger than the bound. */
TEST(test_sink_takes_its_bound_and_no_more) {
  for (size_t most = 0; most < 2000; most += 37) {
    for (int spare = 0; spare < 2; spare++) {
      uint8_t *dst;
      size_t room;
      SCOPED(rig, r, most);
      if (spare != 0) {
        assert_int_equal(block_reserve(&r.to, &r.spare, 5000, 5000), 0);
        block_release(&r.to, &r.spare);
      }
      for (size_t i = 0; i < most; i++) {
        assert_int_equal(wsuv_sink_reserve(&r.sink.sink, 700, &dst, &room), 0);
        assert_true(room >= 1 && room <= most - i);
        wsuv_sink_commit(&r.sink.sink, 1);
      }
      assert_int_equal(wsuv_sink_reserve(&r.sink.sink, 1, &dst, &room), WSUV_ETOOBIG);
      assert_int_equal(wsuv_sink_write(&r.sink.sink, "x", 1), WSUV_ETOOBIG);
      assert_int_equal(wsuv_sink_reserve(&r.sink.sink, 0, &dst, &room), WSUV_ETOOBIG);
      block_sink_end(&r.sink);
      assert_int_equal(r.to.len, most);
      if (spare == 0) assert_true(r.to.cap <= most);
    }
  }
}

TEST(test_sink_without_memory_keeps_what_it_has) {
  char chunk[512];
  memset(chunk, 'x', sizeof chunk);
  SCOPED(rig, r, 1 << 20);
  assert_int_equal(wsuv_sink_write(&r.sink.sink, chunk, sizeof chunk), 0);
  r.alloc.fail_at = r.alloc.calls + 1;
  assert_int_equal(wsuv_sink_write(&r.sink.sink, chunk, sizeof chunk), WS_ENOMEM);
  assert_int_equal(wsuv_sink_write(&r.sink.sink, chunk, sizeof chunk), 0);
  block_sink_end(&r.sink);
  assert_int_equal(r.to.len, 2 * sizeof chunk);
}

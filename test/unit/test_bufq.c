/* The byte queue against a flat model of it, its pool, and memory that fails. */

#include <stdbool.h>
#include <string.h>

#include "base/bufq.h"
#include "base/error.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { CHUNK = BUFQ_CHUNK_SIZE, MODEL_SIZE = 12 * CHUNK, MAX_PIECES = 16 };

static track_alloc memory;
static bufq_pool pool;

static int set_up(void **state) {
  (void) state;
  track_alloc_init(&memory);
  bufq_pool_init(&pool, &memory.handle, 4);
  return 0;
}

static int tear_down(void **state) {
  (void) state;
  bufq_pool_free(&pool);
  return memory.live == 0 ? 0 : -1;
}

static uint64_t seed;

static size_t rnd(size_t below) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (size_t) ((seed >> 11) % below);
}

/* Mostly small, sometimes around a chunk, sometimes several. */
static size_t rnd_size(void) {
  switch (rnd(4)) {
  case 0: return rnd(4);
  case 1: return rnd(300);
  case 2: return CHUNK - 20 + rnd(40);
  default: return rnd(3 * CHUNK);
  }
}

/* A queue, and the same bytes in a row. */
typedef struct pair {
  bufq q;
  uint8_t model[MODEL_SIZE];
  size_t len;
} pair;

static uint8_t next_byte; /* what is written is never the same twice in a row */

static void fill(uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = next_byte = (uint8_t) (next_byte * 5 + 113);
}

static void assert_same(const pair *p) {
  static uint8_t copy[MODEL_SIZE];
  assert_int_equal(bufq_len(&p->q), p->len);
  bufq_copy(&p->q, 0, copy, p->len);
  assert_memory_equal(copy, p->model, p->len);
  size_t skip = rnd(p->len + 1), n = rnd(p->len - skip + 1);
  bufq_copy(&p->q, skip, copy, n);
  assert_memory_equal(copy, p->model + skip, n);
}

/* Pieces join up to the bytes asked for, none is empty, and fewer bytes only for want of pieces. */
static void assert_peek(const pair *p) {
  ws_view bufs[MAX_PIECES];
  size_t skip = rnd(p->len + 10), limit = rnd(2) ? rnd(p->len + 10) : SIZE_MAX;
  size_t max = rnd(MAX_PIECES + 1), at = skip;
  size_t count = bufq_peek(&p->q, skip, limit, bufs, max);
  assert_true(count <= max);
  for (size_t i = 0; i < count; i++) {
    assert_true(bufs[i].len > 0 && bufs[i].len <= p->len - at);
    assert_memory_equal(bufs[i].base, p->model + at, bufs[i].len);
    at += bufs[i].len;
  }
  size_t left = skip < p->len ? p->len - skip : 0;
  size_t want = limit < left ? limit : left;
  assert_true(at - skip <= want);
  if (count < max) assert_int_equal(at - skip, want);
}

/* Every byte stands where it stood, `dropped` bytes of the front apart. */
static void assert_not_moved(const pair *p, const ws_view *before, size_t count, size_t dropped) {
  size_t at = 0;
  for (size_t i = 0; i < count; at += before[i++].len) {
    if (at < dropped || at >= p->len + dropped) continue;
    ws_view now;
    assert_int_equal(bufq_peek(&p->q, at - dropped, 1, &now, 1), 1);
    assert_ptr_equal(now.base, before[i].base);
  }
}

static void do_append(pair *p) {
  uint8_t *to = p->model + p->len;
  size_t n = rnd_size();
  if (n > MODEL_SIZE - p->len) return;
  fill(to, n);
  assert_int_equal(bufq_append(&p->q, &pool, to, n), 0);
  p->len += n;
}

/* Writes some of what was reserved, and no memory is asked for any more. */
static void do_reserve(pair *p) {
  size_t reserved = rnd_size();
  if (reserved > MODEL_SIZE - p->len) return;
  assert_int_equal(bufq_reserve(&p->q, &pool, reserved), 0);
  uint64_t calls = memory.calls;
  for (size_t n = rnd(reserved + 1); n > 0;) {
    size_t room;
    uint8_t *tail = bufq_tail(&p->q, &room);
    assert_non_null(tail);
    assert_true(room >= 1 && room <= CHUNK);
    size_t now = 1 + rnd(room < n ? room : n);
    fill(tail, now);
    memcpy(p->model + p->len, tail, now);
    bufq_commit(&p->q, now);
    p->len += now;
    n -= now;
  }
  assert_int_equal(memory.calls, calls);
}

static size_t do_consume(pair *p) {
  size_t n = rnd(8) == 0 ? p->len : rnd_size();
  if (n > p->len) n = rnd(p->len + 1);
  bufq_consume(&p->q, &pool, n);
  memmove(p->model, p->model + n, p->len - n);
  p->len -= n;
  return n;
}

static void do_trim(pair *p) {
  size_t n = rnd_size();
  if (n > p->len) n = rnd(p->len + 1);
  bufq_trim(&p->q, &pool, n);
  p->len -= n;
}

static void do_something(pair *p) {
  ws_view before[MAX_PIECES];
  size_t count = bufq_peek(&p->q, 0, SIZE_MAX, before, MAX_PIECES), dropped = 0;
  switch (rnd(20)) {
  case 0:
    bufq_clear(&p->q, &pool);
    dropped = p->len;
    p->len = 0;
    break;
  case 1:
  case 2:
  case 3:
  case 4: do_trim(p); break;
  case 5:
  case 6:
  case 7:
  case 8:
  case 9: dropped = do_consume(p); break;
  case 10:
  case 11:
  case 12:
  case 13: do_reserve(p); break;
  default: do_append(p); break;
  }
  if (p->len > 0) assert_not_moved(p, before, count, dropped);
}

TEST_AROUND_EACH(set_up, tear_down)

TEST(test_bufq_is_a_flat_row_of_bytes) {
  static pair pairs[2]; /* that share a pool */
  for (seed = 1; seed < 300;) {
    uint64_t this_seed = seed;
    for (int i = 0; i < 2; i++) {
      bufq_init(&pairs[i].q);
      pairs[i].len = 0;
    }
    for (int i = 0; i < 100; i++) {
      pair *p = &pairs[rnd(2)];
      do_something(p);
      assert_same(p);
      assert_peek(p);
      assert_true(pool.spares <= 4);
    }
    for (int i = 0; i < 2; i++) bufq_clear(&pairs[i].q, &pool);
    assert_int_equal(memory.live, pool.spares);
    seed = this_seed + 1;
  }
}

TEST(test_bufq_begins_with_nothing) {
  bufq q;
  bufq_init(&q);
  size_t room = 7;
  ws_view buf;
  assert_null(bufq_tail(&q, &room));
  assert_int_equal(room, 0);
  assert_int_equal(bufq_len(&q), 0);
  assert_int_equal(bufq_peek(&q, 0, 100, &buf, 1), 0);
  assert_int_equal(bufq_reserve(&q, &pool, 0), 0);
  assert_int_equal(bufq_append(&q, &pool, NULL, 0), 0);
  bufq_commit(&q, 0);
  bufq_consume(&q, &pool, 0);
  bufq_trim(&q, &pool, 0);
  bufq_clear(&q, &pool);
  assert_int_equal(memory.calls, 0);
}

TEST(test_bufq_chunk_is_allocated_as_one_block) {
  bufq q;
  bufq_init(&q);
  assert_int_equal(bufq_reserve(&q, &pool, CHUNK), 0);
  size_t room;
  assert_non_null(bufq_tail(&q, &room));
  assert_int_equal(room, CHUNK);
  assert_int_equal(memory.live, 1);
  assert_true(memory.live_bytes >= CHUNK && memory.live_bytes <= CHUNK + 64);
  bufq_clear(&q, &pool);
}

static void append_bytes(bufq *q, size_t n) {
  static uint8_t bytes[8 * CHUNK];
  assert_int_equal(bufq_append(q, &pool, bytes, n), 0);
}

/* However it becomes empty, and whatever is still reserved. */
TEST(test_bufq_empty_holds_no_chunk) {
  bufq q;
  bufq_init(&q);
  for (int way = 0; way < 3; way++) {
    append_bytes(&q, 2 * CHUNK + 5);
    assert_int_equal(bufq_reserve(&q, &pool, 2 * CHUNK), 0);
    bufq_consume(&q, &pool, 5);
    if (way == 0) bufq_consume(&q, &pool, 2 * CHUNK);
    if (way == 1) bufq_trim(&q, &pool, 2 * CHUNK);
    if (way == 2) bufq_clear(&q, &pool);
    assert_int_equal(bufq_len(&q), 0);
    assert_null(q.head);
    assert_null(q.write);
    assert_int_equal(memory.live, pool.spares);
  }
  assert_int_equal(bufq_reserve(&q, &pool, 1), 0);
  bufq_clear(&q, &pool);
  assert_int_equal(memory.live, pool.spares);
}

TEST(test_bufq_pool_keeps_at_most_max_spares) {
  bufq q;
  bufq_init(&q);
  append_bytes(&q, 7 * CHUNK);
  assert_int_equal(memory.live, 7);
  bufq_consume(&q, &pool, 3 * CHUNK); /* each chunk goes back as soon as it is empty */
  assert_int_equal(pool.spares, 3);
  bufq_clear(&q, &pool);
  assert_int_equal(pool.spares, 4);
  assert_int_equal(memory.live, 4);
  bufq_pool_free(&pool);
  assert_int_equal(memory.live, 0);

  pool.max_spares = 0;
  append_bytes(&q, 2 * CHUNK);
  bufq_clear(&q, &pool);
  assert_int_equal(memory.live, 0);
}

TEST(test_bufq_steady_state_allocates_nothing) {
  bufq q;
  bufq_init(&q);
  append_bytes(&q, 2 * CHUNK);
  bufq_clear(&q, &pool);
  uint64_t calls = memory.calls;
  for (int turn = 0; turn < 100; turn++) {
    for (int i = 0; i < 256; i++) {
      append_bytes(&q, 6);
      append_bytes(&q, 64);
    }
    bufq_consume(&q, &pool, 10000);
    bufq_consume(&q, &pool, bufq_len(&q));
  }
  assert_int_equal(memory.calls, calls);
}

TEST(test_bufq_trim_keeps_what_is_reserved) {
  bufq q;
  bufq_init(&q);
  append_bytes(&q, 10);
  assert_int_equal(bufq_reserve(&q, &pool, 3 * CHUNK), 0);
  append_bytes(&q, CHUNK);
  bufq_trim(&q, &pool, CHUNK);
  uint64_t calls = memory.calls;
  append_bytes(&q, 3 * CHUNK);
  assert_int_equal(memory.calls, calls);
  assert_int_equal(bufq_len(&q), 3 * CHUNK + 10);
  bufq_clear(&q, &pool);
}

/* A queue that ends 100 bytes into a chunk, for which `n` more bytes fail at each allocation. */
static void fail_each(size_t n, bool for_ever, bool reserve) {
  static pair p;
  static uint8_t more[8 * CHUNK];
  bufq_init(&p.q);
  p.len = CHUNK + 100;
  fill(p.model, p.len);
  fill(more, n);
  assert_int_equal(bufq_append(&p.q, &pool, p.model, p.len), 0);
  size_t room, room_after;
  uint8_t *tail = bufq_tail(&p.q, &room);
  for (uint64_t at = 1;; at++) {
    memory.calls = memory.failed = 0;
    memory.fail_at = at;
    memory.fail_for_ever = for_ever;
    int err = reserve ? bufq_reserve(&p.q, &pool, n) : bufq_append(&p.q, &pool, more, n);
    memory.fail_at = 0;
    if (memory.failed == 0) {
      assert_int_equal(err, 0);
      assert_int_equal(at, (n - room + CHUNK - 1) / CHUNK + 1);
      break;
    }
    assert_int_equal(err, WS_ENOMEM);
    assert_ptr_equal(bufq_tail(&p.q, &room_after), tail);
    assert_int_equal(room_after, room);
    assert_same(&p);
    assert_int_equal(memory.live, 2 + pool.spares);
    bufq_pool_free(&pool);
  }
  bufq_clear(&p.q, &pool);
  bufq_pool_free(&pool);
  assert_int_equal(memory.live, 0);
}

TEST(test_bufq_failed_memory_changes_nothing) {
  seed = 7;
  for (int i = 0; i < 4; i++) {
    fail_each(CHUNK, i & 1, i & 2);
    fail_each(5 * CHUNK, i & 1, i & 2);
    fail_each(5 * CHUNK - 100, i & 1, i & 2);
  }
}

TEST(test_bufq_failed_memory_leaves_empty_queue_empty) {
  bufq q;
  bufq_init(&q);
  memory.fail_at = 2;
  assert_int_equal(bufq_reserve(&q, &pool, 2 * CHUNK), WS_ENOMEM);
  assert_null(q.head);
  assert_null(q.write);
  assert_int_equal(memory.live, pool.spares);
  memory.fail_at = 0;
  append_bytes(&q, 2 * CHUNK);
  bufq_clear(&q, &pool);
}

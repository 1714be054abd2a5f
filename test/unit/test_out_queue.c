/* What waits to be written, against a model that keeps whole frames in two lists. */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/frame/out_queue.h"
#include "support/alloc_failures.h"
#include "support/frames.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

enum { MODEL_MAX = 4096, PIECES = 128, CUTS = 24 };

/* A frame that waits. */
typedef struct waiting {
  bytes wire;
  size_t written, held; /* from its start; held bytes follow the written ones */
  size_t payload;       /* if it is data */
  bool pong;
} waiting;

typedef struct model {
  waiting lane[LANE_COUNT][MODEL_MAX];
  size_t count[LANE_COUNT];
  uint64_t queued[LANE_COUNT];
} model;

typedef struct rig {
  track_alloc alloc;
  bufq_pool pool;
  out_queue q;
  model *m;
  uint64_t seed, first_seed;
  int step;
} rig;

static void rig_open(rig *r, uint64_t seed) {
  *r = (rig){.seed = seed, .first_seed = seed};
  track_alloc_init(&r->alloc);
  bufq_pool_init(&r->pool, &r->alloc.handle, 4);
  out_queue_init(&r->q, &r->pool);
  r->m = calloc(1, sizeof *r->m);
  assert_non_null(r->m);
}

static void rig_close(rig *r) {
  for (int l = 0; l < LANE_COUNT; l++)
    for (size_t i = 0; i < r->m->count[l]; i++) bytes_free(&r->m->lane[l][i].wire);
  free(r->m);
  out_queue_clear(&r->q);
  assert_int_equal(out_queue_len(&r->q), 0);
  bufq_pool_free(&r->pool);
  assert_int_equal(r->alloc.live, 0);
}

/* The model. */

static size_t left(const waiting *w) {
  return w->wire.len - w->written - w->held;
}

/* The frame whose bytes come next, if any: one that has begun, control, data. */
static waiting *next_frame(model *m) {
  for (int l = 0; l < LANE_COUNT; l++)
    for (size_t i = 0; i < m->count[l]; i++)
      if (m->lane[l][i].written + m->lane[l][i].held != 0 && left(&m->lane[l][i]) != 0)
        return &m->lane[l][i];
  for (int l = LANE_COUNT - 1; l >= 0; l--)
    for (size_t i = 0; i < m->count[l]; i++)
      if (left(&m->lane[l][i]) != 0) return &m->lane[l][i];
  return NULL;
}

static void model_forget(model *m, int l, size_t i) {
  bytes_free(&m->lane[l][i].wire);
  m->count[l]--;
  memmove(&m->lane[l][i], &m->lane[l][i + 1], (m->count[l] - i) * sizeof(waiting));
}

static void model_settle(model *m) {
  for (int l = 0; l < LANE_COUNT; l++) {
    for (size_t i = 0; i < m->count[l]; i++) {
      m->lane[l][i].written += m->lane[l][i].held;
      m->lane[l][i].held = 0;
    }
    while (m->count[l] != 0 && left(&m->lane[l][0]) == 0) model_forget(m, l, 0);
  }
}

static void model_hold(model *m, size_t n) {
  while (n != 0) {
    waiting *w = next_frame(m);
    size_t part = left(w) < n ? left(w) : n;
    w->held += part;
    n -= part;
  }
}

static void model_drop(model *m) {
  for (size_t i = m->count[LANE_DATA]; i-- > 0;) {
    waiting *w = &m->lane[LANE_DATA][i];
    if (w->written + w->held != 0) continue;
    m->queued[LANE_DATA] -= w->wire.len;
    model_forget(m, LANE_DATA, i);
  }
}

static void model_add(model *m, int l, const bytes *wire, size_t payload, bool pong) {
  assert_true(m->count[l] < MODEL_MAX);
  m->lane[l][m->count[l]++] = (waiting){.wire = *wire, .payload = payload, .pong = pong};
  m->queued[l] += wire->len;
}

/* All that waits and is not held, in the order in which it must leave; what is held is put back
   afterwards. */
static void model_plan(model *m, bytes *plan) {
  for (waiting *w; (w = next_frame(m)) != NULL; w->held += left(w))
    bytes_add(plan, w->wire.base + w->written + w->held, left(w));
  for (int l = 0; l < LANE_COUNT; l++)
    for (size_t i = 0; i < m->count[l]; i++) m->lane[l][i].held = 0;
}

static size_t model_len(const model *m, int l) {
  size_t len = 0;
  for (size_t i = 0; i < m->count[l]; i++) len += m->lane[l][i].wire.len - m->lane[l][i].written;
  return len;
}

/* Both side by side. */

static void peek_all(const out_queue *q, bytes *seen, size_t max) {
  ws_view bufs[PIECES];
  size_t n = out_queue_peek(q, bufs, max);
  assert_that(n <= max, "%zu pieces of %zu", n, max);
  for (size_t i = 0; i < n; i++) {
    assert_true(bufs[i].len != 0);
    bytes_add(seen, bufs[i].base, bufs[i].len);
  }
}

static void compare_counts(const rig *r) {
  uint64_t payload = 0;
  for (int l = 0; l < LANE_COUNT; l++) {
    size_t len = model_len(r->m, l);
    assert_that(bufq_len(&r->q.lanes[l].bytes) == len,
                "seed %llu step %d lane %d: %zu bytes, not %zu", (unsigned long long) r->first_seed,
                r->step, l, bufq_len(&r->q.lanes[l].bytes), len);
    assert_that(r->q.lanes[l].queued == r->m->queued[l], "seed %llu step %d lane %d: queued",
                (unsigned long long) r->first_seed, r->step, l);
    assert_that(out_queue_left(&r->q, (out_lane_id) l, r->m->queued[l] - len), "left");
    assert_that(len == 0 || !out_queue_left(&r->q, (out_lane_id) l, r->m->queued[l] - len + 1),
                "waits");
    for (size_t i = 0; i < r->m->count[l]; i++) payload += r->m->lane[l][i].payload;
  }
  assert_that(r->q.payload == payload, "seed %llu step %d: payload %llu, not %llu",
              (unsigned long long) r->first_seed, r->step, (unsigned long long) r->q.payload,
              (unsigned long long) payload);
}

static void compare(rig *r) {
  compare_counts(r);
  if (out_queue_retained(&r->q)) return;
  SCOPED_BYTES plan = {0}, seen = {0};
  model_plan(r->m, &plan);
  size_t max = 1 + seeded_below(&r->seed, 4);
  peek_all(&r->q, &seen, max);
  assert_that(seen.len <= plan.len && (seen.len != 0 || plan.len == 0) &&
                  (seen.len == 0 || memcmp(seen.base, plan.base, seen.len) == 0),
              "seed %llu step %d: peek of %zu pieces", (unsigned long long) r->first_seed, r->step,
              max);
  seen.len = 0;
  peek_all(&r->q, &seen, PIECES);
  assert_that(seen.len == plan.len &&
                  (seen.len == 0 || memcmp(seen.base, plan.base, seen.len) == 0),
              "seed %llu step %d: what is to be written (%zu bytes, not %zu)",
              (unsigned long long) r->first_seed, r->step, seen.len, plan.len);
}

/* One frame for both. */
typedef struct sample {
  frame_header h;
  bytes payload, wire;
} sample;

static sample make_sample(rig *r, uint8_t opcode, size_t len) {
  sample s = {.h = {.opcode = opcode, .fin = true, .length = len}};
  s.h.masked = seeded_below(&r->seed, 2) != 0;
  s.h.key.word = (uint32_t) seeded(&r->seed);
  if (opcode < 8) s.h.fin = seeded_below(&r->seed, 2) != 0;
  if (opcode < 8) s.h.rsv = (uint8_t) seeded_below(&r->seed, 8);
  frame_spec spec = {.opcode = opcode, .rsv = s.h.rsv, .fin = s.h.fin, .masked = s.h.masked};
  memcpy(spec.key, s.h.key.b, 4);
  bytes_noise(&s.payload, &r->seed, len);
  frames_build(&s.wire, &spec, s.payload.base, len);
  return s;
}

/* From a block that is gone afterwards. */
static const void *payload_of(const sample *s, uint8_t **copy) {
  *copy = bytes_exact(s->payload.base, s->payload.len);
  return s->payload.len != 0 ? *copy : NULL;
}

/* The payload in `count` pieces of any length, each from a block of its own. */
static void cut_payload(rig *r, const sample *s, ws_view *pieces, size_t count) {
  size_t done = 0;
  for (size_t i = 0; i < count; i++) {
    size_t left = s->payload.len - done;
    size_t n = i + 1 == count ? left : seeded_below(&r->seed, left + 1);
    pieces[i] = (ws_view){n != 0 ? bytes_exact(s->payload.base + done, n) : NULL, n};
    done += n;
  }
}

static int put_cut(rig *r, int l, uint8_t opcode, size_t len, size_t count) {
  ws_view pieces[CUTS];
  sample s = make_sample(r, opcode, len);
  cut_payload(r, &s, pieces, count);
  int err = out_queue_frame(&r->q, (out_lane_id) l, &s.h, pieces, count);
  if (err == 0)
    model_add(r->m, l, &s.wire, opcode < 8 ? len : 0, false);
  else
    bytes_free(&s.wire);
  bytes_free(&s.payload);
  for (size_t i = 0; i < count; i++) free((void *) (uintptr_t) pieces[i].base);
  return err;
}

static int put(rig *r, int l, uint8_t opcode, size_t len) {
  return put_cut(r, l, opcode, len, 1);
}

/* Whether the next pong takes the place of the last frame: 1 yes, 0 no, -1 it may. */
static int must_replace(const model *m) {
  size_t fresh = 0, begun = 0, n = m->count[LANE_CONTROL];
  const waiting *w = m->lane[LANE_CONTROL], *last = n != 0 ? &w[n - 1] : NULL;
  for (size_t i = 0; i < n; i++) {
    if (w[i].pong && w[i].written + w[i].held == 0) fresh++;
    if (w[i].pong && w[i].written + w[i].held != 0) begun++;
  }
  if (last == NULL || !last->pong || last->written + last->held != 0) return 0;
  if (fresh + begun < OUT_PONGS_MAX) return 0;
  return fresh > OUT_PONGS_MAX ? 1 : -1;
}

static int put_pong(rig *r, size_t len) {
  uint8_t *copy;
  sample s = make_sample(r, 10, len);
  model *m = r->m;
  int expected = must_replace(m);
  size_t before = bufq_len(&r->q.lanes[LANE_CONTROL].bytes), n = m->count[LANE_CONTROL];
  int err = out_queue_pong(&r->q, &s.h, payload_of(&s, &copy));
  size_t after = bufq_len(&r->q.lanes[LANE_CONTROL].bytes);
  bool replaced = err == 0 ? after != before + s.wire.len : after != before;
  assert_that(expected == -1 || replaced == (expected == 1) || err != 0,
              "seed %llu step %d: a pong is %s, %zu control frames wait",
              (unsigned long long) r->first_seed, r->step, replaced ? "replaced" : "added", n);
  assert_that(!replaced || expected != 0, "seed %llu step %d: a pong got lost",
              (unsigned long long) r->first_seed, r->step);
  if (replaced) {
    m->queued[LANE_CONTROL] -= m->lane[LANE_CONTROL][n - 1].wire.len;
    model_forget(m, LANE_CONTROL, n - 1);
  }
  if (err == 0)
    model_add(m, LANE_CONTROL, &s.wire, 0, true);
  else
    bytes_free(&s.wire);
  bytes_free(&s.payload);
  free(copy);
  return err;
}

static void wrote(rig *r, size_t n) {
  out_queue_written(&r->q, n);
  model_hold(r->m, n);
  model_settle(r->m);
}

static void hold(rig *r, size_t n) {
  out_queue_retain(&r->q, n);
  model_hold(r->m, n);
  assert_that(out_queue_retained(&r->q) == (n != 0), "held %zu", n);
}

static void release(rig *r) {
  out_queue_release(&r->q);
  model_settle(r->m);
  assert_false(out_queue_retained(&r->q));
}

static void drop(rig *r) {
  assert_int_equal(out_queue_drop_unstarted(&r->q, 0), 0);
  model_drop(r->m);
}

/* Takes at most so many bytes of a frame. */
typedef struct cut_writer {
  out_writer writer;
  size_t most;
  bytes seen;
  unsigned calls;
} cut_writer;

static size_t write_most(out_writer *writer, const ws_view *bufs, size_t count) {
  cut_writer *w = (cut_writer *) (void *) writer;
  w->calls++;
  for (size_t i = 0; i < count; i++) {
    const size_t room = w->most - w->seen.len;
    bytes_add(&w->seen, bufs[i].base, bufs[i].len < room ? bufs[i].len : room);
  }
  return w->seen.len;
}

/* A frame of which `most` bytes are written at once. */
static int write_frame(rig *r, size_t len, size_t most) {
  cut_writer w = {.writer.write = write_most, .most = most};
  frame_header h = {.opcode = OPCODE_BINARY, .fin = true, .length = len};
  const frame_spec spec = {.opcode = OPCODE_BINARY, .fin = true};
  bytes payload = {0}, wire = {0};
  bytes_noise(&payload, &r->seed, len);
  frames_build(&wire, &spec, payload.base, len);
  uint8_t *copy = bytes_exact(payload.base, len);
  int err = out_queue_write_frame(&r->q, &h, &(ws_view){copy, len}, &w.writer);
  free(copy);
  assert_int_equal(w.seen.len, err < 0 ? 0 : most < wire.len ? most : wire.len);
  if (w.seen.len > 0) assert_memory_equal(w.seen.base, wire.base, w.seen.len);
  if (err == 0) {
    model_add(r->m, LANE_DATA, &wire, len, false);
    model_hold(r->m, w.seen.len);
    model_settle(r->m);
  } else {
    bytes_free(&wire);
  }
  bytes_free(&payload);
  bytes_free(&w.seen);
  return err;
}

/* Scenes. */

/* What is left of the frame goes on after that, and no control frame goes into it. */
static void write_and_go_on(size_t len, size_t most) {
  SCOPED(rig, r, len + most);
  assert_int_equal(write_frame(&r, len, most), 0);
  compare(&r);
  assert_int_equal(put(&r, LANE_CONTROL, 9, 3), 0);
  assert_int_equal(put(&r, LANE_DATA, 1, 10), 0);
  compare(&r);
  if (most % 2 == 0) drop(&r);
  compare(&r);
  while (out_queue_len(&r.q) > 0) {
    const size_t n = out_queue_len(&r.q);
    wrote(&r, n > 5000 ? 5000 : n > 8 ? 8 : 1);
    compare(&r);
  }
  assert_int_equal(write_frame(&r, len, most), 0);
  compare(&r);
}

TEST(test_out_queue_frame_is_written_from_its_memory) {
  static const size_t lens[] = {0, 1, 125, 126, 16 * 1024, 0xffff, 0x10000, 100000};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    const size_t len = lens[i], size = len < 126 ? 2 : len < 0x10000 ? 4 : 10;
    for (size_t most = 0; most <= size + 2; most++) write_and_go_on(len, most);
    write_and_go_on(len, size + len / 2);
    for (size_t most = size + len > 3 ? size + len - 3 : 0; most <= size + len; most++) {
      write_and_go_on(len, most);
    }
  }
}

/* A frame that has begun must be finished, so there is memory for all of it, or nothing goes. */
TEST(test_out_queue_without_memory_writes_nothing) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    SCOPED(rig, r, 1);
    alloc_failures_begin(&f, &r.alloc);
    int err = write_frame(&r, 70000, 100);
    assert_int_equal(err, alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 0);
    compare(&r);
  }
}

/* Frames of one payload, of which `most` bytes are written in one call. */
static void write_fragments(rig *r, const size_t *lens, size_t count, size_t most) {
  cut_writer w = {.writer.write = write_most, .most = most};
  frame_header frames[OUT_WRITE_FRAMES];
  bytes wire[OUT_WRITE_FRAMES] = {{0}}, payload = {0};
  size_t total = 0, before = 0;
  for (size_t i = 0; i < count; i++) {
    const bool first = i == 0, fin = i == count - 1;
    const uint8_t opcode = first ? OPCODE_BINARY : OPCODE_CONTINUATION;
    frames[i] = (frame_header){.opcode = opcode, .fin = fin, .length = lens[i]};
    bytes_noise(&payload, &r->seed, lens[i]);
    const frame_spec spec = {.opcode = opcode, .fin = fin};
    frames_build(&wire[i], &spec, payload.base + before, lens[i]);
    before += lens[i];
    total += wire[i].len;
  }
  assert_int_equal(out_queue_reserve(&r->q, total), 0);
  out_queue_write_fragments(&r->q, frames, count, payload.base, &w.writer);
  out_queue_end_writing(&r->q);
  assert_int_equal(w.calls, 1);
  assert_int_equal(w.seen.len, most < total ? most : total);
  for (size_t i = 0; i < count; i++) model_add(r->m, LANE_DATA, &wire[i], lens[i], false);
  model_hold(r->m, w.seen.len);
  model_settle(r->m);
  bytes_free(&payload);
  bytes_free(&w.seen);
}

TEST(test_out_queue_fragments_are_written_in_one_call) {
  static const size_t lens[] = {126, 3, 0, 200};
  enum { COUNT = sizeof lens / sizeof *lens, WIRE = 130 + 5 + 2 + 204 };
  for (size_t most = 0; most <= WIRE; most++) {
    SCOPED(rig, r, most);
    write_fragments(&r, lens, COUNT, most);
    compare(&r);
    assert_int_equal(out_queue_len(&r.q), WIRE - most);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 3), 0);
    if (most % 3 == 0) drop(&r);
    compare(&r);
    while (out_queue_len(&r.q) > 0) {
      wrote(&r, out_queue_len(&r.q) > 7 ? 7 : 1);
      compare(&r);
    }
  }
}

/* Nothing of it stays in the queue if all of it is written. */
TEST(test_out_queue_frame_that_is_written_gives_its_chunks_back) {
  SCOPED(rig, r, 1);
  assert_int_equal(write_frame(&r, 3 * BUFQ_CHUNK_SIZE, SIZE_MAX), 0);
  assert_int_equal(out_queue_len(&r.q), 0);
  assert_int_equal(r.q.payload, 0);
  assert_null(r.q.lanes[LANE_DATA].bytes.write);
  assert_int_equal(r.pool.spares, 4);
}

TEST(test_out_queue_drop_spares_the_close_frame_at_the_end) {
  for (size_t begun = 0; begun < 3; begun++) {
    ws_view buf[4];
    uint8_t end[8];
    SCOPED(rig, r, 1);
    assert_int_equal(put(&r, LANE_DATA, 2, 10), 0);
    size_t first = out_queue_len(&r.q);
    assert_int_equal(put(&r, LANE_DATA, 2, 20), 0);
    uint64_t before = r.q.lanes[LANE_DATA].queued;
    assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
    size_t last = (size_t) (r.q.lanes[LANE_DATA].queued - before);
    size_t keep = begun > 0 ? first : 0;
    bufq_copy(&r.q.lanes[LANE_DATA].bytes, out_queue_len(&r.q) - last, end, last);
    if (begun == 1) out_queue_retain(&r.q, 3);
    if (begun == 2) out_queue_written(&r.q, 3);
    assert_int_equal(out_queue_drop_unstarted(&r.q, last), 0);
    size_t left = out_queue_len(&r.q);
    assert_int_equal(left, keep + last - (begun == 2 ? 3 : 0));
    assert_int_equal(r.q.payload, begun > 0 ? 10 : 0);
    assert_int_equal(r.q.lanes[LANE_DATA].queued, keep + last);
    uint8_t seen[8];
    bufq_copy(&r.q.lanes[LANE_DATA].bytes, left - last, seen, last);
    assert_memory_equal(seen, end, last);
    assert_int_equal(out_queue_drop_unstarted(&r.q, last), 0); /* nothing more to drop */
    assert_int_equal(out_queue_len(&r.q), left);
    if (begun == 1) out_queue_release(&r.q);
    while (out_queue_peek(&r.q, buf, 1) > 0) out_queue_written(&r.q, 1);
  }
}

TEST(test_out_queue_control_goes_ahead_of_data) {
  SCOPED(rig, r, 1);
  assert_int_equal(put(&r, LANE_DATA, 1, 10), 0);
  assert_int_equal(put(&r, LANE_CONTROL, 9, 3), 0);
  assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
  assert_int_equal(put_pong(&r, 4), 0);
  compare(&r);
  ws_view buf[4];
  assert_true(out_queue_peek(&r.q, buf, 4) > 0);
  assert_int_equal(buf[0].base[0], 0x89);
}

/* Every split of: written up to it, then a ping and a pong, then the rest. */
TEST(test_out_queue_control_never_goes_into_a_frame) {
  for (size_t split = 0;; split++) {
    rig r;
    rig_open(&r, 2);
    assert_int_equal(put(&r, LANE_DATA, 2, 140), 0);
    assert_int_equal(put(&r, LANE_DATA, 1, 0), 0);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 3), 0);
    assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
    size_t total = out_queue_len(&r.q);
    if (split <= total) wrote(&r, split);
    r.step = (int) split;
    compare(&r);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 1), 0);
    assert_int_equal(put_pong(&r, 2), 0);
    compare(&r);
    while (out_queue_len(&r.q) != 0) {
      wrote(&r, 1);
      compare(&r);
    }
    rig_close(&r);
    if (split > total) break;
  }
}

TEST(test_out_queue_control_waits_for_what_is_held) {
  for (size_t split = 1;; split++) {
    rig r;
    rig_open(&r, 3);
    assert_int_equal(put(&r, LANE_DATA, 2, 20), 0);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 5), 0);
    assert_int_equal(put(&r, LANE_DATA, 1, 7), 0);
    size_t total = out_queue_len(&r.q);
    if (split > total) {
      rig_close(&r);
      break;
    }
    r.step = (int) split;
    hold(&r, split);
    compare(&r);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 1), 0);
    assert_int_equal(put_pong(&r, 2), 0);
    assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
    compare(&r);
    if (split % 2 == 0) drop(&r);
    compare(&r);
    release(&r);
    compare(&r);
    while (out_queue_len(&r.q) != 0) wrote(&r, 1), compare(&r);
    rig_close(&r);
  }
}

/* What is held stays where it is, whatever is queued meanwhile. */
TEST(test_out_queue_held_bytes_do_not_move) {
  SCOPED(rig, r, 4);
  assert_int_equal(put(&r, LANE_DATA, 2, 50000), 0);
  ws_view bufs[PIECES];
  size_t n = out_queue_peek(&r.q, bufs, PIECES), total = out_queue_len(&r.q);
  SCOPED_BYTES before = {0}, after = {0};
  for (size_t i = 0; i < n; i++) bytes_add(&before, bufs[i].base, bufs[i].len);
  hold(&r, total);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(put(&r, LANE_DATA, 2, 3000), 0);
    assert_int_equal(put_pong(&r, 100), 0);
  }
  drop(&r);
  for (size_t i = 0; i < n; i++) bytes_add(&after, bufs[i].base, bufs[i].len);
  assert_int_equal(before.len, after.len);
  assert_memory_equal(before.base, after.base, before.len);
  release(&r);
  compare(&r);
}

TEST(test_out_queue_drops_only_frames_that_have_not_begun) {
  for (int held = 0; held < 2; held++) {
    for (size_t split = 0; split <= 60; split++) {
      SCOPED(rig, r, 5);
      for (size_t i = 0; i < 3; i++) assert_int_equal(put(&r, LANE_DATA, 2, 12 + i), 0);
      assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
      assert_int_equal(put(&r, LANE_CONTROL, 9, 4), 0);
      size_t n = split < out_queue_len(&r.q) ? split : out_queue_len(&r.q);
      r.step = (int) split;
      if (held != 0)
        hold(&r, n);
      else
        wrote(&r, n);
      drop(&r);
      compare(&r);
      assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
      compare(&r);
      release(&r);
      compare(&r);
    }
  }
}

/* The lane ends anywhere before the end of a chunk, and the pieces lie across it. */
TEST(test_out_queue_pieces_go_on_in_the_next_chunk) {
  for (size_t room = 0; room < 80; room++) {
    for (size_t count = 1; count < CUTS; count += 5) {
      SCOPED(rig, r, 100 * room + count);
      r.step = (int) room;
      assert_int_equal(put(&r, LANE_DATA, 2, BUFQ_CHUNK_SIZE - room), 0);
      assert_int_equal(put_cut(&r, LANE_DATA, 1, 60, count), 0);
      assert_int_equal(put_cut(&r, LANE_DATA, 2, 2 * BUFQ_CHUNK_SIZE + 3, count), 0);
      assert_int_equal(put_cut(&r, LANE_CONTROL, 9, 125, count), 0);
      compare(&r);
    }
  }
}

TEST(test_out_queue_no_pieces_are_an_empty_frame) {
  SCOPED(rig, r, 15);
  assert_int_equal(put_cut(&r, LANE_DATA, 2, 0, 0), 0);
  assert_int_equal(put_cut(&r, LANE_CONTROL, 9, 0, 0), 0);
  assert_int_equal(put_cut(&r, LANE_DATA, 1, 0, 5), 0);
  compare(&r);
  assert_int_equal(r.q.payload, 0);
}

/* A handshake is one piece: nothing goes before it or into it. */
TEST(test_out_queue_raw_bytes_go_first) {
  for (size_t split = 0; split <= 30; split++) {
    bytes seen = {0};
    SCOPED(rig, r, 6);
    assert_int_equal(out_queue_raw(&r.q, "GET / HTTP/1.1\r\n(and so on)\r\n\r\n", 31), 0);
    assert_int_equal(r.q.payload, 0);
    if (split % 2 == 0) {
      out_queue_written(&r.q, split);
    } else {
      out_queue_retain(&r.q, split);
      out_queue_release(&r.q);
    }
    assert_int_equal(put(&r, LANE_DATA, 1, 3), 0);
    assert_int_equal(put(&r, LANE_CONTROL, 9, 3), 0);
    peek_all(&r.q, &seen, PIECES);
    assert_memory_equal(seen.base, &"GET / HTTP/1.1\r\n(and so on)\r\n\r\n"[split], 31 - split);
    assert_int_equal(seen.base[31 - split], 0x89);
    bytes_free(&seen);
    out_queue_written(&r.q, 31 - split);
    assert_true(out_queue_left(&r.q, LANE_DATA, 31));
    assert_false(out_queue_left(&r.q, LANE_DATA, 32));
  }
}

TEST(test_out_queue_payload_counts_until_a_frame_is_gone) {
  SCOPED(rig, r, 7);
  assert_int_equal(put(&r, LANE_DATA, 1, 100), 0);
  assert_int_equal(put(&r, LANE_DATA, 0, 50), 0);
  assert_int_equal(put(&r, LANE_DATA, 8, 2), 0);
  assert_int_equal(put(&r, LANE_CONTROL, 9, 20), 0);
  assert_int_equal(r.q.payload, 150);
  while (out_queue_len(&r.q) != 0) {
    wrote(&r, 1);
    compare(&r);
  }
  assert_int_equal(r.q.payload, 0);
}

/* F21. */

static void expect_pong(const seen_frame *f, unsigned number) {
  unsigned seen;
  assert_that(f->spec.opcode == 10 && f->length == sizeof seen, "no pong");
  memcpy(&seen, f->payload, sizeof seen);
  assert_that(seen == number, "pong %u, not %u", seen, number);
}

static int numbered_pong(rig *r, unsigned number) {
  frame_header h = {.opcode = 10, .fin = true, .length = sizeof number};
  return out_queue_pong(&r->q, &h, &number);
}

TEST(test_out_queue_flood_of_pings_keeps_64_pongs_and_the_latest) {
  for (unsigned count = 0; count < 300; count += count < 70 ? 1 : 77) {
    SCOPED_BYTES seen = {0};
    SCOPED(rig, r, 8);
    for (unsigned i = 0; i < count; i++) assert_int_equal(numbered_pong(&r, i), 0);
    peek_all(&r.q, &seen, PIECES);
    uint8_t *p = seen.base;
    size_t n = seen.len;
    seen_frame f;
    for (unsigned i = 0; i < count && i < OUT_PONGS_MAX; i++) {
      size_t size = frames_parse(&f, p, n);
      expect_pong(&f, i);
      p += size, n -= size;
    }
    if (count > OUT_PONGS_MAX) {
      n -= frames_parse(&f, p, n);
      expect_pong(&f, count - 1);
    }
    assert_that(n == 0, "%u pongs: %zu bytes too many", count, n);
  }
}

TEST(test_out_queue_flood_of_pings_keeps_memory_flat) {
  SCOPED(rig, r, 9);
  assert_int_equal(put(&r, LANE_DATA, 2, 100), 0);
  wrote(&r, 10); /* the peer does not read on */
  size_t bytes_then = 0;
  uint64_t calls = 0;
  for (int i = 0; i < 20000; i++) {
    assert_int_equal(put_pong(&r, seeded_below(&r.seed, 126)), 0);
    if (i == 400) bytes_then = r.alloc.live_bytes, calls = r.alloc.calls;
    if (i > 400) assert_true(r.alloc.live_bytes <= bytes_then);
  }
  assert_true(r.alloc.calls < calls + 20); /* and no work for the allocator */
  assert_int_equal(r.m->count[LANE_CONTROL], OUT_PONGS_MAX + 1);
  compare(&r);
}

TEST(test_out_queue_pong_that_is_held_is_not_replaced) {
  SCOPED(rig, r, 10);
  for (int i = 0; i < 80; i++) assert_int_equal(put_pong(&r, 9), 0);
  hold(&r, out_queue_len(&r.q));
  for (int i = 0; i < 200; i++) {
    assert_int_equal(put_pong(&r, (size_t) i % 126), 0);
    compare(&r);
  }
  assert_true(r.m->count[LANE_CONTROL] <= 2 * OUT_PONGS_MAX + 2);
  release(&r);
  compare(&r);
}

TEST(test_out_queue_pongs_are_all_sent_while_they_leave) {
  SCOPED(rig, r, 11);
  for (int i = 0; i < 2000; i++) {
    r.step = i;
    size_t before = r.m->count[LANE_CONTROL];
    assert_int_equal(put_pong(&r, 4), 0);
    assert_int_equal(r.m->count[LANE_CONTROL], before + 1);
    compare(&r);
    if (i % 50 == 49) wrote(&r, out_queue_len(&r.q) - seeded_below(&r.seed, 5));
  }
}

/* Memory. */

static int op_fails(rig *r, int op) {
  if (op == 0) return put(r, LANE_DATA, 2, 70000);
  if (op == 1) return put(r, LANE_CONTROL, 9, 125);
  if (op == 2) return put(r, LANE_DATA, 8, 125);
  return put_pong(r, 125);
}

/* F46: the n-th allocation fails. Nothing is changed (compare sees it), except the latest of a
   flood of pongs. */
TEST(test_out_queue_without_memory_is_unchanged) {
  for (int v = 0; v < 16; v++) {
    for (alloc_failures f = {0}; alloc_failures_next(&f);) {
      SCOPED(rig, r, (uint64_t) v);
      /* Chunks that are nearly full, so that each operation needs one more. */
      assert_int_equal(put(&r, LANE_DATA, 2, (v & 4) != 0 ? BUFQ_CHUNK_SIZE - 8 : 100), 0);
      for (int i = 0; (v & 8) != 0 && i < 129; i++) assert_int_equal(put(&r, 1, 9, 125), 0);
      alloc_failures_begin(&f, &r.alloc);
      int err = op_fails(&r, v & 3);
      int expected = alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 0;
      assert_that(err == expected, "variant %d, allocation %zu: %d", v, (size_t) f.n, err);
      compare(&r);
      assert_int_equal(op_fails(&r, v & 3), 0);
      compare(&r);
    }
  }
}

/* A pong that finds no memory may cost the latest before it, but never a frame of another kind:
   here a ping stands in front of the latest. The lane ends anywhere in a chunk. */
TEST(test_out_queue_pong_without_memory_cuts_no_other_frame) {
  for (size_t fill = 0; fill < 140; fill++) {
    SCOPED(rig, r, 20 + fill);
    r.step = (int) fill;
    for (int i = 0; i <= OUT_PONGS_MAX; i++) assert_int_equal(put_pong(&r, 0), 0);
    while (bufq_len(&r.q.lanes[LANE_CONTROL].bytes) < BUFQ_CHUNK_SIZE - 300)
      assert_int_equal(put(&r, LANE_CONTROL, 9, 100), 0);
    assert_int_equal(put(&r, LANE_CONTROL, 9, fill < 125 ? fill : 125), 0);
    assert_int_equal(put(&r, LANE_CONTROL, 9, fill < 125 ? 0 : fill - 125), 0);
    assert_int_equal(put_pong(&r, 20), 0);
    r.alloc.fail_at = r.alloc.calls + 1;
    r.alloc.fail_for_ever = true;
    (void) put_pong(&r, 125);
    compare(&r);
    r.alloc.fail_at = 0;
    for (size_t i = 0; i < 3; i++) {
      assert_int_equal(put_pong(&r, 10 * i), 0);
      compare(&r);
    }
  }
}

TEST(test_out_queue_raw_without_memory_is_unchanged) {
  SCOPED(rig, r, 12);
  SCOPED_BYTES big = {0};
  for (int i = 0; i < 4000; i++) bytes_add(&big, "0123456789", 10);
  for (uint64_t n = 1; n < 4; n++) {
    r.alloc.fail_at = r.alloc.calls + n;
    if (out_queue_raw(&r.q, big.base, big.len) == 0) break;
    assert_true(r.alloc.failed != 0);
    assert_int_equal(out_queue_len(&r.q), 0);
    compare(&r);
  }
  r.alloc.fail_at = 0;
}

TEST(test_out_queue_in_the_steady_state_allocates_nothing) {
  SCOPED(rig, r, 13);
  uint64_t calls = 0;
  for (int i = 0; i < 300; i++) {
    assert_int_equal(put(&r, LANE_DATA, 2, 1000), 0);
    assert_int_equal(put_pong(&r, 20), 0);
    wrote(&r, out_queue_len(&r.q));
    if (i == 10) calls = r.alloc.calls;
  }
  assert_int_equal(r.alloc.calls, calls);
}

/* At random. */

static size_t some_length(rig *r) {
  static const size_t bounds[] = {2, 130, 4000, 40000};
  return seeded_below(&r->seed, bounds[seeded_below(&r->seed, 4)]);
}

static size_t some_part(rig *r) {
  size_t len = out_queue_len(&r->q), kind = seeded_below(&r->seed, 4);
  if (kind == 0) return len;
  if (kind == 1 && len > 10) return seeded_below(&r->seed, 10);
  return seeded_below(&r->seed, len + 1);
}

static void random_put(rig *r) {
  size_t kind = seeded_below(&r->seed, 8);
  bool fails = seeded_below(&r->seed, 6) == 0;
  if (fails) r->alloc.fail_at = r->alloc.calls + 1 + seeded_below(&r->seed, 2);
  uint64_t failed = r->alloc.failed;
  int err;
  if (kind < 3)
    err = put_cut(r, LANE_DATA, (uint8_t) kind, some_length(r), 1 + seeded_below(&r->seed, CUTS));
  else if (kind == 3)
    err = put(r, LANE_DATA, 8, 2 + seeded_below(&r->seed, 123));
  else if (kind == 4)
    err = put_cut(r, LANE_CONTROL, 9, seeded_below(&r->seed, 126), 1 + seeded_below(&r->seed, 3));
  else
    err = put_pong(r, seeded_below(&r->seed, 126));
  assert_that(err == (failed != r->alloc.failed ? WS_ENOMEM : 0), "seed %llu step %d: %d",
              (unsigned long long) r->first_seed, r->step, err);
  r->alloc.fail_at = 0;
}

static void random_step(rig *r) {
  size_t kind = seeded_below(&r->seed, 32);
  if (out_queue_retained(&r->q)) {
    if (kind < 12) release(r);
  } else if (kind < 6) {
    wrote(r, some_part(r));
  } else if (kind < 10) {
    hold(r, some_part(r));
  }
  if (kind == 13) drop(r);
  if (kind > 13 && out_queue_len(&r->q) < 300000) random_put(r);
  for (int i = 0; kind == 31 && i < 90; i++) assert_int_equal(put_pong(r, (size_t) i), 0);
  compare(r);
}

TEST(test_out_queue_does_as_the_model_does) {
  for (uint64_t seed = 100; seed < 140; seed++) {
    SCOPED(rig, r, seed);
    for (r.step = 0; r.step < 250; r.step++) random_step(&r);
    if (out_queue_retained(&r.q)) release(&r);
    wrote(&r, out_queue_len(&r.q));
    compare(&r);
    assert_int_equal(r.q.payload, 0);
  }
}

TEST(test_out_queue_cleared_gives_back_what_is_held) {
  SCOPED(rig, r, 14);
  assert_int_equal(put(&r, LANE_DATA, 2, 100000), 0);
  hold(&r, 50000);
}

#include <stdlib.h>
#include <string.h>

#include "session/completions.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* A queue, its completions, and the letters of those that came, in their order. */
typedef struct fixture {
  track_alloc alloc;
  bufq_pool chunks;
  out_queue out;
  completion_pool pool;
  completions cs;
  char order[64];
} fixture;

enum { FRAME = 2 + 1 }; /* header, a byte of payload */

/* Of the test that runs. */
static fixture *current;

static int set_up(void **state) {
  (void) state;
  fixture *f = calloc(1, sizeof *f);
  if (f == NULL) return -1;
  track_alloc_init(&f->alloc);
  bufq_pool_init(&f->chunks, &f->alloc.handle, 4);
  out_queue_init(&f->out, &f->chunks);
  completion_pool_init(&f->pool, &f->alloc.handle);
  current = f;
  return 0;
}

static int tear_down(void **state) {
  (void) state;
  fixture *f = current;
  completion *c;
  while ((c = completions_any(&f->cs)) != NULL) completion_release(&f->pool, c);
  out_queue_clear(&f->out);
  bufq_pool_free(&f->chunks);
  completion_pool_free(&f->pool);
  size_t live = f->alloc.live;
  free(f);
  return live == 0 ? 0 : -1;
}

static completion *named(fixture *f, const char *name) {
  completion *c = completion_new(&f->pool, NULL, NULL);
  assert_non_null(c);
  c->arg = (void *) (uintptr_t) name;
  return c;
}

/* A frame of three bytes, and who waits for it. */
static void queue(fixture *f, out_lane_id lane, const char *name) {
  frame_header h = {.length = 1, .opcode = 2, .fin = true};
  const ws_view piece = {(const uint8_t *) "x", 1};
  if (lane == LANE_CONTROL) h.opcode = 9;
  assert_int_equal(out_queue_frame(&f->out, lane, &h, &piece, 1), 0);
  completion *c = named(f, name);
  c->end = f->out.lanes[lane].queued;
  completions_add(&f->cs, lane, c);
}

static void flush(fixture *f, const char *name) {
  completion *c = named(f, name);
  c->end = f->out.lanes[LANE_DATA].queued;
  c->control = f->out.lanes[LANE_CONTROL].queued;
  completions_add(&f->cs, LANE_DATA, c);
}

static void take(fixture *f, completion *c) {
  strcat(f->order, c->arg);
  if (c->dropped) strcat(f->order, "-");
  completion_release(&f->pool, c);
}

static const char *due(fixture *f) {
  completion *c;
  f->order[0] = '\0';
  while ((c = completions_due(&f->cs, &f->out)) != NULL) take(f, c);
  return f->order;
}

/* Drop what has not started to leave, but a frame at the end if there is one to be kept. */
static void drop(fixture *f, size_t last) {
  const uint64_t *queued = &f->out.lanes[LANE_DATA].queued, before = *queued;
  assert_int_equal(out_queue_drop_unstarted(&f->out, last), 0);
  completions_drop(&f->cs, *queued - last, before - *queued);
}

TEST_AROUND_EACH(set_up, tear_down)

TEST(test_completions_come_due_in_order) {
  fixture *f = current;
  assert_null(completions_due(&f->cs, &f->out));
  queue(f, LANE_DATA, "a");
  queue(f, LANE_DATA, "b");
  queue(f, LANE_DATA, "c");
  assert_int_equal(f->cs.count, 3);
  assert_string_equal(due(f), "");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "");
  out_queue_written(&f->out, 1 + FRAME);
  assert_string_equal(due(f), "ab");
  assert_int_equal(f->cs.count, 1);
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "c");
  assert_int_equal(f->cs.count, 0);
}

TEST(test_completions_of_control_do_not_wait_for_data) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  queue(f, LANE_CONTROL, "p");
  out_queue_written(&f->out, FRAME); /* control goes first */
  assert_string_equal(due(f), "p");
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "a");
}

TEST(test_completion_of_a_flush_waits_for_both_lanes) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1); /* begun: control has to wait for its end */
  queue(f, LANE_CONTROL, "p");
  flush(f, "f");
  queue(f, LANE_CONTROL, "q");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  assert_int_equal(f->cs.count, 3);
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "pf");
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "q");
}

/* Data behind a flush may leave in the same write as the control frame that the flush waits for. */
TEST(test_completion_of_a_flush_is_not_overtaken_by_data) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1); /* begun: control has to wait for its end */
  queue(f, LANE_CONTROL, "p");
  flush(f, "f");
  queue(f, LANE_DATA, "b");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  out_queue_written(&f->out, FRAME + FRAME);
  assert_string_equal(due(f), "pfb");
}

TEST(test_completion_of_a_flush_is_not_overtaken_when_all_are_dropped) {
  fixture *f = current;
  completion *c;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1);
  queue(f, LANE_CONTROL, "p");
  flush(f, "f");
  queue(f, LANE_DATA, "b");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  f->order[0] = '\0';
  while ((c = completions_any(&f->cs)) != NULL) take(f, c);
  assert_string_equal(f->order, "pfb");
}

/* A pong may be taken back for a shorter one, and the count of the lane with it. */
TEST(test_completion_of_a_flush_does_not_wait_for_a_pong_that_was_replaced) {
  fixture *f = current;
  frame_header pong = {.length = 9, .opcode = 10, .fin = true};
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1);
  for (int i = 0; i <= OUT_PONGS_MAX; i++) {
    assert_int_equal(out_queue_pong(&f->out, &pong, "012345678"), 0);
  }
  flush(f, "f");
  pong.length = 0;
  assert_int_equal(out_queue_pong(&f->out, &pong, NULL), 0);
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  out_queue_written(&f->out, out_queue_len(&f->out) - 1);
  assert_string_equal(due(f), "");
  out_queue_written(&f->out, 1);
  assert_string_equal(due(f), "f");
}

TEST(test_completion_of_a_flush_of_nothing_is_due_at_once) {
  fixture *f = current;
  flush(f, "f");
  flush(f, "g");
  assert_string_equal(due(f), "fg");
}

/* Each flush goes to its place among those that wait for control frames. */
TEST(test_completions_of_flushes_keep_their_order) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1);
  queue(f, LANE_CONTROL, "p");
  flush(f, "f");
  flush(f, "g");
  queue(f, LANE_CONTROL, "q");
  flush(f, "h");
  queue(f, LANE_CONTROL, "r");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  out_queue_written(&f->out, 2 * FRAME);
  assert_string_equal(due(f), "pfgqh");
  queue(f, LANE_CONTROL, "s"); /* the end of the lane is still known */
  out_queue_written(&f->out, 2 * FRAME);
  assert_string_equal(due(f), "rs");
}

/* They come in the order of sending, behind the frame that is being written. */
TEST(test_completions_of_dropped_frames_come_in_order) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1);
  queue(f, LANE_DATA, "b");
  flush(f, "f");
  queue(f, LANE_DATA, "c");
  drop(f, 0);
  assert_string_equal(due(f), "");
  queue(f, LANE_DATA, "d");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "ab-f-c-");
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "d");
}

TEST(test_completions_of_dropped_frames_may_be_all) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  queue(f, LANE_DATA, "b");
  drop(f, 0);
  assert_string_equal(due(f), "a-b-");
  queue(f, LANE_DATA, "c");
  assert_string_equal(due(f), "");
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "c");
}

/* Our close frame is still sent, and so are those who wait for it. */
TEST(test_completions_behind_dropped_frames_are_kept) {
  fixture *f = current;
  queue(f, LANE_DATA, "a");
  queue(f, LANE_DATA, "b");
  queue(f, LANE_DATA, "c");
  flush(f, "f");
  drop(f, FRAME);
  assert_string_equal(due(f), "a-b-");
  out_queue_written(&f->out, FRAME);
  assert_string_equal(due(f), "cf");
}

/* Each is put behind the one before it: with a walk from the front this would take hours. */
TEST(test_completions_of_many_flushes_are_linear_work) {
  enum { FLUSHES = 1000000 };
  fixture *f = current;
  completion *c;
  size_t count = 0;
  queue(f, LANE_DATA, "a");
  out_queue_written(&f->out, 1);
  queue(f, LANE_CONTROL, "p");
  for (int i = 0; i < FLUSHES; i++) flush(f, "f");
  out_queue_written(&f->out, FRAME - 1);
  assert_string_equal(due(f), "a");
  out_queue_written(&f->out, FRAME);
  for (; (c = completions_due(&f->cs, &f->out)) != NULL; count++) {
    completion_release(&f->pool, c);
  }
  assert_int_equal(count, FLUSHES + 1);
}

TEST(test_completions_any_takes_what_is_not_due) {
  fixture *f = current;
  completion *c;
  queue(f, LANE_CONTROL, "p");
  queue(f, LANE_DATA, "a");
  queue(f, LANE_DATA, "b");
  while ((c = completions_any(&f->cs)) != NULL) take(f, c);
  assert_string_equal(f->order, "abp");
  assert_int_equal(f->cs.count, 0);
}

TEST(test_completion_pool_reuses_records) {
  fixture *f = current;
  completion *c = named(f, "a");
  c->end = c->control = 7;
  completion_release(&f->pool, c);
  uint64_t calls = f->alloc.calls;
  for (int i = 0; i < 100; i++) {
    c = completion_new(&f->pool, NULL, NULL);
    assert_non_null(c);
    assert_true(c->next == NULL && c->arg == NULL && c->end == 0 && c->control == 0);
    completion_release(&f->pool, c);
  }
  assert_int_equal(f->alloc.calls, calls);
}

static void on_sent(wsuv_session_t *session, int status, void *arg) {
  (void) session;
  (void) status;
  (void) arg;
}

static void wait_for(fixture *f, const char *name, wsuv_send_cb cb, uint64_t end) {
  completion *c = named(f, name);
  c->cb = cb;
  c->end = end;
  completions_add(&f->cs, LANE_CONTROL, c);
}

/* The session's own one is found among others that are due, and not before it is due itself. */
TEST(test_completion_of_the_session_itself) {
  fixture *f = current;
  frame_header h = {.length = 1, .opcode = 9, .fin = true};
  const ws_view piece = {(const uint8_t *) "x", 1};
  for (int i = 0; i < 4; i++) {
    assert_int_equal(out_queue_frame(&f->out, LANE_CONTROL, &h, &piece, 1), 0);
  }
  wait_for(f, "a", on_sent, 3);
  wait_for(f, "own", NULL, 6);
  wait_for(f, "b", on_sent, 9);
  assert_null(completions_own(&f->cs, &f->out));
  out_queue_written(&f->out, 5);
  assert_null(completions_own(&f->cs, &f->out));
  out_queue_written(&f->out, 1);
  completion *own = completions_own(&f->cs, &f->out);
  assert_non_null(own);
  assert_string_equal(own->arg, "own");
  assert_null(completions_own(&f->cs, &f->out));
  assert_int_equal(f->cs.count, 2);
  completion_release(&f->pool, own);
  wait_for(f, "own", NULL, 12);
  out_queue_written(&f->out, 6);
  own = completions_own(&f->cs, &f->out);
  assert_non_null(own);
  completion_release(&f->pool, own);
  wait_for(f, "c", on_sent, 12);
  for (const char *name = "abc"; *name != '\0'; name++) {
    completion *c = completions_due(&f->cs, &f->out);
    assert_non_null(c);
    assert_int_equal(*(const char *) c->arg, *name);
    completion_release(&f->pool, c);
  }
  assert_int_equal(f->cs.count, 0);
}

TEST(test_completion_pool_is_bounded) {
  fixture *f = current;
  enum { MANY = 3000, SPARES = 1024 };
  static completion *all[MANY];
  for (size_t i = 0; i < MANY; i++) all[i] = named(f, "a");
  for (size_t i = 0; i < MANY; i++) completion_release(&f->pool, all[i]);
  assert_int_equal(f->alloc.live, SPARES);
  assert_int_equal(f->pool.spares, SPARES);
}

TEST(test_completion_without_memory) {
  fixture *f = current;
  f->alloc.fail_at = f->alloc.calls + 1;
  assert_null(completion_new(&f->pool, NULL, NULL));
  completion_release(&f->pool, named(f, "a"));
}

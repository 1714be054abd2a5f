/* What the peer has acknowledged, as filters of different kinds tell it. */

#include "base/error.h"
#include "session/progress.h"
#include "support/test.h"

typedef struct asked {
  ws_filter filter; /* first */
  ws_unacked answer;
  int err;
} asked;

static int answer(const ws_filter *f, ws_filter_query what, void *out) {
  const asked *a = (const asked *) (const void *) f;
  assert_int_equal(what, WS_QUERY_UNACKED);
  if (a->err == 0) *(ws_unacked *) out = a->answer;
  return a->err;
}

static const ws_filter_ops ops = {.query = answer};

static progress_seen look(progress *p, uint64_t written, uint64_t unacked) {
  const asked a = {.filter = {.ops = &ops}, .answer = {written, unacked}};
  return progress_look(p, &a.filter, 7);
}

TEST(test_progress_is_what_falls_out_of_the_socket) {
  progress p = {.target = 1000};
  progress_seen seen = look(&p, 1000, 400);
  assert_true(seen.more);
  assert_false(seen.all);
  assert_int_equal(seen.written, 1000);
  assert_false(look(&p, 1000, 400).more);
  assert_false(look(&p, 1500, 900).more); /* more was written */
  assert_true(look(&p, 1500, 899).more);
  assert_false(progress_reached(&p));
  assert_true(look(&p, 1500, 500).more);
  assert_true(progress_reached(&p));
  assert_true(look(&p, 1500, 0).all);
}

TEST(test_progress_never_reaches_what_is_in_the_queue) {
  progress p = {.target = UINT64_MAX};
  assert_true(look(&p, 1500, 0).more);
  assert_false(progress_reached(&p));
}

/* Ten bytes take 768 in a Unix socket. */
TEST(test_progress_of_a_unix_socket_is_a_fall_of_its_memory) {
  progress p = {.target = 20};
  assert_false(look(&p, 10, 768).more);
  assert_false(look(&p, 20, 1536).more);
  assert_false(progress_reached(&p));
  assert_true(look(&p, 20, 768).more);
  assert_false(progress_reached(&p));
  assert_false(look(&p, 30, 1536).more); /* the peer has stopped */
  assert_true(look(&p, 40, 1536).more);  /* it has read ten and got ten */
  assert_true(look(&p, 40, 0).all);
  assert_true(progress_reached(&p));
}

/* The kernel counts an end of the stream, and bytes that a program wrote before. */
TEST(test_progress_of_a_socket_that_has_more_than_was_written) {
  progress p = {.target = 0};
  assert_false(look(&p, 0, 5000).more);
  assert_false(progress_reached(&p));
  assert_true(look(&p, 0, 0).more);
  assert_true(progress_reached(&p));
  assert_false(look(&p, 0, 1).more);
}

TEST(test_progress_without_an_answer_is_what_was_sent) {
  progress p = {.target = 100};
  const asked a = {.filter = {.ops = &ops}, .err = WS_ENOTSUP};
  progress_seen seen = progress_look(&p, &a.filter, 100);
  assert_int_equal(seen.written, 100);
  assert_true(seen.more && seen.all);
  assert_true(progress_reached(&p));
  assert_false(progress_look(&p, &a.filter, 100).more);
}

TEST(test_progress_is_looked_at_eight_times_in_a_timeout) {
  progress p = {.look_ms = 0};
  progress_plan(&p, 1000, 800);
  assert_int_equal(p.look_ms, 1100);
  progress_plan(&p, 1050, 800); /* the earlier one stays */
  assert_int_equal(p.look_ms, 1100);
  progress_plan(&p, 1050, 80);
  assert_int_equal(p.look_ms, 1060);
  p.look_ms = 0;
  progress_plan(&p, 1000, 3);
  assert_int_equal(p.look_ms, 1001);
  p.look_ms = 0;
  progress_plan(&p, UINT64_MAX - 5, UINT64_MAX);
  assert_int_equal(p.look_ms, UINT64_MAX);
}

/* The peer goes away before the session is open, at every place. F36 */

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef void (*leave_fn)(raw_conn *c);

typedef struct leaving {
  leave_fn leave;
  uint64_t after; /* so many bytes of the request */
  size_t cut;     /* bytes of the answer that are sent */
  bytes answer;
} leaving;

static leaving *of(const raw_conn *c) {
  return c->peer->data;
}

/* The connection may have been cut before or while the request was written. */
static void assert_lost(const session_user *u) {
  assert_int_equal(u->closes, 1);
  assert_true(user_never_opened(u));
  assert_int_equal(u->end.http_status, 0);
  assert_true(u->end.status == UV_EOF || u->end.status == UV_ECONNRESET ||
              u->end.status == UV_EPIPE);
}

/* --- before the answer --- */

static void leave_at_once(raw_conn *c) {
  of(c)->leave(c);
}

static void leave_in_mid_request(raw_conn *c) {
  if (c->received >= of(c)->after) of(c)->leave(c);
}

static const leave_fn ways[] = {raw_conn_end, raw_conn_close, raw_conn_reset};
enum { WAYS = sizeof ways / sizeof *ways };

/* A reset can be quicker than the news of the connection. */
SCENARIO_TEST(test_cut_right_after_accepting, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    leaving l = {.leave = ways[i]};
    scenario_renew(u);
    p->raw->data = &l;
    raw_peer_set_callbacks(p->raw, &(raw_peer_callbacks){.on_connection = leave_at_once});
    scenario_play(u);
    assert_lost(u);
    assert_true(u->end.stage == WSUV_STAGE_HANDSHAKE ||
                (ways[i] == raw_conn_reset && u->end.stage == WSUV_STAGE_CONNECT));
  }
}

SCENARIO_TEST(test_cut_in_mid_request, w, p, u) {
  leaving l = {.leave = NULL};
  p->raw->data = &l;
  raw_peer_set_callbacks(p->raw, &(raw_peer_callbacks){.on_bytes = leave_in_mid_request});
  for (size_t i = 0; i < WAYS; i++) {
    l.leave = ways[i];
    for (l.after = 1; l.after < 150; l.after += 7) {
      scenario_play(u);
      assert_lost(u);
      assert_int_equal(u->end.stage, WSUV_STAGE_HANDSHAKE);
    }
  }
}

/* --- within the answer --- */

static void answer_and_leave(raw_conn *c) {
  leaving *l = of(c);
  if (!raw_conn_take_request(c)) return;
  bytes_free(&l->answer);
  answer_text(&l->answer, c, ANSWER_101);
  raw_conn_write(c, l->answer.base, l->cut);
  l->leave(c);
}

static void begin_answering(session_user *u, leaving *l) {
  u->peer->raw->data = l;
  raw_peer_set_callbacks(u->peer->raw, &(raw_peer_callbacks){.on_bytes = answer_and_leave});
}

SCENARIO_TEST(test_cut_after_every_byte_of_the_answer, w, p, u) {
  leaving l = {.leave = NULL};
  begin_answering(u, &l);
  for (size_t i = 0; i < WAYS; i++) {
    l.leave = ways[i];
    l.cut = 0;
    do {
      scenario_play(u);
      assert_lost(u);
      assert_int_equal(u->end.stage, WSUV_STAGE_HANDSHAKE);
      if (ways[i] == raw_conn_end) assert_int_equal(u->end.status, UV_EOF);
    } while (++l.cut < l.answer.len);
  }
  bytes_free(&l.answer);
}

/* Then it was open, and was lost: 1006. */
SCENARIO_TEST(test_cut_right_behind_the_answer, w, p, u) {
  leaving l = {.leave = raw_conn_end, .cut = 0};
  begin_answering(u, &l);
  scenario_play(u);
  l.cut = l.answer.len;
  scenario_play(u);
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_OPEN));
  assert_int_equal(u->opens, 1);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 0);
  assert_false(u->end.clean);
  bytes_free(&l.answer);
}

/* The peer goes away before the session is open, at every place. F36 */

#include "support/answer.h"
#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

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
static void assert_lost(const observer *o) {
  assert_int_equal(o->closes, 1);
  assert_never_open(o);
  assert_int_equal(o->http_status, 0);
  assert_true(o->status == UV_EOF || o->status == UV_ECONNRESET || o->status == UV_EPIPE);
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
WORLD_TEST(test_cut_right_after_accepting, w) {
  for (size_t i = 0; i < WAYS; i++) {
    leaving l = {.leave = ways[i]};
    scene s;
    scene_begin(&s, w, NULL);
    s.peer->data = &l;
    raw_peer_set_callbacks(s.peer, &(raw_peer_callbacks){.on_connection = leave_at_once});
    scene_play(&s);
    assert_lost(&s.o);
    assert_true(s.o.stage == WSUV_STAGE_HANDSHAKE ||
                (ways[i] == raw_conn_reset && s.o.stage == WSUV_STAGE_CONNECT));
    scene_end(&s);
  }
}

WORLD_TEST(test_cut_in_mid_request, w) {
  scene s;
  leaving l = {.leave = NULL};
  scene_begin(&s, w, NULL);
  s.peer->data = &l;
  raw_peer_set_callbacks(s.peer, &(raw_peer_callbacks){.on_bytes = leave_in_mid_request});
  for (size_t i = 0; i < WAYS; i++) {
    l.leave = ways[i];
    for (l.after = 1; l.after < 150; l.after += 7) {
      scene_play(&s);
      assert_lost(&s.o);
      assert_int_equal(s.o.stage, WSUV_STAGE_HANDSHAKE);
    }
  }
  scene_end(&s);
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

static void begin_answering(scene *s, world *w, leaving *l) {
  scene_begin(s, w, NULL);
  s->peer->data = l;
  raw_peer_set_callbacks(s->peer, &(raw_peer_callbacks){.on_bytes = answer_and_leave});
}

WORLD_TEST(test_cut_after_every_byte_of_the_answer, w) {
  scene s;
  leaving l = {.leave = NULL};
  begin_answering(&s, w, &l);
  for (size_t i = 0; i < WAYS; i++) {
    l.leave = ways[i];
    l.cut = 0;
    do {
      scene_play(&s);
      assert_lost(&s.o);
      assert_int_equal(s.o.stage, WSUV_STAGE_HANDSHAKE);
      if (ways[i] == raw_conn_end) assert_int_equal(s.o.status, UV_EOF);
    } while (++l.cut < l.answer.len);
  }
  bytes_free(&l.answer);
  scene_end(&s);
}

/* Then it was open, and was lost: 1006. */
WORLD_TEST(test_cut_right_behind_the_answer, w) {
  scene s;
  leaving l = {.leave = raw_conn_end, .cut = 0};
  begin_answering(&s, w, &l);
  scene_play(&s);
  l.cut = l.answer.len;
  scene_play(&s);
  assert_ended(&s.o, UV_EOF, WSUV_STAGE_OPEN);
  assert_int_equal(s.o.opens, 1);
  assert_int_equal(s.o.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(s.o.sent_code, 0);
  assert_false(s.o.clean);
  bytes_free(&l.answer);
  scene_end(&s);
}

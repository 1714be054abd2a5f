/* Giving up before the session is open, at every stage: cancelled, and one on_close, which comes
   from the loop. F41 */

#include "support/answer.h"
#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

typedef void (*give_up_fn)(scene *s);

static void terminate(scene *s) {
  observer_terminate(&s->o);
}

static void terminate_twice(scene *s) {
  observer_terminate(&s->o);
  observer_terminate(&s->o);
}

static void close_it(scene *s) {
  CHECK(observer_close(&s->o, 1000) == 0);
}

static void close_twice(scene *s) {
  CHECK(observer_close(&s->o, 1000) == 0);
  CHECK(observer_close(&s->o, 3000) == 0);
}

static void close_then_terminate(scene *s) {
  CHECK(observer_close(&s->o, 1000) == 0);
  observer_terminate(&s->o);
  CHECK(observer_close(&s->o, 1000) == 0);
}

static const give_up_fn ways[] = {terminate, terminate_twice, close_it, close_twice,
                                  close_then_terminate};
enum { WAYS = sizeof ways / sizeof *ways };

static void assert_cancelled(scene *s, wsuv_stage_t stage) {
  world_run_until_true(s->w, &s->o.closed);
  assert_ended(&s->o, UV_ECANCELED, stage);
  assert_never_open(&s->o);
  assert_string_equal(s->o.reason, "");
  assert_string_equal(s->o.sent_reason, "");
}

static void begin(scene *s, world *w) {
  scene_begin(s, w, NULL);
  s->peer->lenient = true;
}

static void end_unanswered(scene *s) {
  scene_end(s);
  world_run(s->w);
}

/* --- at every stage --- */

WORLD_AND_SIM_TLS_TEST(test_terminate_right_after_connect, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    scene_connect(&s);
    ways[i](&s);
    assert_cancelled(&s, WSUV_STAGE_RESOLVE);
    end_unanswered(&s);
    assert_int_equal(s.peer->accepted, 0);
  }
}

WORLD_AND_SIM_TLS_TEST(test_terminate_while_looking_up, w) {
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){5, .addrs = {"127.0.0.1"}});
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    const char *url = raw_peer_url_of(s.peer, world_good_name(w), "/");
    assert_int_equal(observer_connect(&s.o, s.client, url), 0);
    scene_at_stage(&s, WSUV_STAGE_RESOLVE, ways[i]);
    assert_cancelled(&s, WSUV_STAGE_RESOLVE);
    end_unanswered(&s);
    assert_int_equal(s.peer->accepted, 0);
  }
}

WORLD_AND_SIM_TLS_TEST(test_terminate_while_connecting, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    scene_connect(&s);
    scene_at_stage(&s, WSUV_STAGE_CONNECT, ways[i]);
    assert_cancelled(&s, WSUV_STAGE_CONNECT);
    end_unanswered(&s);
  }
}

WORLD_AND_SIM_TLS_TEST(test_terminate_in_the_handshake, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    scene_connect(&s);
    scene_at_stage(&s, WSUV_STAGE_HANDSHAKE, ways[i]);
    assert_cancelled(&s, WSUV_STAGE_HANDSHAKE);
    end_unanswered(&s);
    assert_int_equal(s.peer->accepted, 1);
  }
}

static void send_part(raw_conn *c) {
  answer_write(c, ANSWER_HEAD);
}

WORLD_AND_SIM_TLS_TEST(test_terminate_in_mid_answer, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_CALL(send_part), PEER_EXPECT_GONE);
    scene_connect(&s);
    world_advance(w, 30);
    ways[i](&s);
    assert_cancelled(&s, WSUV_STAGE_HANDSHAKE);
    end_unanswered(&s);
  }
}

/* The answer and the call cross, at each turn of the way. Open or not, it ends once. */
typedef struct countdown {
  const observer *o;
  size_t turns;
} countdown;

static bool over_or_closed(void *arg) {
  countdown *c = arg;
  return c->o->closed || c->turns-- == 0;
}

WORLD_AND_SIM_TLS_TEST(test_terminate_after_any_number_of_turns, w) {
  for (size_t turns = 0; turns < 12; turns++) {
    scene s;
    begin(&s, w);
    countdown c = {&s.o, turns};
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                  PEER_SEND_CLOSE(1000), PEER_ECHO);
    scene_connect(&s);
    world_run_until(w, over_or_closed, &c);
    if (!s.o.closed) terminate(&s);
    world_run_until_true(w, &s.o.closed);
    assert_int_equal(s.o.closes, 1);
    assert_true(s.o.status == UV_ECANCELED || s.o.stage == WSUV_STAGE_CLOSING);
    assert_int_equal(s.o.code == 0, s.o.opens == 0);
    end_unanswered(&s);
  }
}

/* --- the arguments of a close that only cancels --- */

WORLD_AND_SIM_TLS_TEST(test_close_before_open_judges_its_arguments, w) {
  scene s;
  begin(&s, w);
  scene_connect(&s);
  assert_int_equal(observer_close(&s.o, 1005), WSUV_ECLOSECODE);
  assert_int_equal(wsuv_session_close(s.o.session, 1000, "\xff"), WSUV_EUTF8);
  assert_int_equal(observer_close(&s.o, 4999), 0);
  assert_cancelled(&s, WSUV_STAGE_RESOLVE);
  end_unanswered(&s);
}

WORLD_AND_SIM_TLS_TEST(test_send_before_open_is_refused, w) {
  wsuv_frame_t frame;
  scene s;
  begin(&s, w);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  scene_connect(&s);
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "a", 1);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wsuv_send_text(s.o.session, "a", 1), WSUV_ESTATE);
    assert_int_equal(wsuv_send_ping(s.o.session, "a", 1), WSUV_ESTATE);
    assert_int_equal(wsuv_send(s.o.session, &frame, NULL, NULL), WSUV_ESTATE);
    assert_int_equal(wsuv_buffered_amount(s.o.session), 0);
    if (i == 0) world_advance(w, 30);
  }
  terminate(&s);
  assert_cancelled(&s, WSUV_STAGE_HANDSHAKE);
  end_unanswered(&s);
  assert_int_equal(s.peer->accepted, 1);
}

/* --- from callbacks --- */

static void terminate_other(observer *o) {
  observer *other = o->data;
  if (other->session != NULL) observer_terminate(other);
}

/* Those in front of it and those behind it. */
WORLD_AND_SIM_TLS_TEST(test_terminate_from_the_on_close_of_another, w) {
  enum { SESSIONS = 5 };
  for (size_t first = 0; first < SESSIONS; first++) {
    observer o[SESSIONS] = {{0}};
    scene s;
    begin(&s, w);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    for (size_t i = 0; i < SESSIONS; i++) {
      o[i].at_close = terminate_other;
      o[i].data = &o[(i + 1) % SESSIONS];
      assert_int_equal(observer_connect(&o[i], s.client, raw_peer_url(s.peer, "/")), 0);
    }
    if (first % 2 == 1) world_advance(w, 5);
    observer_terminate(&o[first]);
    for (size_t i = 0; i < SESSIONS; i++) {
      world_run_until_true(w, &o[i].closed);
      assert_int_equal(o[i].closes, 1);
      assert_int_equal(o[i].status, UV_ECANCELED);
      observer_reset(&o[i]);
    }
    end_unanswered(&s);
  }
}

static void end_it_again(observer *o) {
  wsuv_session_t *session = o->session;
  wsuv_session_terminate(session);
  CHECK(wsuv_session_close(session, 1000, "again") == 0);
  CHECK(wsuv_send_text(session, "a", 1) == WSUV_ESTATE);
}

WORLD_AND_SIM_TLS_TEST(test_terminate_in_its_own_on_close, w) {
  scene s;
  begin(&s, w);
  s.o.at_close = end_it_again;
  scene_connect(&s);
  terminate(&s);
  assert_cancelled(&s, WSUV_STAGE_RESOLVE);
  end_unanswered(&s);
}

static void terminate_self(observer *o) {
  observer_terminate(o);
}

/* Open already, but nothing of what came with the answer is delivered any more. */
WORLD_AND_SIM_TLS_TEST(test_terminate_in_on_open, w) {
  scene s;
  begin(&s, w);
  s.o.at_open = terminate_self;
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                PEER_SEND_FRAME(9, "b"), PEER_EXPECT_GONE);
  scene_play(&s);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_OPEN);
  assert_int_equal(s.o.opens, 1);
  assert_int_equal(s.o.messages, 0);
  assert_int_equal(s.o.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(s.o.sent_code, 0);
  end_unanswered(&s);
}

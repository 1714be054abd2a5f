/* Giving up before the session is open, at every stage: cancelled, and one on_close, which comes
   from the loop. F41 */

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef void (*give_up_fn)(session_user *u);

static void terminate_twice(session_user *u) {
  user_terminate(u);
  user_terminate(u);
}

static void close_it(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
}

static void close_twice(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
  CHECK(user_close(u, 3000, NULL) == 0);
}

static void close_then_terminate(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
  user_terminate(u);
  CHECK(user_close(u, 1000, NULL) == 0);
}

static const give_up_fn ways[] = {user_terminate, terminate_twice, close_it, close_twice,
                                  close_then_terminate};
enum { WAYS = sizeof ways / sizeof *ways };

static void assert_cancelled(session_user *u, wsuv_stage_t stage) {
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, stage));
  assert_true(user_never_opened(u));
  assert_string_equal(u->end.reason, "");
  assert_string_equal(u->end.sent_reason, "");
}

static void begin_lenient(session_user *u) {
  scenario_renew(u);
  u->peer->raw->lenient = true;
}

static void end_unanswered(session_user *u) {
  scenario_finish(u);
  world_run(u->w);
}

/* --- at every stage --- */

SCENARIO_AND_SIM_TLS_TEST(test_terminate_right_after_connect, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_lenient(u);
    scenario_connect(u);
    ways[i](u);
    assert_cancelled(u, WSUV_STAGE_RESOLVE);
    end_unanswered(u);
    assert_int_equal(p->raw->accepted, 0);
  }
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_while_looking_up, w, p, u) {
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){5, .addrs = {"127.0.0.1"}});
  for (size_t i = 0; i < WAYS; i++) {
    begin_lenient(u);
    const char *url = raw_peer_url_of(p->raw, world_good_name(w), "/");
    assert_int_equal(user_try_connect_url(u, url), 0);
    scenario_at_stage(u, WSUV_STAGE_RESOLVE, ways[i]);
    assert_cancelled(u, WSUV_STAGE_RESOLVE);
    end_unanswered(u);
    assert_int_equal(p->raw->accepted, 0);
  }
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_while_connecting, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_lenient(u);
    scenario_connect(u);
    scenario_at_stage(u, WSUV_STAGE_CONNECT, ways[i]);
    assert_cancelled(u, WSUV_STAGE_CONNECT);
    end_unanswered(u);
  }
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_in_the_handshake, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_lenient(u);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    scenario_connect(u);
    scenario_at_stage(u, WSUV_STAGE_HANDSHAKE, ways[i]);
    assert_cancelled(u, WSUV_STAGE_HANDSHAKE);
    end_unanswered(u);
    assert_int_equal(p->raw->accepted, 1);
  }
}

static void send_part(raw_conn *c) {
  answer_write(c, ANSWER_HEAD);
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_in_mid_answer, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_lenient(u);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CALL(send_part), PEER_EXPECT_GONE);
    scenario_connect(u);
    world_advance(w, 30);
    ways[i](u);
    assert_cancelled(u, WSUV_STAGE_HANDSHAKE);
    end_unanswered(u);
  }
}

/* The answer and the call cross, at each turn of the way. Open or not, it ends once. */
typedef struct countdown {
  const session_user *u;
  size_t turns;
} countdown;

static bool over_or_closed(void *arg) {
  countdown *c = arg;
  return c->u->closes > 0 || c->turns-- == 0;
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_after_any_number_of_turns, w, p, u) {
  for (size_t turns = 0; turns < 12; turns++) {
    begin_lenient(u);
    countdown c = {u, turns};
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                  PEER_SEND_CLOSE(1000), PEER_ECHO);
    scenario_connect(u);
    world_run_until(w, over_or_closed, &c);
    if (u->closes == 0) user_terminate(u);
    user_run_to_close(u);
    assert_int_equal(u->closes, 1);
    assert_true(u->end.status == UV_ECANCELED || u->end.stage == WSUV_STAGE_CLOSING);
    assert_int_equal(u->end.code == 0, u->opens == 0);
    end_unanswered(u);
  }
}

/* --- the arguments of a close that only cancels --- */

SCENARIO_AND_SIM_TLS_TEST(test_close_before_open_judges_its_arguments, w, p, u) {
  begin_lenient(u);
  scenario_connect(u);
  assert_int_equal(user_close(u, 1005, NULL), WSUV_ECLOSECODE);
  assert_int_equal(wsuv_session_close(u->session, 1000, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_close(u, 4999, NULL), 0);
  assert_cancelled(u, WSUV_STAGE_RESOLVE);
  end_unanswered(u);
}

SCENARIO_AND_SIM_TLS_TEST(test_send_before_open_is_refused, w, p, u) {
  wsuv_frame_t frame;
  begin_lenient(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  scenario_connect(u);
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "a", 1);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wsuv_send_text(u->session, "a", 1), WSUV_ESTATE);
    assert_int_equal(wsuv_send_ping(u->session, "a", 1), WSUV_ESTATE);
    assert_int_equal(wsuv_send(u->session, &frame, NULL, NULL), WSUV_ESTATE);
    assert_int_equal(wsuv_buffered_amount(u->session), 0);
    if (i == 0) world_advance(w, 30);
  }
  user_terminate(u);
  assert_cancelled(u, WSUV_STAGE_HANDSHAKE);
  end_unanswered(u);
  assert_int_equal(p->raw->accepted, 1);
}

/* --- from callbacks --- */

static void terminate_other(session_user *u) {
  session_user *other = u->data;
  if (other->session != NULL) user_terminate(other);
}

/* Those in front of it and those behind it. */
SCENARIO_AND_SIM_TLS_TEST(test_terminate_from_the_on_close_of_another, w, p, u) {
  enum { SESSIONS = 5 };
  for (size_t first = 0; first < SESSIONS; first++) {
    session_user o[SESSIONS];
    begin_lenient(u);
    (void) user_client(u);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    for (size_t i = 0; i < SESSIONS; i++) {
      user_init_on(&o[i], u);
      o[i].at_close = terminate_other;
      o[i].data = &o[(i + 1) % SESSIONS];
      scenario_connect(&o[i]);
    }
    if (first % 2 == 1) world_advance(w, 5);
    user_terminate(&o[first]);
    for (size_t i = 0; i < SESSIONS; i++) {
      user_run_to_close(&o[i]);
      assert_int_equal(o[i].closes, 1);
      assert_int_equal(o[i].end.status, UV_ECANCELED);
      user_free(&o[i]);
    }
    end_unanswered(u);
  }
}

static void end_it_again(session_user *u) {
  wsuv_session_t *session = u->session;
  wsuv_session_terminate(session);
  CHECK(wsuv_session_close(session, 1000, "again") == 0);
  CHECK(wsuv_send_text(session, "a", 1) == WSUV_ESTATE);
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_in_its_own_on_close, w, p, u) {
  begin_lenient(u);
  u->at_close = end_it_again;
  scenario_connect(u);
  user_terminate(u);
  assert_cancelled(u, WSUV_STAGE_RESOLVE);
  end_unanswered(u);
}

/* Open already, but nothing of what came with the answer is delivered any more. */
SCENARIO_AND_SIM_TLS_TEST(test_terminate_in_on_open, w, p, u) {
  begin_lenient(u);
  u->at_open = user_terminate;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                PEER_SEND_FRAME(9, "b"), PEER_EXPECT_GONE);
  scenario_play(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_int_equal(u->opens, 1);
  assert_int_equal(u->messages, 0);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 0);
  end_unanswered(u);
}

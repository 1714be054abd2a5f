/* The idle timeout: what restarts it, what does not, and the end. */

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { IDLE_MS = 60, STEP_MS = 20, STEPS = 10, SLACK_MS = 50 };

static void assert_idle_since(session_user *u, frame_peer *p, uint64_t since) {
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
  world_assert_took(u->w, u->closed_ms - since, IDLE_MS - 2, IDLE_MS + SLACK_MS);
  assert_int_equal(u->end.sent_code, 1001);
  assert_int_equal(p->opcodes[8], 1);
}

SCENARIO_TEST(test_idle_session_ends, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  assert_idle_since(u, p, u->opened_ms);
  assert_string_equal(u->end.sent_reason, "Idle timeout");
  assert_true(frame_peer_saw(p, "CLOSE #1001 \"Idle timeout\""));
}

SCENARIO_TEST(test_idle_timeout_is_off_by_default, w, p, u) {
  scenario_open(u);
  world_advance(w, w->kind == WORLD_SIM ? 3600 * 1000 : 2 * IDLE_MS);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

static void step(world *w, session_user *u, uint64_t *last) {
  assert_int_equal(u->closes, 0);
  *last = world_now_ms(w);
  world_advance(w, STEP_MS);
}

SCENARIO_TEST(test_messages_that_come_restart_it, w, p, u) {
  uint64_t last = 0;
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  for (int i = 0; i < STEPS; i++) {
    frame_peer_send(p, "TEXT \"here\"");
    step(w, u, &last);
  }
  assert_idle_since(u, p, last);
}

SCENARIO_TEST(test_messages_that_go_restart_it, w, p, u) {
  uint64_t last = 0;
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  for (int i = 0; i < STEPS; i++) {
    assert_int_equal(user_text(u, "here"), 0);
    step(w, u, &last);
  }
  assert_idle_since(u, p, last);
}

/* A message that takes longer than the timeout, but comes steadily: frame by frame ... */
SCENARIO_TEST(test_fragments_that_come_restart_it, w, p, u) {
  uint64_t last = 0;
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  for (int i = 0; i < STEPS; i++) {
    frame_peer_send(p, i == 0 ? "TEXT- \"a\"" : "CONT- \"b\"");
    step(w, u, &last);
  }
  assert_int_equal(u->messages, 0);
  assert_idle_since(u, p, last);
}

/* ... or a piece of its payload at a time. */
SCENARIO_TEST(test_pieces_of_a_frame_restart_it, w, p, u) {
  uint64_t last = 0;
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  raw_conn_write(p->conn, "\x82\x7e\x01\x00", 4); /* 256 bytes to come */
  for (int i = 0; i < STEPS; i++) {
    raw_conn_write(p->conn, "x", 1);
    step(w, u, &last);
  }
  assert_int_equal(u->messages, 0);
  assert_idle_since(u, p, last);
}

SCENARIO_TEST(test_fragments_that_go_restart_it, w, p, u) {
  uint64_t last = 0;
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  for (int i = 0; i < STEPS; i++) {
    assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, false, "a", 1), 0);
    step(w, u, &last);
  }
  assert_idle_since(u, p, last);
}

SCENARIO_TEST(test_empty_fragments_do_not_restart_it, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  frame_peer_send(p, "TEXT- 41");
  for (int i = 0; i < STEPS && u->closes == 0; i++) {
    world_advance(w, STEP_MS);
    frame_peer_send(p, "CONT-");
  }
  assert_int_equal(u->closes, 1);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
}

/* Nor do those that the program sends. */
SCENARIO_TEST(test_empty_fragments_that_go_do_not_restart_it, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "A", 1), 0);
  for (int i = 0; i < STEPS && u->closes == 0; i++) {
    world_advance(w, STEP_MS);
    if (u->closes == 0) (void) user_frame(u, 'b', WSUV_FRAME_TEXT, false, NULL, 0); /* or ESTATE */
  }
  assert_int_equal(u->closes, 1);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
}

/* Either way, those of the keepalive among them. */
SCENARIO_TEST(test_pings_and_pongs_do_not_restart_it, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  u->config.ping_interval_ms = IDLE_MS / 4;
  p->pongs = true;
  scenario_open(u);
  for (int i = 0; i < 3; i++) {
    frame_peer_send(p, "PING \"in\"; PONG \"in\"");
    assert_int_equal(user_ping(u, "out"), 0);
    assert_int_equal(user_pong(u, "out"), 0);
    world_advance(w, IDLE_MS / 6);
  }
  assert_idle_since(u, p, u->opened_ms);
  assert_true(u->pings > 0 && u->pongs > 3);
}

SCENARIO_TEST(test_idle_timeout_can_be_set, w, p, u) {
  scenario_open(u);
  world_advance(w, 2 * IDLE_MS);
  uint64_t set = world_now_ms(w);
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, IDLE_MS), 0);
  assert_idle_since(u, p, set);
}

SCENARIO_TEST(test_idle_timeout_can_be_switched_off, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, 0), 0);
  world_advance(w, 3 * IDLE_MS);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

SCENARIO_TEST(test_times_beyond_all_bounds_are_never, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, UINT64_MAX), 0);
  world_advance(w, 2 * IDLE_MS);
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, UINT64_MAX / 2), 0);
  world_advance(w, 2 * IDLE_MS);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* F47: the message lies in the socket when the timer fires. The next stall comes while the loop was
   about to poll once more because of the one before. */
SCENARIO_UV_TEST(test_stalled_loop_does_not_end_the_session, w, p, u) {
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  for (int i = 0; i < 3; i++) {
    frame_peer_send(p, "TEXT \"in time\"");
    world_lose_time(w, 2 * IDLE_MS);
    frame_peer_send(p, "TEXT \"in time\"");
    world_run_until_count(w, &u->messages, (size_t) i * 2 + 1);
  }
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* The closing handshake that we begin: every answer that a peer may give, or not give. */

#include <stdlib.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"
#include "testkit/sim.h"

enum { LINGER_MS = 1000 };

SCENARIO_AND_SIM_TLS_TEST(test_close_is_answered, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, "bye"), 0);
  assert_int_equal(u->closes, 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000 \"bye\""));
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_false(u->end.by_peer);
  assert_int_equal(u->end.http_status, 0);
  assert_string_equal(u->end.reason, "bye");
  assert_string_equal(u->end.sent_reason, "bye");
}

SCENARIO_AND_SIM_TLS_TEST(test_close_goes_behind_queued_data, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "one", 3), 0);
  assert_int_equal(user_text(u, "two"), 0);
  assert_int_equal(user_close(u, 4999, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"one\"; TEXT \"two\"; CLOSE #4999"));
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  assert_true(user_ended_cleanly(u, 4999, 4999));
  assert_string_equal(u->end.sent_reason, "");
}

/* The frames that a peer gives in answer to a close frame, before it ends TCP. */
static const char *late_answer;

static void answer_late(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 8) return;
  frame_peer_send(p, late_answer);
  raw_conn_end(p->conn);
}

static void close_and_hear(frame_peer *p, session_user *u, const char *answer) {
  late_answer = answer;
  p->silent = true;
  p->on_frame = answer_late;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
}

SCENARIO_AND_SIM_TLS_TEST(test_messages_are_delivered_until_the_answer, w, p, u) {
  close_and_hear(p, u, "TEXT \"late\"; PING 01; BIN- 00; CONT 01; CLOSE #1000 \"ok\"; TEXT \"x\"");
  assert_true(user_got(u, "TEXT \"late\"; PING 01; BIN 0001"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_string_equal(u->end.reason, "ok");
  /* No pong: nothing may follow a close frame (RFC 6455 5.5.1). */
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
}

SCENARIO_AND_SIM_TLS_TEST(test_answer_may_have_another_code, w, p, u) {
  close_and_hear(p, u, "CLOSE #3001 \"other\"");
  assert_true(user_ended_cleanly(u, 3001, 1000));
  assert_false(u->end.by_peer);
  assert_string_equal(u->end.reason, "other");
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
}

SCENARIO_AND_SIM_TLS_TEST(test_answer_may_be_empty, w, p, u) {
  close_and_hear(p, u, "CLOSE");
  assert_true(user_ended_cleanly(u, WSUV_CLOSE_NO_STATUS, 1000));
  assert_string_equal(u->end.reason, "");
}

static void configure(wsuv_config_t *config, uint64_t close_timeout_ms) {
  wsuv_client_config_init(config);
  config->close_timeout_ms = close_timeout_ms;
}

/* The frame itself went out at once, so there is nothing to begin the deadline anew for. */
SCENARIO_AND_SIM_TLS_TEST(test_close_that_is_not_answered_times_out, w, p, u) {
  enum { TIMEOUT_MS = 100 };
  p->silent = true;
  configure(&u->config, TIMEOUT_MS);
  scenario_open(u);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_close(u, 1001, "why"), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_false(u->end.clean);
  assert_false(u->end.by_peer);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 1001);
  assert_string_equal(u->end.sent_reason, "why");
  world_assert_took(w, u->closed_ms - begun, TIMEOUT_MS - 1, 2 * TIMEOUT_MS - 10);
  assert_true(frame_peer_saw(p, "CLOSE #1001 \"why\""));
}

static void answer_and_lose_time(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 8) return;
  frame_peer_send(p, "CLOSE #1000");
  raw_conn_end(p->conn);
  world_lose_time(p->raw->w, 200);
}

/* F47: the answer lies in the socket when the deadline is noticed to have passed. */
SCENARIO_AND_SIM_TLS_TEST(test_stalled_loop_does_not_end_the_closing, w, p, u) {
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL);
  p->silent = true;
  p->on_frame = answer_and_lose_time;
  configure(&u->config, 100);
  scenario_open(u);
  scenario_close(u);
}

static void queue_much(session_user *u, size_t size) {
  uint8_t *data = check_alloc(size);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  free(data);
}

/* Its close frame never gets out: it is not told as sent. */
SCENARIO_AND_SIM_TLS_TEST(test_close_to_a_peer_that_does_not_read_times_out, w, p, u) {
  enum { TIMEOUT_MS = 60 };
  configure(&u->config, TIMEOUT_MS);
  scenario_open(u);
  raw_conn_read(p->conn, false);
  queue_much(u, user_too_much(w));
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_close(u, 1000, "unsaid"), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
  assert_int_equal(u->end.sent_code, 0);
  assert_string_equal(u->end.sent_reason, "");
  world_assert_took(w, u->closed_ms - begun, TIMEOUT_MS - 1, 4 * TIMEOUT_MS);
}

SCENARIO_AND_SIM_TLS_TEST(test_peer_that_never_ends_tcp_is_left_after_a_second, w, p, u) {
  p->keeps_open = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  uint64_t begun = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  world_assert_took(w, u->closed_ms - begun, LINGER_MS - 1, 2 * LINGER_MS);
  world_run_until_true(w, &p->ended);
  assert_int_equal(p->end_status, 0);
}

/* Its reset comes after both close frames: still clean. */
SCENARIO_AND_SIM_TLS_TEST(test_reset_after_the_answer_is_a_clean_end, w, p, u) {
  p->keeps_open = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  world_run_until_count(w, &p->frames, 1);
  world_advance(w, 50);
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_AND_SIM_TLS_TEST(test_terminate_inside_the_closing_handshake, w, p, u) {
  p->silent = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  world_run_until_count(w, &p->frames, 1);
  user_terminate(u);
  user_terminate(u);
  assert_int_equal(u->closes, 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_CLOSING));
  assert_false(u->end.by_peer);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 1000);
}

/* The closing handshake that the peer begins. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/client.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void reset_on_close(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode == 8) raw_conn_reset(p->conn);
}

/* An open session to a peer that closes now, and ends when it has our answer. */
static void closed_by(frame_peer *p, session_user *u, const char *frames) {
  p->silent = p->ends = true;
  scenario_open(u);
  frame_peer_send(p, frames);
  user_run_to_close(u);
}

SCENARIO_TLS_TEST(test_codes_are_echoed, w, p, u) {
  static const unsigned codes[] = {1000, 1001, 1003, 1007, 1014, 3000, 4999};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    char frames[64], answer[32];
    (void) snprintf(frames, sizeof frames, "CLOSE #%u \"its reason\"", codes[i]);
    (void) snprintf(answer, sizeof answer, "CLOSE #%u", codes[i]);
    scenario_renew(u);
    closed_by(p, u, frames);
    assert_true(frame_peer_saw(p, answer));
    assert_true(user_ended_cleanly(u, codes[i], codes[i]));
    assert_true(u->end.by_peer);
    assert_int_equal(u->end.http_status, 0);
    assert_string_equal(u->end.reason, "its reason");
    assert_string_equal(u->end.sent_reason, "");
  }
}

SCENARIO_TLS_TEST(test_close_without_a_code_is_answered_without_one, w, p, u) {
  closed_by(p, u, "CLOSE");
  assert_true(frame_peer_saw(p, "CLOSE"));
  assert_true(user_ended_cleanly(u, WSUV_CLOSE_NO_STATUS, WSUV_CLOSE_NO_STATUS));
}

SCENARIO_TLS_TEST(test_longest_reason_arrives_whole, w, p, u) {
  closed_by(p, u, "CLOSE #1000 c3a4~122 \"z\"");
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(strlen(u->end.reason), 123);
  assert_int_equal(u->end.reason[122], 'z');
}

SCENARIO_TLS_TEST(test_what_follows_its_close_is_ignored, w, p, u) {
  closed_by(p, u, "TEXT \"before\"; CLOSE #1000; TEXT \"behind\"; PING 01; OP3; CLOSE #1001");
  assert_true(user_got(u, "TEXT \"before\""));
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_TLS_TEST(test_close_inside_a_message_ends_the_session, w, p, u) {
  closed_by(p, u, "TEXT- \"half\"; CLOSE #1001");
  assert_int_equal(u->messages, 0);
  assert_true(user_ended_cleanly(u, 1001, 1001));
}

SCENARIO_TLS_TEST(test_close_glued_behind_the_upgrade, w, p, u) {
  p->silent = p->ends = true;
  p->greeting = "TEXT \"hello\"; CLOSE #1000";
  scenario_open(u);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"hello\""));
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* The frame that has begun to leave is finished, those behind it are not begun. */
SCENARIO_TLS_TEST(test_queued_data_is_dropped, w, p, u) {
  char frames[64];
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  p->silent = p->ends = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, false, "c", 1), 0);
  world_advance(w, 30);
  assert_int_equal(u->owed, 4);
  frame_peer_send(p, "CLOSE #1000");
  world_advance(w, 30);
  assert_string_equal(bytes_text(&u->done), "");
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  assert_int_equal(user_text(u, "too late"), WSUV_ESTATE);
  assert_int_equal(wsuv_buffered_amount(u->session), size);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK b=ECANCELED f=ECANCELED c=ECANCELED ");
  assert_true(user_ended_cleanly(u, 1000, 1000));
  (void) snprintf(frames, sizeof frames, "BIN 00*%zu; CLOSE #1000", size);
  assert_true(frame_peer_saw(p, frames));
  scenario_finish(u);
  free(data);
}

static void terminate_at_b(session_user *u, char name, int status) {
  if (name != 'b') return;
  assert_int_equal(status, UV_ECANCELED);
  user_terminate(u);
}

/* F41: the others are still told, once. */
SCENARIO_TLS_TEST(test_terminate_from_a_cancelled_completion, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  scenario_open(u);
  u->at_done = terminate_at_b;
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  free(data);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "c", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  world_advance(w, 20);
  frame_peer_send(p, "CLOSE #1000");
  user_run_to_close(u);
  assert_int_equal(u->dones, 4);
  assert_null(strstr(bytes_text(&u->done), "=OK"));
  assert_int_equal(u->end.code, 1000);
  assert_int_equal(u->end.sent_code, 0);
  assert_false(u->end.clean);
}

SCENARIO_TLS_TEST(test_reset_after_both_close_frames_is_clean, w, p, u) {
  p->silent = true;
  p->on_frame = reset_on_close;
  scenario_open(u);
  frame_peer_send(p, "CLOSE #3000");
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 3000, 3000));
}

/* Its close frame decides, whether our answer still got out or not. */
SCENARIO_TLS_TEST(test_reset_before_our_answer_is_told_by_its_code, w, p, u) {
  p->silent = true;
  scenario_open(u);
  frame_peer_send(p, "CLOSE #3000 \"gone\"");
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.code, 3000);
  assert_string_equal(u->end.reason, "gone");
  assert_true(u->end.by_peer);
  assert_int_equal(u->end.sent_code, u->end.clean ? 3000 : 0);
}

SCENARIO_TLS_TEST(test_end_right_behind_its_close, w, p, u) {
  p->silent = true;
  scenario_open(u);
  frame_peer_send(p, "CLOSE #1000");
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.code, 1000);
  assert_int_equal(u->end.sent_code, u->end.clean ? 1000 : 0);
}

/* When it closes and reads nothing more, the answer cannot be written: the deadline decides. */
SCENARIO_TLS_TEST(test_peer_that_closes_and_does_not_read, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  u->config.close_timeout_ms = 50;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  free(data);
  world_advance(w, 20);
  frame_peer_send(p, "CLOSE #1000");
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_false(u->end.clean);
  assert_true(u->end.by_peer);
  assert_int_equal(u->end.code, 1000);
  assert_int_equal(u->end.sent_code, 0);
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
}

/* --- an answer that cannot be made --- */

/* Its close frame came, so it is the end of the session, but not a clean one. */
static void assert_closed_without_an_answer(session_user *u, const frame_peer *p) {
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_false(u->end.clean);
  assert_true(u->end.by_peer);
  assert_int_equal(u->end.code, 1000);
  assert_string_equal(u->end.reason, "bye");
  assert_int_equal(u->end.sent_code, 0);
  assert_string_equal(u->end.sent_reason, "");
  world_run_until_true(u->w, &p->ended);
  assert_int_equal(p->opcodes[8], 0);
}

SCENARIO_TLS_TEST(test_close_without_random_bytes_for_the_answer, w, p, u) {
  p->forgets = true;
  scenario_open(u);
  world_random_fails(w, true);
  while (u->client->endpoint.shared.random.left >= 4) assert_int_equal(user_text(u, ""), 0);
  frame_peer_send(p, "CLOSE #1000 \"bye\"");
  user_run_to_close(u);
  world_random_fails(w, false);
  assert_closed_without_an_answer(u, p);
}

SCENARIO_TLS_TEST(test_close_without_memory_for_the_answer, w, p, u) {
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL); /* or in pieces, which allocate */
  scenario_open(u);
  bufq_pool_free(
      &u->client->endpoint.shared.chunks); /* no spare ones: the answer has to allocate */
  w->alloc->fail_at = w->alloc->calls + 2; /* the reason is kept before */
  w->alloc->fail_for_ever = true;
  frame_peer_send(p, "CLOSE #1000 \"bye\"");
  user_run_to_close(u);
  w->alloc->fail_at = 0;
  assert_closed_without_an_answer(u, p);
}

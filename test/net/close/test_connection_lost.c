/* Connections that end without a close frame from the peer, or fail while we write. */

#include <stdlib.h>
#include <string.h>

#include "net/filter.h"
#include "session/session.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void assert_lost(const session_user *u, int status, wsuv_stage_t stage, unsigned sent) {
  assert_true(user_ended_by(u, status, stage));
  assert_false(u->end.by_peer);
  assert_int_equal(u->end.http_status, 0);
  assert_false(u->end.clean);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_string_equal(u->end.reason, "");
  assert_int_equal(u->end.sent_code, sent);
}

SCENARIO_AND_SIM_TLS_TEST(test_end_of_stream_while_open, w, p, u) {
  p->silent = true;
  scenario_open(u);
  frame_peer_send(p, "TEXT \"last\"");
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"last\""));
  assert_lost(u, UV_EOF, WSUV_STAGE_OPEN, 0);
}

SCENARIO_AND_SIM_TLS_TEST(test_reset_while_open, w, p, u) {
  p->silent = true;
  scenario_open(u);
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_lost(u, UV_ECONNRESET, WSUV_STAGE_OPEN, 0);
}

static void close_and_wait(world *w, frame_peer *p, session_user *u) {
  p->silent = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1001, "going"), 0);
  world_run_until_count(w, &p->frames, 1);
}

SCENARIO_AND_SIM_TLS_TEST(test_end_of_stream_while_closing, w, p, u) {
  close_and_wait(w, p, u);
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_lost(u, UV_EOF, WSUV_STAGE_CLOSING, 1001);
  assert_string_equal(u->end.sent_reason, "going");
}

SCENARIO_AND_SIM_TLS_TEST(test_reset_while_closing, w, p, u) {
  close_and_wait(w, p, u);
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_lost(u, UV_ECONNRESET, WSUV_STAGE_CLOSING, 1001);
}

/* After each byte of some frames: F36. */
SCENARIO_AND_SIM_TLS_TEST(test_end_of_stream_anywhere, w, p, u) {
  static const char script[] = "TEXT- \"one\"; PING 0102; CONT \"two\"; BIN 00~130";
  bytes frames = {0};
  frames_script(&frames, script, false);
  for (size_t n = 0; n <= frames.len; n += n < 24 ? 1 : 37) {
    scenario_renew(u);
    p->silent = true;
    scenario_open(u);
    raw_conn_write(p->conn, frames.base, n);
    raw_conn_end(p->conn);
    user_run_to_close(u);
    assert_int_equal(u->messages, n < 14 ? 0 : 1);
    assert_lost(u, UV_EOF, WSUV_STAGE_OPEN, 0);
  }
  bytes_free(&frames);
}

SCENARIO_AND_SIM_TLS_TEST(test_completions_are_cancelled_with_the_connection, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  p->silent = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_PING, true, "b", 1), 0);
  assert_int_equal(user_flush(u, 'c'), 0);
  world_advance(w, 20);
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_true(u->end.status == UV_ECONNRESET || u->end.status == UV_EPIPE);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->dones, 3);
  assert_null(strstr(bytes_text(&u->done), "a=OK"));
  assert_null(strstr(bytes_text(&u->done), "c=OK"));
  scenario_finish(u);
  free(data);
}

/* The write fails before the poll has brought what the peer had said. */
static void lose_while_writing(world *w, frame_peer *p, session_user *u, const char *frames) {
  p->silent = true;
  scenario_open(u);
  frame_peer_send(p, frames);
  raw_conn_reset(p->conn);
  world_lose_time(w, 2);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "too late", 8), 0);
  user_run_to_close(u);
  assert_int_equal(u->dones, 1);
}

SCENARIO_AND_SIM_TLS_TEST(test_close_frame_found_after_a_write_error_decides, w, p, u) {
  lose_while_writing(w, p, u, "TEXT \"x\"; CLOSE #1001 \"bye\"");
  assert_true(user_got(u, "TEXT \"x\""));
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.code, 1001);
  assert_string_equal(u->end.reason, "bye");
  assert_int_equal(u->end.clean, u->end.sent_code == 1001);
}

SCENARIO_AND_SIM_TLS_TEST(test_messages_are_read_after_a_write_error, w, p, u) {
  lose_while_writing(w, p, u, "TEXT \"x\"");
  assert_true(user_got(u, "TEXT \"x\""));
  assert_true(u->end.status == UV_ECONNRESET || u->end.status == UV_EPIPE);
  assert_lost(u, u->end.status, WSUV_STAGE_OPEN, 0);
}

/* --- writing fails, and reading does not --- */

enum { LINGER_MS = 1000 };

static int refuse_to_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                           size_t *retained) {
  (void) f;
  (void) bufs;
  (void) count;
  *taken = *retained = 0;
  return UV_EPIPE;
}

static void break_writing(wsuv_session_t *s) {
  static ws_filter_ops broken;
  broken = *s->filter->ops;
  broken.write = refuse_to_write;
  s->filter->ops = &broken;
}

/* An open session whose next write fails; the time of that. */
static uint64_t fail_to_write(world *w, frame_peer *p, session_user *u) {
  p->silent = true;
  scenario_open(u);
  break_writing(u->session);
  uint64_t now = world_now_ms(w);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  return now;
}

static void assert_ended_a_second_after(const session_user *u, uint64_t begun) {
  assert_string_equal(bytes_text(&u->done), "a=EPIPE ");
  world_assert_took(u->w, u->closed_ms - begun, LINGER_MS - 2, LINGER_MS + LINGER_MS / 2);
}

SCENARIO_AND_SIM_TLS_TEST(test_write_error_leaves_a_second_for_what_has_come, w, p, u) {
  uint64_t begun = fail_to_write(w, p, u);
  world_advance(w, 300);
  frame_peer_send(p, "TEXT \"x\"");
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"x\""));
  assert_lost(u, UV_EPIPE, WSUV_STAGE_OPEN, 0);
  assert_ended_a_second_after(u, begun);
}

/* It is told, though no close frame can be, and begins no other deadline. */
SCENARIO_AND_SIM_TLS_TEST(test_violation_after_a_write_error_changes_no_deadline, w, p, u) {
  uint64_t begun = fail_to_write(w, p, u);
  world_advance(w, 300);
  frame_peer_send(p, "OP3");
  user_run_to_close(u);
  assert_lost(u, WSUV_EPROTOCOL, WSUV_STAGE_OPEN, 0);
  assert_ended_a_second_after(u, begun);
}

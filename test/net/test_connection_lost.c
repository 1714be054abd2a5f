#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Connections that end without a close frame from the peer, or fail while we write. */

#include <stdlib.h>
#include <string.h>

#include "support/check.h"
#include "support/session_user.h"
#include "support/world_test.h"

static void finish(session_user *u, frame_peer *p) {
  user_finish(u);
  frame_peer_free(p);
}

static void start(world *w, frame_peer *p, session_user *u) {
  frame_peer_start(p, w);
  p->silent = true;
  user_open(u, w, p, NULL);
}

static void assert_lost(const session_user *u, int status, wsuv_stage_t stage, unsigned sent) {
  assert_true(user_ended_by(u, status, stage));
  assert_false(u->end.clean);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_string_equal(u->end.reason, "");
  assert_int_equal(u->end.sent_code, sent);
}

static void test_end_of_stream_while_open(world *w) {
  frame_peer p;
  session_user u;
  start(w, &p, &u);
  frame_peer_send(&p, "TEXT \"last\"");
  raw_conn_end(p.conn);
  user_run_to_close(&u);
  assert_true(user_got(&u, "TEXT \"last\""));
  assert_lost(&u, UV_EOF, WSUV_STAGE_OPEN, 0);
  finish(&u, &p);
}

static void test_reset_while_open(world *w) {
  frame_peer p;
  session_user u;
  start(w, &p, &u);
  raw_conn_reset(p.conn);
  user_run_to_close(&u);
  assert_lost(&u, UV_ECONNRESET, WSUV_STAGE_OPEN, 0);
  finish(&u, &p);
}

static void close_and_wait(world *w, frame_peer *p, session_user *u) {
  start(w, p, u);
  assert_int_equal(user_close(u, 1001, "going"), 0);
  world_run_until_count(w, &p->frames, 1);
}

static void test_end_of_stream_while_closing(world *w) {
  frame_peer p;
  session_user u;
  close_and_wait(w, &p, &u);
  raw_conn_end(p.conn);
  user_run_to_close(&u);
  assert_lost(&u, UV_EOF, WSUV_STAGE_CLOSING, 1001);
  assert_string_equal(u.end.sent_reason, "going");
  finish(&u, &p);
}

static void test_reset_while_closing(world *w) {
  frame_peer p;
  session_user u;
  close_and_wait(w, &p, &u);
  raw_conn_reset(p.conn);
  user_run_to_close(&u);
  assert_lost(&u, UV_ECONNRESET, WSUV_STAGE_CLOSING, 1001);
  finish(&u, &p);
}

/* After each byte of some frames: F36. */
static void test_end_of_stream_anywhere(world *w) {
  static const char script[] = "TEXT- \"one\"; PING 0102; CONT \"two\"; BIN 00~130";
  bytes frames = {0};
  frames_script(&frames, script, false);
  for (size_t n = 0; n <= frames.len; n += n < 24 ? 1 : 37) {
    frame_peer p;
    session_user u;
    start(w, &p, &u);
    raw_conn_write(p.conn, frames.base, n);
    raw_conn_end(p.conn);
    user_run_to_close(&u);
    assert_int_equal(u.messages, n < 14 ? 0 : 1);
    assert_lost(&u, UV_EOF, WSUV_STAGE_OPEN, 0);
    finish(&u, &p);
  }
  bytes_free(&frames);
}

static void test_completions_are_cancelled_with_the_connection(world *w) {
  frame_peer p;
  session_user u;
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  start(w, &p, &u);
  raw_conn_read(p.conn, false);
  assert_int_equal(user_frame(&u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(&u, 'b', WSUV_FRAME_PING, true, "b", 1), 0);
  assert_int_equal(user_flush(&u, 'c'), 0);
  world_advance(w, 20);
  raw_conn_reset(p.conn);
  user_run_to_close(&u);
  assert_true(u.end.status == UV_ECONNRESET || u.end.status == UV_EPIPE);
  assert_int_equal(u.end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u.dones, 3);
  assert_null(strstr(bytes_text(&u.done), "a=OK"));
  assert_null(strstr(bytes_text(&u.done), "c=OK"));
  finish(&u, &p);
  free(data);
}

/* The write fails before the poll has brought what the peer had said. */
static void lose_while_writing(world *w, frame_peer *p, session_user *u, const char *frames) {
  start(w, p, u);
  frame_peer_send(p, frames);
  raw_conn_reset(p->conn);
  world_lose_time(w, 2);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "too late", 8), 0);
  user_run_to_close(u);
  assert_int_equal(u->dones, 1);
}

static void test_close_frame_found_after_a_write_error_decides(world *w) {
  frame_peer p;
  session_user u;
  lose_while_writing(w, &p, &u, "TEXT \"x\"; CLOSE #1001 \"bye\"");
  assert_true(user_got(&u, "TEXT \"x\""));
  assert_true(user_ended_by(&u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u.end.code, 1001);
  assert_string_equal(u.end.reason, "bye");
  assert_int_equal(u.end.clean, u.end.sent_code == 1001);
  finish(&u, &p);
}

static void test_messages_are_read_after_a_write_error(world *w) {
  frame_peer p;
  session_user u;
  lose_while_writing(w, &p, &u, "TEXT \"x\"");
  assert_true(user_got(&u, "TEXT \"x\""));
  assert_true(u.end.status == UV_ECONNRESET || u.end.status == UV_EPIPE);
  assert_lost(&u, u.end.status, WSUV_STAGE_OPEN, 0);
  finish(&u, &p);
}

int main(void) {
  static const world_test tests[] = {
      WORLD_TEST(test_end_of_stream_while_open),
      WORLD_TEST(test_reset_while_open),
      WORLD_TEST(test_end_of_stream_while_closing),
      WORLD_TEST(test_reset_while_closing),
      WORLD_TEST(test_end_of_stream_anywhere),
      WORLD_TEST(test_completions_are_cancelled_with_the_connection),
      WORLD_TEST(test_close_frame_found_after_a_write_error_decides),
      WORLD_TEST(test_messages_are_read_after_a_write_error),
  };
  return world_run_tests("connection_lost", tests, sizeof tests / sizeof *tests);
}

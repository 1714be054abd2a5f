/* The closing handshake of raw sessions: the user answers it, or nobody does. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { TIMEOUT_MS = 60, SLACK_MS = 60, LATER_MS = 20 };

/* A peer that closes by itself and ends when it has our answer. */
static void open_to_closing(frame_peer *p, session_user *u) {
  p->silent = p->ends = true;
  scenario_open_raw(u);
}

static void open_impatient(frame_peer *p, session_user *u) {
  u->config.close_timeout_ms = TIMEOUT_MS;
  open_to_closing(p, u);
}

/* One that has sent this, a close frame at its end, and is waiting. */
static void closed_by(frame_peer *p, session_user *u, const char *frames, size_t count) {
  open_to_closing(p, u);
  frame_peer_send(p, frames);
  world_run_until_count(u->w, &u->frames, count);
}

/* --- answered by nobody --- */

SCENARIO_TEST(test_close_of_the_peer_is_not_answered, w, p, u) {
  closed_by(p, u, "TEXT- \"a\"; CLOSE #1001 \"its reason\"", 2);
  assert_true(user_got(u, "TEXT- \"a\"; CLOSE #1001 \"its reason\""));
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  world_advance(w, LATER_MS);
  assert_int_equal(p->frames, 0);
  assert_int_equal(u->closes, 0);
  assert_int_equal(user_close(u, 1001, NULL), 0);
}

/* Its close frame came, so it is the end of the session, but not a clean one. */
static void assert_left_unanswered(const session_user *u, const frame_peer *p) {
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_false(u->end.clean);
  assert_true(u->end.by_peer);
  assert_int_equal(u->end.code, 1000);
  assert_string_equal(u->end.reason, "bye");
  assert_int_equal(u->end.sent_code, 0);
  assert_string_equal(u->end.sent_reason, "");
  assert_int_equal(p->frames, 0);
}

SCENARIO_TEST(test_unanswered_close_ends_after_the_timeout, w, p, u) {
  open_impatient(p, u);
  frame_peer_send(p, "CLOSE #1000 \"bye\"");
  world_run_until_count(w, &u->frames, 1);
  uint64_t begun = world_now_ms(w);
  user_run_to_close(u);
  world_assert_took(w, u->closed_ms - begun, TIMEOUT_MS - 2, TIMEOUT_MS + SLACK_MS);
  assert_left_unanswered(u, p);
}

/* What was written before does not give more time. */
SCENARIO_SIM_TEST(test_unanswered_close_ends_after_one_timeout, w, p, u) {
  open_impatient(p, u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  world_run_until_count(w, &p->frames, 1);
  frame_peer_send(p, "CLOSE #1000");
  world_run_until_count(w, &u->frames, 1);
  uint64_t begun = world_now_ms(w);
  user_run_to_close(u);
  world_assert_took(w, u->closed_ms - begun, TIMEOUT_MS - 2, 2 * TIMEOUT_MS - 4);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

/* RFC 6455 5.5.1: nothing but the answer may be sent. */
static void assert_every_send_is_refused(session_user *u) {
  uv_buf_t buf = uv_buf_init((char[]){"b"}, 1);
  assert_int_equal(user_text(u, "t"), WSUV_ESTATE);
  assert_int_equal(user_binary(u, "b", 1), WSUV_ESTATE);
  assert_int_equal(user_ping(u, ""), WSUV_ESTATE);
  assert_int_equal(user_pong(u, ""), WSUV_ESTATE);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "t", 1), WSUV_ESTATE);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_PONG, true, "t", 1), WSUV_ESTATE);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_BINARY, &buf, 1), WSUV_ESTATE);
  assert_int_equal(user_bufs(u, 'x', WSUV_FRAME_PING, &buf, 1), WSUV_ESTATE);
}

SCENARIO_TEST(test_nothing_but_the_answer_can_be_sent, w, p, u) {
  closed_by(p, u, "CLOSE #1000", 1);
  assert_every_send_is_refused(u);
  assert_int_equal(user_pause(u), WSUV_ESTATE);
  assert_int_equal(user_resume(u), WSUV_ESTATE);
  assert_int_equal(wsuv_session_set_ping(u->session, 10, 10), WSUV_ESTATE);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_every_send_is_refused(u);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(u->dones, 0);
}

static void open_busy(frame_peer *p, session_user *u) {
  u->config.ping_interval_ms = 100;
  u->config.ping_timeout_ms = 50;
  u->config.idle_timeout_ms = 120;
  u->config.close_timeout_ms = 250;
  open_to_closing(p, u);
}

/* Nor by the library: the keepalive has ended, and so has the idle timeout. */
SCENARIO_TEST(test_nothing_happens_while_the_answer_is_awaited, w, p, u) {
  open_busy(p, u);
  frame_peer_send(p, "CLOSE #1000 \"bye\"");
  world_run_until_count(w, &u->frames, 1);
  user_run_to_close(u);
  assert_left_unanswered(u, p);
}

/* --- answered by the user --- */

static void answer_at_once(session_user *u, const wsuv_frame_t *f) {
  if (f->type != WSUV_FRAME_CLOSE) return;
  CHECK(wsuv_session_stage(u->session) == WSUV_STAGE_CLOSING);
  CHECK(user_close(u, 1002, "not yours") == 0);
}

static void assert_answered(const session_user *u, const frame_peer *p, const char *answer,
                            unsigned code, unsigned sent_code) {
  assert_true(frame_peer_saw(p, answer));
  assert_true(user_ended_cleanly(u, code, sent_code));
  assert_true(u->end.by_peer);
}

SCENARIO_TEST(test_answer_from_on_frame, w, p, u) {
  open_to_closing(p, u);
  u->at_frame = answer_at_once;
  frame_peer_send(p, "PING 01; CLOSE #1001 \"its reason\"; TEXT \"not looked at\"; OP3");
  user_run_to_close(u);
  assert_true(user_got(u, "PING 01; CLOSE #1001 \"its reason\""));
  assert_answered(u, p, "CLOSE #1002 \"not yours\"", 1001, 1002);
  assert_string_equal(u->end.reason, "its reason");
  assert_string_equal(u->end.sent_reason, "not yours");
}

SCENARIO_TEST(test_answer_later, w, p, u) {
  closed_by(p, u, "CLOSE #4000", 1);
  world_advance(w, LATER_MS);
  frame_peer_send(p, "TEXT \"behind its close\"");
  world_advance(w, LATER_MS);
  assert_int_equal(user_close(u, 4001, NULL), 0);
  assert_int_equal(user_close(u, 1000, "only once"), 0);
  user_run_to_close(u);
  assert_true(user_got(u, "CLOSE #4000"));
  assert_answered(u, p, "CLOSE #4001", 4000, 4001);
}

/* The answer gives the peer the time for its end anew: it does not come too late. */
SCENARIO_SIM_TEST(test_answer_shortly_before_the_timeout, w, p, u) {
  u->config.close_timeout_ms = 1000;
  open_to_closing(p, u);
  frame_peer_send(p, "CLOSE #1000");
  world_run_until_count(w, &u->frames, 1);
  world_advance(w, 900);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
}

SCENARIO_TEST(test_answer_by_a_frame, w, p, u) {
  closed_by(p, u, "CLOSE #1001", 1);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_CLOSE, true,
                              "\x03\xe9"
                              "bye",
                              5),
                   0);
  assert_int_equal(user_frame(u, 'd', WSUV_FRAME_CLOSE, true, "\x03\xe8", 2), WSUV_ESTATE);
  assert_every_send_is_refused(u);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE #1001 \"bye\"", 1001, 1001);
  assert_string_equal(u->end.sent_reason, "bye");
  assert_string_equal(bytes_text(&u->done), "c=OK ");
}

SCENARIO_TEST(test_answer_by_an_empty_frame, w, p, u) {
  closed_by(p, u, "CLOSE", 1);
  assert_true(user_got(u, "CLOSE"));
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_CLOSE, true, NULL, 0), 0);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE", WSUV_CLOSE_NO_STATUS, WSUV_CLOSE_NO_STATUS);
  assert_string_equal(bytes_text(&u->done), "c=OK ");
}

static void send_it_back(session_user *u, const wsuv_frame_t *f) {
  if (f->type == WSUV_FRAME_CLOSE) CHECK(user_send_frame(u, 'c', f) == 0);
}

SCENARIO_TEST(test_answer_by_the_frame_that_came, w, p, u) {
  static const char *const frames[] = {"CLOSE", "CLOSE #1000", "CLOSE #4999 \"r\"~123"};
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    scenario_renew(u);
    open_to_closing(p, u);
    u->at_frame = send_it_back;
    frame_peer_send(p, frames[i]);
    user_run_to_close(u);
    assert_true(frame_peer_saw(p, frames[i]));
    assert_true(u->end.clean);
    assert_int_equal(u->end.status, 0);
    assert_int_equal(u->end.code, u->end.sent_code);
    assert_string_equal(bytes_text(&u->done), "c=OK ");
  }
}

SCENARIO_TEST(test_answer_without_a_completion, w, p, u) {
  wsuv_frame_t frame;
  closed_by(p, u, "CLOSE #1000", 1);
  wsuv_frame_init(&frame, WSUV_FRAME_CLOSE, "\x03\xe8", 2);
  assert_int_equal(wsuv_send(u->session, &frame, NULL, NULL), 0);
  assert_int_equal(wsuv_send(u->session, &frame, NULL, NULL), WSUV_ESTATE);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
}

/* What is refused leaves the answer to be given. */
SCENARIO_TEST(test_wrong_answers_are_refused, w, p, u) {
  static const char too_long[126] = "\x03\xe8";
  char reason[125];
  closed_by(p, u, "CLOSE #1000", 1);
  memset(reason, 'r', sizeof reason - 1);
  reason[sizeof reason - 1] = 0;
  assert_int_equal(user_close(u, 1005, NULL), WSUV_ECLOSECODE);
  assert_int_equal(user_close(u, 1000, reason), WSUV_ECONTROL);
  assert_int_equal(user_close(u, 1000, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, true, "\x03", 1), WSUV_ECLOSECODE);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, true, "\x03\xee", 2), WSUV_ECLOSECODE);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, true, "\x03\xe8\xff", 3), WSUV_EUTF8);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, true, too_long, 126), WSUV_ECONTROL);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, false, "\x03\xe8", 2), WSUV_ECONTROL);
  world_advance(w, LATER_MS);
  assert_int_equal(p->frames, 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
  assert_int_equal(u->dones, 0);
}

SCENARIO_TEST(test_answer_by_closing_the_client, w, p, u) {
  closed_by(p, u, "CLOSE #1000", 1);
  user_close_client(u);
  assert_answered(u, p, "CLOSE #1001", 1000, 1001);
}

SCENARIO_TEST(test_flush_waits_for_the_answer, w, p, u) {
  closed_by(p, u, "CLOSE #1000", 1);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  user_run_to_close(u);
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
  assert_string_equal(bytes_text(&u->done), "f=OK ");
}

/* What was queued before goes out before the answer, which never overtakes data. */
SCENARIO_TEST(test_answer_goes_behind_what_is_queued, w, p, u) {
  char frames[96];
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  open_to_closing(p, u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  frame_peer_send(p, "CLOSE #1000");
  world_run_until_count(w, &u->frames, 1);
  assert_int_equal(u->dones, 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_CLOSE, true, "\x03\xe8", 2), 0);
  world_advance(w, LATER_MS);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK ");
  (void) snprintf(frames, sizeof frames, "BIN 00*%zu; TEXT \"b\"; CLOSE #1000", size);
  assert_answered(u, p, frames, 1000, 1000);
  scenario_finish(u);
  free(data);
}

SCENARIO_TEST(test_answer_inside_a_message_of_ours, w, p, u) {
  open_to_closing(p, u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "half", 4), 0);
  frame_peer_send(p, "BIN- 00; CLOSE #1000");
  world_run_until_count(w, &u->frames, 2);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_answered(u, p, "TEXT- \"half\"; CLOSE #1000", 1000, 1000);
}

SCENARIO_TEST(test_close_glued_behind_the_upgrade_is_answered, w, p, u) {
  p->silent = p->ends = true;
  p->greeting = "PING 01; CLOSE #1000";
  u->raw = true;
  u->at_frame = send_it_back;
  scenario_connect(u);
  user_run_to_close(u);
  assert_true(user_got(u, "PING 01; CLOSE #1000"));
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
}

static void pause_at_first(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  if (u->frames == 1) CHECK(user_pause(u) == 0);
}

SCENARIO_TEST(test_close_behind_a_pause_comes_after_it, w, p, u) {
  open_to_closing(p, u);
  u->at_frame = pause_at_first;
  frame_peer_send(p, "TEXT \"a\"; PING; CLOSE #1000");
  world_advance(w, LATER_MS);
  assert_true(user_got(u, "TEXT \"a\""));
  u->at_frame = send_it_back;
  assert_int_equal(user_resume(u), 0);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"a\"; PING; CLOSE #1000"));
  assert_answered(u, p, "CLOSE #1000", 1000, 1000);
}

/* --- the end without an answer --- */

static void terminate_at_close(session_user *u, const wsuv_frame_t *f) {
  if (f->type == WSUV_FRAME_CLOSE) user_terminate(u);
}

SCENARIO_TEST(test_terminate_in_place_of_an_answer, w, p, u) {
  open_to_closing(p, u);
  u->at_frame = terminate_at_close;
  frame_peer_send(p, "CLOSE #1000 \"bye\"; PING");
  user_run_to_close(u);
  assert_true(user_got(u, "CLOSE #1000 \"bye\""));
  assert_left_unanswered(u, p);
}

SCENARIO_TEST(test_client_terminated_in_place_of_an_answer, w, p, u) {
  closed_by(p, u, "CLOSE #1000 \"bye\"", 1);
  assert_int_equal(user_end_client(u, wsuv_client_terminate, NULL), 0);
  user_run_to_close(u);
  assert_left_unanswered(u, p);
  world_run(w);
}

/* Its end may be seen before the answer is written. */
SCENARIO_TEST(test_answer_to_a_peer_that_has_ended, w, p, u) {
  open_to_closing(p, u);
  p->ends = false;
  u->at_frame = send_it_back;
  frame_peer_send(p, "CLOSE #1000");
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_got(u, "CLOSE #1000"));
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.code, 1000);
  assert_int_equal(u->end.sent_code, u->end.clean ? 1000 : 0);
  assert_string_equal(bytes_text(&u->done), u->end.clean ? "c=OK " : "c=ECANCELED ");
}

SCENARIO_TEST(test_peer_that_dies_after_its_close, w, p, u) {
  closed_by(p, u, "CLOSE #1000 \"bye\"", 1);
  p->raw->lenient = true;
  raw_conn_reset(p->conn);
  user_run_to_close(u);
  assert_left_unanswered(u, p);
}

/* --- begun by us --- */

static void send_then_answer(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 8) return;
  frame_peer_send(p, "TEXT-{4} \"a\"; PING 01; CONT \"b\"; CLOSE #4000 \"well\"; TEXT \"no more\"");
  raw_conn_end(p->conn);
}

SCENARIO_TEST(test_frames_are_delivered_until_the_peer_closes_too, w, p, u) {
  open_to_closing(p, u);
  p->ends = false;
  p->on_frame = send_then_answer;
  assert_int_equal(user_close(u, 1001, "ours"), 0);
  assert_every_send_is_refused(u);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT-{4} \"a\"; PING 01; CONT \"b\"; CLOSE #4000 \"well\""));
  assert_true(frame_peer_saw(p, "CLOSE #1001 \"ours\""));
  assert_true(user_ended_cleanly(u, 4000, 1001));
  assert_false(u->end.by_peer);
}

/* The answer is the peer's close: it is not answered again, by nobody. */
static void close_again(session_user *u, const wsuv_frame_t *f) {
  wsuv_frame_t frame;
  if (f->type != WSUV_FRAME_CLOSE) return;
  wsuv_frame_init(&frame, WSUV_FRAME_CLOSE, "\x03\xe9", 2);
  CHECK(wsuv_send(u->session, &frame, NULL, NULL) == WSUV_ESTATE);
  CHECK(user_close(u, 1001, NULL) == 0);
}

SCENARIO_TEST(test_close_of_ours_is_the_only_one, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = close_again;
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_got(u, "CLOSE #1000"));
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_TEST(test_close_by_a_frame_begins_closing, w, p, u) {
  scenario_open_raw(u);
  assert_int_equal(user_text(u, "last"), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_CLOSE, true,
                              "\x0f\xa0"
                              "why",
                              5),
                   0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  assert_every_send_is_refused(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"last\"; CLOSE #4000 \"why\""));
  assert_true(user_ended_cleanly(u, 4000, 4000));
  assert_false(u->end.by_peer);
  assert_string_equal(u->end.sent_reason, "why");
  assert_string_equal(bytes_text(&u->done), "c=OK ");
}

/* Unlike wsuv_session_close(), which cancels it. */
SCENARIO_TEST(test_close_frame_cannot_be_sent_before_open, w, p, u) {
  u->raw = true;
  scenario_connect(u);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_CLOSE, true, "\x03\xe8", 2), WSUV_ESTATE);
  user_run_to_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_int_equal(u->dones, 0);
}

static void close_by_an_empty_frame(world *w, bool raw) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  u.raw = raw;
  scenario_open(&u);
  assert_int_equal(user_frame(&u, 'a', WSUV_FRAME_BINARY, false, "half", 4), 0);
  assert_int_equal(user_frame(&u, 'c', WSUV_FRAME_CLOSE, true, NULL, 0), 0);
  assert_int_equal(user_frame(&u, 'd', WSUV_FRAME_CLOSE, true, NULL, 0), WSUV_ESTATE);
  user_run_to_close(&u);
  assert_true(frame_peer_saw(&p, "BIN- \"half\"; CLOSE"));
  assert_true(user_ended_cleanly(&u, WSUV_CLOSE_NO_STATUS, WSUV_CLOSE_NO_STATUS));
  assert_string_equal(bytes_text(&u.done), "a=OK c=OK ");
  scenario_finish(&u);
}

WORLD_TEST(test_close_by_an_empty_frame, w) {
  close_by_an_empty_frame(w, false);
  close_by_an_empty_frame(w, true);
}

SCENARIO_TEST(test_close_of_ours_that_is_not_answered, w, p, u) {
  open_impatient(p, u);
  p->ends = false;
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 1000);
  assert_false(u->end.by_peer);
}

/* Both close frames cross on the way. */
SCENARIO_TEST(test_both_close_at_the_same_time, w, p, u) {
  open_to_closing(p, u);
  frame_peer_send(p, "CLOSE #4001");
  assert_int_equal(user_close(u, 4002, NULL), 0);
  user_run_to_close(u);
  assert_true(user_got(u, "CLOSE #4001"));
  assert_true(frame_peer_saw(p, "CLOSE #4002"));
  assert_true(user_ended_cleanly(u, 4001, 4002));
  assert_false(u->end.by_peer);
}

/* As a default session does: what still arrives is discarded. */
SCENARIO_TEST(test_close_while_paused_discards_what_comes, w, p, u) {
  scenario_open_raw(u);
  assert_int_equal(user_pause(u), 0);
  frame_peer_send(p, "TEXT \"a\"; BIN 00~70000");
  world_advance(w, LATER_MS);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_int_equal(u->got.len > 0 ? strncmp(bytes_text(&u->got), "CLOSE", 5) : 0, 0);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* Messages that are sent in pieces: in which order, what may go between, under which bound, and
   what is left when a call fails. */

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, PIECE = 16 * KIB, BOUND = 64 * KIB };

static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY};

/* Close in order; `script` is what the peer has seen before. */
static void close_after(session_user *u, frame_peer *p, const char *script) {
  bytes all = {0};
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  bytes_print(&all, "%s; CLOSE #1000", script);
  assert_true(frame_peer_saw(p, bytes_text(&all)));
  bytes_free(&all);
}

static int text_piece(session_user *u, const char *text) {
  return user_piece(u, '\0', text, strlen(text));
}

/* What was gathered leaves as a frame of its own. */
static void apart(session_user *u) {
  assert_int_equal(wsuv_flush(u->session, NULL, NULL), 0);
}

static int end(session_user *u) {
  return user_end_message(u, '\0');
}

/* --- order --- */

SCENARIO_TEST(test_pieces_are_the_fragments_of_one_message, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(text_piece(u, "one"), 0);
  apart(u);
  assert_int_equal(text_piece(u, "two"), 0);
  apart(u);
  assert_int_equal(end(u), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_int_equal(user_piece(u, '\0', "\xff", 1), 0);
  apart(u);
  assert_int_equal(user_piece(u, '\0', "\xfe", 1), 0);
  assert_int_equal(end(u), 0);
  assert_int_equal(user_text(u, "whole"), 0);
  close_after(u, p, "TEXT- \"one\"; CONT- \"two\"; CONT; BIN- ff; CONT fe; TEXT \"whole\"");
}

SCENARIO_TEST(test_message_without_pieces_is_empty, w, p, u) {
  scenario_open(u);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(user_begin_message(u, types[i]), 0);
    assert_int_equal(end(u), 0);
  }
  close_after(u, p, "TEXT; BIN");
}

SCENARIO_TEST(test_nothing_goes_out_before_the_first_piece, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  world_advance(w, 20);
  assert_int_equal(p->frames, 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
}

static void assert_none_begun(session_user *u) {
  assert_int_equal(user_piece(u, 'x', "x", 1), UV_EINVAL);
  assert_int_equal(user_piece(u, '\0', NULL, 0), UV_EINVAL);
  assert_int_equal(user_end_message(u, 'x'), UV_EINVAL);
  assert_int_equal(user_end_message(u, '\0'), UV_EINVAL);
}

SCENARIO_TEST(test_pieces_of_no_message_are_refused, w, p, u) {
  scenario_open(u);
  assert_none_begun(u);
  assert_int_equal(user_text(u, "a"), 0);
  assert_none_begun(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(end(u), 0);
  assert_none_begun(u);
  assert_int_equal(u->dones, 0);
  close_after(u, p, "TEXT \"a\"; TEXT");
}

SCENARIO_TEST(test_only_text_and_binary_begin_a_message, w, p, u) {
  static const int others[] = {0, 3, 7, WSUV_FRAME_CLOSE, WSUV_FRAME_PING, WSUV_FRAME_PONG, 11};
  scenario_open(u);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    assert_int_equal(user_begin_message(u, (wsuv_frame_type_t) others[i]), UV_EINVAL);
    assert_none_begun(u);
  }
  assert_int_equal(user_text(u, "a"), 0);
  close_after(u, p, "TEXT \"a\"");
}

static void assert_begin_is_refused(session_user *u) {
  for (size_t i = 0; i < 2; i++) assert_int_equal(user_begin_message(u, types[i]), UV_EINVAL);
}

SCENARIO_TEST(test_message_begins_once, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_begin_is_refused(u);
  assert_int_equal(text_piece(u, "a"), 0);
  assert_begin_is_refused(u);
  assert_int_equal(end(u), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_begin_is_refused(u);
  assert_int_equal(end(u), 0);
  close_after(u, p, "TEXT \"a\"; BIN");
}

/* Frames that are sent one by one are another message. */
SCENARIO_TEST(test_fragments_and_pieces_do_not_mix, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "a", 1), 0);
  assert_begin_is_refused(u);
  assert_none_begun(u);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, false, "x", 1), UV_EINVAL);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "x", 1), UV_EINVAL);
  assert_int_equal(text_piece(u, "c"), 0);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, false, "x", 1), UV_EINVAL);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "x", 1), UV_EINVAL);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_BINARY, true, "x", 1), UV_EINVAL);
  assert_int_equal(end(u), 0);
  assert_int_equal(user_frame(u, 'd', WSUV_FRAME_TEXT, false, "d", 1), 0);
  assert_none_begun(u);
  assert_int_equal(user_frame(u, 'e', WSUV_FRAME_TEXT, true, "e", 1), 0);
  world_run_until_count(w, &u->dones, 4);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK d=OK e=OK ");
  close_after(u, p, "TEXT- \"a\"; CONT \"b\"; TEXT \"c\"; TEXT- \"d\"; CONT \"e\"");
}

static void assert_whole_messages_are_refused(session_user *u) {
  const uv_buf_t buf = uv_buf_init((char[]){'x'}, 1);
  assert_int_equal(user_text(u, "t"), UV_EINVAL);
  assert_int_equal(user_text(u, ""), UV_EINVAL);
  assert_int_equal(user_binary(u, "b", 1), UV_EINVAL);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wsuv_send_bufs(u->session, types[i], &buf, 1, NULL, NULL), UV_EINVAL);
  }
}

SCENARIO_TEST(test_only_control_frames_go_between, w, p, u) {
  scenario_open(u);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(user_begin_message(u, types[i]), 0);
    assert_whole_messages_are_refused(u);
    assert_int_equal(user_ping(u, "1"), 0);
    assert_int_equal(user_piece(u, 'a', "a", 1), 0);
    world_run_until_count(w, &p->frames, 5 * i + 2);
    assert_whole_messages_are_refused(u);
    assert_int_equal(user_frame(u, 'b', WSUV_FRAME_PING, true, "2", 1), 0);
    assert_int_equal(user_pong(u, "3"), 0);
    assert_int_equal(user_flush(u, 'c'), 0);
    world_run_until_count(w, &u->dones, 3 * (i + 1));
    assert_int_equal(end(u), 0);
    world_run_until_count(w, &p->frames, 5 * (i + 1));
  }
  close_after(u, p,
              "PING \"1\"; TEXT- \"a\"; PING \"2\"; PONG \"3\"; CONT; "
              "PING \"1\"; BIN- \"a\"; PING \"2\"; PONG \"3\"; CONT");
}

/* --- the state of the session --- */

static void assert_pieces_are_refused(session_user *u) {
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), WSUV_ESTATE);
  assert_int_equal(user_piece(u, 'x', "x", 1), WSUV_ESTATE);
  assert_int_equal(user_end_message(u, 'x'), WSUV_ESTATE);
}

SCENARIO_TEST(test_pieces_need_an_open_session, w, p, u) {
  u->at_close = assert_pieces_are_refused;
  scenario_connect(u);
  assert_pieces_are_refused(u);
  user_run_to_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_pieces_are_refused(u);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_int_equal(u->dones, 0);
}

SCENARIO_TEST(test_close_inside_a_message, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'a', "half \xc3", 6), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_pieces_are_refused(u);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(frame_peer_saw(p, "TEXT- \"half \" c3; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK ");
}

SCENARIO_TEST(test_close_frame_inside_a_message, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_CLOSE, true, "\x03\xe8", 2), 0);
  assert_pieces_are_refused(u);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK ");
}

SCENARIO_TEST(test_terminate_inside_a_message, w, p, u) {
  scenario_open(u);
  u->at_close = assert_pieces_are_refused;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  assert_int_equal(user_end_message(u, 'b'), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'c', "c", 1), 0);
  user_terminate(u);
  assert_pieces_are_refused(u);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED b=ECANCELED c=ECANCELED ");
}

SCENARIO_TEST(test_close_by_the_peer_inside_a_message, w, p, u) {
  scenario_open(u);
  u->at_close = assert_pieces_are_refused;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  world_run_until_count(w, &u->dones, 1);
  frame_peer_send(p, "CLOSE #1001");
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_true(frame_peer_saw(p, "BIN- \"a\"; CLOSE #1001"));
}

/* --- text --- */

SCENARIO_TEST(test_text_may_be_cut_inside_a_character, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(text_piece(u, "gr\xc3"), 0);
  assert_int_equal(text_piece(u, ""), 0);
  apart(u);
  assert_int_equal(text_piece(u, "\xbc\xf0"), 0);
  apart(u);
  assert_int_equal(user_ping(u, "ping"), 0);
  assert_int_equal(text_piece(u, "\x9f"), 0);
  assert_int_equal(text_piece(u, "\x8c"), 0);
  apart(u);
  assert_int_equal(text_piece(u, "\x8d"), 0);
  assert_int_equal(end(u), 0);
  close_after(u, p, "PING \"ping\"; TEXT- \"gr\" c3; CONT- bcf0; CONT- 9f8c; CONT 8d");
}

/* What was refused is forgotten, and the message goes on where it was. */
SCENARIO_TEST(test_text_that_is_not_utf8_is_refused_and_the_message_goes_on, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'x', "\xff", 1), WSUV_EUTF8);
  assert_int_equal(text_piece(u, "\xe2\x82"), 0);
  assert_int_equal(user_piece(u, 'x', "\x28", 1), WSUV_EUTF8);
  assert_int_equal(user_end_message(u, 'x'), WSUV_EUTF8);
  assert_int_equal(user_end_message(u, 'x'), WSUV_EUTF8);
  assert_int_equal(user_piece(u, 'x', "\xac\xc3\x28", 3), WSUV_EUTF8);
  assert_int_equal(wsuv_buffered_amount(u->session), 2);
  assert_int_equal(text_piece(u, "\xac"), 0);
  assert_int_equal(end(u), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'x', "\xac", 1), WSUV_EUTF8); /* nothing is left of the last */
  assert_int_equal(end(u), 0);
  assert_int_equal(u->dones, 0);
  close_after(u, p, "TEXT e282ac; TEXT");
}

SCENARIO_TEST(test_end_inside_a_character_leaves_the_message_to_the_close, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(text_piece(u, "\xe2"), 0);
  assert_int_equal(end(u), WSUV_EUTF8);
  assert_int_equal(user_text(u, "t"), UV_EINVAL);
  close_after(u, p, "TEXT- e2");
}

SCENARIO_TEST(test_binary_is_not_looked_at, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_int_equal(user_piece(u, '\0', "\xff\xc3", 2), 0);
  assert_int_equal(end(u), 0);
  close_after(u, p, "BIN ffc3");
}

/* --- the bound --- */

static void open_bounded(frame_peer *p, session_user *u, wsuv_outgoing_policy_t policy) {
  u->config.outgoing_max = BOUND;
  u->config.outgoing_policy = policy;
  p->forgets = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
}

/* A message that is far longer than the bound. What went in is told from what came out by sums. */
typedef struct flow {
  size_t next, total, refused;
  uint64_t sent, came; /* sums */
  size_t bytes;        /* that came */
  bool ended;
  uint8_t data[PIECE];
} flow;

static uint64_t sum_of(const uint8_t *data, size_t len, uint64_t sum) {
  for (size_t i = 0; i < len; i++) sum = sum * 31 + data[i];
  return sum;
}

static void make_piece(flow *f) {
  for (size_t i = 0; i < PIECE; i++) f->data[i] = (uint8_t) (f->next * 7 + (i ^ i >> 8));
}

static void pump(session_user *u) {
  flow *f = u->data;
  int err = 0;
  for (; f->next < f->total; f->next++) {
    make_piece(f);
    if ((err = user_piece(u, '\0', f->data, PIECE)) != 0) break;
    f->sent = sum_of(f->data, PIECE, f->sent);
    CHECK(wsuv_buffered_amount(u->session) <= BOUND);
  }
  CHECK(err == 0 || err == WSUV_EQUEUEFULL);
  f->refused += err != 0;
  if (err == 0 && !f->ended) f->ended = user_end_message(u, '\0') == 0;
}

static void take_frame(frame_peer *p, const seen_frame *f) {
  flow *all = p->data;
  CHECK(p->frames == 1 ? f->spec.opcode == WSUV_FRAME_BINARY : f->spec.opcode == 0);
  all->came = sum_of(f->payload, (size_t) f->length, all->came);
  all->bytes += (size_t) f->length;
}

SCENARIO_TEST(test_message_longer_than_the_bound_goes_through_on_drain, w, p, u) {
  flow f = {.total = w->kind == WORLD_SIM ? 64 : 1024};
  open_bounded(p, u, WSUV_OUTGOING_SUSPEND);
  u->data = p->data = &f;
  u->at_drain = pump;
  p->on_frame = take_frame;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  pump(u);
  world_advance(w, 5);
  assert_true(f.refused > 0 && f.next < f.total);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, f.total + 1);
  assert_true(f.ended);
  assert_int_equal(f.bytes, f.total * PIECE);
  assert_true(f.came == f.sent);
  p->on_frame = NULL;
  scenario_close(u);
}

SCENARIO_TEST(test_piece_beyond_the_bound_is_never_taken, w, p, u) {
  static const uint8_t data[BOUND + 1];
  open_bounded(p, u, WSUV_OUTGOING_SUSPEND);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_int_equal(user_piece(u, 'x', data, BOUND + 1), WSUV_EMSGSIZE);
  assert_int_equal(user_piece(u, 'a', data, BOUND - 1), 0);
  assert_int_equal(user_piece(u, 'x', data, 2), WSUV_EQUEUEFULL);
  assert_int_equal(user_piece(u, '\0', data, 1), 0); /* is gathered, and counts */
  assert_int_equal(user_piece(u, 'x', data, 1), WSUV_EQUEUEFULL);
  assert_int_equal(wsuv_buffered_amount(u->session), BOUND);
  assert_int_equal(end(u), 0); /* takes no room */
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, 2);
  assert_true(u->drains > 0);
  user_terminate(u);
}

static void retry_character(session_user *u) {
  if (u->data == NULL) return;
  int err = user_piece(u, 'r', "\xbc", 1);
  CHECK(err == 0 || err == WSUV_EQUEUEFULL);
  if (err == 0) u->data = NULL;
}

/* A text's state is that of what was taken. */
SCENARIO_TEST(test_piece_refused_inside_a_character_is_sent_again, w, p, u) {
  static const uint8_t zeros[BOUND];
  open_bounded(p, u, WSUV_OUTGOING_SUSPEND);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, '\0', zeros, BOUND - 1), 0);
  assert_int_equal(user_piece(u, '\0', "\xc3", 1), 0);
  assert_int_equal(user_piece(u, 'x', "\xbc", 1), WSUV_EQUEUEFULL);
  assert_int_equal(end(u), WSUV_EUTF8);
  u->data = u;
  u->at_drain = retry_character;
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "r=OK ");
  assert_int_equal(end(u), 0);
  world_run_until_count(w, &p->frames, 3); /* the first has all but the second half, or half */
  scenario_close(u);
}

/* They make no frame, so that any number of them takes no room. */
SCENARIO_TEST(test_empty_pieces_take_no_room, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  for (int i = 0; i < 1000; i++) assert_int_equal(user_piece(u, '\0', NULL, 0), 0);
  assert_int_equal(user_piece(u, 'a', NULL, 0), 0);
  assert_int_equal(out_queue_len(&u->session->conn.work->out), 0);
  world_run_until_count(w, &u->dones, 1);
  assert_int_equal(user_piece(u, '\0', "x", 1), 0);
  assert_int_equal(user_piece(u, 'b', NULL, 0), 0);
  assert_int_equal(end(u), 0);
  world_run_until_count(w, &u->dones, 2);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK ");
  close_after(u, p, "BIN \"x\"");
}

static void retry_end(session_user *u) {
  flow *f = u->data;
  if (!f->ended) f->ended = user_end_message(u, '\0') == 0;
}

/* Headers take room, too: ends of no length cannot make the queue grow for ever. */
SCENARIO_TEST(test_empty_messages_in_pieces_are_bounded, w, p, u) {
  flow f = {0};
  int err = 0;
  if (w->seed >= 5) return;
  open_bounded(p, u, WSUV_OUTGOING_SUSPEND);
  for (;; f.next++) {
    assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
    if ((err = end(u)) != 0) break;
  }
  assert_int_equal(err, WSUV_EQUEUEFULL);
  assert_int_equal(user_piece(u, 'x', NULL, 0), WSUV_EQUEUEFULL);
  assert_int_equal(user_ping(u, "p"), 0);
  u->data = &f;
  u->at_drain = retry_end;
  raw_conn_read(p->conn, true);
  world_run_until_true(w, &f.ended);
  world_run_until_count(w, &p->frames, f.next + 2);
  scenario_terminate(u);
}

SCENARIO_TEST(test_piece_that_does_not_fit_ends_a_session_that_wants_it, w, p, u) {
  static const uint8_t data[BOUND];
  open_bounded(p, u, WSUV_OUTGOING_CLOSE);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
  assert_int_equal(user_piece(u, '\0', data, BOUND), 0);
  assert_int_equal(user_piece(u, 'x', data, 1), WSUV_EQUEUEFULL);
  assert_pieces_are_refused(u);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EQUEUEFULL, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 1008);
  assert_int_equal(u->dones, 0);
}

/* --- completions --- */

SCENARIO_TEST(test_completions_come_in_order, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  assert_int_equal(user_piece(u, '\0', "none", 4), 0);
  assert_int_equal(user_piece(u, 'b', "", 0), 0);
  assert_int_equal(user_end_message(u, 'c'), 0);
  assert_int_equal(u->dones, 0);
  world_run_until_count(w, &u->dones, 3);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK ");
  close_after(u, p, "TEXT \"anone\"");
}

static void send_next(session_user *u, char name, int status) {
  CHECK(status == 0);
  if (name < 'e') CHECK(user_piece(u, (char) (name + 1), &name, 1) == 0);
  if (name == 'e') CHECK(user_end_message(u, 'f') == 0);
}

/* A sender that lives on completions has one piece under way. */
SCENARIO_TEST(test_completions_may_send_the_next_piece, w, p, u) {
  scenario_open(u);
  u->at_done = send_next;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'a', "z", 1), 0);
  world_run_until_count(w, &u->dones, 6);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK d=OK e=OK f=OK ");
  close_after(u, p, "TEXT- \"z\"; CONT- \"a\"; CONT- \"b\"; CONT- \"c\"; CONT- \"d\"; CONT");
}

/* --- no random bytes, no memory --- */

SCENARIO_TEST(test_piece_without_random_bytes_ends_the_session, w, p, u) {
  int err = 0;
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  world_random_fails(w, true);
  while (err == 0) { /* until the pool of them is empty */
    if ((err = text_piece(u, "t")) == 0) err = wsuv_flush(u->session, NULL, NULL);
  }
  world_random_fails(w, false);
  assert_int_equal(err, WSUV_ERANDOM);
  assert_pieces_are_refused(u);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
}

/* The first that is taken is the first of the message. */
SCENARIO_TEST(test_piece_without_memory_leaves_the_message_as_it_was, w, p, u) {
  enum { MUCH = 100 * KIB };
  uint8_t *data = check_alloc(MUCH);
  scenario_open(u);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), UV_ENOMEM);
  assert_int_equal(user_piece(u, 'x', "x", 1), UV_EINVAL);
  w->alloc->fail_at = 0;
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(user_piece(u, '\0', data, MUCH), UV_ENOMEM);
  assert_int_equal(user_piece(u, 'x', "\xc3", 1), UV_ENOMEM);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  w->alloc->fail_at = 0;
  assert_int_equal(text_piece(u, "\xc3"), 0);
  w->alloc->fail_at = w->alloc->calls + 1;
  memset(data, 'x', MUCH);
  data[0] = 0xbc;
  assert_int_equal(user_piece(u, '\0', data, MUCH), UV_ENOMEM);
  assert_int_equal(end(u), WSUV_EUTF8);
  w->alloc->fail_at = 0;
  assert_int_equal(text_piece(u, "\xbc"), 0);
  assert_int_equal(end(u), 0);
  close_after(u, p, "TEXT c3bc");
  free(data);
}

/* --- the n-th allocation fails --- */

enum { WANTED = 3 };

static void allow(int err) {
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE || err == UV_EINVAL ||
        err == WSUV_EUTF8);
}

static uint8_t large[150 * KIB];

static void stream_out(session_user *u) {
  allow(user_begin_message(u, WSUV_FRAME_TEXT));
  allow(user_piece(u, 'a', "gr\xc3", 3));
  allow(user_ping(u, "ping"));
  allow(user_piece(u, 'b', "\xbc", 1));
  allow(user_piece(u, 'c', large, sizeof large));
  allow(user_end_message(u, 'd'));
  allow(user_begin_message(u, WSUV_FRAME_BINARY));
  allow(user_piece(u, 'e', large, sizeof large));
  allow(user_end_message(u, 'f'));
  allow(user_flush(u, 'g'));
  allow(user_begin_message(u, WSUV_FRAME_BINARY)); /* has no end */
  allow(user_piece(u, 'h', "gathered", 8));
  allow(user_piece(u, 'i', "gathered", 8));
}

static void pause_for_a_while(session_user *u, const wsuv_message_piece_t *m) {
  (void) m;
  allow(user_pause(u)); /* settle() resumes */
}

static bool settled(const session_user *u) {
  return u->closes > 0 || (u->opens > 0 && u->messages >= WANTED && u->owed == 0);
}

static void settle(world *w, session_user *u) {
  for (int i = 0; i < 400 && !settled(u); i++) {
    world_advance(w, 50);
    if (u->session != NULL) allow(user_resume(u));
  }
  CHECK(settled(u) || w->alloc->failed > 0);
}

static void run_session(world *w, session_user *u, frame_peer *p) {
  int err = user_try_connect(u, p);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  settle(w, u);
  if (u->closes == 0 && user_close(u, 1000, NULL) < 0) user_terminate(u);
  user_run_to_close(u);
  int status = u->end.status;
  CHECK(status == 0 || status == UV_ENOMEM || status == UV_ECANCELED);
  CHECK(status != 0 || w->alloc->failed > 0 || u->messages >= WANTED);
}

static void play(world *w) {
  frame_peer p;
  session_user u = {.w = w,
                    .streamed = true,
                    .forgets = true,
                    .at_open = stream_out,
                    .at_piece = pause_for_a_while};
  frame_peer_start(&p, w);
  p.echoes = p.pongs = p.forgets = true;
  p.greeting = "TEXT- \"frag\"; PING 01; CONT \"ments\"; BIN 00~40000";
  if (world_client(w, &u.client, NULL) == 0) {
    run_session(w, &u, &p);
    world_client_close(w, u.client);
  }
  user_free(&u);
  frame_peer_free(&p);
}

WORLD_SIM_TEST(test_each_allocation_fails_once, w) {
  if (w->seed < 4) torture(w, play, false, 20);
}

WORLD_SIM_TEST(test_each_allocation_fails_for_ever, w) {
  if (w->seed < 4) torture(w, play, true, 20);
}

/* Messages that are received in pieces: whole again when put together, judged as they come, and at
   no cost in memory. That offsets follow each other, that only a last piece is empty and that
   on_message is never called, session_user checks of every piece. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, LARGE = 150000 };

static uint8_t byte_at(uint64_t i) {
  return (uint8_t) (i ^ i >> 8 ^ i >> 16);
}

/* --- what arrives --- */

static const char fragmented[] =
    "TEXT- \"gr\" c3; PING 01; CONT- bc; CONT-; PONG 02; CONT c39f; BIN-; CONT; TEXT \"\"; "
    "BIN- 00~70000; PING \"ping\"; CONT- 01~70000; CONT 02; TEXT- f0; CONT- 9f8c; CONT 8d";
static const char assembled[] = "PING 01; PONG 02; TEXT \"gr\" c3bcc39f; BIN; TEXT \"\"; "
                                "PING \"ping\"; BIN 00~70000 01~70000 02; TEXT f09f8c8d";

SCENARIO_TEST(test_pieces_make_the_messages, w, p, u) {
  wsuv_stats_t stats;
  scenario_open_streamed(u);
  frame_peer_send(p, fragmented);
  world_run_until_count(w, &u->messages, 5);
  assert_true(user_got(u, assembled));
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PONG 01; PONG \"ping\""));
  wsuv_stats_init(&stats);
  assert_int_equal(wsuv_session_get_stats(u->session, &stats), 0);
  assert_int_equal(stats.messages_received, 5);
  assert_int_equal(stats.payload_received, 6 + 140001 + 4);
  scenario_close(u);
}

SCENARIO_TEST(test_pieces_cut_at_random, w, p, u) {
  bytes frames = {0};
  uint64_t seed = w->seed;
  frames_script(&frames, fragmented, false);
  scenario_open_streamed(u);
  for (size_t done = 0, n = 0; done < frames.len; done += n) {
    n = 1 + seeded_below(&seed, done < 60 ? 3 : 30000);
    if (n > frames.len - done) n = frames.len - done;
    raw_conn_write(p->conn, frames.base + done, n);
    if (done < 60 || w->kind == WORLD_SIM) world_advance(w, seeded_below(&seed, 2));
  }
  world_run_until_count(w, &u->messages, 5);
  assert_true(user_got(u, assembled));
  bytes_free(&frames);
  scenario_close(u);
}

SCENARIO_TEST(test_pieces_of_frames_of_every_length_form, w, p, u) {
  static const size_t sizes[] = {0, 1, 125, 126, 127, 65535, 65536, 65537, LARGE};
  bytes wanted = {0};
  uint8_t *data = check_alloc(LARGE);
  memset(data, 't', LARGE);
  scenario_open_streamed(u);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    raw_conn_write_frame(p->conn, WSUV_FRAME_TEXT, data, sizes[i]);
    raw_conn_write_frame(p->conn, WSUV_FRAME_BINARY, data, sizes[i]);
    frames_render(&wanted, WSUV_FRAME_TEXT, true, 0, data, sizes[i]);
    frames_render(&wanted, WSUV_FRAME_BINARY, true, 0, data, sizes[i]);
  }
  world_run_until_count(w, &u->messages, 2 * sizeof sizes / sizeof *sizes);
  assert_string_equal(bytes_text(&u->got), bytes_text(&wanted));
  bytes_free(&wanted);
  free(data);
  scenario_close(u);
}

/* The beginning of a frame, whose rest is to follow. */
static void send_part(frame_peer *p, const char *script, size_t from, size_t to) {
  bytes frames = {0};
  frames_script(&frames, script, false);
  assert_true(to <= frames.len);
  raw_conn_write(p->conn, frames.base + from, to - from);
  bytes_free(&frames);
}

SCENARIO_TEST(test_pieces_come_before_the_rest_of_their_frame, w, p, u) {
  static const char frame[] = "TEXT \"a piece that comes before the rest of it\"";
  scenario_open_streamed(u);
  send_part(p, frame, 0, 2); /* the header alone is no piece */
  world_advance(w, 20);
  assert_int_equal(u->pieces, 0);
  send_part(p, frame, 2, 9);
  while (u->passed < 7) world_advance(w, 1);
  assert_int_equal(u->messages, 0);
  send_part(p, frame, 9, 2 + sizeof "a piece that comes before the rest of it" - 1);
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, frame));
  scenario_close(u);
}

static void check_empty(session_user *u, const wsuv_message_piece_t *m) {
  (void) u;
  CHECK(m->len == 0 && m->last && m->offset == 0);
}

/* One piece, which has a place all the same; fragments of no length are none. */
SCENARIO_TEST(test_empty_messages_are_one_piece, w, p, u) {
  scenario_open_streamed(u);
  u->at_piece = check_empty;
  frame_peer_send(p, "TEXT; BIN; TEXT-; CONT; BIN-; PING 01; CONT-; CONT-; CONT");
  world_run_until_count(w, &u->messages, 4);
  assert_int_equal(u->pieces, 4);
  assert_true(user_got(u, "TEXT; BIN; TEXT; PING 01; BIN"));
  scenario_close(u);
}

static void note_piece(session_user *u, const wsuv_message_piece_t *m) {
  bytes_print(u->data, "%zu at %llu%s; ", m->len, (unsigned long long) m->offset,
              m->last ? ", last" : "");
}

/* Frames of one byte cannot be cut: so it is known which pieces come. */
SCENARIO_TEST(test_each_fragment_is_a_piece_but_empty_ones, w, p, u) {
  bytes pieces = {0};
  scenario_open_streamed(u);
  u->data = &pieces;
  u->at_piece = note_piece;
  frame_peer_send(p,
                  "TEXT-; CONT- f0; CONT- 9f; CONT-; CONT- 8c; CONT- 8d; CONT; BIN- 00; CONT ff");
  world_run_until_count(w, &u->messages, 2);
  assert_string_equal(bytes_text(&pieces),
                      "1 at 0; 1 at 1; 1 at 2; 1 at 3; 0 at 4, last; 1 at 0; 1 at 1, last; ");
  assert_true(user_got(u, "TEXT f09f8c8d; BIN 00ff"));
  bytes_free(&pieces);
  scenario_close(u);
}

/* --- limits --- */

SCENARIO_TEST(test_size_and_fragments_of_a_message_are_not_judged, w, p, u) {
  enum { FRAGMENTS = 40 };
  u->config.max_message_size = 10;
  u->config.max_message_fragments = 2;
  u->config.max_frame_size = 100;
  scenario_open_streamed(u);
  frame_peer_send(p, "BIN- 00~100");
  for (int i = 0; i < FRAGMENTS; i++) frame_peer_send(p, "CONT- 00~100");
  frame_peer_send(p, "CONT 00~100; TEXT \"t\"~100");
  world_run_until_count(w, &u->messages, 2);
  assert_true(user_got(u, "BIN 00~4200; TEXT \"t\"~100"));
  scenario_close(u);
}

typedef struct violation {
  const char *frames; /* what the peer sends */
  uint64_t passed;    /* bytes of the last message that were given before */
  int status;
  unsigned code; /* of our close frame */
  const char *detail;
} violation;

#define ORDER(frames, passed, detail) \
  { frames, passed, WSUV_EPROTOCOL, 1002, detail }
#define TEXT(frames, passed) \
  { frames, passed, WSUV_EUTF8, 1007, "text is not UTF-8" }
#define LARGE_FRAME(frames, passed) \
  { frames, passed, WSUV_ETOOBIG, 1009, "frame too large" }

static const violation violations[] = {
    ORDER("CONT \"a\"", 0, "continuation of no message"),
    ORDER("TEXT \"a\"; CONT- \"b\"", 0, "continuation of no message"),
    ORDER("TEXT- \"a\"; CONT \"b\"; CONT", 0, "continuation of no message"),
    ORDER("TEXT- \"a\"; TEXT \"b\"", 1, "new message inside a fragmented one"),
    ORDER("TEXT- \"a\"; BIN- 00", 1, "new message inside a fragmented one"),
    ORDER("BIN-; PING; BIN- 00", 0, "new message inside a fragmented one"),
    ORDER("BIN- 0000; CONT{4} 00", 2, "reserved bit set"),
    TEXT("TEXT ff", 0),
    TEXT("TEXT c3", 0),
    TEXT("TEXT- \"fine\"; CONT ff", 4),
    TEXT("TEXT- \"fine\"; CONT- ff; CONT \"never\"", 4),
    TEXT("TEXT- \"fine\" c3; CONT", 5),
    TEXT("TEXT- \"fine\" c3; PING; CONT- 28", 5),
    TEXT("TEXT- \"fine\" e282; CONT-; CONT- 28", 6),
    TEXT("TEXT- f09f; CONT- 8c; CONT \"x\"", 3),
    TEXT("TEXT \"whole\"; TEXT- ed; CONT a0", 1), /* a surrogate */
    LARGE_FRAME("BIN- 00~1000; CONT- 00~1001", 1000),
    LARGE_FRAME("TEXT \"t\"~1000; TEXT \"t\"~1001", 0),
    LARGE_FRAME("BIN:64 00~70000", 0),
};

static void violate(world *w, const violation *v) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  u.config.max_frame_size = 1000;
  scenario_open_streamed(&u);
  frame_peer_send(&p, v->frames);
  user_run_to_close(&u);
  assert_true(user_ended_by(&u, v->status, WSUV_STAGE_OPEN));
  assert_int_equal(u.end.sent_code, v->code);
  assert_string_equal(u.end.detail, v->detail);
  assert_int_equal(u.passed, v->passed);
  scenario_finish(&u);
}

WORLD_TEST(test_violations_end_the_session_behind_the_pieces, w) {
  for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) violate(w, &violations[i]);
}

/* Neither the rest of the text nor that of the frame is waited for. */
SCENARIO_TEST(test_text_that_is_not_utf8_fails_fast, w, p, u) {
  static const char frame[] = "TEXT \"fine\" ff \"and so on\"";
  scenario_open_streamed(u);
  send_part(p, frame, 0, 2 + 4);
  while (u->passed < 4) world_advance(w, 1);
  send_part(p, frame, 2 + 4, 2 + 5);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EUTF8, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 1007);
  assert_int_equal(u->passed, 4);
  assert_int_equal(u->messages, 0);
}

SCENARIO_TEST(test_frame_that_is_too_large_fails_by_its_header, w, p, u) {
  u->config.max_frame_size = 1000;
  scenario_open_streamed(u);
  send_part(p, "BIN 00~1001", 0, 4);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 1009);
  assert_int_equal(u->pieces, 0);
}

/* --- what it costs --- */

static void check_bytes(session_user *u, const wsuv_message_piece_t *m) {
  const uint8_t *data = m->data;
  (void) u;
  for (size_t i = 0; i < m->len; i++) CHECK(data[i] == byte_at(m->offset + i));
}

static void write_message(frame_peer *p, size_t size, bool fragments) {
  size_t step = fragments ? 10000 : size;
  uint8_t *data = check_alloc(size);
  bytes out = {0};
  for (size_t i = 0; i < size; i++) data[i] = byte_at(i);
  for (size_t i = 0; i < size; i += step) {
    size_t n = size - i < step ? size - i : step;
    const frame_spec spec = {.opcode = i == 0 ? WSUV_FRAME_BINARY : 0, .fin = i + n == size};
    frames_build(&out, &spec, data + i, n);
  }
  raw_conn_write(p->conn, out.base, out.len);
  bytes_free(&out);
  free(data);
}

SCENARIO_TEST(test_pieces_need_no_memory, w, p, u) {
  size_t size = (w->kind == WORLD_SIM ? 512 : 4096) * KIB;
  if (w->seed >= 8) return;
  scenario_open_streamed(u);
  u->forgets = true;
  u->at_piece = check_bytes;
  uint64_t calls = w->alloc->calls;
  write_message(p, size, false);
  world_run_until_count(w, &u->messages, 1);
  write_message(p, size, true);
  world_run_until_count(w, &u->messages, 2);
  assert_int_equal(w->alloc->calls, calls);
  scenario_close(u);
}

/* --- calls from within --- */

static void pause_at_piece(session_user *u, const wsuv_message_piece_t *m) {
  (void) m;
  CHECK(user_pause(u) == 0);
}

SCENARIO_TEST(test_pause_at_every_piece, w, p, u) {
  scenario_open_streamed(u);
  u->at_piece = pause_at_piece;
  frame_peer_send(p, fragmented);
  while (u->messages < 5) {
    size_t before = u->pieces;
    world_advance(w, 1);
    assert_true(u->pieces <= before + 1);
    before = u->pieces;
    world_advance(w, 1);
    if (before == u->pieces) assert_int_equal(user_resume(u), 0);
    assert_true(u->pieces <= before + 1); /* not inside the call */
  }
  assert_true(user_got(u, assembled));
  assert_int_equal(user_resume(u), 0);
  scenario_close(u);
}

static void pause_and_resume(session_user *u, const wsuv_message_piece_t *m) {
  pause_at_piece(u, m);
  CHECK(user_resume(u) == 0);
}

SCENARIO_TEST(test_pause_and_resume_in_a_piece_changes_nothing, w, p, u) {
  scenario_open_streamed(u);
  u->at_piece = pause_and_resume;
  frame_peer_send(p, fragmented);
  world_run_until_count(w, &u->messages, 5);
  assert_true(user_got(u, assembled));
  scenario_close(u);
}

/* The peer is held back by TCP; what it costs is the rest of a read. */
SCENARIO_TEST(test_pause_inside_a_message_holds_back_the_peer, w, p, u) {
  size_t size = user_too_much(w);
  scenario_open_streamed(u);
  u->forgets = true;
  size_t before = w->alloc->live_bytes;
  w->alloc->peak_bytes = before;
  u->at_piece = pause_at_piece;
  write_message(p, size, false);
  world_run_until_count(w, &u->pieces, 1);
  world_advance(w, 30);
  assert_int_equal(u->pieces, 1);
  assert_true(w->alloc->peak_bytes - before <= 64 * KIB);
  u->at_piece = check_bytes;
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 1);
  scenario_close(u);
}

static void terminate_at(session_user *u, const wsuv_message_piece_t *m) {
  const size_t *piece = u->data;
  (void) m;
  CHECK(u->pieces <= *piece);
  if (u->pieces == *piece) user_terminate(u);
}

SCENARIO_TEST(test_terminate_in_a_piece, w, p, u) {
  for (size_t piece = 1; piece < 8; piece++) {
    scenario_renew(u);
    scenario_open_streamed(u);
    u->data = &piece;
    u->at_piece = terminate_at;
    frame_peer_send(p, fragmented);
    user_run_to_close(u);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
    assert_int_equal(u->pieces, piece);
  }
}

static void close_at_first(session_user *u, const wsuv_message_piece_t *m) {
  (void) m;
  if (u->pieces == 1) CHECK(user_close(u, 4000, "enough") == 0);
}

SCENARIO_TEST(test_close_in_a_piece_still_delivers, w, p, u) {
  scenario_open_streamed(u);
  u->at_piece = close_at_first;
  frame_peer_send(p, fragmented);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 4000, 4000));
  assert_int_equal(u->messages, 5);
}

SCENARIO_TEST(test_close_while_paused_inside_a_message_discards_its_rest, w, p, u) {
  scenario_open_streamed(u);
  u->at_piece = pause_at_piece;
  frame_peer_send(p, "TEXT- \"one\"; CONT- \"two\"; CONT \"three\"; TEXT \"four\"");
  world_run_until_count(w, &u->pieces, 1);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(u->pieces, 1);
}

/* --- ends inside a message --- */

SCENARIO_TEST(test_close_by_the_peer_inside_a_message, w, p, u) {
  scenario_open_streamed(u);
  frame_peer_send(p, "BIN- 0102; CONT- 03; CLOSE #1001");
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_int_equal(u->passed, 3);
  assert_true(u->in_message);
}

SCENARIO_TEST(test_connection_that_ends_inside_a_message, w, p, u) {
  scenario_open_streamed(u);
  send_part(p, "BIN 00~100", 0, 50);
  while (u->passed < 48) world_advance(w, 1);
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_OPEN));
  assert_true(u->in_message);
}

/* --- raw sessions --- */

static void count_frame(wsuv_session_t *s, const wsuv_frame_t *frame) {
  size_t *frames = wsuv_session_data(s);
  CHECK(frame->continuation == (*frames > 0));
  ++*frames;
}

static void never_piece(wsuv_session_t *s, const wsuv_message_piece_t *piece) {
  (void) s;
  (void) piece;
  CHECK_FAIL("a raw session gives pieces");
}

/* They have their own. */
WORLD_TEST(test_raw_session_has_no_pieces, w) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message_piece = never_piece,
                                             .on_frame = count_frame};
  frame_peer p;
  wsuv_client_t *client;
  wsuv_session_t *session;
  wsuv_request_t request;
  size_t frames = 0;
  frame_peer_start(&p, w);
  p.greeting = "TEXT- \"one\"; CONT- ff; CONT";
  assert_int_equal(world_client(w, &client, NULL), 0);
  wsuv_request_init(&request, raw_peer_url(p.raw, "/"));
  request.raw = true;
  request.data = &frames;
  assert_int_equal(wsuv_connect(client, &request, &callbacks, &session), 0);
  world_run_until_count(w, &frames, 3);
  wsuv_session_terminate(session);
  world_client_close(w, client);
  frame_peer_free(&p);
}

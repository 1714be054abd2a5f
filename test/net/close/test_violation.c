/* What an open session does when the peer breaks the protocol or a limit: every row of it. */

#include <stdio.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"

enum { LINGER_MS = 1000, FRAME_MAX = 1500, MESSAGE_MAX = 2000, FRAGMENTS_MAX = 4 };

typedef struct violation {
  const char *frames; /* what the peer sends */
  int status;
  unsigned code; /* of our close frame */
  const char *detail;
} violation;

#define PROTOCOL(frames, detail) \
  { frames, WSUV_EPROTOCOL, 1002, detail }
#define CODE(n) PROTOCOL("CLOSE #" #n, "illegal close code " #n)
#define TEXT(frames) \
  { frames, WSUV_EUTF8, 1007, "text is not UTF-8" }
#define REASON(reason) \
  { "CLOSE #1000 " reason, WSUV_EUTF8, 1007, "close reason is not UTF-8" }

static const violation violations[] = {
    PROTOCOL("TEXT^ \"a\"", "masked frame from the server"),
    PROTOCOL("PING^", "masked frame from the server"),
    PROTOCOL("TEXT{4} \"a\"", "reserved bit set"),
    PROTOCOL("TEXT{2} \"a\"", "reserved bit set"),
    PROTOCOL("BIN{1} 00", "reserved bit set"),
    PROTOCOL("PING{4}", "reserved bit set"),
    PROTOCOL("OP3 00", "unknown opcode"),
    PROTOCOL("OP4 00", "unknown opcode"),
    PROTOCOL("OP5 00", "unknown opcode"),
    PROTOCOL("OP6 00", "unknown opcode"),
    PROTOCOL("OP7 00", "unknown opcode"),
    PROTOCOL("OP11", "unknown opcode"),
    PROTOCOL("OP12", "unknown opcode"),
    PROTOCOL("OP13", "unknown opcode"),
    PROTOCOL("OP14", "unknown opcode"),
    PROTOCOL("OP15", "unknown opcode"),
    PROTOCOL("PING- 00", "fragmented control frame"),
    PROTOCOL("PONG- 00", "fragmented control frame"),
    PROTOCOL("CLOSE- #1000", "fragmented control frame"),
    PROTOCOL("PING 00~126", "control frame with more than 125 bytes"),
    PROTOCOL("PONG 00~65536", "control frame with more than 125 bytes"),
    PROTOCOL("CLOSE #1000 \"a\"~124", "control frame with more than 125 bytes"),
    PROTOCOL("PING:16 00", "control frame with more than 125 bytes"),
    PROTOCOL("CONT \"a\"", "continuation of no message"),
    PROTOCOL("TEXT \"a\"; CONT- \"b\"", "continuation of no message"),
    PROTOCOL("TEXT- \"a\"; TEXT \"b\"", "new message inside a fragmented one"),
    PROTOCOL("BIN- 00; PING; BIN- 00", "new message inside a fragmented one"),
    PROTOCOL("BIN:16 00~125", "length not minimal"),
    PROTOCOL("BIN:64 00~125", "length not minimal"),
    PROTOCOL("BIN:64 00~65535", "length not minimal"),
    PROTOCOL("CLOSE 03", "close frame with one byte"),
    CODE(0),
    CODE(999),
    CODE(1004),
    CODE(1005),
    CODE(1006),
    CODE(1015),
    CODE(1016),
    CODE(2999),
    CODE(5000),
    CODE(65535),
    TEXT("TEXT ff"),
    TEXT("TEXT eda080"),
    TEXT("TEXT c0af"),
    TEXT("TEXT f4908080"),
    TEXT("TEXT \"cut\" e282"),
    TEXT("TEXT- \"cut\" e2; CONT 28"),
    TEXT("TEXT- e2; CONT-; CONT"),
    REASON("ff"),
    REASON("e282"),
    {"BIN 00~1501", WSUV_ETOOBIG, 1009, "frame too large"},
    {"BIN- 00~1001; CONT 00~1000", WSUV_ETOOBIG, 1009, "message too large"},
    {"TEXT- \"a\"; CONT-; CONT-; CONT-; CONT-", WSUV_EFRAGMENTS, 1008, "too many fragments"},
};

static void open_limited(frame_peer *p, session_user *u) {
  u->config.max_frame_size = FRAME_MAX;
  u->config.max_message_size = MESSAGE_MAX;
  u->config.max_message_fragments = FRAGMENTS_MAX;
  p->silent = true;
  scenario_open(u);
}

static void assert_failed(const session_user *u, const violation *v) {
  assert_true(user_ended_by(u, v->status, WSUV_STAGE_OPEN));
  assert_string_equal(u->end.detail, v->detail);
  assert_false(u->end.clean);
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_string_equal(u->end.reason, "");
  assert_int_equal(u->end.sent_code, v->code);
  assert_string_equal(u->end.sent_reason, v->detail);
}

static void assert_peer_was_told(const frame_peer *p, const violation *v, const char *before) {
  char frames[256];
  (void) snprintf(frames, sizeof frames, "%s CLOSE #%u \"%s\"", before, v->code, v->detail);
  assert_true(frame_peer_saw(p, frames));
  assert_true(p->ended);
  assert_int_equal(p->end_status, 0);
}

/* The peer is told why, then our end comes, and its own end is the end of the session. */
SCENARIO_AND_SIM_TLS_TEST(test_every_violation_fails_the_connection, w, p, u) {
  for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
    const violation *v = &violations[i];
    scenario_renew(u);
    open_limited(p, u);
    uint64_t begun = world_now_ms(w);
    u->forgets = p->raw->lenient = true;
    size_t whole = strncmp(v->frames, "TEXT \"a\";", 9) == 0 ? 1 : 0; /* what is right before it */
    frame_peer_send(p, v->frames);
    frame_peer_send(p, "TEXT \"not looked at\"; CLOSE #1000");
    user_run_to_close(u);
    assert_int_equal(u->messages, whole);
    assert_failed(u, v);
    assert_peer_was_told(p, v, strstr(v->frames, "PING; BIN-") != NULL ? "PONG;" : "");
    world_assert_took(w, u->closed_ms - begun, 0, LINGER_MS / 2);
  }
}

/* RFC 6455 5.2: the top bit of a length of 64 bits must be 0. F16 */
SCENARIO_AND_SIM_TLS_TEST(test_length_with_the_top_bit_set, w, p, u) {
  static const uint8_t frame[] = {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 1};
  static const violation v = PROTOCOL("", "length with the top bit set");
  open_limited(p, u);
  raw_conn_write(p->conn, frame, sizeof frame);
  user_run_to_close(u);
  assert_failed(u, &v);
  assert_peer_was_told(p, &v, "");
}

/* F17: the header alone is enough, and nothing is allocated for what it announces. */
SCENARIO_AND_SIM_TLS_TEST(test_frame_that_is_too_large_is_refused_by_its_header, w, p, u) {
  static const uint8_t frame[] = {0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  static const violation v = {"", WSUV_ETOOBIG, 1009, "frame too large"};
  open_limited(p, u);
  w->alloc->peak_bytes = w->alloc->live_bytes;
  size_t before = w->alloc->live_bytes;
  raw_conn_write(p->conn, frame, sizeof frame);
  user_run_to_close(u);
  assert_failed(u, &v);
  assert_true(w->alloc->peak_bytes - before < 64 * 1024);
  assert_peer_was_told(p, &v, "");
}

/* What is at the limits is taken. */
SCENARIO_AND_SIM_TLS_TEST(test_limits_are_inclusive, w, p, u) {
  open_limited(p, u);
  frame_peer_send(p, "BIN 00~1500; BIN- 01~1000; CONT 01~1000; TEXT- \"a\"; CONT-; CONT-; CONT");
  world_run_until_count(w, &u->messages, 3);
  assert_true(user_got(u, "BIN 00~1500; BIN 01~2000; TEXT \"a\""));
  assert_int_equal(user_close(u, 1000, NULL), 0);
  world_run_until_count(w, &p->frames, 1);
  frame_peer_send(p, "CLOSE #1000");
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_AND_SIM_TLS_TEST(test_close_frame_goes_behind_what_is_queued, w, p, u) {
  static const violation v = PROTOCOL("", "unknown opcode");
  open_limited(p, u);
  frame_peer_send(p, "OP3");
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "queued", 6), 0);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  assert_failed(u, &v);
  assert_peer_was_told(p, &v, "TEXT \"queued\";");
}

/* A peer that keeps talking is listened to, and not heard, for a second. */
SCENARIO_AND_SIM_TLS_TEST(test_peer_that_does_not_end_is_left_after_a_second, w, p, u) {
  static const violation v = PROTOCOL("", "continuation of no message");
  open_limited(p, u);
  p->stays = true;
  frame_peer_send(p, "CONT 00");
  uint64_t begun = world_now_ms(w);
  world_run_until_count(w, &p->frames, 1);
  for (int i = 0; i < 10 && u->closes == 0; i++) {
    frame_peer_send(p, "TEXT \"still here\"; CLOSE #1000");
    world_advance(w, 20);
  }
  user_run_to_close(u);
  assert_int_equal(u->messages, 0);
  assert_failed(u, &v);
  world_assert_took(w, u->closed_ms - begun, LINGER_MS - 1, 2 * LINGER_MS);
  assert_peer_was_told(p, &v, "");
  raw_conn_close(p->conn);
}

/* In the closing handshake it is the violation that is told, and no second close frame goes. */
SCENARIO_AND_SIM_TLS_TEST(test_violation_after_our_close, w, p, u) {
  open_limited(p, u);
  assert_int_equal(user_close(u, 1000, "done"), 0);
  world_run_until_count(w, &p->frames, 1);
  frame_peer_send(p, "OP3; CLOSE #1000");
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPROTOCOL, WSUV_STAGE_CLOSING));
  assert_string_equal(u->end.detail, "unknown opcode");
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->end.sent_code, 1000);
  assert_string_equal(u->end.sent_reason, "done");
  assert_true(frame_peer_saw(p, "CLOSE #1000 \"done\""));
}

static void close_with_a_reason(session_user *u) {
  assert_int_equal(user_close(u, 1000, "bye"), 0);
}

/* Our own reason is kept beside what is said about the peer's code. */
SCENARIO_TEST(test_illegal_code_in_the_answer_to_our_close, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_CLOSE(1000),
                PEER_SEND("\x88\x02\x03\xed"), PEER_END, PEER_EXPECT_GONE);
  u->at_open = close_with_a_reason;
  scenario_play(u);
  assert_true(user_ended_by(u, WSUV_EPROTOCOL, WSUV_STAGE_CLOSING));
  assert_string_equal(u->end.detail, "illegal close code 1005");
  assert_int_equal(u->end.sent_code, 1000);
  assert_string_equal(u->end.sent_reason, "bye");
}

/* Raw sessions while they are open: every frame as it came, nothing answered, and what is still
   seen to. Their closing is in test_raw_close.c. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { QUIET_MS = 30 }; /* for something that must not happen */

/* The frames come as they are, nothing is said to them, and the close frame comes, too. */
static void come_as_they_are(world *w, const char *frames, size_t count) {
  frame_peer p;
  session_user u;
  bytes all = {0};
  scenario_begin(w, &p, &u);
  scenario_open_raw(&u);
  frame_peer_send(&p, frames);
  world_run_until_count(w, &u.frames, count);
  assert_true(user_got(&u, frames));
  world_advance(w, QUIET_MS);
  assert_int_equal(p.frames, 0);
  bytes_add(&all, frames, strlen(frames));
  bytes_print(&all, "; CLOSE #1000");
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  user_run_to_close(&u);
  assert_true(user_got(&u, bytes_text(&all)));
  assert_true(frame_peer_saw(&p, "CLOSE #1000"));
  assert_true(user_ended_cleanly(&u, 1000, 1000));
  bytes_free(&all);
  scenario_finish(&u);
}

/* --- as they came --- */

WORLD_TEST(test_frames_of_every_kind_come_as_they_are, w) {
  come_as_they_are(w,
                   "TEXT \"whole\"; BIN 00ff; PING; PING 01; PONG; PONG \"unasked\"; TEXT; BIN; "
                   "TEXT \"a\"~125; BIN 01~126; TEXT \"b\"~65535; BIN 02~65536; PING 03~125",
                   13);
}

WORLD_TEST(test_fragments_come_one_by_one_with_controls_between, w) {
  come_as_they_are(w,
                   "TEXT- \"gr\" c3; PING 01; CONT- bc; CONT-; PONG 02; CONT c39f; BIN-; CONT; "
                   "TEXT-; CONT-; CONT-; CONT; BIN- 00~70000; PING \"ping\"; CONT- 01~70000; "
                   "CONT 02; TEXT \"after\"",
                   17);
}

WORLD_TEST(test_rsv_bits_of_data_come_as_they_are, w) {
  come_as_they_are(w,
                   "TEXT{1} \"a\"; TEXT{2} \"b\"; TEXT{4} \"c\"; BIN{7} 00; BIN-{4} 01; PING; "
                   "CONT-{3}; CONT-{0} 02; CONT{5} 03~70000; TEXT-{6}; CONT \"d\"; BIN{1}",
                   12);
}

WORLD_TEST(test_text_is_not_checked, w) {
  come_as_they_are(w,
                   "TEXT ff; TEXT c0af; TEXT eda080; TEXT \"cut\" e282; TEXT- f490; CONT- ff; "
                   "CONT e2; TEXT \"fine\"; TEXT- e2; CONT",
                   10);
}

typedef struct kinds {
  wsuv_frame_type_t type;
  bool continuation;
} kinds;

static void compare_kind(session_user *u, const wsuv_frame_t *f) {
  const kinds *k = u->data;
  k += u->frames - 1;
  CHECK(f->type == k->type);
  CHECK(f->continuation == k->continuation);
}

/* A control frame between does not make it forget. */
SCENARIO_TEST(test_continuations_have_the_type_of_their_message, w, p, u) {
  static const char frames[] =
      "TEXT- \"a\"; CONT- \"b\"; PING; CONT; BIN- 00; CONT- 01; PONG; CONT- 02; CONT; TEXT; BIN-; "
      "CONT";
  static kinds expected[] = {
      {WSUV_FRAME_TEXT, false}, {WSUV_FRAME_TEXT, true},    {WSUV_FRAME_PING, false},
      {WSUV_FRAME_TEXT, true},  {WSUV_FRAME_BINARY, false}, {WSUV_FRAME_BINARY, true},
      {WSUV_FRAME_PONG, false}, {WSUV_FRAME_BINARY, true},  {WSUV_FRAME_BINARY, true},
      {WSUV_FRAME_TEXT, false}, {WSUV_FRAME_BINARY, false}, {WSUV_FRAME_BINARY, true},
      {WSUV_FRAME_CLOSE, false}};
  scenario_open_raw(u);
  u->data = expected;
  u->at_frame = compare_kind;
  frame_peer_send(p, frames);
  world_run_until_count(w, &u->frames, 12);
  scenario_close(u);
}

SCENARIO_TEST(test_frames_glued_behind_the_upgrade, w, p, u) {
  static const char frames[] = "TEXT-{4} \"a\"; PING 01; CONT \"b\"; BIN 00~70000";
  p->greeting = frames;
  scenario_open_raw(u);
  world_run_until_count(w, &u->frames, 4);
  assert_true(user_got(u, frames));
  scenario_close(u);
}

/* A client's sessions may be of both kinds; the callbacks of the other kind are never called, as
   session_user sees to. */
SCENARIO_TEST(test_default_sessions_get_no_frames, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, "TEXT- \"a\"; PING 01; CONT \"b\"; PONG 02; BIN 00");
  world_run_until_count(w, &u->messages, 2);
  assert_true(user_got(u, "PING 01; TEXT \"ab\"; PONG 02; BIN 00"));
  assert_int_equal(u->frames, 0);
  scenario_close(u);
  assert_int_equal(u->frames, 0);
}

static void ended(wsuv_session_t *s, const wsuv_close_info_t *info) {
  size_t *ends = wsuv_session_data(s);
  CHECK(info->status == 0 && info->clean);
  ++*ends;
}

SCENARIO_TEST(test_frames_that_nobody_wants_are_passed_over, w, p, u) {
  size_t ends = 0;
  wsuv_request_t request;
  wsuv_session_t *session;
  static const wsuv_callbacks_t few = {WSUV_CALLBACKS_INIT, .on_close = ended};
  wsuv_request_init(&request, raw_peer_url(p->raw, "/"));
  request.raw = true;
  request.data = &ends;
  p->greeting = "TEXT- \"a\"; PING 01; CONT \"b\"; BIN 00~70000";
  assert_int_equal(wsuv_connect(user_client(u), &request, &few, &session), 0);
  world_run_until_count(w, &p->upgraded, 1);
  world_advance(w, QUIET_MS);
  assert_int_equal(p->frames, 0);
  assert_int_equal(wsuv_session_close(session, 1000, NULL), 0);
  world_run_until_count(w, &ends, 1);
  user_close_client(u);
}

SCENARIO_TEST(test_no_extensions_are_offered, w, p, u) {
  char value[64];
  scenario_open_raw(u);
  assert_false(raw_conn_header(p->conn, "Sec-WebSocket-Extensions", value, sizeof value));
  scenario_close(u);
}

/* --- large, and cut anywhere --- */

static const char large_frames[] = "BIN- 0123456789ab~300001; PING 01; CONT-{2} fedcba9876~262144; "
                                   "CONT 00~1; TEXT \"abc\"~400000; "
                                   "PONG 02";

static void check_length(session_user *u, const wsuv_frame_t *f) {
  static const size_t lengths[] = {300001, 1, 262144, 1, 400000, 1};
  if (u->frames <= 6) CHECK(f->len == lengths[u->frames - 1]);
}

/* Larger than what is read at once. */
SCENARIO_TEST(test_large_frames_come_whole, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = check_length;
  frame_peer_send(p, large_frames);
  world_run_until_count(w, &u->frames, 6);
  assert_true(user_got(u, large_frames));
  scenario_close(u);
}

/* F24, over a wire. */
SCENARIO_TEST(test_frames_cut_at_random, w, p, u) {
  bytes frames = {0};
  uint64_t seed = w->seed;
  frames_script(&frames, large_frames, false);
  scenario_open_raw(u);
  for (size_t done = 0, n = 0; done < frames.len; done += n) {
    n = 1 + seeded_below(&seed, done < 60 ? 3 : 60000);
    if (n > frames.len - done) n = frames.len - done;
    raw_conn_write(p->conn, frames.base + done, n);
    if (done < 60 || w->kind == WORLD_SIM) world_advance(w, seeded_below(&seed, 2));
  }
  world_run_until_count(w, &u->frames, 6);
  assert_true(user_got(u, large_frames));
  bytes_free(&frames);
  scenario_close(u);
}

static const char small_frames[] =
    "TEXT-{4} \"ab\"; PING 0102; CONT-; CONT{1} e2; PONG; BIN 00~126; "
    "TEXT; BIN{2} 0304";

/* F24: every cut. */
SCENARIO_TEST(test_frames_cut_at_every_byte, w, p, u) {
  bytes frames = {0};
  size_t rounds = 0;
  frames_script(&frames, small_frames, false);
  scenario_open_raw(u);
  for (size_t cut = 1; cut < frames.len; cut++) {
    raw_conn_write(p->conn, frames.base, cut);
    world_advance(w, 1);
    raw_conn_write(p->conn, frames.base + cut, frames.len - cut);
    world_run_until_count(w, &u->frames, 8 * ++rounds);
    assert_true(user_got(u, small_frames));
    u->got.len = 0;
  }
  assert_int_equal(rounds, frames.len - 1);
  bytes_free(&frames);
  scenario_close(u);
}

/* --- what is still seen to --- */

typedef struct violation {
  const char *frames, *before; /* what the peer sends, and what of it comes to the user */
  int status;
  unsigned code; /* of our close frame */
} violation;

#define PROTOCOL(frames, before) \
  { frames, before, WSUV_EPROTOCOL, 1002 }

static const violation violations[] = {
    PROTOCOL("PING{4}", ""),
    PROTOCOL("PING{2} 01", ""),
    PROTOCOL("PONG{1}", ""),
    PROTOCOL("CLOSE{4} #1000", ""),
    PROTOCOL("TEXT-{4} \"a\"; PING{4}", "TEXT-{4} \"a\""),
    PROTOCOL("TEXT^ \"a\"", ""),
    PROTOCOL("TEXT- \"a\"; CONT^ \"a\"", "TEXT- \"a\""),
    PROTOCOL("PING^", ""),
    PROTOCOL("OP3 00", ""),
    PROTOCOL("OP7{4} 00", ""),
    PROTOCOL("OP11", ""),
    PROTOCOL("OP15", ""),
    PROTOCOL("PING- 00", ""),
    PROTOCOL("CLOSE- #1000", ""),
    PROTOCOL("PING 00~126", ""),
    PROTOCOL("CONT \"a\"", ""),
    PROTOCOL("CONT-{4}", ""),
    PROTOCOL("TEXT \"a\"; CONT- \"b\"", "TEXT \"a\""),
    PROTOCOL("TEXT- \"a\"; CONT \"b\"; CONT \"c\"", "TEXT- \"a\"; CONT \"b\""),
    PROTOCOL("TEXT- \"a\"; TEXT \"b\"", "TEXT- \"a\""),
    PROTOCOL("BIN- 00; PING; BIN- 00", "BIN- 00; PING"),
    PROTOCOL("BIN-; CONT-; TEXT", "BIN-; CONT-"),
    PROTOCOL("TEXT-; BIN{4}", "TEXT-"),
    PROTOCOL("BIN:16 00~125", ""),
    PROTOCOL("BIN:64 00~65535", ""),
    PROTOCOL("CLOSE 03", ""),
    PROTOCOL("CLOSE #1005", ""),
    PROTOCOL("CLOSE #2999", ""),
    {"CLOSE #1000 ff", "", WSUV_EUTF8, 1007},
    {"BIN 00~3001", "", WSUV_ETOOBIG, 1009},
    {"BIN 00~2001", "", WSUV_ETOOBIG, 1009},
    {"BIN- 00~2000; CONT- 00~2001", "BIN- 00~2000", WSUV_ETOOBIG, 1009},
    {"TEXT-{4} \"a\"; PING; CONT{4} \"a\"~70000", "TEXT-{4} \"a\"; PING", WSUV_ETOOBIG, 1009},
};

static void open_limited(session_user *u, uint64_t frame, size_t message) {
  u->config.max_frame_size = frame;
  u->config.max_message_size = message;
  u->config.max_message_fragments = 4;
  scenario_open_raw(u);
}

SCENARIO_TEST(test_violations_fail_the_connection, w, p, u) {
  for (size_t i = 0; i < sizeof violations / sizeof *violations; i++) {
    const violation *v = &violations[i];
    scenario_renew(u);
    open_limited(u, 3000, 2000);
    p->silent = p->raw->lenient = true;
    frame_peer_send(p, v->frames);
    frame_peer_send(p, "TEXT \"not looked at\"; CLOSE #1000");
    user_run_to_close(u);
    assert_true(user_got(u, v->before));
    assert_true(user_ended_by(u, v->status, WSUV_STAGE_OPEN));
    assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
    assert_int_equal(u->end.sent_code, v->code);
    assert_true(u->end.detail[0] != 0);
    assert_int_equal(p->frames, 1);
    assert_int_equal(p->opcodes[8], 1);
  }
}

/* The larger of the limits is not looked at. */
SCENARIO_TEST(test_each_limit_of_a_frame_holds_by_itself, w, p, u) {
  for (int smaller = 0; smaller < 2; smaller++) {
    scenario_renew(u);
    open_limited(u, smaller == 0 ? 1000 : 100000, smaller == 0 ? 100000 : 1000);
    p->silent = true;
    frame_peer_send(p, "BIN 00~1000; TEXT- \"a\"~1000; CONT 00~1001");
    user_run_to_close(u);
    assert_true(user_got(u, "BIN 00~1000; TEXT- \"a\"~1000"));
    assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
    assert_int_equal(u->end.sent_code, 1009);
  }
}

SCENARIO_TEST(test_a_message_has_no_limit_of_size_or_fragments, w, p, u) {
  open_limited(u, 2000, 2000);
  for (int i = 0; i < 50; i++) {
    frame_peer_send(p, i == 0 ? "TEXT- \"a\"~2000" : "CONT- \"b\"~2000; CONT-; PING");
  }
  frame_peer_send(p, "CONT \"c\"~2000");
  world_run_until_count(w, &u->frames, 1 + 49 * 3 + 1);
  scenario_close(u);
}

/* Limits that were changed hold from the next frame on. */
SCENARIO_TEST(test_limits_can_be_changed_inside_a_message, w, p, u) {
  scenario_open_raw(u);
  p->silent = true;
  frame_peer_send(p, "BIN- 00~5000");
  world_run_until_count(w, &u->frames, 1);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 100), 0);
  frame_peer_send(p, "CONT- 00~100; CONT- 00~101");
  user_run_to_close(u);
  assert_true(user_got(u, "BIN- 00~5000; CONT- 00~100"));
  assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
}

/* --- pause and resume --- */

static void pause_at_first(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  if (u->frames == 1) CHECK(user_pause(u) == 0);
}

static void pause_at_each(session_user *u, const wsuv_frame_t *f) {
  if (f->type != WSUV_FRAME_CLOSE) CHECK(user_pause(u) == 0);
}

SCENARIO_TEST(test_pause_keeps_the_frames_behind, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = pause_at_first;
  frame_peer_send(p, small_frames);
  world_run_until_count(w, &u->frames, 1);
  frame_peer_send(p, "PING \"later\"");
  world_advance(w, QUIET_MS);
  assert_int_equal(u->frames, 1);
  assert_int_equal(user_resume(u), 0);
  assert_int_equal(u->frames, 1); /* not inside the call */
  world_run_until_count(w, &u->frames, 9);
  bytes all = {0};
  bytes_print(&all, "%s; PING \"later\"", small_frames);
  assert_true(user_got(u, bytes_text(&all)));
  bytes_free(&all);
  scenario_close(u);
}

SCENARIO_TEST(test_pause_at_every_frame, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = pause_at_each;
  frame_peer_send(p, large_frames);
  for (size_t i = 1; i <= 6; i++) {
    world_run_until_count(w, &u->frames, i);
    world_advance(w, 2);
    assert_int_equal(u->frames, i);
    assert_int_equal(user_resume(u), 0);
  }
  assert_true(user_got(u, large_frames));
  scenario_close(u);
}

SCENARIO_TEST(test_pause_inside_a_large_frame, w, p, u) {
  bytes frames = {0};
  frames_script(&frames, large_frames, false);
  scenario_open_raw(u);
  for (size_t done = 0, n = 0; done < frames.len; done += n) {
    n = frames.len - done < 100000 ? frames.len - done : 100000;
    raw_conn_write(p->conn, frames.base + done, n);
    world_advance(w, 3);
    assert_int_equal(user_pause(u), 0);
    world_advance(w, 3);
    assert_int_equal(user_resume(u), 0);
  }
  world_run_until_count(w, &u->frames, 6);
  assert_true(user_got(u, large_frames));
  bytes_free(&frames);
  scenario_close(u);
}

/* --- keepalive and idle timeout --- */

enum { INTERVAL_MS = 30, PONGS = 3 };

static void open_kept_alive(session_user *u) {
  u->config.ping_interval_ms = INTERVAL_MS;
  scenario_open_raw(u);
}

static void expect_pong(session_user *u, const wsuv_frame_t *f) {
  CHECK(f->type == WSUV_FRAME_PONG || f->type == WSUV_FRAME_CLOSE);
  CHECK(u->frames > 0);
}

SCENARIO_TEST(test_keepalive_pings_and_its_pongs_come_and_count, w, p, u) {
  wsuv_rtt_t rtt;
  wsuv_rtt_init(&rtt);
  open_kept_alive(u);
  p->pongs = true;
  u->at_frame = expect_pong;
  world_run_until_count(w, &u->frames, PONGS);
  assert_in_range(p->opcodes[9], PONGS, PONGS + 1);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), 0);
  assert_true(rtt.last_us >= rtt.min_us);
  assert_in_range(world_now_ms(w) - u->opened_ms, PONGS * INTERVAL_MS - 1,
                  10 * PONGS * INTERVAL_MS);
  scenario_close(u);
}

SCENARIO_TEST(test_keepalive_ends_a_silent_session, w, p, u) {
  open_kept_alive(u);
  p->raw->lenient = true;
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(u->frames, 0);
}

/* Data frames keep it from being idle, control frames do not. */
SCENARIO_SIM_TEST(test_idle_timeout_counts_data_frames, w, p, u) {
  u->config.idle_timeout_ms = 1000;
  scenario_open_raw(u);
  frame_peer_send(p, "TEXT- \"a\"");
  for (int i = 0; i < 5; i++) {
    world_advance(w, 600);
    frame_peer_send(p, "CONT-{4} 01");
  }
  world_run_until_count(w, &u->frames, 6);
  uint64_t last = world_now_ms(w);
  for (int i = 0; i < 2; i++) {
    world_advance(w, 400);
    frame_peer_send(p, "PING");
  }
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 1001);
  world_assert_took(w, u->closed_ms - last, 700, 1700);
}

/* --- sending --- */

static wsuv_frame_t marked(wsuv_frame_type_t type, bool fin, unsigned rsv, const char *payload) {
  wsuv_frame_t f;
  wsuv_frame_init(&f, type, payload, strlen(payload));
  f.fin = fin;
  f.rsv1 = (rsv & 4) != 0;
  f.rsv2 = (rsv & 2) != 0;
  f.rsv3 = (rsv & 1) != 0;
  return f;
}

static int send_marked(session_user *u, wsuv_frame_type_t type, bool fin, unsigned rsv,
                       const char *payload) {
  wsuv_frame_t f = marked(type, fin, rsv, payload);
  return user_send_frame(u, 'a', &f);
}

SCENARIO_TEST(test_rsv_bits_may_be_sent_with_data_only, w, p, u) {
  scenario_open_raw(u);
  for (unsigned rsv = 1; rsv < 8; rsv++) {
    assert_int_equal(send_marked(u, WSUV_FRAME_TEXT, true, rsv, "t"), 0);
    assert_int_equal(send_marked(u, WSUV_FRAME_PING, true, rsv, "p"), UV_EINVAL);
    assert_int_equal(send_marked(u, WSUV_FRAME_PONG, true, rsv, "p"), UV_EINVAL);
    assert_int_equal(send_marked(u, WSUV_FRAME_CLOSE, true, rsv, "\x03\xe8"), UV_EINVAL);
  }
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_OPEN);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT{1} \"t\"; TEXT{2} \"t\"; TEXT{3} \"t\"; TEXT{4} \"t\"; "
                                "TEXT{5} \"t\"; TEXT{6} \"t\"; TEXT{7} \"t\"; CLOSE #1000"));
}

SCENARIO_TEST(test_default_sessions_send_no_rsv_bits, w, p, u) {
  static const wsuv_frame_type_t types[] = {WSUV_FRAME_TEXT, WSUV_FRAME_BINARY, WSUV_FRAME_PING,
                                            WSUV_FRAME_PONG, WSUV_FRAME_CLOSE};
  scenario_open(u);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    for (unsigned rsv = 1; rsv < 8; rsv++)
      assert_int_equal(send_marked(u, types[i], true, rsv, "\x03\xe8"), UV_EINVAL);
  }
  assert_int_equal(send_marked(u, WSUV_FRAME_BINARY, false, 4, ""), UV_EINVAL);
  assert_int_equal(user_text(u, "whole"), 0); /* no message has begun */
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"whole\"; CLOSE #1000"));
  assert_int_equal(u->dones, 0);
}

SCENARIO_TEST(test_fragments_are_sent_with_rsv_bits, w, p, u) {
  scenario_open_raw(u);
  assert_int_equal(send_marked(u, WSUV_FRAME_TEXT, false, 4, "a"), 0);
  assert_int_equal(user_ping(u, "p"), 0);
  assert_int_equal(send_marked(u, WSUV_FRAME_BINARY, false, 0, "x"), UV_EINVAL);
  assert_int_equal(user_text(u, "x"), UV_EINVAL);
  assert_int_equal(send_marked(u, WSUV_FRAME_TEXT, false, 2, ""), 0);
  assert_int_equal(send_marked(u, WSUV_FRAME_TEXT, false, 0, "b"), 0);
  assert_int_equal(send_marked(u, WSUV_FRAME_TEXT, true, 7, "c"), 0);
  assert_int_equal(user_binary(u, "d", 1), 0);
  world_run_until_count(w, &p->frames, 6);
  assert_int_equal(p->opcodes[9], 1);
  p->saw.len = 0;
  assert_int_equal(send_marked(u, WSUV_FRAME_BINARY, false, 1, ""), 0);
  assert_int_equal(send_marked(u, WSUV_FRAME_BINARY, true, 3, "e"), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "BIN-{1}; CONT{3} \"e\"; CLOSE #1000"));
}

SCENARIO_TEST(test_text_that_is_sent_is_not_checked, w, p, u) {
  uv_buf_t bufs[2] = {uv_buf_init((char[]){"a\xe2"}, 2), uv_buf_init((char[]){"\x28"}, 1)};
  scenario_open_raw(u);
  assert_int_equal(user_text(u, "\xff"), 0);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "\xe2", 1), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, false, "\xc0\xaf", 2), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "\x80", 1), 0);
  assert_int_equal(user_bufs(u, 'd', WSUV_FRAME_TEXT, bufs, 2), 0);
  assert_int_equal(user_close(u, 1000, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(
      frame_peer_saw(p, "TEXT ff; TEXT- e2; CONT- c0af; CONT 80; TEXT \"a\" e228; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK c=OK d=OK ");
}

/* What came can be sent as it is. */
static void send_back(session_user *u, const wsuv_frame_t *f) {
  if (f->type != WSUV_FRAME_CLOSE) CHECK(wsuv_send(u->session, f, NULL, NULL) == 0);
}

SCENARIO_TEST(test_frames_that_came_can_be_sent_on, w, p, u) {
  static const char frames[] = "TEXT-{4} \"a\"; CONT-; CONT-{1} e2; CONT{2} \"b\"; BIN 00~70000; "
                               "TEXT; BIN-; CONT{7}; TEXT{6} ff";
  scenario_open_raw(u);
  u->at_frame = send_back;
  frame_peer_send(p, frames);
  world_run_until_count(w, &p->frames, 9);
  assert_true(frame_peer_saw(p, frames));
  scenario_close(u);
}

static void answer_pings(session_user *u, const wsuv_frame_t *f) {
  if (f->type == WSUV_FRAME_PING) CHECK(wsuv_send_pong(u->session, f->data, f->len) == 0);
}

SCENARIO_TEST(test_pings_can_be_answered_by_hand, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = answer_pings;
  frame_peer_send(p, "PING 01~125; TEXT- \"a\"; PING; CONT \"b\"");
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PONG 01~125; PONG"));
  scenario_close(u);
}

/* --- the end, from inside --- */

static void terminate_at_second(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  if (u->frames == 2) user_terminate(u);
}

SCENARIO_TEST(test_terminate_from_on_frame_is_the_end, w, p, u) {
  p->greeting = "TEXT- \"a\"; PING 01; CONT \"b\"; CLOSE #1000";
  u->raw = true;
  u->at_frame = terminate_at_second;
  scenario_connect(u);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT- \"a\"; PING 01"));
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 0);
}

static void close_at_second(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  if (u->frames == 2) CHECK(user_close(u, 1001, "enough") == 0);
}

SCENARIO_TEST(test_close_from_on_frame_still_gives_what_comes, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = close_at_second;
  frame_peer_send(p, "TEXT- \"a\"; PING 01; CONT \"b\"; BIN 00");
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT- \"a\"; PING 01; CONT \"b\"; BIN 00; CLOSE #1001 \"enough\""));
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_false(u->end.by_peer);
}

static void close_client_at_first(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  if (u->frames == 1) CHECK(user_end_client(u, wsuv_client_close, NULL) == 0);
}

SCENARIO_TEST(test_client_closed_from_on_frame, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = close_client_at_first;
  frame_peer_send(p, "TEXT \"a\"; BIN 00");
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"a\"; BIN 00; CLOSE #1001"));
  assert_true(user_ended_cleanly(u, 1001, 1001));
  world_run(w);
}

static void terminate_client_at_first(session_user *u, const wsuv_frame_t *f) {
  (void) f;
  CHECK(user_end_client(u, wsuv_client_terminate, NULL) == 0);
}

SCENARIO_TEST(test_client_terminated_from_on_frame, w, p, u) {
  scenario_open_raw(u);
  u->at_frame = terminate_client_at_first;
  frame_peer_send(p, "TEXT \"a\"; BIN 00");
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT \"a\""));
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
  world_run(w);
}

SCENARIO_TEST(test_connection_lost_inside_a_frame, w, p, u) {
  static const uint8_t half[] = {0x42, 100, 1, 2, 3};
  scenario_open_raw(u);
  frame_peer_send(p, "TEXT- \"a\"; CONT \"b\"");
  raw_conn_write(p->conn, half, sizeof half);
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_got(u, "TEXT- \"a\"; CONT \"b\""));
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
}

/* F45: a session that is paused. The socket is not read, nothing is lost, a close still ends. */

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { SIZE = 1000, SESSIONS = 8 };

/* --- messages that can be told from each other --- */

static void fill(uint8_t payload[SIZE], size_t number, size_t salt) {
  for (size_t i = 0; i < SIZE; i++) payload[i] = (uint8_t) (number * 31 + salt * 7 + i);
}

static void send_numbered(frame_peer *p, size_t count, size_t salt) {
  uint8_t payload[SIZE];
  for (size_t i = 0; i < count; i++) {
    fill(payload, i, salt);
    raw_conn_write_frame(p->conn, WSUV_FRAME_BINARY, payload, SIZE);
  }
}

/* Each as it was sent, and in order. u->data: the salt, or NULL for 0. */
static void check_numbered(session_user *u, const wsuv_message_t *m) {
  const size_t *salt = u->data;
  uint8_t payload[SIZE];
  fill(payload, u->messages - 1, salt != NULL ? *salt : 0);
  CHECK(m->len == SIZE && memcmp(m->data, payload, SIZE) == 0);
}

static void check_and_pause(session_user *u, const wsuv_message_t *m) {
  check_numbered(u, m);
  CHECK(user_pause(u) == 0);
}

static void pause_at_first(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (u->messages == 1) CHECK(user_pause(u) == 0);
}

static void pause_at_open(session_user *u) {
  CHECK(user_pause(u) == 0);
}

/* --- reading stops, and goes on --- */

/* All of it arrives in the end, and next to none was in our memory: the rest waited in the sockets
   and at the peer. */
SCENARIO_TLS_TEST(test_pause_stops_reading, w, p, u) {
  size_t total = w->kind == WORLD_SIM ? 700 : 12000;
  scenario_open(u);
  u->forgets = true;
  u->at_message = check_numbered;
  assert_int_equal(user_pause(u), 0);
  size_t before = w->alloc->live_bytes;
  w->alloc->peak_bytes = before;
  send_numbered(p, total, 0);
  world_advance(w, 30);
  assert_int_equal(u->messages, 0);
  assert_int_equal(w->alloc->peak_bytes, before);
  assert_int_equal(user_resume(u), 0);
  assert_int_equal(u->messages, 0); /* not inside the call */
  world_run_until_count(w, &u->messages, total);
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_pause_in_the_midst_of_a_stream_holds_back_the_peer, w, p, u) {
  size_t total = w->kind == WORLD_SIM ? 700 : 12000, seen;
  scenario_open(u);
  u->forgets = true;
  u->at_message = check_numbered;
  send_numbered(p, total, 0);
  world_run_until_count(w, &u->messages, total / 3);
  assert_int_equal(user_pause(u), 0);
  seen = u->messages;
  world_advance(w, 30);
  assert_int_equal(u->messages, seen);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, total);
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_rest_of_a_read_is_kept, w, p, u) {
  static const char frames[] = "TEXT \"a\"; TEXT \"b\"; PING \"p\"; PONG; TEXT- \"c\"; CONT \"d\"";
  scenario_open(u);
  u->at_message = pause_at_first;
  frame_peer_send(p, frames);
  world_advance(w, 10);
  assert_true(user_got(u, "TEXT \"a\""));
  assert_int_equal(p->frames, 0);
  assert_int_equal(user_resume(u), 0);
  assert_true(user_got(u, "TEXT \"a\""));
  world_run_until_count(w, &u->messages, 3);
  assert_true(user_got(u, "TEXT \"a\"; TEXT \"b\"; PING \"p\"; PONG; TEXT \"cd\""));
  world_run_until_count(w, &p->frames, 1);
  assert_true(frame_peer_saw(p, "PONG \"p\""));
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_pause_at_open_keeps_what_came_with_the_upgrade, w, p, u) {
  p->greeting = "TEXT \"a\"; TEXT- \"b\"; CONT \"c\"; PING";
  u->at_open = pause_at_open;
  scenario_open(u);
  world_advance(w, 10);
  assert_int_equal(u->messages, 0);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->pings, 1);
  assert_true(user_got(u, "TEXT \"a\"; TEXT \"bc\"; PING"));
  scenario_close(u);
}

static void pause_and_resume(session_user *u, const wsuv_message_t *m) {
  check_numbered(u, m);
  for (int i = 0; i < 2; i++) {
    CHECK(user_pause(u) == 0);
    CHECK(user_resume(u) == 0);
  }
}

SCENARIO_TLS_TEST(test_pause_and_resume_in_a_callback_changes_nothing, w, p, u) {
  scenario_open(u);
  u->at_message = pause_and_resume;
  send_numbered(p, 200, 0);
  world_run_until_count(w, &u->messages, 200);
  scenario_close(u);
}

/* Resumed and paused again before the loop has come to it. */
SCENARIO_TLS_TEST(test_pause_right_after_resume_holds, w, p, u) {
  scenario_open(u);
  u->at_message = pause_at_first;
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"");
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(user_resume(u), 0);
  assert_int_equal(user_pause(u), 0);
  world_advance(w, 10);
  assert_int_equal(u->messages, 1);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 2);
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_pause_inside_a_fragmented_message, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, "TEXT- \"one, \"");
  world_advance(w, 5);
  assert_int_equal(user_pause(u), 0);
  frame_peer_send(p, "CONT- \"two, \"; PING \"p\"; CONT \"three\"");
  world_advance(w, 10);
  assert_int_equal(u->messages + u->pings, 0);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "PING \"p\"; TEXT \"one, two, three\""));
  scenario_close(u);
}

/* Whose payload is read straight into its block. */
SCENARIO_TLS_TEST(test_pause_inside_a_large_message, w, p, u) {
  static const char script[] = "BIN 00112233445566~300000; TEXT \"behind\"";
  bytes frames = {0};
  frames_script(&frames, script, false);
  scenario_open(u);
  u->at_message = pause_at_first;
  raw_conn_write(p->conn, frames.base, frames.len / 2);
  world_advance(w, 20);
  assert_int_equal(user_pause(u), 0);
  raw_conn_write(p->conn, frames.base + frames.len / 2, frames.len - frames.len / 2);
  world_advance(w, 20);
  assert_int_equal(u->messages, 0);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 1);
  world_advance(w, 10);
  assert_int_equal(u->messages, 1);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 2);
  assert_true(user_got(u, script));
  bytes_free(&frames);
  scenario_close(u);
}

/* One message for each resume. What is kept is copied once for each read, into the same memory;
   with a seed other than 0 the network cuts messages, and those are assembled besides. */
SCENARIO_TLS_TEST(test_pause_at_every_message, w, p, u) {
  enum { MESSAGES = 200, ALLOCATIONS = 40 };
  scenario_open(u);
  u->forgets = true;
  u->at_message = check_and_pause;
  uint64_t before = w->alloc->calls;
  send_numbered(p, MESSAGES, 0);
  for (size_t i = 1; i <= MESSAGES; i++) {
    world_run_until_count(w, &u->messages, i);
    assert_int_equal(u->messages, i);
    assert_int_equal(user_resume(u), 0);
  }
  assert_true(w->alloc->calls - before < ALLOCATIONS || w->seed != 0);
  scenario_close(u);
}

/* What one keeps is not touched when the others read into the buffer that they share. */
WORLD_TLS_TEST(test_many_paused_sessions_keep_each_their_own, w) {
  enum { MESSAGES = 40 };
  static frame_peer p[SESSIONS];
  static session_user u[SESSIONS];
  size_t salts[SESSIONS];
  for (size_t i = 0; i < SESSIONS; i++) {
    scenario_begin(w, &p[i], &u[i]);
    u[i].client = user_client(&u[0]);
    salts[i] = i + 1;
    u[i].data = &salts[i];
    u[i].forgets = true;
    u[i].at_message = check_and_pause;
    scenario_open(&u[i]);
  }
  for (size_t i = 0; i < SESSIONS; i++) send_numbered(&p[i], MESSAGES, salts[i]);
  for (size_t n = 1; n <= MESSAGES; n++) {
    for (size_t i = 0; i < SESSIONS; i++) world_run_until_count(w, &u[i].messages, n);
    for (size_t i = 0; i < SESSIONS; i++) assert_int_equal(u[i].messages, n);
    for (size_t i = 0; i < SESSIONS; i++) assert_int_equal(user_resume(&u[i]), 0);
  }
  user_close_client(&u[0]);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_int_equal(u[i].closes, 1);
    user_free(&u[i]);
    frame_peer_free(&p[i]);
  }
}

/* --- the end --- */

SCENARIO_TLS_TEST(test_close_while_paused_discards_until_the_close, w, p, u) {
  scenario_open(u);
  p->silent = p->ends = true;
  u->at_message = pause_at_first;
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"; PING; BIN 00*300000; PONG; CLOSE #3001 \"bye\"");
  world_run_until_count(w, &u->messages, 1);
  world_advance(w, 10);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 3001, 1000));
  assert_string_equal(u->end.reason, "bye");
  assert_true(user_got(u, "TEXT \"a\""));
}

SCENARIO_TLS_TEST(test_close_while_paused_waits_for_the_answer, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  send_numbered(p, 300, 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_resume(u), WSUV_ESTATE);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(u->messages, 0);
}

static void pause_and_close(session_user *u, const wsuv_message_t *m) {
  (void) m;
  CHECK(user_pause(u) == 0);
  CHECK(user_close(u, 1000, NULL) == 0);
}

SCENARIO_TLS_TEST(test_pause_and_close_in_a_callback, w, p, u) {
  scenario_open(u);
  u->at_message = pause_and_close;
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"; PING");
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(user_got(u, "TEXT \"a\""));
}

static void pause_and_terminate(session_user *u, const wsuv_message_t *m) {
  (void) m;
  CHECK(user_pause(u) == 0);
  user_terminate(u);
}

SCENARIO_TLS_TEST(test_terminate_while_paused, w, p, u) {
  for (int at_once = 0; at_once < 2; at_once++) {
    scenario_renew(u);
    scenario_open(u);
    u->at_message = at_once ? pause_and_terminate : pause_at_first;
    frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"");
    world_run_until_count(w, &u->messages, 1);
    if (!at_once) world_advance(w, 10);
    if (!at_once) user_terminate(u);
    user_run_to_close(u);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
    assert_int_equal(u->messages, 1);
  }
}

SCENARIO_TLS_TEST(test_client_close_while_paused, w, p, u) {
  scenario_open(u);
  u->at_message = pause_at_first;
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"; BIN 00*100000");
  world_run_until_count(w, &u->messages, 1);
  user_close_client(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_int_equal(u->messages, 1);
}

SCENARIO_TLS_TEST(test_peer_that_is_gone_is_noticed_at_resume, w, p, u) {
  for (int reset = 0; reset < 2; reset++) {
    scenario_renew(u);
    scenario_open(u);
    assert_int_equal(user_pause(u), 0);
    if (reset) raw_conn_reset(p->conn);
    if (!reset) raw_conn_end(p->conn);
    world_advance(w, 20);
    assert_int_equal(u->closes, 0);
    assert_int_equal(user_resume(u), 0);
    user_run_to_close(u);
    assert_true(user_ended_by(u, reset ? UV_ECONNRESET : UV_EOF, WSUV_STAGE_OPEN));
  }
}

SCENARIO_TLS_TEST(test_what_is_kept_comes_before_the_end, w, p, u) {
  scenario_open(u);
  u->at_message = pause_at_first;
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"; TEXT \"c\"");
  raw_conn_end(p->conn);
  world_run_until_count(w, &u->messages, 1);
  world_advance(w, 20);
  assert_int_equal(user_resume(u), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_OPEN));
  assert_true(user_got(u, "TEXT \"a\"; TEXT \"b\"; TEXT \"c\""));
}

/* --- time --- */

/* Pings go on, the timeout begins with the first ping after the resume. */
SCENARIO_TLS_TEST(test_ping_timeout_stops_while_paused, w, p, u) {
  enum { INTERVAL_MS = 20, TIMEOUT_MS = 30 };
  u->config.ping_interval_ms = INTERVAL_MS;
  u->config.ping_timeout_ms = TIMEOUT_MS;
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  world_run_until_count(w, &p->opcodes[9], 5);
  assert_int_equal(u->closes, 0);
  uint64_t resumed = world_now_ms(w);
  assert_int_equal(user_resume(u), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_true(u->closed_ms - resumed >= TIMEOUT_MS - 1);
}

SCENARIO_TLS_TEST(test_idle_timeout_stops_while_paused, w, p, u) {
  enum { IDLE_MS = 30 };
  u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  world_advance(w, 4 * IDLE_MS);
  assert_int_equal(u->closes, 0);
  uint64_t resumed = world_now_ms(w);
  assert_int_equal(user_resume(u), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
  assert_true(u->closed_ms - resumed >= IDLE_MS - 1);
}

SCENARIO_SIM_TEST(test_long_pause_is_no_end, w, p, u) {
  const uint64_t day_ms = UINT64_C(24) * 3600 * 1000;
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  frame_peer_send(p, "TEXT \"patient\"");
  world_advance(w, 3 * day_ms);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 1);
  scenario_close(u);
}

SCENARIO_UV_TEST(test_paused_session_keeps_the_loop_alive, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  for (int i = 0; i < 5; i++) assert_int_not_equal(uv_run(world_uv_loop(w), UV_RUN_NOWAIT), 0);
  assert_int_equal(user_resume(u), 0);
  for (int i = 0; i < 5; i++) assert_int_not_equal(uv_run(world_uv_loop(w), UV_RUN_NOWAIT), 0);
  scenario_close(u);
  world_run(w);
  assert_int_equal(uv_loop_alive(world_uv_loop(w)), 0);
}

/* --- the rest --- */

SCENARIO_TLS_TEST(test_sending_goes_on_while_paused, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  scenario_open(u);
  p->forgets = true;
  assert_int_equal(user_pause(u), 0);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  free(data);
  world_run_until_count(w, &u->dones, 3);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK f=OK ");
  world_run_until_count(w, &p->frames, 2);
  assert_int_equal(user_resume(u), 0);
  scenario_close(u);
}

static void refused_at_close(session_user *u) {
  CHECK(user_pause(u) == WSUV_ESTATE);
  CHECK(user_resume(u) == WSUV_ESTATE);
}

SCENARIO_TLS_TEST(test_pause_needs_an_open_session, w, p, u) {
  scenario_connect(u);
  u->at_close = refused_at_close;
  refused_at_close(u);
  user_run_to_open(u);
  assert_int_equal(user_resume(u), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(user_pause(u), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(user_resume(u), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  refused_at_close(u);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

static void pause_without_memory(session_user *u, const wsuv_message_t *m) {
  (void) m;
  CHECK(user_pause(u) == 0);
  u->w->alloc->failed = 0;
  u->w->alloc->fail_at = u->w->alloc->calls + 1;
}

/* The network may have cut the messages apart: then there was nothing to keep. */
static void run_without_memory(world *w, bool for_ever) {
  frame_peer p;
  session_user u;
  scenario_start(w, &p, &u, NULL);
  u.at_message = pause_without_memory;
  w->alloc->fail_for_ever = for_ever;
  frame_peer_send(&p, "TEXT \"a\"; TEXT \"b\"");
  world_run_until_count(w, &u.messages, 1);
  bool failed = w->alloc->failed > 0;
  assert_true(failed || w->kind == WORLD_SIM);
  if (!failed) w->alloc->fail_at = 0;
  if (!failed) user_terminate(&u);
  user_run_to_close(&u);
  w->alloc->fail_at = 0;
  assert_true(user_ended_by(&u, failed ? UV_ENOMEM : UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_int_equal(u.messages, 1);
  if (failed && !for_ever) assert_int_equal(u.end.sent_code, 1011);
  scenario_finish(&u);
}

WORLD_TLS_TEST(test_without_memory_for_what_is_left_the_session_ends, w) {
  run_without_memory(w, false);
  run_without_memory(w, true);
}

/* max_message_rate: so many messages a second are received; beyond that reading waits, nothing is
   lost, and whatever else happens to the session goes on. */

#include "support/scenario.h"
#include "testkit/sim.h"
#include "testkit/track_alloc.h"

enum { RATE = 20, BURST = RATE, STEP_MS = 1000 / RATE, SLACK_MS = 250 };

static void send_many(frame_peer *p, const char *script, size_t count) {
  bytes one = {0}, all = {0};
  frames_script(&one, script, false);
  for (size_t i = 0; i < count; i++) bytes_add(&all, one.base, one.len);
  raw_conn_write(p->conn, all.base, all.len);
  bytes_free(&one);
  bytes_free(&all);
}

/* The first of them come at once, and then one each STEP_MS. */
static void check_pace(world *w, session_user *u, size_t count) {
  uint64_t began_ms = world_now_ms(w);
  world_run_until_count(w, &u->messages, BURST);
  for (size_t n = BURST + 1; n <= count; n++) {
    world_run_until_count(w, &u->messages, n);
    uint64_t due_ms = (n - BURST) * STEP_MS;
    world_assert_took(w, world_now_ms(w) - u->opened_ms, due_ms - 1, UINT32_MAX);
    world_assert_took(w, world_now_ms(w) - began_ms, 0, due_ms + SLACK_MS);
  }
  assert_int_equal(u->messages, count);
}

SCENARIO_TLS_TEST(test_messages_beyond_the_rate_wait, w, p, u) {
  enum { COUNT = BURST + 10 };
  u->config.max_message_rate = RATE;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  check_pace(w, u, COUNT);
  scenario_close(u);
}

SCENARIO_SIM_TEST(test_without_a_rate_no_message_waits, w, p, u) {
  scenario_open(u);
  uint64_t began_ms = world_now_ms(w);
  send_many(p, "TEXT \"here\"", 5000);
  world_run_until_count(w, &u->messages, 5000);
  assert_in_range(world_now_ms(w) - began_ms, 0, 5000);
  scenario_close(u);
}

/* A message counts when it ends: its fragments do not wait for each other. */
SCENARIO_TEST(test_messages_count_and_not_their_frames, w, p, u) {
  enum { COUNT = BURST + 3 };
  u->config.max_message_rate = RATE;
  scenario_open(u);
  send_many(p, "TEXT- \"a\"; PING 01; CONT- \"b\"; CONT- \"c\"; PONG 02; CONT \"d\"", COUNT);
  check_pace(w, u, COUNT);
  scenario_close(u);
}

SCENARIO_TEST(test_pieces_of_messages_wait_with_them, w, p, u) {
  enum { COUNT = BURST + 3 };
  u->config.max_message_rate = RATE;
  scenario_open_streamed(u);
  send_many(p, "BIN- \"aaaa\"; CONT \"bbbb\"", COUNT);
  check_pace(w, u, COUNT);
  scenario_close(u);
}

SCENARIO_TEST(test_frames_of_a_raw_session_wait, w, p, u) {
  enum { COUNT = BURST + 3 };
  u->config.max_message_rate = RATE;
  scenario_open_raw(u);
  send_many(p, "TEXT- \"a\"; CONT \"b\"", COUNT);
  world_run_until_count(w, &u->frames, 2 * BURST);
  uint64_t began_ms = world_now_ms(w);
  world_run_until_count(w, &u->frames, 2 * COUNT);
  world_assert_took(w, world_now_ms(w) - began_ms, 2 * STEP_MS, 3 * STEP_MS + SLACK_MS);
  scenario_terminate(u);
}

/* Not more than what had been read is kept, and the peer has to wait. */
SCENARIO_SIM_TEST(test_memory_of_a_session_that_waits_is_bounded, w, p, u) {
  enum { COUNT = 4096, SIZE = 16 * 1024, KEPT_MAX = 512 * 1024 };
  u->config.max_message_rate = 1;
  u->forgets = true;
  sim_set_profile(world_sim(w), NULL);
  scenario_open(u);
  bytes all = {0}, one = {0};
  frames_script(&one, "BIN 00*16384", false);
  for (size_t i = 0; i < COUNT; i++) bytes_add(&all, one.base, one.len);
  size_t before = w->alloc->live_bytes;
  raw_conn_write(p->conn, all.base, all.len);
  world_advance(w, 10 * 1000);
  assert_in_range(u->messages, 10, 12);
  assert_in_range(w->alloc->live_bytes - before, 0, KEPT_MAX);
  assert_non_null(u->session);
  bytes_free(&one);
  bytes_free(&all);
  scenario_terminate(u);
}

/* --- timeouts --- */

/* Pings go, and their answers wait behind the messages; no timeout runs meanwhile. */
SCENARIO_TEST(test_keepalive_of_a_session_that_waits, w, p, u) {
  enum { COUNT = BURST + 6 };
  u->config.max_message_rate = RATE;
  u->config.ping_interval_ms = STEP_MS / 2;
  u->config.ping_timeout_ms = STEP_MS / 2;
  u->config.idle_timeout_ms = STEP_MS / 2;
  p->pongs = true;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  check_pace(w, u, COUNT);
  assert_int_equal(u->closes, 0);
  assert_in_range(p->opcodes[9], 5, 1000);
  if (world_sim(w) == NULL) return;
  user_run_to_close(u); /* and they run again when it does not wait any more */
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN) ||
              user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
}

SCENARIO_SIM_TEST(test_peer_that_is_gone_is_noticed_when_the_session_reads_again, w, p, u) {
  u->config.max_message_rate = RATE;
  u->config.ping_interval_ms = 10 * STEP_MS;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", BURST + 20);
  user_run_to_close(u);
  assert_int_equal(u->messages, BURST + 20);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_in_range(u->closed_ms - u->opened_ms, 30 * STEP_MS, 60 * STEP_MS);
}

/* As after a pause: the peer has the whole timeout for its next byte. */
SCENARIO_SIM_TEST(test_ping_timeout_begins_anew_when_the_session_reads_again, w, p, u) {
  enum { PING_MS = STEP_MS - 10, WAIT_MS = 3 * STEP_MS };
  u->config.max_message_rate = RATE;
  u->config.ping_interval_ms = u->config.ping_timeout_ms = PING_MS;
  sim_set_profile(world_sim(w), NULL);
  scenario_open(u);
  send_many(p, "TEXT \"here\"", BURST + 2);
  user_run_to_close(u);
  assert_int_equal(u->messages, BURST + 2);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_in_range(u->closed_ms - u->opened_ms, WAIT_MS + PING_MS, WAIT_MS + 3 * PING_MS);
}

/* --- sending, pausing and ending meanwhile --- */

static void answer(session_user *u, const wsuv_message_t *m) {
  (void) m;
  assert_int_equal(user_text(u, "answer"), 0);
}

SCENARIO_TEST(test_session_that_waits_sends, w, p, u) {
  enum { COUNT = BURST + 4 };
  u->config.max_message_rate = RATE;
  u->at_message = answer;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  world_run_until_count(w, &u->messages, BURST);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(user_binary(u, "x", 1), 0);
    world_advance(w, 1);
  }
  assert_in_range(u->messages, BURST, BURST + (world_sim(w) != NULL ? 1 : 4));
  check_pace(w, u, COUNT);
  world_run_until_count(w, &p->opcodes[1], COUNT);
  assert_int_equal(p->opcodes[2], 20);
  scenario_close(u);
}

SCENARIO_TEST(test_session_that_waits_is_paused_and_resumed, w, p, u) {
  enum { COUNT = BURST + 4 };
  u->config.max_message_rate = RATE;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  world_run_until_count(w, &u->messages, BURST + 1);
  assert_int_equal(user_pause(u), 0);
  size_t messages = u->messages;
  world_advance(w, 4 * STEP_MS);
  assert_int_equal(u->messages, messages);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, COUNT);
  scenario_close(u);
}

/* The limit ends, so the peer's close frame is read in time; what comes before it is delivered. */
SCENARIO_TLS_TEST(test_session_that_waits_is_closed, w, p, u) {
  enum { COUNT = 10 * BURST };
  u->config.max_message_rate = RATE;
  u->config.close_timeout_ms = 2000;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  world_run_until_count(w, &u->messages, BURST);
  uint64_t began_ms = world_now_ms(w);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(u->messages, COUNT);
  world_assert_took(w, u->closed_ms - began_ms, 0, 2000);
}

SCENARIO_TEST(test_session_that_waits_is_closed_by_the_peer_in_its_turn, w, p, u) {
  enum { COUNT = BURST + 5 };
  u->config.max_message_rate = RATE;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", COUNT);
  frame_peer_send(p, "CLOSE #1000");
  user_run_to_close(u);
  assert_int_equal(u->messages, COUNT);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  world_assert_took(w, u->closed_ms - u->opened_ms, 5 * STEP_MS - 1, 5 * STEP_MS + SLACK_MS);
}

SCENARIO_TEST(test_session_that_waits_is_terminated, w, p, u) {
  u->config.max_message_rate = RATE;
  scenario_open(u);
  send_many(p, "TEXT \"here\"", 10 * BURST);
  world_run_until_count(w, &u->messages, BURST + 1);
  user_terminate(u);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

/* The error of a write ends the wait, too: the session reads what the peer still says, and is not
   left to its deadline. */
SCENARIO_SIM_TEST(test_session_that_waits_ends_soon_after_an_error_of_writing, w, p, u) {
  u->config.max_message_rate = 1;
  sim_set_profile(world_sim(w), NULL);
  scenario_open(u);
  send_many(p, "TEXT \"here\"", 100);
  world_run_until_count(w, &u->messages, 1);
  raw_conn_reset(p->conn);
  world_advance(w, 100);
  (void) user_text(u, "lost");
  user_run_to_close(u);
  assert_in_range(u->closed_ms - u->opened_ms, 0, 500);
}

static void terminate_at(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (u->messages == BURST) user_terminate(u);
}

static void close_at(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (u->messages == BURST) assert_int_equal(user_close(u, 1001, NULL), 0);
}

SCENARIO_TEST(test_session_is_ended_in_the_last_message_that_the_rate_allows, w, p, u) {
  for (int way = 0; way < 2; way++) {
    if (way > 0) scenario_renew(u);
    u->config.max_message_rate = RATE;
    u->at_message = way == 0 ? terminate_at : close_at;
    scenario_open(u);
    send_many(u->peer, "TEXT \"here\"", 3 * BURST);
    user_run_to_close(u);
    assert_int_equal(u->messages, way == 0 ? BURST : 3 * BURST);
  }
}

/* --- of a request --- */

SCENARIO_TEST(test_rate_of_one_request, w, p, u) {
  wsuv_config_t config;
  wsuv_client_get_config(user_client(u), &config);
  config.max_message_rate = RATE;
  assert_int_equal(user_try_connect_as(u, p, &config), 0);
  user_run_to_open(u);
  send_many(p, "TEXT \"here\"", BURST + 2);
  check_pace(w, u, BURST + 2);
  scenario_close(u);
}

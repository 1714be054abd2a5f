/* F53: sessions on a link that needs long for what is sent. What the peer acknowledges is life: for
   pings, for the closing handshake and for the idle timeout. A peer that has stopped is found in
   time. */

#include <stdlib.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"
#include "testkit/sim.h"

enum {
  KIB = 1024,
  RATE = 100, /* bytes in a millisecond */
  PART = 16 * KIB,
  UPLOAD = 3 * 1024 * KIB, /* half a minute */
  UPLOAD_MS = UPLOAD / RATE,
  WINDOW = 64 * KIB
};

/* The kernel takes all at once, as Linux takes megabytes. */
static void set_link(world *w, size_t send_buffer, bool hides_acks) {
  const sim_profile link = {
      .latency_min_ns = 1000 * 1000,
      .latency_max_ns = 1000 * 1000,
      .bytes_per_ms = RATE,
      .segment_max = PART,
      .send_buffer = send_buffer,
      .recv_buffer = WINDOW,
      .hides_acks = hides_acks,
  };
  sim_set_profile(world_sim(w), &link);
}

static void upload(session_user *u, size_t size) {
  static const uint8_t data[PART];
  for (size_t i = 0; i < size / PART; i++) {
    assert_int_equal(user_binary(u, data, PART), 0);
  }
}

static size_t *uploaded(frame_peer *p) {
  return &p->opcodes[WSUV_FRAME_BINARY];
}

static void open_slow(session_user *u, size_t send_buffer) {
  set_link(u->w, send_buffer, false);
  u->peer->forgets = true;
  scenario_open(u);
}

/* --- pings --- */

/* The first ping waits in the kernel until all is through, and so does its pong. */
SCENARIO_SIM_TLS_TEST(test_upload_lives_though_pings_wait_in_the_kernel, w, p, u) {
  p->pongs = true;
  u->config.ping_interval_ms = 300;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  world_run_until_count(w, uploaded(p), UPLOAD / PART);
  assert_in_range(world_now_ms(w) - u->opened_ms, UPLOAD_MS, 2 * UPLOAD_MS);
  world_run_until_count(w, &u->pongs, 3);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* The same if they wait in our queue, and also where nobody tells what is acknowledged. */
SCENARIO_SIM_TLS_TEST(test_upload_lives_though_pings_wait_in_the_queue, w, p, u) {
  for (int hides = 0; hides < 2; hides++) {
    scenario_renew(u);
    p->pongs = true;
    p->forgets = true;
    set_link(w, WINDOW, hides != 0);
    u->config.ping_interval_ms = 300;
    u->config.ping_timeout_ms = 1500;
    scenario_open(u);
    uint8_t *data = check_alloc(UPLOAD);
    assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, UPLOAD), 0);
    free(data);
    world_run_until_count(w, uploaded(p), 1);
    world_run_until_count(w, &u->pongs, 3);
    assert_int_equal(u->closes, 0);
    scenario_close(u);
  }
}

/* Its kernel acknowledges what fits into its buffer, and then nothing any more. */
SCENARIO_SIM_TLS_TEST(test_peer_that_stops_in_an_upload_is_found, w, p, u) {
  enum { PINGS_MS = 300, PONGS_MS = 600, FILLED_MS = 2 * WINDOW / RATE };
  u->config.ping_interval_ms = PINGS_MS;
  u->config.ping_timeout_ms = PONGS_MS;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  world_advance(w, UPLOAD_MS / 2);
  assert_int_equal(u->closes, 0);
  raw_conn_read(p->conn, false);
  uint64_t stopped = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_in_range(u->closed_ms - stopped, PONGS_MS, FILLED_MS + PINGS_MS + PONGS_MS + PONGS_MS / 8);
}

enum { INTERVAL_MS = 60, TIMEOUT_MS = 80, STEP_MS = 10, SLACK_MS = 40 };

static void ping_often(frame_peer *p, session_user *u) {
  u->config.ping_interval_ms = INTERVAL_MS;
  u->config.ping_timeout_ms = TIMEOUT_MS;
  p->pongs = true;
}

/* The peer's kernel acknowledges all that we send. */
static void assert_found_while_we_send(frame_peer *p, session_user *u) {
  world *w = u->w;
  world_run_until_count(w, &u->pongs, 1);
  raw_conn_read(p->conn, false);
  uint64_t stopped = world_now_ms(w);
  while (u->closes == 0 && user_binary(u, "0123456789", 10) == 0) world_advance(w, STEP_MS);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  world_assert_took(w, u->closed_ms - stopped, TIMEOUT_MS - 1, INTERVAL_MS + TIMEOUT_MS + SLACK_MS);
}

SCENARIO_TLS_TEST(test_peer_that_stops_is_found_while_we_send_little, w, p, u) {
  ping_often(p, u);
  scenario_open(u);
  assert_found_while_we_send(p, u);
}

SCENARIO_UV_TEST(test_peer_behind_a_unix_socket_is_found_when_it_stops, w, p, u) {
  bytes url = {0};
  frame_peer_start_at(p, w, socket_path());
  bytes_print(&url, "ws+unix://%s", socket_path());
  ping_often(p, u);
  assert_int_equal(user_try_connect_url(u, bytes_text(&url)), 0);
  bytes_free(&url);
  user_run_to_open(u);
  assert_found_while_we_send(p, u);
}

/* --- the idle timeout --- */

SCENARIO_SIM_TLS_TEST(test_upload_is_not_idle, w, p, u) {
  enum { IDLE_MS = 800, PART_MS = IDLE_MS / 8, LATENCY_MS = 2 };
  u->config.idle_timeout_ms = IDLE_MS;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  world_run_until_count(w, uploaded(p), UPLOAD / PART);
  uint64_t last = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
  assert_in_range(u->closed_ms - last, IDLE_MS - LATENCY_MS, IDLE_MS + PART_MS + LATENCY_MS);
}

/* It takes no byte, so nothing happens in the session. */
SCENARIO_SIM_TLS_TEST(test_upload_that_is_stuck_is_idle, w, p, u) {
  enum { IDLE_MS = 800, FILLED_MS = 2 * WINDOW / RATE };
  u->config.idle_timeout_ms = IDLE_MS;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  raw_conn_read(p->conn, false);
  uint64_t stopped = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EIDLE, WSUV_STAGE_OPEN));
  assert_in_range(u->closed_ms - stopped, IDLE_MS, FILLED_MS + IDLE_MS + IDLE_MS / 8 + 1000);
}

/* The timeout is set while an upload is under way, which began without one. */
SCENARIO_SIM_TEST(test_idle_timeout_that_is_set_late_knows_of_the_upload, w, p, u) {
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  world_advance(w, UPLOAD_MS / 4);
  assert_int_equal(wsuv_session_set_idle_timeout(u->session, 800), 0);
  world_run_until_count(w, uploaded(p), UPLOAD / PART);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* --- what it costs --- */

static const ws_filter_ops *sound;
static size_t asked;

static int count_query(const ws_filter *f, ws_filter_query what, void *out) {
  if (what == WS_QUERY_UNACKED) asked++;
  return sound->query(f, what, out);
}

/* The kernel is asked when the timer fires, and not for each message. */
SCENARIO_TLS_TEST(test_messages_ask_the_kernel_nothing, w, p, u) {
  enum { MESSAGES = 300 };
  static ws_filter_ops counting;
  p->echoes = p->forgets = true;
  u->config.ping_interval_ms = u->config.idle_timeout_ms = 1000 * 1000;
  scenario_open(u);
  sound = u->session->filter->ops;
  counting = *sound;
  counting.query = count_query;
  u->session->filter->ops = &counting;
  asked = 0;
  for (size_t i = 0; i < MESSAGES; i++) {
    assert_int_equal(user_binary(u, "0123456789", 10), 0);
    world_run_until_count(w, &u->messages, i + 1);
  }
  assert_int_equal(asked, 0);
  u->session->filter->ops = sound;
  scenario_close(u);
}

/* --- closing --- */

SCENARIO_SIM_TLS_TEST(test_close_behind_an_upload_is_clean, w, p, u) {
  u->config.close_timeout_ms = 1000;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  assert_int_equal(user_close(u, 1000, "bye"), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(*uploaded(p), UPLOAD / PART);
  assert_in_range(u->closed_ms - u->opened_ms, UPLOAD_MS, 2 * UPLOAD_MS);
}

SCENARIO_SIM_TLS_TEST(test_close_deadline_ends_the_closing_of_an_upload, w, p, u) {
  enum { DEADLINE_MS = 4000 };
  u->config.close_timeout_ms = 1000;
  u->config.close_deadline_ms = DEADLINE_MS;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_close(u, 1000, "bye"), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_in_range(u->closed_ms - begun, DEADLINE_MS - 1, DEADLINE_MS + 20);
}

SCENARIO_SIM_TLS_TEST(test_close_deadline_may_be_shorter_than_the_timeout, w, p, u) {
  enum { DEADLINE_MS = 700 };
  p->silent = true;
  u->config.close_deadline_ms = DEADLINE_MS;
  scenario_open(u);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_in_range(u->closed_ms - begun, DEADLINE_MS - 1, DEADLINE_MS + 20);
}

/* What it has acknowledged before closing began does not count. */
SCENARIO_SIM_TLS_TEST(test_closing_ends_when_nothing_is_acknowledged, w, p, u) {
  enum { CLOSE_MS = 1000 };
  u->config.close_timeout_ms = CLOSE_MS;
  open_slow(u, 2 * UPLOAD);
  raw_conn_read(p->conn, false);
  upload(u, UPLOAD);
  world_advance(w, UPLOAD_MS);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_in_range(u->closed_ms - begun, CLOSE_MS - 1, CLOSE_MS + 20);
}

/* Once it has our close frame, it has the timeout for its answer. */
SCENARIO_SIM_TLS_TEST(test_close_timeout_runs_when_the_close_frame_is_acknowledged, w, p, u) {
  enum { CLOSE_MS = 1000 };
  p->silent = true;
  u->config.close_timeout_ms = CLOSE_MS;
  open_slow(u, 2 * UPLOAD);
  upload(u, UPLOAD);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  world_run_until_count(w, &p->opcodes[WSUV_FRAME_CLOSE], 1);
  uint64_t got = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.sent_code, 1000);
  assert_in_range(u->closed_ms - got, CLOSE_MS - CLOSE_MS / 8 - 5, CLOSE_MS + 20);
}

/* The keepalive: pings at their times, what counts as life, and the end without it. */

#include <stdlib.h>
#include <string.h>

#include "session/client.h"
#include "session/session.h"
#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { INTERVAL_MS = 30, TIMEOUT_MS = 45, SLACK_MS = 40 };

static void open_with_pings(session_user *u, uint64_t timeout_ms) {
  u->config.ping_interval_ms = INTERVAL_MS;
  u->config.ping_timeout_ms = timeout_ms;
  scenario_open(u);
}

/* The payloads of the pings, one after the other. */
static void keep_payload(frame_peer *p, const seen_frame *f) {
  bytes *payloads = p->data;
  if (f->spec.opcode != 9) return;
  CHECK(f->length == 8);
  bytes_add(payloads, f->payload, 8);
}

SCENARIO_TEST(test_a_ping_goes_each_interval, w, p, u) {
  enum { PINGS = 5, SIZE = 8 };
  bytes payloads = {0};
  p->pongs = true;
  p->data = &payloads;
  p->on_frame = keep_payload;
  open_with_pings(u, 0);
  world_run_until_count(w, &u->pongs, PINGS);
  uint64_t took = world_now_ms(w) - u->opened_ms;
  world_assert_took(w, took, PINGS * INTERVAL_MS - 1, PINGS * (INTERVAL_MS + SLACK_MS));
  for (size_t i = 0; i < PINGS; i++) {
    for (size_t j = 0; j < i; j++) {
      assert_memory_not_equal(payloads.base + i * SIZE, payloads.base + j * SIZE, SIZE);
    }
  }
  scenario_close(u);
  bytes_free(&payloads);
}

SCENARIO_TEST(test_without_keepalive_nothing_is_sent, w, p, u) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  scenario_open(u);
  world_advance(w, w->kind == WORLD_SIM ? 3600 * 1000 : 50);
  assert_int_equal(p->frames, 0);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), UV_EAGAIN);
  scenario_close(u);
}

/* --- round-trip time --- */

SCENARIO_TEST(test_pong_gives_the_round_trip_time, w, p, u) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  p->pongs = true;
  open_with_pings(u, 0);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), UV_EAGAIN);
  world_run_until_count(w, &u->pongs, 3);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), 0);
  assert_in_range(rtt.min_us, 0, INTERVAL_MS * 1000);
  assert_true(rtt.last_us >= rtt.min_us);
  assert_true(rtt.smoothed_us >= rtt.min_us);
  rtt.size = 0;
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), WSUV_ESIZE);
  scenario_close(u);
}

/* Answers each ping with the payload of the one before it, or with something else. */
static void answer_the_one_before(frame_peer *p, const seen_frame *f) {
  bytes *last = p->data;
  if (f->spec.opcode != 9) return;
  raw_conn_write_frame(p->conn, 10, last->len > 0 ? last->base : (const uint8_t *) "other", 5);
  if (last->len > 0) raw_conn_write_frame(p->conn, 10, last->base, last->len);
  last->len = 0;
  bytes_add(last, f->payload, 8);
}

/* They count as life, and as pongs, but measure nothing. */
SCENARIO_TEST(test_other_pongs_measure_nothing, w, p, u) {
  bytes last = {0};
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  p->data = &last;
  p->on_frame = answer_the_one_before;
  open_with_pings(u, TIMEOUT_MS);
  world_run_until_count(w, &u->pongs, 7);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), UV_EAGAIN);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
  bytes_free(&last);
}

/* A pong that waits in the socket during a pause would measure the pause. */
SCENARIO_TEST(test_pause_is_no_round_trip_time, w, p, u) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  p->pongs = true;
  open_with_pings(u, 0);
  assert_int_equal(user_pause(u), 0);
  world_run_until_count(w, &p->frames, 1);
  assert_int_equal(wsuv_session_set_ping(u->session, 1000 * INTERVAL_MS, 0), 0);
  world_advance(w, 2 * INTERVAL_MS);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->pongs, 1);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), UV_EAGAIN);
  assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, 0), 0);
  world_run_until_count(w, &u->pongs, 2);
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), 0);
  scenario_close(u);
}

/* --- life --- */

SCENARIO_TEST(test_peer_that_is_gone_is_noticed, w, p, u) {
  open_with_pings(u, TIMEOUT_MS);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.code, WSUV_CLOSE_ABNORMAL);
  assert_false(u->end.clean);
  world_assert_took(w, u->closed_ms - u->opened_ms, INTERVAL_MS + TIMEOUT_MS - 2,
                    INTERVAL_MS + TIMEOUT_MS + SLACK_MS);
  world_run_until_true(w, &p->ended);
  assert_int_equal(p->opcodes[9], 2);
  bool told = u->end.sent_code == 1011; /* not when the socket had no room for all of the frame */
  assert_true(told || w->seed != 0);
  assert_string_equal(u->end.sent_reason, told ? "Ping timeout" : "");
  assert_int_equal(p->opcodes[8], told ? 1 : 0);
  const char *last = strstr(bytes_text(&p->saw), "CLOSE 14:03f350696e672074696d656f7574\n");
  assert_int_equal(last != NULL, told);
}

SCENARIO_TEST(test_timeout_is_two_intervals_by_default, w, p, u) {
  open_with_pings(u, 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  world_assert_took(w, u->closed_ms - u->opened_ms, 3 * INTERVAL_MS - 2,
                    3 * INTERVAL_MS + SLACK_MS);
}

SCENARIO_TEST(test_peer_that_does_not_read_is_dropped_at_once, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  open_with_pings(u, TIMEOUT_MS);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 0); /* it is still queued */
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
  world_assert_took(w, u->closed_ms - u->opened_ms, INTERVAL_MS + TIMEOUT_MS - 2,
                    INTERVAL_MS + TIMEOUT_MS + SLACK_MS);
  scenario_finish(u);
  free(data);
}

/* Of the many pings that come due in that time one waits, and no other behind it. */
SCENARIO_TEST(test_peer_that_takes_nothing_is_dropped_though_no_ping_goes, w, p, u) {
  enum { OFTEN_MS = 5, LONG_MS = 120, PING_SIZE = 2 + 4 + 8 };
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  u->config.ping_interval_ms = OFTEN_MS;
  u->config.ping_timeout_ms = LONG_MS;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  free(data);
  uint64_t begun = world_now_ms(w);
  world_advance(w, LONG_MS / 2);
  if (u->closes == 0) { /* a busy machine may be too late, or have had no time for the first one */
    assert_in_range(bufq_len(&u->session->conn.work->out.lanes[LANE_CONTROL].bytes),
                    w->kind == WORLD_UV ? 0 : PING_SIZE, PING_SIZE);
  }
  assert_true(u->closes == 0 || w->kind == WORLD_UV);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
  world_assert_took(w, u->closed_ms - begun, LONG_MS - 2, 2 * LONG_MS);
}

/* --- a slow link --- */

typedef struct slow_link {
  const session_user *u;
  void (*on_bytes)(raw_conn *c);
} slow_link;

static void read_again(void *data) {
  raw_conn_read(data, true);
}

/* A little now and then, until what the user has sent is gone. */
static void read_slowly(raw_conn *c) {
  const frame_peer *p = c->peer->data;
  const slow_link *link = p->data;
  link->on_bytes(c);
  if (c->closed || link->u->dones > 0) return;
  raw_conn_read(c, false);
  world_after(link->u->w, link->u->w->kind == WORLD_SIM ? 5 : 15, read_again, c);
}

static void slow_down(frame_peer *p, slow_link *link, const session_user *u) {
  *link = (slow_link){u, p->raw->callbacks.on_bytes};
  p->data = link;
  p->raw->callbacks.on_bytes = read_slowly;
}

static void make_narrow(world *w) {
  sim_profile narrow;
  if (world_sim(w) == NULL) return;
  sim_get_profile(world_sim(w), &narrow);
  narrow.latency_min_ns = narrow.latency_max_ns = 1000 * 1000;
  narrow.bytes_per_ms = 0;
  narrow.segment_max = narrow.send_buffer = narrow.recv_buffer = 16 * 1024;
  narrow.cut_percent = 0;
  sim_set_profile(world_sim(w), &narrow);
}

static bool has_begun_to_leave(void *arg) {
  const session_user *u = arg;
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  CHECK(wsuv_session_get_stats(u->session, &stats) == 0);
  return stats.wire_sent > 4096; /* more than the handshake */
}

/* The ping waits behind a large frame, and the peer, which has not seen it, says nothing. But it
   takes bytes. No ping leaves before the message has, so no pong can come. */
static void note_pongs(session_user *u, char name, int done) {
  (void) name;
  (void) done;
  *(size_t *) u->data = u->pongs;
}

static void assert_large_message_is_no_timeout(frame_peer *p, session_user *u) {
  world *w = u->w;
  /* A busy machine may keep the peer from reading for more than half a second. */
  const uint64_t pause_ms = 100, patience_ms = w->kind == WORLD_SIM ? 400 : 1500;
  slow_link link;
  size_t size = (w->kind == WORLD_SIM ? 3 : 14) * 1024 * 1024, pongs = SIZE_MAX;
  uint8_t *data = check_alloc(size);
  p->pongs = true;
  p->forgets = true;
  slow_down(p, &link, u);
  u->data = &pongs;
  u->at_done = note_pongs;
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  free(data);
  world_run_until(w, has_begun_to_leave, u);
  assert_int_equal(wsuv_session_set_ping(u->session, pause_ms, patience_ms), 0);
  uint64_t begun = world_now_ms(w);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  assert_true(world_now_ms(w) - begun > pause_ms + patience_ms);
  assert_int_equal(pongs, 0);
  world_run_until_count(w, &u->pongs, 1);
  world_advance(w, 20); /* the last pause is over before the peer goes */
  scenario_close(u);
}

SCENARIO_TEST(test_large_message_on_a_slow_link_is_no_timeout, w, p, u) {
  make_narrow(w);
  scenario_open(u);
  assert_large_message_is_no_timeout(p, u);
}

SCENARIO_UV_TEST(test_large_message_on_a_slow_unix_socket_is_no_timeout, w, p, u) {
  bytes url = {0};
  frame_peer_start_at(p, w, socket_path());
  bytes_print(&url, "ws+unix://%s", socket_path());
  assert_int_equal(user_try_connect_url(u, bytes_text(&url)), 0);
  bytes_free(&url);
  user_run_to_open(u);
  assert_large_message_is_no_timeout(p, u);
}

/* It was alive when the ping was queued already, which is stuck ever since. */
SCENARIO_TEST(test_peer_that_stops_reading_and_dies_later_is_noticed, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  open_with_pings(u, TIMEOUT_MS);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  world_advance(w, INTERVAL_MS + 5);
  frame_peer_send(p, "TEXT \"alive\"");
  world_run_until_count(w, &u->messages, 1);
  uint64_t alive = world_now_ms(w);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
  world_assert_took(w, u->closed_ms - alive, TIMEOUT_MS, INTERVAL_MS + TIMEOUT_MS + SLACK_MS);
  scenario_finish(u);
  free(data);
}

/* A byte of a frame that is not whole yet will do: its peer cannot answer inside it. */
SCENARIO_TEST(test_any_byte_counts_as_life, w, p, u) {
  open_with_pings(u, TIMEOUT_MS);
  raw_conn_write(p->conn, "\x82\x7e\x01\x00", 4); /* 256 bytes to come */
  for (int i = 0; i < 12; i++) {
    world_advance(w, TIMEOUT_MS / 3);
    raw_conn_write(p->conn, "x", 1);
  }
  assert_int_equal(u->closes, 0);
  assert_int_equal(u->messages, 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
}

/* --- stalls --- */

/* The pong is written, and then the loop stands still for longer than the timeout. */
static void pong_and_stall(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 9 || p->data == NULL) return;
  world_lose_time(p->data, 3 * TIMEOUT_MS);
}

/* F47: timers run before the poll that would bring the pong. */
SCENARIO_TEST(test_stalled_loop_does_not_end_the_session, w, p, u) {
  p->pongs = true;
  p->data = w;
  p->on_frame = pong_and_stall;
  open_with_pings(u, TIMEOUT_MS);
  world_run_until_count(w, &u->pongs, 2);
  assert_int_equal(u->closes, 0);
  p->data = NULL;
  scenario_close(u);
}

SCENARIO_TEST(test_suspended_machine_does_not_end_the_session, w, p, u) {
  p->pongs = true;
  open_with_pings(u, TIMEOUT_MS);
  world_run_until_count(w, &u->pongs, 1);
  world_lose_time(w, 20 * TIMEOUT_MS);
  world_run_until_count(w, &u->pongs, 3);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* --- closing --- */

SCENARIO_TEST(test_no_ping_follows_our_close_frame, w, p, u) {
  u->config.ping_interval_ms = 20;
  u->config.close_timeout_ms = 70;
  p->silent = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
}

/* F46: the ping cannot be queued, but there is memory again for the close frame. */
SCENARIO_TEST(test_keepalive_without_memory_is_told, w, p, u) {
  open_with_pings(u, 0);
  bufq_pool_free(&u->client->endpoint.shared.chunks); /* no spare ones: the ping has to allocate */
  w->alloc->fail_at = w->alloc->calls + 1;
  user_run_to_close(u);
  w->alloc->fail_at = 0;
  assert_int_equal(w->alloc->failed, 1);
  assert_true(user_ended_by(u, UV_ENOMEM, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, WSUV_CLOSE_INTERNAL_ERROR);
  assert_true(frame_peer_saw(p, "CLOSE #1011"));
}

SCENARIO_TEST(test_keepalive_without_random_bytes_ends_the_session, w, p, u) {
  p->pongs = true;
  open_with_pings(u, 0);
  user_random_fails(u);
  user_run_to_close(u);
  world_random_fails(w, false);
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
}

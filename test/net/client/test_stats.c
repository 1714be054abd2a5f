/* wsuv_session_get_stats: every figure. */

#include <stdlib.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static wsuv_stats_t read_stats(const session_user *u) {
  wsuv_stats_t s;
  wsuv_stats_init(&s);
  assert_int_equal(wsuv_session_get_stats(u->session, &s), 0);
  return s;
}

SCENARIO_TEST(test_stats_count_messages_frames_and_payload, w, p, u) {
  p->echoes = true;
  scenario_open(u);
  wsuv_stats_t s = read_stats(u);
  assert_int_equal(s.frames_sent + s.frames_received + s.messages_sent + s.messages_received, 0);
  assert_int_equal(user_text(u, "hello"), 0);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, false, "123", 3), 0);
  assert_int_equal(read_stats(u).messages_sent, 1);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, "4567", 4), 0);
  world_run_until_count(w, &u->messages, 2);
  s = read_stats(u);
  assert_int_equal(s.messages_sent, 2);
  assert_int_equal(s.messages_received, 2);
  assert_int_equal(s.frames_sent, 3);
  assert_int_equal(s.frames_received, 3);
  assert_int_equal(s.payload_sent, 12);
  assert_int_equal(s.payload_received, 12);
  assert_int_equal(s.pings_sent + s.pings_received + s.pongs_sent + s.pongs_received, 0);
  scenario_close(u);
}

SCENARIO_TEST(test_stats_count_pings_and_pongs, w, p, u) {
  p->pongs = true;
  scenario_open(u);
  assert_int_equal(user_ping(u, "one"), 0);
  assert_int_equal(user_ping(u, "two"), 0);
  world_run_until_count(w, &u->pongs, 2);
  frame_peer_send(p, "PING 01; PING 02; PING 03");
  world_run_until_count(w, &u->pings, 3);
  assert_int_equal(user_pong(u, "more"), 0);
  wsuv_stats_t s = read_stats(u);
  assert_int_equal(s.pings_sent, 2);
  assert_int_equal(s.pongs_received, 2);
  assert_int_equal(s.pings_received, 3);
  assert_int_equal(s.pongs_sent, 4);
  assert_int_equal(s.frames_sent, 6);
  assert_int_equal(s.frames_received, 5);
  assert_int_equal(s.payload_sent + s.payload_received, 0);
  assert_int_equal(s.rtt_last_us + s.rtt_min_us + s.rtt_smoothed_us, 0);
  scenario_close(u);
}

/* A frame has 2 bytes of header, and 4 more with a mask (RFC 6455 5.2). */
SCENARIO_TEST(test_stats_count_bytes_on_the_wire, w, p, u) {
  p->echoes = true;
  scenario_open(u);
  wsuv_stats_t before = read_stats(u);
  assert_true(before.wire_sent > 100 && before.wire_received > 100);
  assert_int_equal(user_text(u, "hello"), 0);
  world_run_until_count(w, &u->messages, 1);
  wsuv_stats_t s = read_stats(u);
  assert_int_equal(s.wire_sent - before.wire_sent, 2 + 4 + 5);
  assert_int_equal(s.wire_received - before.wire_received, 2 + 5);
  scenario_close(u);
}

/* What the kernel does not take at once counts when it has. */
SCENARIO_TEST(test_stats_count_bytes_that_had_to_wait, w, p, u) {
  size_t len = user_too_much(w);
  uint8_t *data = check_alloc(len);
  p->forgets = true;
  scenario_open(u);
  uint64_t before = read_stats(u).wire_sent;
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, len), 0);
  assert_int_equal(read_stats(u).wire_sent, before);
  world_run_until_count(w, &u->dones, 1);
  assert_int_equal(read_stats(u).wire_sent - before, 10 + 4 + len);
  assert_int_equal(read_stats(u).payload_sent, len);
  free(data);
  scenario_close(u);
}

SCENARIO_TEST(test_stats_tell_times, w, p, u) {
  u->config.ping_interval_ms = 20;
  p->pongs = true;
  uint64_t start_ms = world_now_ms(w);
  scenario_open(u);
  uint64_t took_us = (world_now_ms(w) + 1 - start_ms) * 1000;
  wsuv_stats_t s = read_stats(u);
  /* The simulated network may take no time at all. */
  if (w->kind == WORLD_UV) assert_true(s.connect_us > 0 && s.upgrade_us > 0);
  assert_true(s.resolve_us + s.connect_us + s.upgrade_us <= took_us);
  world_run_until_count(w, &u->pongs, 1);
  s = read_stats(u);
  assert_true(s.open_us >= 19000); /* a timer of 20 ms, and clocks that are rounded */
  assert_int_equal(s.pings_sent, 1);
  assert_int_equal(s.pongs_received, 1);
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), 0);
  assert_int_equal(s.rtt_last_us, rtt.last_us);
  assert_int_equal(s.rtt_min_us, rtt.min_us);
  assert_int_equal(s.rtt_smoothed_us, rtt.smoothed_us);
  scenario_close(u);
}

static void read_at_close(session_user *u) {
  *(wsuv_stats_t *) u->data = read_stats(u);
}

SCENARIO_TEST(test_stats_can_be_read_in_on_close, w, p, u) {
  wsuv_stats_t s;
  p->echoes = true;
  scenario_open(u);
  u->data = &s;
  u->at_close = read_at_close;
  assert_int_equal(user_text(u, "hello"), 0);
  world_run_until_count(w, &u->messages, 1);
  scenario_close(u);
  assert_int_equal(s.frames_sent, 2);
  assert_int_equal(s.frames_received, 2);
  assert_int_equal(s.messages_sent, 1);
  assert_int_equal(s.payload_sent, 5);
}

SCENARIO_TEST(test_stats_of_a_session_that_never_opened, w, p, u) {
  wsuv_stats_t s;
  u->data = &s;
  u->at_close = read_at_close;
  scenario_connect(u);
  scenario_terminate(u);
  assert_int_equal(s.connect_us + s.upgrade_us + s.open_us, 0);
  assert_int_equal(s.wire_sent + s.wire_received + s.frames_sent + s.frames_received, 0);
}

SCENARIO_TEST(test_stats_want_their_size, w, p, u) {
  wsuv_stats_t s = {.size = 0};
  scenario_open(u);
  assert_int_equal(wsuv_session_get_stats(u->session, &s), WSUV_ESIZE);
  scenario_close(u);
}

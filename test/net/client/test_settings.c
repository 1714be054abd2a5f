/* Settings of an open session. The idle timeout's is in test_idle_timeout.c. */

#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { INTERVAL_MS = 20 };

/* --- pings --- */

SCENARIO_TEST(test_pings_begin_and_stop, w, p, u) {
  wsuv_rtt_t rtt = {.size = sizeof rtt};
  scenario_open(u);
  p->pongs = true;
  world_advance(w, 2 * INTERVAL_MS);
  assert_int_equal(p->frames, 0);
  assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, 0), 0);
  world_run_until_count(w, &u->pongs, 3);
  assert_int_equal(wsuv_session_set_ping(u->session, 0, 0), 0);
  size_t pings = p->opcodes[9];
  world_advance(w, 5 * INTERVAL_MS);
  assert_in_range(p->opcodes[9], pings, pings + 1); /* one may have been on its way */
  assert_int_equal(wsuv_session_rtt(u->session, &rtt), 0);
  scenario_close(u);
}

SCENARIO_TEST(test_interval_of_pings_changes, w, p, u) {
  u->config.ping_interval_ms = 3600 * 1000;
  p->pongs = true;
  scenario_open(u);
  uint64_t from = world_now_ms(w);
  assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, 0), 0);
  world_run_until_count(w, &u->pongs, 3);
  assert_true(world_now_ms(w) - from >= 3 * INTERVAL_MS - 2);
  scenario_close(u);
}

/* 0: twice the interval, as in the configuration. */
SCENARIO_TEST(test_timeout_of_pings_changes, w, p, u) {
  static const uint64_t timeouts[] = {3 * INTERVAL_MS, 0};
  for (size_t i = 0; i < 2; i++) {
    scenario_renew(u);
    scenario_open(u);
    uint64_t from = world_now_ms(w);
    uint64_t timeout = timeouts[i] > 0 ? timeouts[i] : 2 * INTERVAL_MS;
    assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, timeouts[i]), 0);
    user_run_to_close(u);
    assert_true(user_ended_by(u, WSUV_EPINGTIMEOUT, WSUV_STAGE_OPEN));
    world_assert_took(w, u->closed_ms - from, INTERVAL_MS + timeout - 2,
                      INTERVAL_MS + timeout + 40);
  }
}

/* The ping that was not answered is forgotten with the setting that it was sent by. */
SCENARIO_TEST(test_change_of_pings_begins_anew, w, p, u) {
  scenario_open(u);
  assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, 2 * INTERVAL_MS), 0);
  world_run_until_count(w, &p->opcodes[9], 1);
  assert_int_equal(wsuv_session_set_ping(u->session, 0, 0), 0);
  world_advance(w, 6 * INTERVAL_MS);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

SCENARIO_TEST(test_pings_begin_while_paused, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  assert_int_equal(wsuv_session_set_ping(u->session, INTERVAL_MS, INTERVAL_MS), 0);
  world_run_until_count(w, &p->opcodes[9], 4);
  assert_int_equal(u->closes, 0);
  p->pongs = true;
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->pongs, 2);
  scenario_close(u);
}

/* --- limits --- */

static void assert_too_big(session_user *u, const char *reason) {
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
  assert_string_equal(u->end.detail, reason);
  assert_int_equal(u->end.sent_code, 1009);
}

SCENARIO_TEST(test_max_frame_size_changes, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, "BIN 00*200");
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, 100), 0);
  frame_peer_send(p, "BIN 00*100; BIN- 00*100; CONT 00*100");
  world_run_until_count(w, &u->messages, 3);
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, 300), 0);
  frame_peer_send(p, "BIN 00*300; BIN 00*301");
  assert_too_big(u, "frame too large");
  assert_int_equal(u->messages, 4);
}

SCENARIO_TEST(test_max_message_size_changes, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, "TEXT \"x\"*200");
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 100), 0);
  frame_peer_send(p,
                  "TEXT \"x\"*100; TEXT- \"x\"*60; CONT \"x\"*40; TEXT- \"x\"*60; CONT \"x\"*41");
  assert_too_big(u, "message too large");
  assert_int_equal(u->messages, 3);
}

/* A frame that has begun goes on by the old limits, even if it is large and read into its block;
   the next one does not. */
SCENARIO_TEST(test_limits_hold_from_the_next_frame_on, w, p, u) {
  static const char script[] = "BIN- 0123~200000; CONT";
  bytes frames = {0};
  frames_script(&frames, script, false);
  scenario_open(u);
  raw_conn_write(p->conn, frames.base, 100 * 1000);
  world_advance(w, 20);
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, 1), 0);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 200 * 1000), 0);
  raw_conn_write(p->conn, frames.base + 100 * 1000, frames.len - 100 * 1000);
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "BIN 0123~200000"));
  frame_peer_send(p, "BIN- 00; CONT- 00");
  world_advance(w, 10);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 1), 0);
  frame_peer_send(p, "CONT");
  assert_too_big(u, "message too large");
  bytes_free(&frames);
}

/* Sums with them do not wrap, and times that never come are none. */
SCENARIO_TEST(test_largest_values_of_all_hold, w, p, u) {
  u->config.ping_interval_ms = u->config.ping_timeout_ms = u->config.idle_timeout_ms = UINT64_MAX;
  u->config.handshake_timeout_ms = u->config.close_timeout_ms = u->config.close_deadline_ms =
      u->config.max_frame_size = UINT64_MAX;
  u->config.max_message_size = u->config.outgoing_max = u->config.high_water = u->config.low_water =
      SIZE_MAX;
  u->config.max_handshake_size = u->config.max_handshake_headers = SIZE_MAX;
  u->config.max_message_fragments = UINT32_MAX;
  p->echoes = true;
  scenario_open(u);
  assert_int_equal(user_text(u, "hello"), 0);
  world_run_until_count(w, &u->messages, 1);
  frame_peer_send(p, "TEXT- \"a\"; CONT- \"b\"; CONT \"c\"");
  world_run_until_count(w, &u->messages, 2);
  world_advance(w, 20);
  assert_true(user_got(u, "TEXT \"hello\"; TEXT \"abc\""));
  assert_int_equal(u->drains, 0);
  assert_int_equal(p->opcodes[9], 0);
  assert_int_equal(wsuv_session_set_ping(u->session, UINT64_MAX, 1), 0);
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, UINT64_MAX), 0);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, SIZE_MAX), 0);
  scenario_close(u);
}

/* --- masking --- */

SCENARIO_TEST(test_masking_is_seen_on_the_wire, w, p, u) {
  static const uint8_t none[4];
  scenario_open(u);
  assert_int_equal(user_text(u, "masked"), 0);
  assert_int_equal(wsuv_session_set_masking(u->session, false), 0);
  assert_int_equal(user_text(u, "plain"), 0);
  assert_int_equal(user_ping(u, "ping"), 0);
  world_run_until_count(w, &p->frames, 3);
  assert_int_equal(wsuv_session_set_masking(u->session, true), 0);
  assert_int_equal(user_text(u, "again"), 0);
  world_run_until_count(w, &p->frames, 4);
  const char *saw = bytes_text(&p->saw);
  assert_non_null(strstr(saw, "(unmasked) TEXT 5:"));
  assert_non_null(strstr(saw, "(unmasked) PING 4:"));
  assert_null(strstr(saw, "(unmasked) TEXT 6:"));
  assert_memory_not_equal(p->keys.base + 3 * sizeof none, none, sizeof none);
  scenario_close(u);
}

/* --- errors --- */

static void refused(session_user *u) {
  wsuv_session_t *s = u->session;
  CHECK(wsuv_session_set_ping(s, 1, 1) == WSUV_ESTATE);
  CHECK(wsuv_session_set_idle_timeout(s, 1) == WSUV_ESTATE);
  CHECK(wsuv_session_set_max_frame_size(s, 1) == WSUV_ESTATE);
  CHECK(wsuv_session_set_max_message_size(s, 1) == WSUV_ESTATE);
  CHECK(wsuv_session_set_masking(s, false) == WSUV_ESTATE);
}

SCENARIO_TEST(test_settings_need_an_open_session, w, p, u) {
  u->at_close = refused;
  scenario_connect(u);
  refused(u);
  user_run_to_open(u);
  frame_peer_send(p, "TEXT \"whole\"");
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  refused(u);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_TEST(test_limit_of_zero_is_refused, w, p, u) {
  scenario_open(u);
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, 0), UV_EINVAL);
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 0), UV_EINVAL);
  frame_peer_send(p, "TEXT \"as before\"");
  world_run_until_count(w, &u->messages, 1);
  scenario_close(u);
}

/* The settings of other sessions stay as they are, and so do those of this one. */
SCENARIO_TEST(test_limits_without_memory_stay_as_they_are, w, p, u) {
  u->config.max_message_size = 100;
  scenario_open(u);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(wsuv_session_set_max_message_size(u->session, 200), UV_ENOMEM);
  w->alloc->fail_at = w->alloc->calls + 1;
  assert_int_equal(wsuv_session_set_max_frame_size(u->session, 200), UV_ENOMEM);
  w->alloc->fail_at = 0;
  frame_peer_send(p, "BIN \"x\"*100 ; BIN \"x\"*101");
  user_run_to_close(u);
  assert_int_equal(u->messages, 1);
  assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
}

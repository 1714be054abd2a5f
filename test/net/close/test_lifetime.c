/* max_lifetime_ms: the longest life of a session, which ends with a closing handshake. */

#include "support/scenario.h"
#include "testkit/check.h"
#include "testkit/sim.h"

enum { LIFE_MS = 200, SLACK_MS = 100 };

static void check_over(session_user *u) {
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_false(u->end.by_peer);
  assert_string_equal(u->end.sent_reason, "Session lifetime");
  world_assert_took(u->w, u->closed_ms - u->opened_ms, LIFE_MS - LIFE_MS / 10, LIFE_MS + SLACK_MS);
}

SCENARIO_TLS_TEST(test_session_is_closed_at_the_end_of_its_life, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  scenario_open(u);
  check_over(u);
  assert_true(frame_peer_saw(p, "CLOSE #1001 \"Session lifetime\""));
}

SCENARIO_SIM_TEST(test_life_has_no_end_by_default, w, p, u) {
  scenario_open(u);
  world_advance(w, UINT64_C(1000) * 24 * 3600 * 1000);
  assert_int_equal(u->closes, 0);
  scenario_close(u);
}

/* It is no idle timeout, and no ping keeps a session alive. On libuv, what is done meanwhile could
   take longer than that life on a busy machine. */
SCENARIO_SIM_TEST(test_nothing_makes_a_life_longer, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  u->config.ping_interval_ms = LIFE_MS / 8;
  u->config.idle_timeout_ms = LIFE_MS;
  p->pongs = true;
  scenario_open(u);
  for (int i = 0; i < 6; i++) {
    frame_peer_send(p, "TEXT \"here\"");
    assert_int_equal(user_text(u, "there"), 0);
    world_advance(w, LIFE_MS / 8);
  }
  check_over(u);
  assert_int_equal(u->messages, 6);
}

SCENARIO_TEST(test_session_that_is_paused_is_closed_at_the_end_of_its_life, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  check_over(u);
}

SCENARIO_TEST(test_session_that_waits_for_its_rate_is_closed_at_the_end_of_its_life, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  u->config.max_message_rate = 1;
  scenario_open(u);
  for (int i = 0; i < 5; i++) frame_peer_send(p, "TEXT \"here\"");
  check_over(u);
}

/* What was sent before goes before. */
SCENARIO_TEST(test_messages_that_are_queued_go_before_the_life_ends, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  scenario_open(u);
  while (u->closes == 0 && world_now_ms(w) - u->opened_ms < LIFE_MS - LIFE_MS / 10 - 1) {
    assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "x", 1), 0);
    world_advance(w, 20);
  }
  check_over(u);
  assert_int_equal(p->opcodes[1], u->dones);
}

SCENARIO_SIM_TEST(test_peer_that_does_not_answer_at_the_end_of_a_life, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  u->config.close_timeout_ms = 100;
  p->silent = p->stays = true;
  scenario_open(u);
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING));
  assert_int_equal(u->end.sent_code, 1001);
}

SCENARIO_TEST(test_session_is_closed_before_the_end_of_its_life, w, p, u) {
  u->config.max_lifetime_ms = UINT64_MAX;
  u->config.close_timeout_ms = UINT64_MAX;
  scenario_open(u);
  world_advance(w, 10);
  scenario_close(u);
}

/* Sessions that were opened together do not end together. */
SCENARIO_SIM_TEST(test_lives_end_apart, w, p, u) {
  enum { COUNT = 50, LONG_MS = 100 * 1000 };
  session_user all[COUNT];
  uint64_t first_ms = UINT64_MAX, last_ms = 0;
  u->config.max_lifetime_ms = LONG_MS;
  sim_set_profile(world_sim(w), NULL);
  (void) user_client(u);
  for (size_t i = 0; i < COUNT; i++) {
    user_init_on(&all[i], u);
    user_connect(&all[i], p);
  }
  for (size_t i = 0; i < COUNT; i++) {
    user_run_to_close(&all[i]);
    const uint64_t life_ms = all[i].closed_ms - all[i].opened_ms;
    assert_in_range(life_ms, LONG_MS - LONG_MS / 10, LONG_MS + SLACK_MS);
    if (life_ms < first_ms) first_ms = life_ms;
    if (life_ms > last_ms) last_ms = life_ms;
  }
  assert_in_range(last_ms - first_ms, LONG_MS / 20, LONG_MS / 10 + SLACK_MS);
  user_close_client(u);
  for (size_t i = 0; i < COUNT; i++) user_free(&all[i]);
}

/* Without memory for a close frame the session ends without one. */
SCENARIO_SIM_TEST(test_life_ends_without_memory, w, p, u) {
  u->config.max_lifetime_ms = LIFE_MS;
  scenario_open(u);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  user_run_to_close(u);
  w->alloc->fail_at = 0;
  w->alloc->fail_for_ever = false;
  assert_int_equal(u->closes, 1);
  assert_in_range(u->closed_ms - u->opened_ms, LIFE_MS - LIFE_MS / 10, LIFE_MS + SLACK_MS);
}

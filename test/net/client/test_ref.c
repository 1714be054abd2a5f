/* Which sessions keep the loop alive. */

#include <uv.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { MANY_TURNS = 10, IDLE_MS = 60000 };

/* Whether the loop has something to wait for, once all that can be done at once is done. */
static bool loop_goes_on(world *w) {
  int alive = 0;
  for (int i = 0; i < MANY_TURNS; i++) alive = uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  return alive != 0;
}

SCENARIO_UV_TEST(test_open_session_keeps_the_loop_alive_until_unref, w, p, u) {
  scenario_open(u);
  assert_true(loop_goes_on(w));
  wsuv_session_unref(u->session);
  assert_false(loop_goes_on(w));
  assert_int_equal(u->closes, 0);
  wsuv_session_ref(u->session);
  assert_true(loop_goes_on(w));
  scenario_close(u);
}

SCENARIO_UV_TEST(test_ref_and_unref_do_not_count, w, p, u) {
  scenario_open(u);
  wsuv_session_unref(u->session);
  wsuv_session_unref(u->session);
  wsuv_session_ref(u->session);
  assert_true(loop_goes_on(w));
  wsuv_session_ref(u->session);
  wsuv_session_unref(u->session);
  assert_false(loop_goes_on(w));
  scenario_close(u);
}

SCENARIO_UV_TEST(test_timers_of_an_unref_session_do_not_keep_it, w, p, u) {
  u->config.ping_interval_ms = u->config.idle_timeout_ms = IDLE_MS;
  scenario_open(u);
  wsuv_session_unref(u->session);
  assert_false(loop_goes_on(w));
  assert_int_equal(user_pause(u), 0);
  assert_false(loop_goes_on(w));
  scenario_close(u);
}

SCENARIO_UV_TEST(test_unref_session_still_works, w, p, u) {
  scenario_open(u);
  wsuv_session_unref(u->session);
  assert_int_equal(user_text(u, "still here"), 0);
  frame_peer_send(p, "TEXT \"so am I\"");
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "TEXT \"so am I\""));
  scenario_close(u);
}

WORLD_UV_TEST(test_each_session_counts_for_itself, w) {
  frame_peer p, q;
  session_user u, v;
  scenario_start(w, &p, &u, NULL);
  scenario_start(w, &q, &v, NULL);
  wsuv_session_unref(u.session);
  assert_true(loop_goes_on(w));
  wsuv_session_unref(v.session);
  assert_false(loop_goes_on(w));
  scenario_close(&u);
  scenario_close(&v);
}

static void unref(session_user *u) {
  wsuv_session_unref(u->session);
}

/* In its last callback, too: what it held is given back once. */
SCENARIO_UV_TEST(test_unref_in_callbacks, w, p, u) {
  u->at_open = unref;
  u->at_close = unref;
  scenario_open(u);
  assert_false(loop_goes_on(w));
  scenario_close(u);
}

/* The closing handshake is an operation that runs: the loop waits for the peer's close frame. */
SCENARIO_UV_TEST(test_unref_session_that_closes_keeps_the_loop_alive, w, p, u) {
  scenario_open(u);
  wsuv_session_unref(u->session);
  assert_false(loop_goes_on(w));
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 1);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* So a client with such sessions is gone when the loop ends. */
SCENARIO_UV_TEST(test_client_with_an_unref_session_is_closed_by_one_run, w, p, u) {
  scenario_open(u);
  wsuv_session_unref(u->session);
  assert_int_equal(wsuv_client_close(u->client, NULL), 0);
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 1);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  u->client = NULL;
}

SCENARIO_UV_TEST(test_unref_session_can_be_terminated_after_the_loop, w, p, u) {
  scenario_open(u);
  wsuv_session_unref(u->session);
  assert_false(loop_goes_on(w));
  user_terminate(u);
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 1);
}

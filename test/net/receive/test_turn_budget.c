/* What one session may cost the loop in a turn is bounded, however much its peer has sent, and
   nothing of it is lost. F49 */

#include <stdlib.h>
#include <string.h>

#include "session/inflow.h"
#include "support/scenario.h"
#include "testkit/sim.h"

/* A budget is spent in the tick, and another one in the poll of the same turn. */
enum { EVENTS_MAX = 2 * INFLOW_BUDGET / INFLOW_FRAME_COST, READ_MAX = 256 * 1024 };

static size_t events(const session_user *u) {
  return u->messages + u->pings;
}

/* Until so many have come; the most that came in one turn. */
static size_t run_until_events(world *w, session_user *u, size_t count) {
  size_t most = 0;
  w->ops->watch(w, true);
  while (events(u) < count) {
    size_t before = events(u);
    assert_true(w->ops->turn(w, true));
    if (events(u) - before > most) most = events(u) - before;
  }
  w->ops->unwatch(w);
  assert_int_equal(events(u), count);
  return most;
}

/* The same frame `count` times, which all come at once. */
static void send_many(world *w, frame_peer *p, const char *script, size_t count) {
  bytes one = {0}, all = {0};
  frames_script(&one, script, false);
  for (size_t i = 0; i < count; i++) bytes_add(&all, one.base, one.len);
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL);
  raw_conn_write(p->conn, all.base, all.len);
  bytes_free(&one);
  bytes_free(&all);
}

static void check_events(world *w, frame_peer *p, session_user *u, const char *script) {
  enum { COUNT = 120000 };
  u->forgets = true;
  send_many(w, p, script, COUNT);
  assert_in_range(run_until_events(w, u, COUNT), 1, EVENTS_MAX);
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_empty_messages_leave_the_turn_to_others, w, p, u) {
  scenario_open(u);
  check_events(w, p, u, "BIN");
}

SCENARIO_TLS_TEST(test_pings_leave_the_turn_to_others, w, p, u) {
  scenario_open(u);
  check_events(w, p, u, "PING 01");
}

SCENARIO_TEST(test_pieces_leave_the_turn_to_others, w, p, u) {
  scenario_open_streamed(u);
  check_events(w, p, u, "TEXT \"a\"");
}

SCENARIO_TLS_TEST(test_bytes_leave_the_turn_to_others, w, p, u) {
  enum { COUNT = 256, SIZE = 64 * 1024 };
  scenario_open(u);
  u->forgets = true;
  send_many(w, p, "BIN 00*65536", COUNT);
  size_t most = run_until_events(w, u, COUNT);
  assert_in_range(most * SIZE, 1, 2 * (INFLOW_BUDGET + READ_MAX + SIZE));
  scenario_close(u);
}

/* A turn that is left is gone on with even if nothing more comes, and whatever the user does. */
SCENARIO_TEST(test_session_may_pause_and_end_while_the_turn_is_left, w, p, u) {
  enum { COUNT = 100000 };
  for (int way = 0; way < 3; way++) {
    if (way > 0) scenario_renew(u);
    scenario_open(u);
    u->forgets = true;
    send_many(w, u->peer, "BIN", COUNT);
    w->ops->watch(w, true);
    while (u->messages == 0) assert_true(w->ops->turn(w, true));
    w->ops->unwatch(w);
    if (way == 0) user_terminate(u);
    if (way == 1) assert_int_equal(user_close(u, 1000, NULL), 0);
    if (way == 2) {
      assert_int_equal(wsuv_session_pause(u->session), 0);
      size_t messages = u->messages;
      world_advance(w, 20);
      assert_int_equal(u->messages, messages);
      assert_int_equal(wsuv_session_resume(u->session), 0);
      world_run_until_count(w, &u->messages, COUNT);
      assert_int_equal(user_close(u, 1000, NULL), 0);
    }
    user_run_to_close(u);
    if (way > 0) assert_int_equal(u->messages, COUNT);
  }
}

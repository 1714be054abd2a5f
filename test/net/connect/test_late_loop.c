/* A loop that starts late, or stands still on the way to the open session: what lies in the sockets
   then is looked at before the deadline passes, and each of the steps that are left has its turn.
   F51 */

#include "support/scenario.h"
#include "testkit/check.h"

enum { TURNS = 40 };

static uint64_t timeout_ms(const world *w) {
  return w->kind == WORLD_SIM ? 10000 : 1000;
}

static void connect_in_time(session_user *u) {
  u->config.handshake_timeout_ms = timeout_ms(u->w);
  scenario_connect(u);
}

static bool open_or_over(void *arg) {
  const session_user *u = arg;
  return u->opens > 0 || u->closes > 0;
}

SCENARIO_TLS_TEST(test_loop_that_starts_late_opens_the_session, w, p, u) {
  connect_in_time(u);
  world_lose_time(w, 2 * timeout_ms(w));
  world_run_until(w, open_or_over, u);
  assert_int_equal(u->opens, 1);
  scenario_close(u);
}

/* The loop is away in this turn. */
typedef struct stall {
  session_user *u;
  size_t turn, at;
  uint64_t away_ms;
} stall;

static bool stall_or_over(void *arg) {
  stall *s = arg;
  if (open_or_over(s->u)) return true;
  if (s->turn++ == s->at) world_lose_time(s->u->w, s->away_ms);
  return false;
}

static void stall_at(session_user *u, size_t turn, uint64_t away_ms) {
  stall s = {.u = u, .at = turn, .away_ms = away_ms};
  scenario_renew(u);
  connect_in_time(u);
  world_run_until(u->w, stall_or_over, &s);
  assert_int_equal(u->opens, 1);
  scenario_close(u);
}

SCENARIO_SIM_TLS_TEST(test_stall_in_any_turn_on_the_way_does_not_end_the_session, w, p, u) {
  for (size_t turn = 0; turn < TURNS; turn++) {
    stall_at(u, turn, timeout_ms(w));
    stall_at(u, turn, timeout_ms(w) * 10);
  }
}

static bool stall_always_or_over(void *arg) {
  stall *s = arg;
  if (open_or_over(s->u)) return true;
  s->turn++;
  world_lose_time(s->u->w, s->away_ms);
  return false;
}

/* No stall is long, and there is one in each turn. */
SCENARIO_SIM_TEST(test_deadline_passes_in_a_loop_that_stalls_always, w, p, u) {
  stall s = {.u = u, .away_ms = timeout_ms(w) / 10};
  connect_in_time(u);
  sim_route(world_sim(w), "127.0.0.1", SIM_ROUTE_BLACKHOLE, 0);
  uint64_t begun = world_now_ms(w);
  world_run_until(w, stall_always_or_over, &s);
  assert_true(user_ended_by(u, UV_ETIMEDOUT, WSUV_STAGE_CONNECT));
  world_assert_took(w, world_now_ms(w) - begun, timeout_ms(w), 4 * timeout_ms(w));
}

/* From a name to a connection: names that are none, slow lookups, several addresses. F38, F39 */

#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { SLOW_MS = 3000 };

static void connect_by_name(session_user *u, const char *name) {
  user_reset(u);
  assert_int_equal(user_try_connect_url(u, raw_peer_url_of(u->peer->raw, name, "/")), 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_RESOLVE);
}

static void play_by_name(session_user *u, const char *name) {
  connect_by_name(u, name);
  user_run_to_close(u);
}

static void assert_greeted(const session_user *u) {
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(user_got(u, "TEXT \"hello\""));
}

SCENARIO_TEST(test_connect_by_name, w, p, u) {
  bytes host = {0};
  char value[64];
  raw_peer_greet_and_close(p->raw);
  play_by_name(u, world_good_name(w));
  assert_greeted(u);
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Host", value, sizeof value));
  bytes_print(&host, "%s:%u", world_good_name(w), (unsigned) p->raw->port);
  assert_string_equal(value, bytes_text(&host));
  bytes_free(&host);
}

SCENARIO_TEST(test_connect_to_a_name_that_is_none, w, p, u) {
  play_by_name(u, world_bad_name(w));
  assert_int_equal(strncmp(wsuv_err_name(u->end.status), "EAI_", 4), 0);
  assert_true(user_ended_by(u, u->end.status, WSUV_STAGE_RESOLVE));
  assert_true(user_never_opened(u));
}

/* In the real world the lookup is in the thread pool, where it cannot be called back. */
SCENARIO_TEST(test_connect_terminated_while_looking_up, w, p, u) {
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){9, .addrs = {"127.0.0.1"}});
  connect_by_name(u, world_good_name(w));
  scenario_at_stage(u, WSUV_STAGE_RESOLVE, user_terminate);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
  scenario_finish(u);
  assert_int_equal(p->raw->accepted, 0);
}

/* --- in simulation only --- */

static void name_of(world *w, const char *name, const sim_answer *answer) {
  sim_name(world_sim(w), name, answer);
}

SCENARIO_SIM_TEST(test_connect_waits_for_a_slow_lookup, w, p, u) {
  raw_peer_greet_and_close(p->raw);
  name_of(w, "slow", &(sim_answer){.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}});
  uint64_t begun = world_now_ms(w);
  play_by_name(u, "slow");
  assert_greeted(u);
  assert_true(world_now_ms(w) - begun >= SLOW_MS);
}

/* The session ends at once; the client's end waits for the orphan. */
SCENARIO_SIM_TEST(test_connect_leaves_a_lookup_behind, w, p, u) {
  static const sim_answer answers[] = {{.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}},
                                       {.delay_ms = SLOW_MS, .status = UV_EAI_AGAIN}};
  for (size_t i = 0; i < 2; i++) {
    scenario_renew(u);
    name_of(w, "slow", &answers[i]);
    uint64_t begun = world_now_ms(w);
    connect_by_name(u, "slow");
    scenario_at_stage(u, WSUV_STAGE_RESOLVE, user_terminate);
    user_run_to_close(u);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
    world_assert_took(w, world_now_ms(w) - begun, 0, 10);
    scenario_finish(u);
    assert_true(world_now_ms(w) - begun >= SLOW_MS);
    assert_int_equal(p->raw->accepted, 0);
  }
}

SCENARIO_SIM_TEST(test_connect_tries_every_address, w, p, u) {
  sim *m = world_sim(w);
  raw_peer_greet_and_close(p->raw);
  sim_route(m, "10.0.0.1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  sim_route(m, "::1", SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  name_of(w, "many", &(sim_answer){.addrs = {"10.0.0.1", "::1", "127.0.0.2", "127.0.0.1"}});
  play_by_name(u, "many");
  assert_greeted(u);
  assert_int_equal(p->raw->accepted, 1);
}

/* F39: a family without a way out, which says nothing. */
SCENARIO_SIM_TEST(test_connect_past_a_dead_family, w, p, u) {
  sim *m = world_sim(w);
  raw_peer_greet_and_close(p->raw);
  sim_route(m, "2001:db8::1", SIM_ROUTE_BLACKHOLE, 0);
  sim_route(m, "2001:db8::2", SIM_ROUTE_BLACKHOLE, 0);
  name_of(w, "many", &(sim_answer){.addrs = {"2001:db8::1", "2001:db8::2", "127.0.0.1"}});
  play_by_name(u, "many");
  assert_greeted(u);
}

SCENARIO_SIM_TEST(test_connect_tells_of_the_last_address, w, p, u) {
  sim *m = world_sim(w);
  sim_route(m, "::1", SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  name_of(w, "many", &(sim_answer){.addrs = {"127.0.0.2", "::1"}});
  play_by_name(u, "many");
  assert_true(user_ended_by(u, UV_EHOSTUNREACH, WSUV_STAGE_CONNECT));
  sim_route(m, "::1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  play_by_name(u, "many");
  assert_true(user_ended_by(u, UV_ENETUNREACH, WSUV_STAGE_CONNECT));
  name_of(w, "many", &(sim_answer){.addrs = {"::1", "127.0.0.2"}});
  play_by_name(u, "many");
  assert_true(user_ended_by(u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
}

SCENARIO_SIM_TEST(test_connect_terminated_between_two_addresses, w, p, u) {
  for (uint64_t after_ms = 0; after_ms < 4; after_ms++) {
    scenario_renew(u);
    p->raw->lenient = true;
    raw_peer_play(p->raw, PEER_EXPECT_GONE);
    name_of(w, "many", &(sim_answer){.addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}});
    connect_by_name(u, "many");
    world_advance(w, after_ms);
    user_terminate(u);
    user_run_to_close(u);
    assert_int_equal(u->closes, 1);
    assert_int_equal(u->end.status, UV_ECANCELED);
  }
}

/* Several sessions at once, each with a fate of its own. */
SCENARIO_SIM_TEST(test_connect_many_lookups_at_once, w, p, u) {
  enum { SESSIONS = 12 };
  session_user o[SESSIONS];
  (void) user_client(u);
  raw_peer_greet_and_close(p->raw);
  name_of(w, "slow", &(sim_answer){.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}});
  name_of(w, "bad", &(sim_answer){.delay_ms = SLOW_MS, .status = UV_EAI_FAIL});
  for (size_t i = 0; i < SESSIONS; i++) {
    const char *name = i % 3 == 0 ? "bad" : "slow";
    user_init_on(&o[i], u);
    assert_int_equal(user_try_connect_url(&o[i], raw_peer_url_of(p->raw, name, "/")), 0);
  }
  world_advance(w, 10);
  assert_int_equal(sim_open(world_sim(w)), 2); /* equal lookups are shared */
  for (size_t i = 2; i < SESSIONS; i += 3) user_terminate(&o[i]);
  for (size_t i = 0; i < SESSIONS; i++) {
    user_run_to_close(&o[i]);
    assert_int_equal(o[i].closes, 1);
    assert_int_equal(o[i].end.status, i % 3 == 0 ? UV_EAI_FAIL : i % 3 == 1 ? 0 : UV_ECANCELED);
    user_free(&o[i]);
  }
}

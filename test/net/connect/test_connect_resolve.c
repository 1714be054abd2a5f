/* From a name to a connection: names that are none, slow lookups, several addresses. F38, F39 */

#include <string.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

enum { SLOW_MS = 3000 };

static void connect_by_name(scene *s, const char *name) {
  observer_reset(&s->o);
  assert_int_equal(observer_connect(&s->o, s->client, raw_peer_url_of(s->peer, name, "/")), 0);
  assert_int_equal(wsuv_session_stage(s->o.session), WSUV_STAGE_RESOLVE);
}

static void play_by_name(scene *s, const char *name) {
  connect_by_name(s, name);
  world_run_until_true(s->w, &s->o.closed);
}

static void greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hello"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

static void assert_greeted(const observer *o) {
  assert_ended(o, 0, WSUV_STAGE_CLOSING);
  assert_string_equal(bytes_text(&o->text), "hello;");
}

WORLD_TEST(test_connect_by_name, w) {
  bytes host = {0};
  char value[64];
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  play_by_name(&s, world_good_name(w));
  assert_greeted(&s.o);
  assert_true(raw_conn_header(raw_peer_conn(s.peer, 0), "Host", value, sizeof value));
  bytes_print(&host, "%s:%u", world_good_name(w), (unsigned) s.peer->port);
  assert_string_equal(value, bytes_text(&host));
  bytes_free(&host);
  scene_end(&s);
}

WORLD_TEST(test_connect_to_a_name_that_is_none, w) {
  scene s;
  scene_begin(&s, w, NULL);
  play_by_name(&s, world_bad_name(w));
  assert_int_equal(strncmp(wsuv_err_name(s.o.status), "EAI_", 4), 0);
  assert_ended(&s.o, s.o.status, WSUV_STAGE_RESOLVE);
  assert_never_open(&s.o);
  scene_end(&s);
}

static void terminate_it(scene *s) {
  observer_terminate(&s->o);
}

/* In the real world the lookup is in the thread pool, where it cannot be called back. */
WORLD_TEST(test_connect_terminated_while_looking_up, w) {
  scene s;
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){9, .addrs = {"127.0.0.1"}});
  scene_begin(&s, w, NULL);
  connect_by_name(&s, world_good_name(w));
  scene_at_stage(&s, WSUV_STAGE_RESOLVE, terminate_it);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_RESOLVE);
  scene_end(&s);
  assert_int_equal(s.peer->accepted, 0);
}

/* --- in simulation only --- */

static void name_of(world *w, const char *name, const sim_answer *answer) {
  sim_name(world_sim(w), name, answer);
}

WORLD_SIM_TEST(test_connect_waits_for_a_slow_lookup, w) {
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  name_of(w, "slow", &(sim_answer){.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}});
  uint64_t begun = world_now_ms(w);
  play_by_name(&s, "slow");
  assert_greeted(&s.o);
  assert_true(world_now_ms(w) - begun >= SLOW_MS);
  scene_end(&s);
}

/* The session ends at once; the client's end waits for the orphan. */
WORLD_SIM_TEST(test_connect_leaves_a_lookup_behind, w) {
  static const sim_answer answers[] = {{.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}},
                                       {.delay_ms = SLOW_MS, .status = UV_EAI_AGAIN}};
  for (size_t i = 0; i < 2; i++) {
    scene s;
    scene_begin(&s, w, NULL);
    name_of(w, "slow", &answers[i]);
    uint64_t begun = world_now_ms(w);
    connect_by_name(&s, "slow");
    scene_at_stage(&s, WSUV_STAGE_RESOLVE, terminate_it);
    world_run_until_true(w, &s.o.closed);
    assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_RESOLVE);
    world_assert_took(w, world_now_ms(w) - begun, 0, 10);
    scene_end(&s);
    assert_true(world_now_ms(w) - begun >= SLOW_MS);
    assert_int_equal(s.peer->accepted, 0);
  }
}

WORLD_SIM_TEST(test_connect_tries_every_address, w) {
  scene s;
  sim *m = world_sim(w);
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  sim_route(m, "10.0.0.1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  sim_route(m, "::1", SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  name_of(w, "many", &(sim_answer){.addrs = {"10.0.0.1", "::1", "127.0.0.2", "127.0.0.1"}});
  play_by_name(&s, "many");
  assert_greeted(&s.o);
  assert_int_equal(s.peer->accepted, 1);
  scene_end(&s);
}

/* F39: a family without a way out, which says nothing. */
WORLD_SIM_TEST(test_connect_past_a_dead_family, w) {
  scene s;
  sim *m = world_sim(w);
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  sim_route(m, "2001:db8::1", SIM_ROUTE_BLACKHOLE, 0);
  sim_route(m, "2001:db8::2", SIM_ROUTE_BLACKHOLE, 0);
  name_of(w, "many", &(sim_answer){.addrs = {"2001:db8::1", "2001:db8::2", "127.0.0.1"}});
  play_by_name(&s, "many");
  assert_greeted(&s.o);
  scene_end(&s);
}

WORLD_SIM_TEST(test_connect_tells_of_the_last_address, w) {
  scene s;
  sim *m = world_sim(w);
  scene_begin(&s, w, NULL);
  sim_route(m, "::1", SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  name_of(w, "many", &(sim_answer){.addrs = {"127.0.0.2", "::1"}});
  play_by_name(&s, "many");
  assert_ended(&s.o, UV_EHOSTUNREACH, WSUV_STAGE_CONNECT);
  sim_route(m, "::1", SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH);
  play_by_name(&s, "many");
  assert_ended(&s.o, UV_ENETUNREACH, WSUV_STAGE_CONNECT);
  name_of(w, "many", &(sim_answer){.addrs = {"::1", "127.0.0.2"}});
  play_by_name(&s, "many");
  assert_ended(&s.o, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  scene_end(&s);
}

WORLD_SIM_TEST(test_connect_terminated_between_two_addresses, w) {
  for (uint64_t after_ms = 0; after_ms < 4; after_ms++) {
    scene s;
    scene_begin(&s, w, NULL);
    s.peer->lenient = true;
    raw_peer_play(s.peer, PEER_EXPECT_GONE);
    name_of(w, "many", &(sim_answer){.addrs = {"127.0.0.2", "127.0.0.3", "127.0.0.1"}});
    connect_by_name(&s, "many");
    world_advance(w, after_ms);
    observer_terminate(&s.o);
    world_run_until_true(w, &s.o.closed);
    assert_int_equal(s.o.closes, 1);
    assert_int_equal(s.o.status, UV_ECANCELED);
    scene_end(&s);
  }
}

/* Several sessions at once, each with a fate of its own. */
WORLD_SIM_TEST(test_connect_many_lookups_at_once, w) {
  enum { SESSIONS = 12 };
  observer o[SESSIONS] = {{0}};
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  name_of(w, "slow", &(sim_answer){.delay_ms = SLOW_MS, .addrs = {"127.0.0.1"}});
  name_of(w, "bad", &(sim_answer){.delay_ms = SLOW_MS, .status = UV_EAI_FAIL});
  for (size_t i = 0; i < SESSIONS; i++) {
    const char *name = i % 3 == 0 ? "bad" : "slow";
    assert_int_equal(observer_connect(&o[i], s.client, raw_peer_url_of(s.peer, name, "/")), 0);
  }
  world_advance(w, 10);
  assert_int_equal(sim_open(world_sim(w)), 2); /* equal lookups are shared */
  for (size_t i = 2; i < SESSIONS; i += 3) observer_terminate(&o[i]);
  for (size_t i = 0; i < SESSIONS; i++) {
    world_run_until_true(w, &o[i].closed);
    assert_int_equal(o[i].closes, 1);
    assert_int_equal(o[i].status, i % 3 == 0 ? UV_EAI_FAIL : i % 3 == 1 ? 0 : UV_ECANCELED);
    observer_reset(&o[i]);
  }
  scene_end(&s);
}

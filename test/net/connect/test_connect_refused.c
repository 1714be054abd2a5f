/* Nobody listens. */

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void connect_to_nobody(session_user *u) {
  u->peer->raw->port = world_dead_port(u->w); /* of the URL */
  scenario_connect(u);
  assert_non_null(u->session);
  assert_int_equal(u->closes, 0);
  assert_int_equal(wsuv_client_session_count(u->client), 1);
}

static void assert_refused(const session_user *u, int status, wsuv_stage_t stage) {
  assert_true(user_ended_by(u, status, stage));
  assert_true(user_never_opened(u));
  assert_int_equal(u->end.http_status, 0);
  assert_int_equal(u->end.header_count, 0);
  assert_false(u->end.has_body);
  assert_string_equal(u->end.reason, "");
  assert_string_equal(u->end.sent_reason, "");
}

SCENARIO_TEST(test_connect_refused_has_its_code_and_stage, w, p, u) {
  connect_to_nobody(u);
  world_run(w);
  assert_refused(u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  assert_int_equal(wsuv_client_session_count(u->client), 0);
  assert_int_equal(p->raw->accepted, 0);
}

SCENARIO_TEST(test_connect_refused_when_the_peer_stops_listening, w, p, u) {
  raw_peer_refuse(p->raw);
  world_advance(w, 1);
  scenario_play(u);
  assert_refused(u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
}

static void close_the_client(session_user *u) {
  CHECK(call_client_close(u->data, NULL) == 0);
}

SCENARIO_TEST(test_connect_refused_and_the_client_closed_in_on_close, w, p, u) {
  u->at_close = close_the_client;
  u->data = u->client;
  connect_to_nobody(u);
  world_run(w);
  assert_refused(u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  user_reset(u);
}

SCENARIO_SIM_TEST(test_connect_has_the_network_s_own_code, w, p, u) {
  static const struct {
    sim_route_kind kind;
    int code;
  } routes[] = {{SIM_ROUTE_FAIL, UV_EHOSTUNREACH},
                {SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH},
                {SIM_ROUTE_FAIL_NOW, UV_EMFILE}}; /* F37 */
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    sim_route(world_sim(w), "127.0.0.1", routes[i].kind, routes[i].code);
    scenario_play(u);
    assert_refused(u, routes[i].code, WSUV_STAGE_CONNECT);
  }
}

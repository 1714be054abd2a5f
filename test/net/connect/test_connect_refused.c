/* Nobody listens. */

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

static void connect_to_nobody(scene *s) {
  s->peer->port = world_dead_port(s->w); /* of the URL */
  scene_connect(s);
  assert_non_null(s->o.session);
  assert_false(s->o.closed);
  assert_int_equal(wsuv_client_session_count(s->client), 1);
}

static void assert_refused(const observer *o, int status, wsuv_stage_t stage) {
  assert_ended(o, status, stage);
  assert_never_open(o);
  assert_int_equal(o->http_status, 0);
  assert_int_equal(o->header_count, 0);
  assert_false(o->has_body);
  assert_string_equal(o->reason, "");
  assert_string_equal(o->sent_reason, "");
}

WORLD_TEST(test_connect_refused_has_its_code_and_stage, w) {
  scene s;
  scene_begin(&s, w, NULL);
  connect_to_nobody(&s);
  world_run(w);
  assert_refused(&s.o, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  assert_int_equal(wsuv_client_session_count(s.client), 0);
  assert_int_equal(s.peer->accepted, 0);
  scene_end(&s);
}

WORLD_TEST(test_connect_refused_when_the_peer_stops_listening, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_refuse(s.peer);
  world_advance(w, 1);
  scene_play(&s);
  assert_refused(&s.o, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  scene_end(&s);
}

static void close_the_client(observer *o) {
  CHECK(observer_client_close(o->data, NULL) == 0);
}

WORLD_TEST(test_connect_refused_and_the_client_closed_in_on_close, w) {
  scene s;
  scene_begin(&s, w, NULL);
  s.o.at_close = close_the_client;
  s.o.data = s.client;
  connect_to_nobody(&s);
  world_run(w);
  assert_refused(&s.o, UV_ECONNREFUSED, WSUV_STAGE_CONNECT);
  observer_reset(&s.o);
}

WORLD_SIM_TEST(test_connect_has_the_network_s_own_code, w) {
  static const struct {
    sim_route_kind kind;
    int code;
  } routes[] = {{SIM_ROUTE_FAIL, UV_EHOSTUNREACH},
                {SIM_ROUTE_FAIL_NOW, UV_ENETUNREACH},
                {SIM_ROUTE_FAIL_NOW, UV_EMFILE}}; /* F37 */
  scene s;
  scene_begin(&s, w, NULL);
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    sim_route(world_sim(w), "127.0.0.1", routes[i].kind, routes[i].code);
    scene_play(&s);
    assert_refused(&s.o, routes[i].code, WSUV_STAGE_CONNECT);
  }
  scene_end(&s);
}

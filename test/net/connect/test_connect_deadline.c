/* One deadline for all that comes before the open session, whatever the server does. F3 F38 F42 F47
 */

#include <string.h>

#include "net/filter.h"
#include "session/client.h"
#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* The real world cannot wait long, and is not on time. */
static uint64_t timeout_ms(const world *w) {
  return w->kind == WORLD_SIM ? 10000 : 80;
}

enum { SLACK_MS = 10 };

static void set_deadline(session_user *u) {
  u->config.handshake_timeout_ms = timeout_ms(u->w);
  u->peer->raw->lenient = true;
}

static void assert_ends_in_time(session_user *u, const char *name, int status, wsuv_stage_t stage) {
  world *w = u->w;
  uint64_t begun = world_now_ms(w);
  user_reset(u);
  assert_int_equal(user_try_connect_url(u, raw_peer_url_of(u->peer->raw, name, "/")), 0);
  user_run_to_close(u);
  uint64_t took = world_now_ms(w) - begun;
  assert_true(user_ended_by(u, status, stage));
  assert_true(user_never_opened(u));
  world_assert_took(w, took, timeout_ms(w), timeout_ms(w) + SLACK_MS);
}

static void assert_timed_out(session_user *u, const char *name, wsuv_stage_t stage) {
  assert_ends_in_time(u, name, UV_ETIMEDOUT, stage);
}

SCENARIO_TEST(test_deadline_of_a_server_that_says_nothing, w, p, u) {
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  assert_timed_out(u, "127.0.0.1", WSUV_STAGE_HANDSHAKE);
  assert_int_equal(u->end.http_status, 0);
}

SCENARIO_TEST(test_deadline_of_a_server_that_does_not_even_read, w, p, u) {
  set_deadline(u);
  raw_peer_play(p->raw, PEER_STALL, PEER_DELAY(timeout_ms(w) * 2), PEER_RESUME, PEER_EXPECT_GONE);
  assert_timed_out(u, "127.0.0.1", WSUV_STAGE_HANDSHAKE);
}

SCENARIO_TEST(test_deadline_of_a_server_that_stops_in_mid_answer, w, p, u) {
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND(ANSWER_SWITCH ANSWER_UPGRADE),
                PEER_EXPECT_GONE);
  assert_timed_out(u, "127.0.0.1", WSUV_STAGE_HANDSHAKE);
}

/* Bytes never extend it: there would be enough for ten deadlines. */
SCENARIO_TEST(test_deadline_of_a_server_that_dribbles, w, p, u) {
  enum { BYTES = 100 };
  char answer[BYTES + sizeof ANSWER_SWITCH] = ANSWER_SWITCH "X: ";
  memset(answer + strlen(answer), 'x', BYTES - 10);
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_DRIBBLE(answer, strlen(answer), 1, timeout_ms(w) / 10), PEER_EXPECT_GONE);
  assert_timed_out(u, "127.0.0.1", WSUV_STAGE_HANDSHAKE);
}

/* The status is known: what comes of the body until then is what there is. */
SCENARIO_TEST(test_deadline_of_a_refusal_that_dribbles, w, p, u) {
  static const char body[] = "this body comes slowly, and there is more and more of it, and more";
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 401 No\r\n\r\n"),
                PEER_DRIBBLE(body, strlen(body), 1, timeout_ms(w) / 10), PEER_EXPECT_GONE);
  assert_ends_in_time(u, "127.0.0.1", WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE);
  assert_int_equal(u->end.http_status, 401);
}

SCENARIO_TEST(test_deadline_ends_when_the_session_is_open, w, p, u) {
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  scenario_open(u);
  world_advance(w, timeout_ms(w) * 2);
  assert_int_equal(u->closes, 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_OPEN);
  user_close_client(u);
  assert_int_equal(u->end.status, 0);
}

static void answer_and_lose_time(raw_conn *c) {
  world *w = c->peer->w;
  raw_conn_upgrade(c, "");
  world_lose_time(w, timeout_ms(w) * 2);
}

/* The answer came in time, but the program was busy, and looks when it is late. */
SCENARIO_TEST(test_deadline_waits_for_what_has_come, w, p, u) {
  sim *m = world_sim(w);
  if (m != NULL) sim_set_profile(m, NULL);
  set_deadline(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CALL(answer_and_lose_time), PEER_ECHO);
  scenario_open(u);
  user_close_client(u);
  assert_int_equal(u->end.status, 0);
}

/* A request can have a deadline of its own. */
SCENARIO_TEST(test_deadline_of_one_request, w, p, u) {
  wsuv_config_t config;
  wsuv_request_t r;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  wsuv_client_get_config(user_client(u), &config);
  config.handshake_timeout_ms = 30;
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.config = &config;
  uint64_t begun = world_now_ms(w);
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ETIMEDOUT, WSUV_STAGE_HANDSHAKE));
  world_assert_took(w, world_now_ms(w) - begun, 30, 30 + SLACK_MS);
}

/* --- the request gets out, but writing it is told as an error --- */

enum { LINGER_MS = 1000 };

static const ws_env_ops *sound_env;
static const ws_filter_ops *sound_filter;

static int write_and_fail(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                          size_t *retained) {
  CHECK(sound_filter->write(f, bufs, count, taken, retained) == 0 && *retained == 0);
  return UV_EPIPE;
}

static int connect_failing(ws_env *env, const struct sockaddr *addr,
                           const ws_socket_options *options, const ws_filter_events *events,
                           void *up, ws_filter **out) {
  static ws_filter_ops failing;
  int err = sound_env->connect(env, addr, options, events, up, out);
  CHECK(err == 0);
  sound_filter = (*out)->ops;
  failing = *sound_filter;
  failing.write = write_and_fail;
  (*out)->ops = &failing;
  return 0;
}

static void begin_failing(session_user *u, uint64_t handshake_timeout_ms) {
  static ws_env_ops failing;
  sim *m = world_sim(u->w);
  u->config.handshake_timeout_ms = handshake_timeout_ms;
  if (m != NULL) sim_set_profile(m, NULL); /* takes a request at once */
  ws_env *env = user_client(u)->endpoint.env;
  sound_env = env->ops;
  failing = *sound_env;
  failing.connect = connect_failing;
  env->ops = &failing;
}

/* No session is open that cannot write, least of all one without a deadline. */
SCENARIO_TEST(test_deadline_of_a_write_error_is_not_stopped_by_an_answer, w, p, u) {
  begin_failing(u, 10000);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hello"),
                PEER_EXPECT_GONE);
  uint64_t begun = world_now_ms(w);
  scenario_play(u);
  assert_true(user_ended_by(u, UV_EPIPE, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  world_assert_took(w, world_now_ms(w) - begun, 0, LINGER_MS);
}

static void assert_write_error_ends_after(session_user *u, uint64_t timeout_ms,
                                          uint64_t expected_ms) {
  world *w = u->w;
  begin_failing(u, timeout_ms);
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  uint64_t begun = world_now_ms(w);
  scenario_play(u);
  assert_true(user_ended_by(u, UV_EPIPE, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  world_assert_took(w, world_now_ms(w) - begun, expected_ms - 2, expected_ms + LINGER_MS / 2);
}

/* What the server had to say may still come: for a second, but not beyond the deadline. */
SCENARIO_TEST(test_deadline_of_a_write_error_is_a_second, w, p, u) {
  assert_write_error_ends_after(u, 10000, LINGER_MS);
}

SCENARIO_TEST(test_deadline_is_not_moved_later_by_a_write_error, w, p, u) {
  assert_write_error_ends_after(u, 80, 80);
}

/* --- in simulation only --- */

SCENARIO_SIM_TEST(test_deadline_of_a_lookup_that_never_ends, w, p, u) {
  set_deadline(u);
  sim_name(world_sim(w), "never", &(sim_answer){.delay_ms = SIM_NEVER});
  assert_timed_out(u, "never", WSUV_STAGE_RESOLVE);
}

SCENARIO_SIM_TEST(test_deadline_of_a_connection_that_is_not_answered, w, p, u) {
  set_deadline(u);
  sim_route(world_sim(w), "127.0.0.1", SIM_ROUTE_BLACKHOLE, 0);
  assert_timed_out(u, "127.0.0.1", WSUV_STAGE_CONNECT);
}

/* Each stage takes its part, and none a deadline of its own. */
SCENARIO_SIM_TEST(test_deadline_is_one_for_all_stages, w, p, u) {
  char answer[] = ANSWER_SWITCH "X: 1234567890";
  set_deadline(u);
  sim_name(world_sim(w), "slow", &(sim_answer){.delay_ms = 7000, .addrs = {"127.0.0.1"}});
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_DELAY(2000),
                PEER_DRIBBLE(answer, strlen(answer), 1, 500), PEER_EXPECT_GONE);
  assert_timed_out(u, "slow", WSUV_STAGE_HANDSHAKE);
}

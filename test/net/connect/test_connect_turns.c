/* Many attempts to connect that could begin at the same time: one turn of the loop begins only some
   of them. F57 */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "net/address.h"
#include "net/dial/dial.h"
#include "net/filter.h"
#include "net/tls/tls.h"
#include "net/tls/tls_parts.h"
#include "session/client.h"
#include "support/alloc_failures.h"
#include "support/crowd.h"
#include "support/scenario.h"
#include "support/stride.h"
#include "support/tls_ends.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { IN_A_TURN = DIAL_TURN_BUDGET, MANY = 3 * IN_A_TURN + 5 };

/* --- what the client asks its environment for --- */

static struct spy {
  const ws_env_ops *under;
  ws_env_ops ops;
  char addrs[MANY][ADDRESS_TEXT_SIZE]; /* of the connections, in their order */
  size_t connects, lookups;
  size_t seen, most; /* connections and lookups: until the last turn, and most of one turn */
  const ws_filter_ops *filter_under; /* of the connections */
  ws_filter_ops filter_ops;
  size_t writes;
} spy;

static int spy_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                     size_t *retained) {
  spy.writes++;
  return spy.filter_under->write(f, bufs, count, taken, retained);
}

static void spy_on_filter(ws_filter *f) {
  spy.filter_under = f->ops;
  spy.filter_ops = *f->ops;
  spy.filter_ops.write = spy_write;
  f->ops = &spy.filter_ops;
}

static int spy_connect(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                       const struct ws_filter_events *events, void *up, struct ws_filter **out) {
  struct sockaddr_storage full = {.ss_family = AF_UNSPEC};
  memcpy(&full, addr, addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof full);
  if (spy.connects < MANY) address_print(spy.addrs[spy.connects], &full);
  spy.connects++;
  int err = spy.under->connect(env, addr, options, events, up, out);
  if (err == 0) spy_on_filter(*out);
  return err;
}

static int spy_lookup(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                      ws_lookup **out) {
  spy.lookups++;
  return spy.under->lookup(env, host, port, cb, data, out);
}

static void spy_begin(wsuv_client_t *client) {
  ws_env *env = client->endpoint.env;
  spy = (struct spy){.under = env->ops, .ops = *env->ops};
  spy.ops.connect = spy_connect;
  spy.ops.lookup = spy_lookup;
  env->ops = &spy.ops;
}

/* A turn of the loop is over. */
static void spy_look(void) {
  size_t now = spy.connects + spy.lookups;
  if (now - spy.seen > spy.most) spy.most = now - spy.seen;
  spy.seen = now;
}

static bool watch(void *arg) {
  spy_look();
  return crowd_is_settled(arg);
}

static void begin(crowd *c, session_user *u, size_t count) {
  u->peer->forgets = u->peer->raw->lenient = true;
  u->config.max_connecting = UINT_MAX;
  crowd_begin(c, u, count);
  spy_begin(c->client);
}

/* --- how many --- */

SCENARIO_TEST(test_turn_begins_so_many_attempts_and_no_more, w, p, u) {
  crowd c;
  begin(&c, u, MANY);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, watch, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY);
  assert_int_equal(spy.connects, MANY);
  assert_int_equal(spy.most, IN_A_TURN);
  crowd_end(&c, u);
}

/* Each to an address of its own, where nobody listens. */
static void connect_to_addresses(crowd *c) {
  char url[64];
  for (size_t i = 0; i < c->count; i++) {
    (void) snprintf(url, sizeof url, "ws://127.0.1.%u:%u/", (unsigned) i,
                    (unsigned) world_dead_port(c->w));
    crowd_connect_one(c, i, url);
  }
}

SCENARIO_TEST(test_attempts_begin_in_the_order_of_the_calls, w, p, u) {
  char text[ADDRESS_TEXT_SIZE];
  crowd c;
  begin(&c, u, MANY);
  connect_to_addresses(&c);
  world_run_until(w, watch, &c);
  assert_int_equal(spy.connects, MANY);
  assert_int_equal(spy.most, IN_A_TURN);
  for (size_t i = 0; i < MANY; i++) {
    (void) snprintf(text, sizeof text, "127.0.1.%u", (unsigned) i);
    assert_memory_equal(spy.addrs[i], text, strlen(text));
    assert_true(user_ended_by(crowd_member(&c, i), UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
    assert_true(user_never_opened(crowd_member(&c, i)));
  }
  crowd_end(&c, u);
}

/* --- names --- */

/* The turn in which the answer comes may begin some attempts before its tick, and some in it. */
SCENARIO_SIM_TEST(test_sessions_to_one_name_look_it_up_once_and_connect_in_turns, w, p, u) {
  crowd c;
  sim_name(world_sim(w), "crowd.test", &(sim_answer){.delay_ms = 5, .addrs = {"127.0.0.1"}});
  begin(&c, u, MANY);
  crowd_connect(&c, raw_peer_url_of(p->raw, "crowd.test", "/"));
  world_run_until(w, watch, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY);
  assert_int_equal(spy.lookups, 1);
  assert_in_range(spy.most, IN_A_TURN, 2 * IN_A_TURN);
  crowd_end(&c, u);
}

/* Each to a name of its own, which does not exist. */
static void connect_to_names(crowd *c) {
  char url[64];
  for (size_t i = 0; i < c->count; i++) {
    (void) snprintf(url, sizeof url, "ws://none%u.test/", (unsigned) i);
    crowd_connect_one(c, i, url);
  }
}

SCENARIO_SIM_TEST(test_turn_begins_so_many_lookups_and_no_more, w, p, u) {
  crowd c;
  begin(&c, u, MANY);
  connect_to_names(&c);
  world_run_until(w, watch, &c);
  assert_int_equal(spy.lookups, MANY);
  assert_int_equal(spy.most, IN_A_TURN);
  for (size_t i = 0; i < MANY; i++) {
    assert_true(user_ended_by(crowd_member(&c, i), UV_EAI_NONAME, WSUV_STAGE_RESOLVE));
  }
  crowd_end(&c, u);
}

/* --- names that are looked up for a proxy, which answers nothing --- */

static void begin_behind_proxy(crowd *c, session_user *u, char proxy[64], size_t count) {
  (void) snprintf(proxy, 64, "socks5://127.0.0.1:%u", (unsigned) u->peer->raw->port);
  u->config.proxy = proxy;
  begin(c, u, count);
}

static void assert_names_do_not_exist(const crowd *c) {
  assert_int_equal(spy.connects, c->count);
  assert_int_equal(spy.lookups, c->count);
  for (size_t i = 0; i < c->count; i++) {
    assert_true(user_ended_by(crowd_member(c, i), UV_EAI_NONAME, WSUV_STAGE_PROXY));
  }
}

SCENARIO_SIM_TEST(test_turn_begins_so_many_lookups_for_a_proxy_and_no_more, w, p, u) {
  char proxy[64];
  crowd c;
  begin_behind_proxy(&c, u, proxy, MANY);
  connect_to_names(&c);
  world_run_until(w, watch, &c);
  assert_names_do_not_exist(&c);
  assert_in_range(spy.most, IN_A_TURN, 2 * IN_A_TURN);
  crowd_end(&c, u);
}

static size_t written;

static bool watch_writes(void *arg) {
  (void) arg;
  assert_true(spy.writes <= written + 2 * IN_A_TURN);
  written = spy.writes;
  return written == MANY;
}

/* All have connected to the proxy when the addresses come. */
SCENARIO_SIM_TEST(test_sessions_to_one_name_ask_a_proxy_for_tunnels_in_turns, w, p, u) {
  char proxy[64];
  crowd c;
  written = 0;
  sim_name(world_sim(w), "crowd.test", &(sim_answer){.delay_ms = 2000, .addrs = {"192.0.2.1"}});
  begin_behind_proxy(&c, u, proxy, MANY);
  crowd_connect(&c, "ws://crowd.test/");
  world_run_until(w, watch_writes, &c);
  assert_int_equal(spy.connects, MANY);
  assert_int_equal(spy.lookups, 1);
  crowd_end(&c, u);
}

/* --- TLS --- */

static const tls_library *real;
static tls_library counting;
static size_t made, made_before;

static int count_set_up(struct tls_engine *e) {
  made++;
  return real->engine_set_up(e);
}

static void count_states(crowd *c) {
  tls_context *ctx;
  const wsuv_tls_config_t *tls = c->client->endpoint.config.tls;
  assert_int_equal(
      tls_contexts_get(&c->client->endpoint.tls, &c->client->endpoint.alloc, tls, WS_CLIENT, &ctx),
      0);
  real = ctx->library;
  counting = *real;
  counting.engine_set_up = count_set_up;
  ctx->library = &counting;
  tls_context_unref(ctx);
  made = made_before = 0;
}

/* What waits for its turn is set up in the tick, and what has come is read in the same turn. */
static bool watch_states(void *arg) {
  assert_true(made - made_before <= 2 * (TLS_TURN_BUDGET / real->step_cost));
  made_before = made;
  return crowd_is_settled(arg);
}

SCENARIO_ONLY_SIM_TLS_TEST(test_turn_makes_so_many_states_of_tls_and_no_more, w, p, u) {
  crowd c;
  begin(&c, u, MANY);
  count_states(&c);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, watch_states, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY);
  assert_int_equal(made, MANY);
  crowd_end(&c, u);
}

static bool has_done_tls(const session_user *u) {
  return u->session != NULL && wsuv_session_stage(u->session) > WSUV_STAGE_TLS;
}

static size_t secured;

static bool watch_last_steps(void *arg) {
  const size_t now = crowd_count(arg, has_done_tls);
  assert_true(now <= secured + 2 * TLS_TURN_BUDGET);
  secured = now;
  return crowd_is_settled(arg);
}

/* The last step of TLS 1.2, and of a session that is resumed, has no public key work. Those that
   have waited for others with it, and so come together, do not go on together. */
SCENARIO_ONLY_SIM_TLS_TEST(test_turn_ends_so_many_handshakes_of_tls_and_no_more, w, p, u) {
  crowd c;
  secured = 0;
  sim_set_profile(world_sim(w), NULL);
  begin(&c, u, MANY);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, watch_last_steps, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY);
  crowd_end(&c, u);
}

/* --- deadlines --- */

/* Each turn takes as long as if each attempt took a millisecond and more. */
static bool watch_slowly(void *arg) {
  const crowd *c = arg;
  if (spy.connects < c->count) world_lose_time(c->w, 2 * IN_A_TURN);
  return watch(arg);
}

SCENARIO_SIM_TEST(test_no_deadline_passes_while_attempts_wait_for_their_turn, w, p, u) {
  crowd c;
  u->config.handshake_timeout_ms = 100;
  sim_set_profile(world_sim(w), NULL);
  begin(&c, u, MANY);
  uint64_t begun_ms = world_now_ms(w);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, watch_slowly, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY);
  assert_true(world_now_ms(w) - begun_ms > 2 * u->config.handshake_timeout_ms);
  crowd_end(&c, u);
}

static bool watch_lookups_slowly(void *arg) {
  const crowd *c = arg;
  if (spy.lookups < c->count) world_lose_time(c->w, 4 * IN_A_TURN);
  return watch(arg);
}

/* So many turns that it is not enough to put deadlines off because the loop was away. */
SCENARIO_SIM_TEST(test_no_deadline_passes_while_lookups_for_a_proxy_wait_for_their_turn, w, p, u) {
  char proxy[64];
  crowd c;
  u->config.handshake_timeout_ms = 100;
  sim_set_profile(world_sim(w), NULL);
  begin_behind_proxy(&c, u, proxy, 12 * IN_A_TURN);
  connect_to_names(&c);
  world_run_until(w, watch_lookups_slowly, &c);
  assert_names_do_not_exist(&c);
  crowd_end(&c, u);
}

/* --- ends --- */

static bool first_have_begun(void *arg) {
  (void) arg;
  return spy.connects + spy.lookups > 0;
}

static void assert_cancelled(const session_user *u) {
  assert_int_equal(u->closes, 1);
  assert_int_equal(u->end.status, UV_ECANCELED);
  assert_true(user_never_opened(u));
}

SCENARIO_TEST(test_sessions_are_terminated_while_their_attempts_wait, w, p, u) {
  crowd c;
  size_t ended = 0;
  begin(&c, u, MANY);
  crowd_connect(&c, raw_peer_url(p->raw, "/"));
  world_run_until(w, first_have_begun, &c);
  assert_int_equal(spy.connects, IN_A_TURN);
  for (size_t i = IN_A_TURN; i < MANY; i += 3, ended++) user_terminate(crowd_member(&c, i));
  world_run_until(w, watch, &c);
  assert_int_equal(crowd_count(&c, crowd_is_open), MANY - ended);
  assert_int_equal(spy.connects, MANY - ended);
  for (size_t i = IN_A_TURN; i < MANY; i += 3) assert_cancelled(crowd_member(&c, i));
  crowd_end(&c, u);
}

static size_t gone;

static void on_gone(wsuv_client_t *client) {
  (void) client;
  gone++;
}

static void end_the_client(session_user *u) {
  const crowd *c = u->data;
  CHECK(call_client_close(c->client, on_gone) == 0);
}

SCENARIO_TEST(test_client_is_closed_inside_an_event_while_attempts_wait, w, p, u) {
  crowd c;
  gone = 0;
  begin(&c, u, MANY);
  crowd_member(&c, 0)->data = &c;
  crowd_member(&c, 0)->at_close = end_the_client;
  connect_to_addresses(&c);
  u->client = NULL;
  world_run_until_count(w, &gone, 1);
  assert_int_equal(crowd_count(&c, crowd_is_over), MANY);
  crowd_free(&c);
}

/* After so many turns of the loop. */
static void close_client_after(session_user *u, const char *url, size_t turns, bool terminate) {
  crowd c;
  begin(&c, u, MANY);
  crowd_connect(&c, url);
  for (size_t i = 0; i < turns; i++) (void) u->w->ops->turn(u->w, true);
  gone = 0;
  assert_int_equal(
      user_end_client(u, terminate ? call_client_terminate : call_client_close, on_gone), 0);
  world_run_until_count(u->w, &gone, 1);
  for (size_t i = 0; i < MANY; i++) {
    assert_int_equal(crowd_member(&c, i)->closes, 1);
    if (crowd_member(&c, i)->opens == 0) assert_cancelled(crowd_member(&c, i));
  }
  crowd_free(&c);
  scenario_renew(u);
}

SCENARIO_SIM_TEST(test_client_is_closed_after_any_turn_of_a_crowd, w, p, u) {
  sim_name(world_sim(w), "crowd.test", &(sim_answer){.delay_ms = 1, .addrs = {"127.0.0.1"}});
  for (size_t turns = 0; turns < 8; turns++) {
    close_client_after(u, raw_peer_url(p->raw, "/"), turns, turns % 2 == 0);
    close_client_after(u, raw_peer_url_of(p->raw, "crowd.test", "/"), turns, turns % 2 != 0);
  }
}

/* --- without memory --- F46 */

static bool live(world *w, session_user *u, const char *url, alloc_failures *f) {
  crowd c;
  u->peer->forgets = u->peer->raw->lenient = true;
  crowd_begin(&c, u, IN_A_TURN + 2);
  alloc_failures_begin(f, w->alloc);
  for (size_t i = 0; i < c.count; i++) {
    session_user *m = crowd_member(&c, i);
    int err = user_try_connect_url(m, url);
    CHECK(err == 0 || err == UV_ENOMEM);
    if (err < 0) m->closes = 1;
  }
  world_run_until(w, crowd_is_settled, &c);
  bool failed = alloc_failures_end(f, w->alloc);
  CHECK(failed || crowd_count(&c, crowd_is_open) == c.count);
  crowd_end(&c, u);
  return failed;
}

SCENARIO_SIM_TEST(test_each_allocation_fails_in_a_crowd, w, p, u) {
  static const char *const hosts[] = {"127.0.0.1", "crowd.test"};
  if (w->seed != 0) return;
  sim_set_profile(world_sim(w), NULL);
  sim_name(world_sim(w), "crowd.test", &(sim_answer){.delay_ms = 1, .addrs = {"127.0.0.1"}});
  for (size_t i = 0; i < 2; i++) {
    for (alloc_failures f = {.step = stride()}; alloc_failures_next(&f);) {
      (void) live(w, u, raw_peer_url_of(p->raw, hosts[i], "/"), &f);
    }
  }
}

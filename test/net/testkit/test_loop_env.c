/* Worlds on a real loop: links are in memory, and everything else is libuv's. The contracts of
   env.h and filter.h are held to in test_env_contract.c and test_filter_contract.c. */

#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/filter.h"
#include "support/alloc_failures.h"
#include "support/raw_peer.h"
#include "support/server_user.h"
#include "testkit/check.h"
#include "testkit/loop_env.h"

#define LOOP_SERVER_TEST(NAME, W, S) SERVER_TEST_IN(NAME, W, S, WORLD_IN_LOOP)

enum { NS_PER_MS = 1000 * 1000, LATENCY_MS = 3, LARGE = 1024 * 1024, MANY_TURNS = 50 };

/* Each byte takes some milliseconds. */
static void make_slow(world *w) {
  sim_profile profile;
  sim_get_profile(world_sim(w), &profile);
  profile.latency_min_ns = profile.latency_max_ns = (uint64_t) LATENCY_MS * NS_PER_MS;
  sim_set_profile(world_sim(w), &profile);
}

/* The loop runs as long as something keeps it alive, and ends then. */
static void run_loop(world *w) {
  assert_int_equal(uv_run(world_uv_loop(w), UV_RUN_DEFAULT), 0);
}

static bool loop_goes_on(world *w) {
  int alive = 1;
  for (int i = 0; i < MANY_TURNS && alive; i++) alive = uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  return alive != 0;
}

/* --- one connection of an environment, with a raw peer --- */

typedef struct link_user {
  ws_env *env;
  ws_filter *f;
  int status; /* of connecting; 1: not known yet */
  size_t written, retained;
  bool closed;
} link_user;

static void on_connect(void *up, int status) {
  link_user *u = up;
  u->status = status;
}

static void on_write(void *up, int status) {
  link_user *u = up;
  CHECK(status == 0);
  u->retained = 0;
}

static void on_close(void *up) {
  link_user *u = up;
  u->closed = true;
}

static void link_connect(link_user *u, world *w, const char *addr, uint16_t port) {
  static const ws_filter_events events = {
      .on_connect = on_connect, .on_write = on_write, .on_close = on_close};
  const ws_socket_options options = {.nodelay = true};
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
  *u = (link_user){.status = 1};
  assert_int_equal(inet_pton(AF_INET, addr, &in.sin_addr), 1);
  assert_int_equal(world_env_new(w, &u->env), 0);
  assert_int_equal(
      u->env->ops->connect(u->env, (struct sockaddr *) &in, &options, &events, u, &u->f), 0);
}

static void link_write(link_user *u, const void *data, size_t len) {
  const ws_view buf = {data, len};
  size_t taken;
  assert_int_equal(u->f->ops->write(u->f, &buf, 1, &taken, &u->retained), 0);
  u->written += taken + u->retained;
}

/* With what the filter has begun, the loop comes to its end. */
static void link_close(link_user *u, world *w) {
  u->f->ops->close(u->f);
  assert_false(u->closed);
  run_loop(w);
  assert_true(u->closed);
  world_env_close(w, u->env);
}

WORLD_LOOP_TEST(test_loop_runs_until_bytes_have_arrived, w) {
  raw_peer *p = raw_peer_new(w);
  link_user u;
  make_slow(w);
  world_lose_time(w, 3 * LATENCY_MS); /* after the machine's last turn */
  const uint64_t begin_ns = sim_now_ns(world_sim(w));
  link_connect(&u, w, "127.0.0.1", p->port);
  run_loop(w);
  assert_int_equal(u.status, 0);
  assert_true(sim_now_ns(world_sim(w)) >= begin_ns + 2 * LATENCY_MS * NS_PER_MS);
  assert_int_equal(p->accepted, 1);
  world_lose_time(w, 3 * LATENCY_MS);
  const uint64_t sent_ns = sim_now_ns(world_sim(w));
  link_write(&u, "hello", 5);
  run_loop(w);
  assert_int_equal(raw_peer_conn(p, 0)->received, 5);
  assert_true(sim_now_ns(world_sim(w)) >= sent_ns + LATENCY_MS * NS_PER_MS);
  link_close(&u, w);
}

/* The peer does not read. */
WORLD_LOOP_TEST(test_retained_bytes_keep_the_loop_alive, w) {
  static const uint8_t data[64 * 1024];
  raw_peer *p = raw_peer_new(w);
  link_user u;
  link_connect(&u, w, "127.0.0.1", p->port);
  run_loop(w);
  raw_conn_read(raw_peer_conn(p, 0), false);
  while (u.retained == 0) {
    (void) loop_goes_on(w); /* what is on the link arrives */
    link_write(&u, data, sizeof data);
  }
  assert_true(loop_goes_on(w));
  raw_conn_read(raw_peer_conn(p, 0), true);
  run_loop(w);
  assert_int_equal(u.retained, 0);
  assert_int_equal(raw_peer_conn(p, 0)->received, u.written);
  link_close(&u, w);
}

WORLD_LOOP_TEST(test_connecting_keeps_the_loop_alive, w) {
  link_user u;
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_BLACKHOLE, 0);
  link_connect(&u, w, "192.0.2.1", 80);
  assert_true(loop_goes_on(w));
  assert_int_equal(u.status, 1);
  link_close(&u, w);
}

WORLD_LOOP_TEST(test_connecting_fails_with_the_code_of_the_route, w) {
  link_user u;
  sim_route(world_sim(w), "192.0.2.1", SIM_ROUTE_FAIL, UV_ENETUNREACH);
  link_connect(&u, w, "192.0.2.1", 80);
  run_loop(w);
  assert_int_equal(u.status, UV_ENETUNREACH);
  link_close(&u, w);
}

/* --- lookups --- */

typedef struct query {
  ws_env *env;
  ws_lookup *lookup;
  size_t answers, count;
} query;

static void on_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  query *q = data;
  (void) addrs;
  CHECK(status == 0);
  q->answers++;
  q->count = count;
}

static void query_begin(query *q, world *w, const sim_answer *answer) {
  *q = (query){0};
  sim_name(world_sim(w), "name.example", answer);
  assert_int_equal(world_env_new(w, &q->env), 0);
  assert_int_equal(q->env->ops->lookup(q->env, "name.example", 80, on_answer, q, &q->lookup), 0);
}

WORLD_LOOP_TEST(test_loop_runs_until_the_answer_of_a_lookup, w) {
  query q;
  world_lose_time(w, 2 * 4);
  const uint64_t begin_ns = sim_now_ns(world_sim(w));
  query_begin(&q, w, &(sim_answer){.delay_ms = 4, .addrs = {"192.0.2.1", "2001:db8::1"}});
  run_loop(w);
  assert_int_equal(q.answers, 1);
  assert_int_equal(q.count, 2);
  assert_true(sim_now_ns(world_sim(w)) >= begin_ns + (uint64_t) 4 * NS_PER_MS);
  world_env_close(w, q.env);
}

/* Nobody waits for the orphan, in real time. */
WORLD_LOOP_TEST(test_lookup_keeps_the_loop_alive_until_it_is_cancelled, w) {
  static const uint64_t delays[] = {SIM_NEVER, (uint64_t) 3600 * 1000};
  for (size_t i = 0; i < COUNT_OF(delays); i++) {
    query q;
    query_begin(&q, w, &(sim_answer){.delay_ms = delays[i], .addrs = {"192.0.2.1"}});
    assert_true(loop_goes_on(w));
    q.env->ops->lookup_cancel(q.lookup);
    run_loop(w);
    assert_int_equal(q.answers, 0);
    world_env_close(w, q.env);
  }
}

/* --- the world itself --- */

static void set_true(void *data) {
  *(bool *) data = true;
}

TEST(test_world_without_anything_does_not_keep_the_loop_alive) {
  uv_loop_t loop;
  loop_world *w;
  bool closed = false;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(loop_world_new(&w, &loop, 1), 0);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  loop_world_close(w, set_true, &closed);
  assert_false(closed);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_true(closed);
  assert_int_equal(uv_loop_close(&loop), 0);
}

WORLD_LOOP_TEST(test_time_of_the_machine_is_that_of_the_environments, w) {
  ws_env *env;
  assert_int_equal(world_env_new(w, &env), 0);
  for (int i = 0; i < 3; i++) {
    const uint64_t before_ns = env->ops->now_ns(env);
    const uint64_t ns = sim_now_ns(world_sim(w));
    assert_in_range(ns, before_ns, env->ops->now_ns(env));
    world_lose_time(w, 1);
  }
  world_env_close(w, env);
}

WORLD_LOOP_TEST(test_environment_without_memory, w) {
  for (alloc_failures f = {0}; alloc_failures_next(&f);) {
    ws_env *env;
    alloc_failures_begin(&f, w->alloc);
    const int err = world_env_new(w, &env);
    assert_int_equal(err, alloc_failures_end(&f, w->alloc) ? WS_ENOMEM : 0);
    if (err == 0) world_env_close(w, env);
    assert_int_equal(w->alloc->live, 0);
  }
}

/* --- clients and servers --- */

static void connect_to(session_user *u, server_user *s) {
  assert_int_equal(user_try_connect_url(u, server_user_url(s, "/")), 0);
  user_run_to_open(u);
}

static void open_to(session_user *u, server_user *s) {
  user_init(u, s->w, NULL);
  connect_to(u, s);
}

static void close_normally(session_user *u) {
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  user_finish(u);
}

LOOP_SERVER_TEST(test_messages_go_over_links_on_a_loop, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  assert_int_equal(user_text(&u, "hello"), 0);
  assert_int_equal(user_binary(&u, NULL, 0), 0);
  assert_int_equal(user_ping(&u, "are you there"), 0);
  world_run_until_count(w, &u.messages, 2);
  world_run_until_count(w, &u.pongs, 1);
  assert_int_equal(server_user_session(s, 0)->messages, 2);
  close_normally(&u);
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(s->sessions[0], 1000, 1000));
}

static void compare_large(session_user *u, const wsuv_message_t *m) {
  CHECK(m->len == LARGE);
  CHECK(memcmp(m->data, u->data, LARGE) == 0);
}

LOOP_SERVER_TEST(test_large_messages_go_over_links_on_a_loop, w, s) {
  session_user u;
  uint8_t *data = check_alloc(LARGE);
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i % 251);
  server_user_start(s);
  open_to(&u, s);
  u.forgets = true;
  u.data = data;
  u.at_message = compare_large;
  for (size_t i = 0; i < 3; i++) assert_int_equal(user_binary(&u, data, LARGE), 0);
  world_run_until_count(w, &u.messages, 3);
  close_normally(&u);
  check_free(data);
}

typedef struct ticker {
  uv_timer_t timer;
  size_t fired;
} ticker;

static void on_tick(uv_timer_t *timer) {
  ticker *t = timer->data;
  t->fired++;
}

/* The library's timers, and one of the program, are those of the same loop. */
LOOP_SERVER_TEST(test_pings_and_a_timer_of_the_program, w, s) {
  session_user u;
  wsuv_config_t config;
  ticker t = {.fired = 0};
  t.timer.data = &t;
  wsuv_client_config_init(&config);
  config.ping_interval_ms = 4;
  config.ping_timeout_ms = 10000;
  server_user_start(s);
  user_init(&u, w, &config);
  connect_to(&u, s);
  assert_int_equal(uv_timer_init(world_uv_loop(w), &t.timer), 0);
  const uint64_t begin_ms = world_now_ms(w);
  assert_int_equal(uv_timer_start(&t.timer, on_tick, 1, 1), 0);
  world_run_until_count(w, &u.pongs, 3);
  assert_true(world_now_ms(w) >= begin_ms + 2 * 4);
  world_run_until_count(w, &t.fired, 3);
  assert_true(server_user_session(s, 0)->pings >= 3);
  uv_close((uv_handle_t *) &t.timer, NULL);
  close_normally(&u);
}

/* Each end of both; and both clients and servers end while the other does nothing. */
LOOP_SERVER_TEST(test_each_way_to_end, w, s) {
  enum { BY_SERVER, BY_SERVER_TERMINATE, BY_CLIENT_TERMINATE, BY_CLIENTS_END, WAYS };
  server_user_start(s);
  for (size_t way = 0; way < WAYS; way++) {
    session_user u;
    open_to(&u, s);
    server_user_run_to_sessions(s, way + 1);
    session_user *served = server_user_session(s, way);
    if (way == BY_SERVER) assert_int_equal(user_close(served, 1013, "later"), 0);
    if (way == BY_SERVER_TERMINATE) user_terminate(served);
    if (way == BY_CLIENT_TERMINATE) user_terminate(&u);
    if (way == BY_CLIENTS_END) assert_int_equal(call_client_close(u.client, NULL), 0);
    if (way == BY_CLIENTS_END) u.client = NULL;
    user_run_to_close(&u);
    server_user_run_to_closes(s, way + 1);
    if (way == BY_SERVER) assert_true(user_ended_cleanly(&u, 1013, 1013));
    user_finish(&u);
  }
}

LOOP_SERVER_TEST(test_peers_that_drop_and_reset, w, s) {
  server_user_start(s);
  raw_client_end(server_user_connect(s, "/"));
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->sessions[0]->end.code, 1006);
  raw_client_reset(server_user_connect(s, "/"));
  server_user_run_to_closes(s, 2);
  assert_true(s->sessions[1]->end.status < 0);
}

LOOP_SERVER_TEST(test_server_that_ends_ends_its_sessions, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  assert_int_equal(server_user_close(s), 0);
  user_run_to_close(&u);
  assert_true(user_ended_cleanly(&u, 1001, 1001));
  user_finish(&u);
  server_user_run_to_end(s);
  run_loop(w);
}

/* Sessions that are left, and nothing else, do not keep a loop alive that they are told not to. */
LOOP_SERVER_TEST(test_idle_link_does_not_keep_the_loop_alive, w, s) {
  session_user u;
  server_user_start(s);
  open_to(&u, s);
  server_user_run_to_sessions(s, 1);
  wsuv_listener_close(s->listener);
  s->listener = NULL;
  assert_true(loop_goes_on(w));
  wsuv_session_unref(u.session);
  wsuv_session_unref(server_user_session(s, 0)->session);
  run_loop(w);
  assert_int_equal(user_text(&u, "hello"), 0);
  run_loop(w);
  assert_int_equal(u.messages, 1);
  wsuv_session_ref(u.session);
  close_normally(&u);
}

/* --- sockets beside --- */

/* A server on a socket, and a client of it, on the same loop. */
LOOP_SERVER_TEST(test_sockets_on_the_same_loop, w, s) {
  server_user real;
  session_user u, v;
  wsuv_config_t config;
  server_user_start(s);
  server_user_begin(&real, w);
  real.loop = world_uv_loop(w);
  server_user_start(&real);
  open_to(&u, s);
  user_init_on(&v, &u);
  wsuv_client_config_init(&config);
  config.allocator = &w->alloc->handle;
  assert_int_equal(wsuv_client_new(&v.client, world_uv_loop(w), &config), 0);
  connect_to(&v, &real);
  for (size_t i = 1; i <= 5; i++) {
    assert_int_equal(user_text(&u, "in memory"), 0);
    assert_int_equal(user_text(&v, "over a socket"), 0);
    world_run_until_count(w, &u.messages, i);
    world_run_until_count(w, &v.messages, i);
  }
  close_normally(&v);
  close_normally(&u);
  server_user_finish(&real);
}

/* F58 in a world on a loop: the program closes all handles of the loop, those of the world
   included. Nothing of the library's runs after that, until the client and the server are closed.
 */

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/error.h"
#include "net/filter.h"
#include "session/client.h"
#include "session/server.h"
#include "support/test.h"
#include "testkit/check.h"
#include "testkit/loop_env.h"
#include "testkit/sim_internal.h"
#include "testkit/track_alloc.h"

enum { PORT = 80, SESSIONS = 3, TURNS_MAX = 60, DUE_NS = 2 * 1000 * 1000 };

/* A client and a server in a world on a loop. */
typedef struct rig {
  uv_loop_t loop;
  track_alloc alloc;
  loop_world *w;
  wsuv_client_t *client; /* NULL: it is closed */
  wsuv_server_t *server; /* NULL: it is closed */
  bool walked;
  bool ending;                  /* The client or the server was closed: callbacks come again. */
  bool walks_in_message;        /* The server's first message closes the handles. */
  size_t begun, opened, served; /* sessions of the client; open ones; and of the server */
  size_t closed, served_closed; /* of these, those that have ended */
  size_t messages;
  int end_status; /* of the last one that has ended at the client */
  bool world_closed;
} rig;

static rig *self; /* the test's */

static void close_one(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void walk(rig *r) {
  r->walked = true;
  uv_walk(&r->loop, close_one, NULL);
}

/* --- callbacks --- */

static void assert_not_silent(void) {
  CHECK(!self->walked || self->ending);
}

static void on_open(wsuv_session_t *session) {
  assert_not_silent();
  self->opened++;
  CHECK(wsuv_send_text(session, "hello", 5) == 0);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) session;
  assert_not_silent();
  self->end_status = info->status;
  self->closed++;
}

static void on_message(wsuv_session_t *session, const wsuv_message_t *m) {
  assert_not_silent();
  self->messages++;
  int err = wsuv_send_message(session, m->type, m->data, m->len);
  CHECK(err == 0 || (err == WSUV_ESTATE && self->ending));
}

static void on_served_open(wsuv_session_t *session) {
  (void) session;
  assert_not_silent();
  self->served++;
}

static void on_served_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  (void) session;
  (void) info;
  assert_not_silent();
  self->served_closed++;
}

static void on_served_message(wsuv_session_t *session, const wsuv_message_t *m) {
  on_message(session, m);
  if (self->walks_in_message && !self->walked) walk(self);
}

static void on_client_closed(wsuv_client_t *client) {
  (void) client;
  self->client = NULL;
}

static void on_server_closed(wsuv_server_t *server) {
  (void) server;
  self->server = NULL;
}

static void on_world_closed(void *data) {
  *(bool *) data = true;
}

/* --- the rig --- */

static void server_open(rig *r) {
  static const wsuv_callbacks_t callbacks = {.size = sizeof callbacks,
                                             .on_open = on_served_open,
                                             .on_message = on_served_message,
                                             .on_close = on_served_close};
  wsuv_config_t config;
  ws_env *env;
  wsuv_server_config_init(&config);
  config.allocator = &r->alloc.handle;
  assert_int_equal(loop_env_new(&env, r->w, &r->alloc.handle), 0);
  assert_int_equal(server_new_in(&r->server, env, &config), 0);
  assert_int_equal(wsuv_server_route(r->server, "/", &callbacks, NULL), 0);
  assert_int_equal(wsuv_server_listen(r->server, "127.0.0.1", PORT, NULL), 0);
}

static void connect_one(rig *r, const char *url) {
  static const wsuv_callbacks_t callbacks = {
      .size = sizeof callbacks, .on_open = on_open, .on_message = on_message, .on_close = on_close};
  assert_int_equal(wsuv_connect_url(r->client, url, &callbacks, NULL, NULL), 0);
  r->begun++;
}

static void rig_open(rig *r, uint64_t seed) {
  wsuv_config_t config;
  ws_env *env;
  *r = (rig){.end_status = 1};
  self = r;
  track_alloc_init(&r->alloc);
  assert_int_equal(uv_loop_init(&r->loop), 0);
  assert_int_equal(loop_world_new(&r->w, &r->loop, seed), 0);
  wsuv_client_config_init(&config);
  config.allocator = &r->alloc.handle;
  assert_int_equal(loop_env_new(&env, r->w, &r->alloc.handle), 0);
  assert_int_equal(client_new_in(&r->client, env, &config), 0);
  server_open(r);
}

/* After the walk the loop ends, and nothing was called. */
static void assert_deaf(rig *r) {
  const rig before = *r;
  ws_env *env;
  assert_int_equal(uv_run(&r->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(r->closed, before.closed);
  assert_int_equal(r->served_closed, before.served_closed);
  assert_int_equal(r->messages, before.messages);
  assert_int_equal(loop_env_new(&env, r->w, &r->alloc.handle), WS_ECANCELED);
  assert_int_equal(wsuv_connect_url(r->client, "ws://127.0.0.1/", NULL, NULL, NULL), UV_ECANCELED);
  assert_int_equal(wsuv_server_listen(r->server, "127.0.0.1", 81, NULL), UV_ECANCELED);
}

static void run_to_end(rig *r) {
  assert_int_equal(uv_run(&r->loop, UV_RUN_DEFAULT), 0);
}

static void rig_close(rig *r) {
  run_to_end(r);
  assert_null(r->client);
  assert_null(r->server);
  assert_int_equal(r->closed, r->begun);
  assert_true(r->served_closed >= r->served); /* A session may end before it is open. */
  assert_int_equal(r->alloc.live, 0);
  loop_world_close(r->w, on_world_closed, &r->world_closed);
  run_to_end(r);
  assert_true(r->world_closed);
  assert_int_equal(uv_loop_close(&r->loop), 0);
}

static void close_client(rig *r) {
  r->ending = true;
  assert_int_equal(wsuv_client_close(r->client, on_client_closed), 0);
}

static void close_server(rig *r) {
  r->ending = true;
  assert_int_equal(wsuv_server_close(r->server, NULL, on_server_closed), 0);
}

static void close_both(rig *r, bool server_first) {
  if (server_first) close_server(r);
  close_client(r);
  if (!server_first) close_server(r);
}

/* --- the tests --- */

/* Without a walk, to show that the rig ends. */
TEST(test_client_and_server_on_a_loop_end) {
  rig r;
  rig_open(&r, 0);
  connect_one(&r, "ws://127.0.0.1/");
  while (r.messages < 10) uv_run(&r.loop, UV_RUN_ONCE);
  close_both(&r, false);
  rig_close(&r);
}

static void play_walk(uint64_t seed, int turns, bool server_first) {
  rig r;
  rig_open(&r, seed);
  for (size_t i = 0; i < SESSIONS; i++) connect_one(&r, "ws://127.0.0.1/");
  for (int i = 0; i < turns; i++) uv_run(&r.loop, UV_RUN_NOWAIT);
  walk(&r);
  if (turns % 2 == 0) assert_deaf(&r);
  close_both(&r, server_first);
  rig_close(&r);
  assert_int_equal(r.end_status, UV_ECANCELED);
}

TEST(test_walk_in_any_turn_on_a_loop) {
  for (uint64_t seed = 0; seed < 4; seed++) {
    for (int turns = 0; turns < TURNS_MAX; turns++) play_walk(seed, turns, turns % 4 < 2);
  }
}

/* One is closed, and its loop has run to its end, before the other. */
TEST(test_walk_and_ends_one_after_the_other) {
  for (int i = 0; i < 2; i++) {
    rig r;
    rig_open(&r, 0);
    connect_one(&r, "ws://127.0.0.1/");
    while (r.messages < 4) uv_run(&r.loop, UV_RUN_ONCE);
    walk(&r);
    assert_deaf(&r);
    if (i == 0) close_client(&r);
    if (i == 1) close_server(&r);
    run_to_end(&r);
    assert_int_equal(r.closed, i == 0 ? 1 : 0);
    assert_int_equal(r.served_closed, i == 1 ? 1 : 0);
    if (i == 1) close_client(&r);
    if (i == 0) close_server(&r);
    rig_close(&r);
  }
}

TEST(test_walk_in_a_callback_on_a_loop) {
  rig r;
  rig_open(&r, 0);
  r.walks_in_message = true;
  for (size_t i = 0; i < SESSIONS; i++) connect_one(&r, "ws://127.0.0.1/");
  while (!r.walked) uv_run(&r.loop, UV_RUN_ONCE);
  assert_deaf(&r);
  close_both(&r, false);
  rig_close(&r);
  assert_int_equal(r.messages, 1);
}

/* What would take long in the world's time does not hold up the end. */
TEST(test_walk_while_nothing_answers) {
  rig r;
  rig_open(&r, 0);
  sim_name(r.w->s, "never.example", &(sim_answer){.delay_ms = SIM_NEVER});
  sim_name(r.w->s, "late.example", &(sim_answer){.delay_ms = 3600000, .addrs = {"127.0.0.1"}});
  sim_route(r.w->s, "192.0.2.1", SIM_ROUTE_BLACKHOLE, 0);
  connect_one(&r, "ws://never.example/");
  connect_one(&r, "ws://late.example/");
  connect_one(&r, "ws://192.0.2.1/");
  for (int i = 0; i < 10; i++) uv_run(&r.loop, UV_RUN_NOWAIT);
  walk(&r);
  assert_deaf(&r);
  close_both(&r, true);
  rig_close(&r);
}

/* The program closes the handles again, while all come to their end. */
TEST(test_walk_twice_on_a_loop) {
  for (int turns = 0; turns < 8; turns++) {
    rig r;
    rig_open(&r, 0);
    connect_one(&r, "ws://127.0.0.1/");
    while (r.messages < 4) uv_run(&r.loop, UV_RUN_ONCE);
    walk(&r);
    close_both(&r, false);
    for (int i = 0; i < turns; i++) uv_run(&r.loop, UV_RUN_NOWAIT);
    walk(&r);
    run_to_end(&r);
    if (r.client != NULL) assert_int_equal(wsuv_client_close(r.client, NULL), 0);
    if (r.server != NULL) assert_int_equal(wsuv_server_close(r.server, NULL, NULL), 0);
    rig_close(&r);
  }
}

/* --- environments --- */

static void no_event(void *up, int status) {
  (void) up;
  CHECK_FAIL("an event with %d", status);
}

static void no_accept(void *up, ws_filter *filter, const struct sockaddr_storage *peer) {
  (void) filter;
  (void) peer;
  no_event(up, 0);
}

static void no_answer(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  (void) addrs;
  (void) count;
  no_event(data, status);
}

static void no_call(void *data) {
  no_event(data, 0);
}

static void on_filter_closed(void *up) {
  *(bool *) up = true;
}

/* What an environment has under way when the program closes the handles. */
typedef struct pending {
  ws_env *env;
  ws_listener *listener;
  ws_lookup *lookup;
  ws_filter *f;
  bool filter_closed;
} pending;

static void pending_begin(pending *p, rig *r) {
  static const ws_filter_events events = {.on_connect = no_event, .on_close = on_filter_closed};
  static const ws_listener_events listener_events = {no_accept, no_event};
  const ws_socket_options options = {.nodelay = true};
  ws_listen_options listening = {.fd = -1, .backlog = 8};
  struct sockaddr_storage address;
  *p = (pending){.filter_closed = false};
  assert_true(sim_addr_parse(&listening.address, "127.0.0.1", PORT + 1));
  address = listening.address;
  sim_name(r->w->s, "late.example", &(sim_answer){.delay_ms = 1, .addrs = {"127.0.0.1"}});
  assert_int_equal(loop_env_new(&p->env, r->w, &r->alloc.handle), 0);
  const ws_env_ops *ops = p->env->ops;
  assert_int_equal(ops->listen(p->env, &listening, &listener_events, NULL, &p->listener), 0);
  assert_int_equal(ops->lookup(p->env, "late.example", 80, no_answer, NULL, &p->lookup), 0);
  assert_int_equal(ops->connect(p->env, (const struct sockaddr *) &address, &options, &events,
                                &p->filter_closed, &p->f),
                   0);
}

static void pending_end(pending *p, rig *r) {
  bool closed = false;
  assert_int_equal(p->env->ops->recover(p->env), 0);
  p->f->ops->close(p->f);
  p->env->ops->lookup_cancel(p->lookup);
  p->env->ops->listener_free(p->listener);
  p->env->ops->close(p->env, on_world_closed, &closed);
  run_to_end(r);
  assert_true(p->filter_closed);
  assert_true(closed);
}

/* Nor do they come when another environment has recovered the world. */
TEST(test_events_of_a_lost_environment_do_not_come) {
  rig r;
  pending p;
  rig_open(&r, 0);
  pending_begin(&p, &r);
  walk(&r);
  run_to_end(&r);
  const uint64_t due_ns = uv_hrtime() + DUE_NS;
  while (uv_hrtime() < due_ns) continue; /* all of it is due now */
  close_both(&r, false);
  run_to_end(&r);
  pending_end(&p, &r);
  rig_close(&r);
}

/* An environment that has no handle yet is lost with its world. */
TEST(test_environment_without_handles_is_lost) {
  rig r;
  ws_env *env;
  ws_timer *timer;
  ws_deferred *deferred;
  bool closed = false;
  rig_open(&r, 0);
  assert_int_equal(loop_env_new(&env, r.w, &r.alloc.handle), 0);
  assert_false(ws_env_lost(env));
  walk(&r);
  assert_true(ws_env_lost(env));
  assert_int_equal(env->ops->timer_new(env, no_call, NULL, &timer), WS_ECANCELED);
  assert_int_equal(env->ops->deferred_new(env, no_call, NULL, &deferred), WS_ECANCELED);
  assert_int_equal(env->ops->recover(env), 0);
  env->ops->close(env, on_world_closed, &closed);
  close_both(&r, false);
  run_to_end(&r);
  assert_true(closed);
  rig_close(&r);
}

/* A world of its own is closed by uv_walk, too. */
TEST(test_walk_of_a_world_without_anything) {
  uv_loop_t loop;
  loop_world *w;
  bool closed = false;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(loop_world_new(&w, &loop, 0), 0);
  uv_walk(&loop, close_one, NULL);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  loop_world_close(w, on_world_closed, &closed);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_true(closed);
  assert_int_equal(uv_loop_close(&loop), 0);
}

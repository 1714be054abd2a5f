/* The end of a server: closed, terminated or drained, in every state of its connections. */

#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "net/address.h"
#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"

enum { SOON_MS = 500 };

/* --- closed --- */

SERVER_TLS_TEST(test_server_closed_without_anything, w, s) {
  server_user_server(s);
  assert_int_equal(server_user_close(s), 0);
  assert_int_equal(s->ends, 0);
  server_user_run_to_end(s);
  assert_int_equal(wsuv_server_close(NULL, NULL, NULL), 0);
  assert_int_equal(wsuv_server_terminate(NULL, NULL), 0);
  assert_int_equal(wsuv_server_drain(NULL, NULL), 0);
}

/* Every call has its callback; later ones change nothing. */
SERVER_TLS_TEST(test_server_closed_again_and_again, w, s) {
  server_user_start(s);
  for (int i = 0; i < 3; i++) assert_int_equal(server_user_close(s), 0);
  assert_int_equal(server_user_terminate(s), 0);
  (void) server_user_drain(s);
  assert_int_equal(wsuv_server_close(s->server, NULL, NULL), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 5);
}

/* This runs when the server's tick has freed it, and libuv has not closed its handles yet. */
static void drain_late(uv_prepare_t *prepare) {
  server_user *s = prepare->data;
  CHECK(s->ends == 0);
  CHECK(server_user_drain(s) == 0);
  CHECK(server_user_close(s) == 0);
  CHECK(server_user_terminate(s) == 0);
  uv_close((uv_handle_t *) prepare, NULL);
}

SERVER_UV_TEST(test_server_ended_again_while_its_handles_are_closed, w, s) {
  uv_prepare_t prepare;
  server_user_server(s);
  assert_int_equal(uv_prepare_init(world_uv_loop(w), &prepare), 0);
  prepare.data = s;
  assert_int_equal(uv_prepare_start(&prepare, drain_late), 0);
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 4);
}

SERVER_TLS_TEST(test_server_that_closes_takes_nothing_new, w, s) {
  wsuv_route_t route;
  wsuv_listener_t *listener;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  assert_int_equal(server_user_close(s), 0);
  wsuv_route_init(&route, "/late");
  assert_int_equal(server_user_add_route(s, &route), WSUV_ESTATE);
  assert_int_equal(wsuv_server_listen(s->server, "127.0.0.1", 0, &listener), WSUV_ESTATE);
  assert_int_equal(wsuv_server_session_count(s->server), 1);
  raw_client *late = server_user_client(s);
  raw_client_run_to_end(late);
  assert_true(late->end_status < 0);
  raw_client_close(c);
  server_user_run_to_end(s);
}

SERVER_TLS_TEST(test_server_closes_its_sessions, w, s) {
  server_user_start(s);
  raw_client *a = server_user_connect(s, "/"), *b = server_user_connect(s, "/");
  assert_int_equal(server_user_close(s), 0);
  raw_client_run_to_frames(a, 1);
  raw_client_run_to_frames(b, 1);
  assert_true(raw_client_saw(a, "CLOSE #1001"));
  raw_client_send_frames(a, "CLOSE #1001");
  server_user_run_to_closes(s, 1);
  assert_int_equal(s->ends, 0);
  raw_client_send_frames(b, "CLOSE #1001");
  server_user_run_to_end(s);
  assert_true(user_ended_cleanly(s->sessions[0], 1001, 1001));
  assert_true(user_ended_cleanly(s->sessions[1], 1001, 1001));
}

/* A peer that does not answer has as long as the session says. */
SERVER_TLS_TEST(test_server_whose_client_does_not_answer_the_close, w, s) {
  s->config.close_deadline_ms = 300;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->sessions[0]->end.status, WSUV_ECLOSETIMEOUT);
  raw_client_run_to_end(c);
}

/* --- terminated --- */

SERVER_TLS_TEST(test_server_terminates_its_sessions, w, s) {
  server_user_start(s);
  raw_client *a = server_user_connect(s, "/"), *b = server_user_connect(s, "/");
  assert_int_equal(user_close(s->sessions[1], 1000, NULL), 0);
  uint64_t begin = world_now_ms(w);
  assert_int_equal(server_user_terminate(s), 0);
  assert_int_equal(s->close_count, 0);
  server_user_run_to_end(s);
  world_assert_took(w, world_now_ms(w) - begin, 0, SOON_MS);
  assert_true(user_ended_by(s->sessions[0], UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_int_equal(s->sessions[1]->end.status, UV_ECANCELED);
  raw_client_run_to_end(a);
  raw_client_run_to_end(b);
}

SERVER_TLS_TEST(test_server_terminated_while_it_closes, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  assert_int_equal(server_user_close(s), 0);
  raw_client_run_to_frames(c, 1);
  assert_int_equal(server_user_terminate(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->sessions[0]->end.status, UV_ECANCELED);
}

/* --- in every state of a connection --- */

typedef enum conn_state {
  SILENT,
  HALF,
  ASKED, /* a plain request is kept */
  KEPT,  /* an upgrade is kept */
  REFUSED,
  ACCEPTED,
  OPEN,
  CLOSING,
  STATES
} conn_state;

static void keep_request(server_user *s, wsuv_exchange_t *x) {
  (void) s;
  (void) x; /* s->exchange is it */
}

static void start_keeping(server_user *s) {
  server_user_decide(s, server_user_keep);
  server_user_serve(s, keep_request);
  server_user_start(s);
}

/* A connection that has come to a state. */
static raw_client *connect_to(server_user *s, conn_state state) {
  SCOPED_BYTES request = {0};
  upgrade_request(&request, NULL);
  raw_client *c = server_user_client(s);
  size_t upgrades = s->upgrades, sessions = s->session_count;
  switch (state) {
  case SILENT: world_advance(s->w, 200); break;
  case HALF:
    raw_client_send(c, request.base, request.len / 2);
    world_advance(s->w, 200);
    break;
  case ASKED:
    raw_client_send_text(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    server_user_run_to_requests(s, s->requests + 1);
    break;
  case REFUSED:
    raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
    raw_client_run_to_head(c);
    break;
  default:
    raw_client_send(c, request.base, request.len);
    server_user_run_to_upgrades(s, upgrades + 1);
    if (state == KEPT) break;
    CHECK(server_user_accept(s, s->upgrade, NULL) == 0);
    if (state == ACCEPTED) break;
    server_user_run_to_sessions(s, sessions + 1);
    raw_client_run_to_head(c);
    if (state == CLOSING) CHECK(user_close(s->sessions[sessions], 1000, NULL) == 0);
    break;
  }
  return c;
}

/* A closed peer answers by itself. */
static void answer_close(raw_client *c, const seen_frame *f) {
  if (f->spec.opcode == 8) raw_client_send_frames(c, "CLOSE #1001");
}

static void play_states(server_user *s, int (*end)(server_user *s)) {
  world *w = s->w;
  for (int state = SILENT; state < STATES; state++) {
    server_user_renew(s);
    start_keeping(s);
    raw_client *c = connect_to(s, (conn_state) state);
    c->on_frame = answer_close;
    uint64_t begin = world_now_ms(w);
    assert_int_equal(end(s), 0);
    server_user_run_to_end(s);
    world_assert_took(w, world_now_ms(w) - begin, 0, 3000);
    assert_int_equal(s->ends, 1);
    if (state == KEPT) assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
    if (state == ASKED) assert_int_equal(server_user_decline(s->exchange), WSUV_ESTATE);
    raw_client_run_to_end(c);
    if (state == KEPT || state == ASKED)
      assert_int_equal(c->status, end == server_user_close ? 503 : 0);
    if (state == SILENT || state == HALF) assert_int_equal(c->received, 0);
  }
}

SERVER_TLS_TEST(test_server_closed_in_every_state, w, s) {
  play_states(s, server_user_close);
}

SERVER_TLS_TEST(test_server_terminated_in_every_state, w, s) {
  play_states(s, server_user_terminate);
}

/* A server with connections in all states at once. */
SERVER_TLS_TEST(test_server_closed_with_all_states, w, s) {
  wsuv_upgrade_t *kept = NULL;
  start_keeping(s);
  for (int state = SILENT; state < STATES; state++) {
    connect_to(s, (conn_state) state)->on_frame = answer_close;
    if (state == KEPT) kept = s->upgrade;
  }
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 1);
  assert_int_equal(s->close_count, 3);
  assert_int_equal(server_user_accept(s, kept, NULL), WSUV_ESTATE);
  assert_int_equal(server_user_decline(s->exchange), WSUV_ESTATE);
}

/* --- drained --- */

SERVER_TLS_TEST(test_drained_server_takes_what_waits, w, s) {
  enum { CLIENTS = 8 };
  raw_client *c[CLIENTS];
  server_user_start(s);
  for (size_t i = 0; i < CLIENTS; i++) {
    c[i] = server_user_client(s);
    raw_client_request(c[i], NULL);
  }
  world_advance(w, w->kind == WORLD_SIM ? 0 : 1);
  for (size_t i = 0; i < CLIENTS && w->kind == WORLD_SIM; i++) raw_client_run_to_head(c[i]);
  assert_int_equal(server_user_drain(s), 0);
  for (size_t i = 0; i < CLIENTS; i++) raw_client_run_to_head(c[i]);
  server_user_run_to_sessions(s, CLIENTS);
  world_advance(w, 200);
  raw_client *late = server_user_client(s);
  raw_client_run_to_end(late);
  assert_true(late->end_status < 0);
  assert_int_equal(s->ends, 0);
  for (size_t i = 0; i < CLIENTS; i++) {
    raw_client_send_frames(c[i], "TEXT \"still here\"");
    raw_client_run_to_frames(c[i], 1);
    raw_client_send_frames(c[i], "CLOSE #1000");
  }
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 1);
  for (size_t i = 0; i < CLIENTS; i++) {
    assert_true(user_ended_cleanly(s->sessions[i], 1000, 1000));
  }
}

/* The kernel has made the connection, and the loop has not polled the listener since. */
SERVER_UV_AND_TLS_TEST(test_drained_server_takes_what_waits_before_its_first_poll, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  assert_int_equal(server_user_drain(s), 0);
  raw_client_run_to_status(c, 101);
  server_user_run_to_sessions(s, 1);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_end(s);
  assert_true(user_ended_cleanly(s->sessions[0], 1000, 1000));
}

static void drain_posted(wsuv_server_t *server, void *arg) {
  (void) server; /* it is the user's */
  CHECK(server_user_drain(arg) == 0);
}

/* The call comes in the midst of a poll, behind the first of several connections. */
SERVER_UV_AND_TLS_TEST(test_server_drained_by_a_post_takes_what_waits, w, s) {
  enum { CLIENTS = 4 };
  raw_client *c[CLIENTS];
  server_user_start(s);
  for (size_t i = 0; i < CLIENTS; i++) {
    c[i] = server_user_client(s);
    raw_client_request(c[i], NULL);
  }
  assert_int_equal(wsuv_server_post(s->server, drain_posted, s), 0);
  for (size_t i = 0; i < CLIENTS; i++) raw_client_run_to_head(c[i]);
  server_user_run_to_sessions(s, CLIENTS);
  for (size_t i = 0; i < CLIENTS; i++) raw_client_send_frames(c[i], "CLOSE #1000");
  server_user_run_to_end(s);
}

/* Clients that wait because there is no descriptor for them are not lost either. */
SERVER_SIM_TEST(test_drained_server_waits_for_descriptors, w, s) {
  server_user_start(s);
  sim_accepts_fail(world_sim(w), 3, UV_EMFILE);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  world_advance(w, 50);
  assert_int_equal(server_user_drain(s), 0);
  world_advance(w, 100);
  assert_int_equal(s->ends, 0);
  raw_client_run_to_status(c, 101);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 1);
}

/* A listener on "localhost" has two sockets. One of them accepts again before the other. */
SERVER_SIM_TEST(test_drained_server_waits_for_descriptors_at_both_addresses, w, s) {
  raw_client *c[2];
  struct sockaddr_storage at[2];
  server_user_route_echo(s);
  assert_int_equal(wsuv_server_listen(s->server, "localhost", 0, &s->listener), 0);
  assert_int_equal(wsuv_listener_address(s->listener, &at[0]), 0);
  assert_true(address_parse(&at[1], "::1", address_port(&at[0])));
  sim_accepts_fail(world_sim(w), 2, UV_EMFILE);
  for (size_t i = 0; i < 2; i++) {
    c[i] = raw_client_new(w, &at[i]);
    raw_client_request(c[i], NULL);
    world_advance(w, 40);
  }
  assert_int_equal(server_user_drain(s), 0);
  for (size_t i = 0; i < 2; i++) raw_client_run_to_status(c[i], 101);
  for (size_t i = 0; i < 2; i++) raw_client_send_frames(c[i], "CLOSE #1000");
  server_user_run_to_end(s);
}

/* The program closes the listener, and with it the connections that still wait. */
SERVER_SIM_TEST(test_drained_server_whose_listener_is_closed, w, s) {
  server_user_start(s);
  sim_accepts_fail(world_sim(w), 1, UV_EMFILE);
  raw_client *c = server_user_client(s);
  world_advance(w, 50);
  assert_int_equal(server_user_drain(s), 0);
  world_advance(w, 10);
  wsuv_listener_close(s->listener);
  server_user_run_to_end(s);
  raw_client_run_to_end(c);
}

SERVER_TLS_TEST(test_drained_server_waits_for_decisions, w, s) {
  server_user_decide(s, server_user_keep);
  server_user_start(s);
  raw_client *c = connect_to(s, KEPT);
  assert_int_equal(server_user_drain(s), 0);
  world_advance(w, 300);
  assert_int_equal(s->ends, 0);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  raw_client_run_to_head(c);
  server_user_run_to_sessions(s, 1);
  world_advance(w, 300);
  assert_int_equal(s->ends, 0);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_end(s);
}

SERVER_TLS_TEST(test_drained_server_without_anything, w, s) {
  server_user_start(s);
  assert_int_equal(server_user_drain(s), 0);
  assert_int_equal(server_user_drain(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 2);
}

SERVER_TLS_TEST(test_drained_server_that_never_listened, w, s) {
  server_user_server(s);
  assert_int_equal(server_user_drain(s), 0);
  server_user_run_to_end(s);
}

SERVER_TLS_TEST(test_drained_server_that_is_closed, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  c->on_frame = answer_close;
  assert_int_equal(server_user_drain(s), 0);
  world_advance(w, 100);
  assert_int_equal(server_user_close(s), 0);
  server_user_run_to_end(s);
  assert_int_equal(s->ends, 2);
  assert_true(raw_client_saw(c, "CLOSE #1001"));
}

static void drain_at_message(session_user *u, const wsuv_message_t *m) {
  CHECK(server_user_drain(u->data) == 0);
  server_user_echo(u, m);
}

SERVER_TLS_TEST(test_server_drained_in_a_callback, w, s) {
  s->each.at_message = drain_at_message;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"a\"");
  raw_client_run_to_frames(c, 1);
  raw_client_send_frames(c, "CLOSE #1000");
  world_run_until_count(w, &s->ends, 1);
}

/* A hundred servers, one after the other: nothing stays. */
SERVER_TLS_TEST(test_many_servers_one_after_the_other, w, s) {
  const int count = world_tls(w) != NULL ? 10 : 100;
  for (int i = 0; i < count; i++) {
    server_user_renew(s);
    server_user_start(s);
    server_user_connect(s, "/");
    if (i % 2 != 0) assert_int_equal(server_user_terminate(s), 0);
  }
}

/* --- F58: the program closes all handles of its loop --- */

/* The server has a loop of its own, which an idle handle of the world's loop runs until the walk.
 */
typedef struct own_loop {
  uv_loop_t loop;
  uv_idle_t pump;
  bool walked;
} own_loop;

static own_loop *own;

static void on_pump(uv_idle_t *pump) {
  (void) pump;
  uv_run(&own->loop, UV_RUN_NOWAIT);
}

static void begin_on(own_loop *o, server_user *s, world *w) {
  *o = (own_loop){.walked = false};
  own = o;
  CHECK(uv_loop_init(&o->loop) == 0);
  CHECK(uv_idle_init(world_uv_loop(w), &o->pump) == 0);
  CHECK(uv_idle_start(&o->pump, on_pump) == 0);
  server_user_renew(s);
  s->loop = &o->loop;
}

static void close_one(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void walk_now(void) {
  own->walked = true;
  uv_walk(&own->loop, close_one, NULL);
}

/* From now on the test runs the server's loop itself. */
static void stop_pump(world *w) {
  uv_close((uv_handle_t *) &own->pump, NULL);
  uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
}

/* Nothing is called any more, calls are refused, and the end frees everything. */
static void end_after_walk(server_user *s, int (*end)(server_user *s)) {
  wsuv_route_t route;
  size_t closed = s->close_count;
  stop_pump(s->w);
  assert_int_equal(uv_run(&own->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(s->close_count, closed);
  assert_int_equal(s->ends, 0);
  wsuv_route_init(&route, "/late");
  assert_int_equal(server_user_add_route(s, &route), UV_ECANCELED);
  assert_int_equal(wsuv_server_listen(s->server, "127.0.0.1", 0, NULL), UV_ECANCELED);
  assert_int_equal(wsuv_server_drain(s->server, NULL), UV_ECANCELED);
  assert_int_equal(end(s), 0);
  assert_int_equal(uv_run(&own->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(s->ends, 1);
  assert_int_equal(uv_loop_close(&own->loop), 0);
}

static void walk_in_state(server_user *s, conn_state state, int (*end)(server_user *s)) {
  own_loop o;
  begin_on(&o, s, s->w);
  start_keeping(s);
  connect_to(s, state);
  walk_now();
  if (state == ASKED) assert_int_equal(server_user_respond(s->exchange, 200, ""), UV_ECANCELED);
  if (state == ASKED) assert_int_equal(server_user_decline(s->exchange), UV_ECANCELED);
  if (state == KEPT) assert_int_equal(server_user_accept(s, s->upgrade, NULL), UV_ECANCELED);
  if (state == KEPT) assert_int_equal(server_user_refuse(s->upgrade, 403), UV_ECANCELED);
  end_after_walk(s, end);
  if (state == ASKED) assert_int_equal(server_user_decline(s->exchange), WSUV_ESTATE);
  if (state == KEPT) assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  if (state > KEPT && state != REFUSED) {
    assert_int_equal(s->sessions[0]->end.status, UV_ECANCELED);
  }
}

SERVER_UV_AND_TLS_TEST(test_walk_in_every_state, w, s) {
  for (int state = SILENT; state < STATES; state++) {
    walk_in_state(s, (conn_state) state, server_user_close);
    walk_in_state(s, (conn_state) state, server_user_terminate);
  }
}

static void walk_at_upgrade(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  walk_now();
  CHECK(server_user_refuse(u, 403) == UV_ECANCELED);
}

static void accept_and_walk(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == 0);
  walk_now();
}

static void refuse_and_walk(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  CHECK(server_user_refuse(u, 403) == 0);
  walk_now();
}

static void close_and_walk(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_close(s) == 0);
  walk_now();
  CHECK(server_user_accept(s, u, NULL) == WSUV_ESTATE);
}

SERVER_UV_AND_TLS_TEST(test_walk_in_the_hook, w, s) {
  static void (*const hooks[])(server_user * s, wsuv_upgrade_t * u) = {
      walk_at_upgrade, accept_and_walk, refuse_and_walk};
  for (size_t i = 0; i < COUNT_OF(hooks); i++) {
    own_loop o;
    begin_on(&o, s, w);
    server_user_decide(s, hooks[i]);
    server_user_start(s);
    raw_client_request(server_user_client(s), NULL);
    world_run_until_true(w, &o.walked);
    end_after_walk(s, server_user_close);
    if (i == 0) assert_int_equal(server_user_refuse(s->upgrade, 403), WSUV_ESTATE);
  }
}

/* The end that was asked for before the walk needs one more call. */
SERVER_UV_AND_TLS_TEST(test_walk_of_a_server_that_closes, w, s) {
  own_loop o;
  begin_on(&o, s, w);
  server_user_decide(s, close_and_walk);
  server_user_start(s);
  raw_client_request(server_user_client(s), NULL);
  world_run_until_true(w, &o.walked);
  stop_pump(w);
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  if (s->ends == 0) assert_int_equal(wsuv_server_close(s->server, NULL, NULL), 0);
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(s->ends, 1);
  assert_int_equal(uv_loop_close(&o.loop), 0);
}

static void walk_at_session(session_user *u) {
  (void) u;
  walk_now();
}

static void walk_at_message(session_user *u, const wsuv_message_t *m) {
  (void) u;
  (void) m;
  walk_now();
}

static void walk_at_refused(server_user *s, const wsuv_refusal_t *r) {
  (void) s;
  (void) r;
  walk_now();
}

SERVER_UV_AND_TLS_TEST(test_walk_in_callbacks, w, s) {
  for (int i = 0; i < 4; i++) {
    own_loop o;
    begin_on(&o, s, w);
    if (i == 0) s->each.at_open = walk_at_session;
    if (i == 1) s->each.at_message = walk_at_message;
    if (i == 2) s->each.at_close = walk_at_session;
    s->at_refused = walk_at_refused;
    server_user_start(s);
    raw_client *c = server_user_client(s);
    raw_client_request(c, &(upgrade_lines){.target = i == 3 ? "/nowhere" : "/"});
    if (i == 1) raw_client_send_frames(c, "TEXT \"a\" ; TEXT \"b\"");
    if (i == 2) raw_client_send_frames(c, "CLOSE #1000");
    world_run_until_true(w, &o.walked);
    end_after_walk(s, server_user_close);
    assert_int_equal(s->close_count, i == 3 ? 0 : 1);
    if (i == 1) assert_int_equal(s->sessions[0]->messages, 1);
  }
}

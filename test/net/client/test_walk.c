/* F58: the program closes all handles of the loop, those of the library included: uv_walk with
   uv_close, in every state of a session. Nothing of ours runs after that. wsuv_client_close and one
   more uv_run end the sessions and free everything.

   The client has a loop of its own. An idle handle of the world's loop, on which the peers are,
   runs it until the walk. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "net/dial/dial.h"
#include "net/uv/env_uv.h"
#include "net/uv/lookup_cares.h"
#include "session/client.h"
#include "support/dns_server.h"
#include "support/name_folder.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "support/world_tls.h"
#include "testkit/check.h"

typedef struct own_loop {
  uv_loop_t loop;
  uv_idle_t pump; /* on the world's loop: runs `loop` */
  session_user *u;
  size_t closed; /* times that the client said so */
  bool walked;
  size_t messages, dones; /* of the user when the handles were closed */
  uv_prepare_t watch;     /* on `loop` */
  wsuv_stage_t stage;     /* walk before the poll in which the session is at this stage */
} own_loop;

static own_loop *own;

static void on_pump(uv_idle_t *pump) {
  (void) pump;
  uv_run(&own->loop, UV_RUN_NOWAIT);
}

/* The user's client, on a loop of its own. */
static void begin_on(own_loop *o, session_user *u) {
  wsuv_config_t config = u->config;
  *o = (own_loop){.u = u};
  own = o;
  u->peer->raw->lenient = true;
  assert_int_equal(uv_loop_init(&o->loop), 0);
  assert_int_equal(uv_idle_init(world_uv_loop(u->w), &o->pump), 0);
  assert_int_equal(uv_idle_start(&o->pump, on_pump), 0);
  config.allocator = &u->w->alloc->handle;
  config.random = world_uv_random;
  config.random_arg = u->w;
  config.tls = world_tls(u->w);
  assert_int_equal(wsuv_client_new(&u->client, &o->loop, &config), 0);
}

static void close_one(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void walk_now(void) {
  own->walked = true;
  own->messages = own->u->messages;
  own->dones = own->u->dones;
  uv_walk(&own->loop, close_one, NULL);
}

static void on_closed(wsuv_client_t *client) {
  (void) client;
  CHECK(no_call_is_running());
  own->closed++;
  own->u->client = NULL;
}

/* From now on the test runs the client's loop itself. */
static void stop_pump(void) {
  if (uv_is_closing((uv_handle_t *) &own->pump)) return;
  uv_close((uv_handle_t *) &own->pump, NULL);
  uv_run(world_uv_loop(own->u->w), UV_RUN_NOWAIT);
}

static void assert_calls_are_refused(session_user *u) {
  static char piece[] = "a";
  const uv_buf_t buf = {piece, 1};
  struct sockaddr_storage addr;
  wsuv_session_t *s = u->session;
  assert_int_equal(user_try_connect_url(u, "ws://127.0.0.1:1/"), UV_ECANCELED);
  assert_int_equal(wsuv_client_set_tls(u->client, NULL), UV_ECANCELED);
  if (s == NULL) return;
  assert_int_equal(user_text(u, "a"), UV_ECANCELED);
  assert_int_equal(user_binary(u, "a", 1), UV_ECANCELED);
  assert_int_equal(user_ping(u, "a"), UV_ECANCELED);
  assert_int_equal(user_pong(u, "a"), UV_ECANCELED);
  assert_int_equal(user_frame(u, 'x', WSUV_FRAME_TEXT, true, "a", 1), UV_ECANCELED);
  assert_int_equal(user_bufs(u, 'y', WSUV_FRAME_TEXT, &buf, 1), UV_ECANCELED);
  assert_int_equal(user_flush(u, 'z'), UV_ECANCELED);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), UV_ECANCELED);
  assert_int_equal(user_piece(u, 'p', "a", 1), UV_ECANCELED);
  assert_int_equal(user_end_message(u, 'q'), UV_ECANCELED);
  assert_int_equal(user_close(u, 1000, NULL), UV_ECANCELED);
  assert_int_equal(user_pause(u), UV_ECANCELED);
  assert_int_equal(user_resume(u), UV_ECANCELED);
  assert_int_equal(wsuv_session_set_ping(s, 1, 1), UV_ECANCELED);
  assert_int_equal(wsuv_session_set_idle_timeout(s, 1), UV_ECANCELED);
  assert_int_equal(wsuv_session_set_max_frame_size(s, 1), UV_ECANCELED);
  assert_int_equal(wsuv_session_set_max_message_size(s, 1), UV_ECANCELED);
  assert_int_equal(wsuv_session_set_masking(s, true), UV_ECANCELED);
  assert_int_equal(wsuv_session_peer_address(s, &addr), UV_ECANCELED);
  assert_int_equal(wsuv_session_local_address(s, &addr), UV_ECANCELED);
  wsuv_session_unref(s);
  wsuv_session_ref(s);
}

/* After the walk: the loop ends, and nothing was called. */
static void assert_silent(session_user *u) {
  assert_true(own->walked);
  stop_pump();
  assert_int_equal(uv_run(&own->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 0);
  assert_int_equal(u->messages, own->messages);
  assert_int_equal(u->dones, own->dones);
  assert_int_equal(own->closed, 0);
}

static void run_loop_to_its_end(void) {
  stop_pump();
  assert_int_equal(uv_run(&own->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&own->loop), 0);
}

/* No memory is needed for it. */
static void close_after_walk(session_user *u, size_t sessions) {
  track_alloc *t = u->w->alloc;
  t->fail_at = t->calls + 1;
  t->fail_for_ever = true;
  assert_int_equal(call_client_close(u->client, on_closed), 0);
  run_loop_to_its_end();
  t->fail_at = 0;
  t->fail_for_ever = false;
  assert_int_equal(own->closed, 1);
  assert_int_equal(u->closes, sessions);
  assert_int_equal(u->owed, 0);
}

static void assert_cancelled_by_walk(session_user *u) {
  assert_silent(u);
  assert_calls_are_refused(u);
  close_after_walk(u, 1);
  assert_int_equal(u->end.status, UV_ECANCELED);
}

/* --- at a stage, before the loop polls --- */

static void look(uv_prepare_t *prepare) {
  own_loop *o = prepare->data;
  if (o->u->session == NULL || wsuv_session_stage(o->u->session) != o->stage) return;
  walk_now(); /* this handle, too */
}

static void walk_at(session_user *u, wsuv_stage_t stage) {
  own->stage = stage;
  own->watch.data = own;
  assert_int_equal(uv_prepare_init(&own->loop, &own->watch), 0);
  assert_int_equal(uv_prepare_start(&own->watch, look), 0);
  world_run_until_true(u->w, &own->walked);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_client_alone, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  walk_now();
  assert_silent(u);
  assert_calls_are_refused(u);
  close_after_walk(u, 0);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_session_that_has_not_begun, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  walk_now();
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_RESOLVE);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_during_a_lookup, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  const char *url = raw_peer_url_of(p->raw, world_good_name(w), "/");
  assert_int_equal(user_try_connect_url(u, url), 0);
  walk_at(u, WSUV_STAGE_RESOLVE);
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_RESOLVE);
}

/* The client is closed while the lookup runs. */
SCENARIO_UV_AND_TLS_TEST(test_walk_during_a_lookup_and_close_at_once, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  const char *url = raw_peer_url_of(p->raw, world_good_name(w), "/");
  assert_int_equal(user_try_connect_url(u, url), 0);
  walk_at(u, WSUV_STAGE_RESOLVE);
  close_after_walk(u, 1);
}

/* c-ares has sockets and a timer on the loop. One name server is silent, and the answers of the
   other have come or not. */
SCENARIO_UV_AND_TLS_TEST(test_walk_during_lookups_by_cares, w, p, u) {
  static const dns_rule rules[] = {{"silent.test", .silent = true}, {NULL, .rcode = 3}};
  for (int turns = 0; turns < 6 && lookup_cares_built_in; turns++) {
    own_loop o;
    name_folder folder;
    dns_server server;
    session_user other;
    scenario_renew(u);
    name_folder_open(&folder);
    dns_server_start(&server, world_uv_loop(w), "127.0.0.1", 0, rules);
    folder.files.dns_port = server.port;
    begin_on(&o, u);
    env_uv_set_name_files(u->client->endpoint.env, &folder.files);
    user_init_on(&other, u);
    assert_int_equal(user_try_connect_url(u, "ws://silent.test:1/"), 0);
    assert_int_equal(user_try_connect_url(&other, "ws://none.test:1/"), 0);
    for (int i = 0; i < turns; i++) uv_run(world_uv_loop(w), UV_RUN_ONCE);
    walk_now();
    const size_t closes = other.closes;
    assert_silent(u);
    assert_int_equal(other.closes, closes);
    assert_calls_are_refused(u);
    close_after_walk(u, 1);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
    assert_int_equal(other.closes, 1);
    other.client = NULL;
    user_free(&other);
    dns_server_stop(&server);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
    name_folder_close(&folder);
  }
}

/* One session has its turn to connect, and the others wait for theirs. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_sessions_that_wait_for_their_turn, w, p, u) {
  enum { SESSIONS = 3 };
  for (int stage = WSUV_STAGE_RESOLVE; stage <= WSUV_STAGE_CONNECT; stage++) {
    session_user others[SESSIONS];
    own_loop o;
    scenario_renew(u);
    u->config.max_connecting = 1;
    begin_on(&o, u);
    scenario_connect(u);
    for (size_t i = 0; i < SESSIONS; i++) {
      user_init_on(&others[i], u);
      user_connect(&others[i], p);
    }
    if (stage == WSUV_STAGE_RESOLVE) {
      walk_now();
    } else {
      walk_at(u, (wsuv_stage_t) stage);
    }
    assert_cancelled_by_walk(u);
    for (size_t i = 0; i < SESSIONS; i++) {
      assert_true(user_ended_by(&others[i], UV_ECANCELED, WSUV_STAGE_RESOLVE));
      others[i].client = NULL;
      user_free(&others[i]);
    }
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

/* Some have begun to connect in the first turn, and the others wait for a later one. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_attempts_that_wait_for_a_turn, w, p, u) {
  enum { SESSIONS = DIAL_TURN_BUDGET + 3 };
  static session_user others[SESSIONS];
  own_loop o;
  u->config.max_connecting = UINT_MAX;
  begin_on(&o, u);
  scenario_connect(u);
  for (size_t i = 0; i < SESSIONS; i++) {
    user_init_on(&others[i], u);
    user_connect(&others[i], p);
  }
  walk_at(u, WSUV_STAGE_CONNECT);
  assert_cancelled_by_walk(u);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_true(user_ended_by(&others[i], UV_ECANCELED, WSUV_STAGE_CONNECT));
    others[i].client = NULL;
    user_free(&others[i]);
  }
  uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_while_connecting, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  walk_at(u, WSUV_STAGE_CONNECT);
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_CONNECT);
}

/* Two addresses: a timer and two sockets. */
SCENARIO_UV_AND_TLS_TEST(test_walk_while_addresses_are_raced, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  assert_int_equal(user_try_connect_url(u, raw_peer_url_of(p->raw, "localhost", "/")), 0);
  walk_at(u, WSUV_STAGE_CONNECT);
  assert_cancelled_by_walk(u);
}

SCENARIO_ONLY_UV_TLS_TEST(test_walk_in_the_handshake_of_tls, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  walk_at(u, WSUV_STAGE_TLS);
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_TLS);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_the_opening_handshake, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
  scenario_connect(u);
  walk_at(u, WSUV_STAGE_HANDSHAKE);
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_HANDSHAKE);
}

/* --- open, and later --- */

SCENARIO_UV_AND_TLS_TEST(test_walk_with_an_open_session, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  walk_now();
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_OPEN);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_paused_session, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  assert_int_equal(user_pause(u), 0);
  walk_now();
  assert_cancelled_by_walk(u);
}

/* Requests of libuv are in flight, and messages are queued: completions tell it in the end. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_data_that_is_not_written, w, p, u) {
  size_t much = user_too_much(w);
  char *data = check_alloc(much);
  own_loop o;
  u->config.outgoing_max = 2 * much;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_STALL);
  begin_on(&o, u);
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, much), 0);
  for (int i = 0; i < 10; i++) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, data, 1), 0);
  walk_now();
  assert_cancelled_by_walk(u);
  assert_string_equal((const char *) u->done.base, "a=ECANCELED b=ECANCELED ");
  free(data);
}

/* The tick was scheduled before the walk. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_message_in_the_queue, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  walk_now();
  assert_cancelled_by_walk(u);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_session_that_closes, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  p->silent = true;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, "bye"), 0);
  for (int i = 0; i < 5; i++) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  walk_now();
  assert_cancelled_by_walk(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_CLOSING);
  assert_int_equal(u->end.sent_code, 1000);
}

/* Both close frames are through, so its end was clean before the walk. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_session_that_lingers, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_EXPECT_GONE);
  scenario_open(u);
  world_advance(w, 30);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  walk_now();
  assert_silent(u);
  assert_calls_are_refused(u);
  close_after_walk(u, 1);
  assert_int_equal(u->end.status, 0);
  assert_true(u->end.clean);
}

/* It was terminated before: its socket was ours to close, and says so. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_session_that_was_terminated, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  user_terminate(u);
  walk_now();
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 1);
  close_after_walk(u, 1);
}

/* A session without a connection ends in the tick. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_session_that_was_terminated_at_once, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  user_terminate(u);
  walk_now();
  assert_cancelled_by_walk(u);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_then_terminate_a_session, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  walk_now();
  user_terminate(u);
  user_terminate(u);
  assert_cancelled_by_walk(u);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_then_terminate_the_client, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  walk_now();
  assert_int_equal(call_client_terminate(u->client, on_closed), 0);
  run_loop_to_its_end();
  assert_int_equal(o.closed, 1);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

/* The loop has not run between the walk and the close. */
SCENARIO_UV_AND_TLS_TEST(test_walk_and_close_at_once, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_open(u);
  walk_now();
  close_after_walk(u, 1);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

/* --- while the client closes --- */

SCENARIO_UV_AND_TLS_TEST(test_walk_while_the_client_closes, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  p->silent = true;
  scenario_open(u);
  assert_int_equal(call_client_close(u->client, NULL), 0);
  for (int i = 0; i < 5; i++) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  walk_now();
  assert_cancelled_by_walk(u);
}

/* Their turns do not come any more. */
SCENARIO_UV_AND_TLS_TEST(test_walk_while_sessions_are_closed_in_a_row, w, p, u) {
  own_loop o;
  wsuv_end_t how;
  begin_on(&o, u);
  scenario_open(u);
  wsuv_end_init(&how);
  how.spread_ms = 60 * 1000;
  assert_int_equal(call_client_close_with(u->client, &how, NULL), 0);
  for (int i = 0; i < 5; i++) uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  walk_now();
  assert_cancelled_by_walk(u);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_and_close_in_a_row, w, p, u) {
  own_loop o;
  wsuv_end_t how;
  begin_on(&o, u);
  scenario_open(u);
  walk_now();
  assert_silent(u);
  wsuv_end_init(&how);
  how.spread_ms = 60 * 1000;
  assert_int_equal(call_client_close_with(u->client, &how, on_closed), 0);
  run_loop_to_its_end();
  assert_int_equal(o.closed, 1);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

/* In each turn of the loop on the way to the client's end. It is closed again each time. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_each_turn_of_the_end, w, p, u) {
  for (int turns = 0, all = 0; !all; turns++) {
    own_loop o;
    scenario_renew(u);
    begin_on(&o, u);
    scenario_open(u);
    stop_pump();
    assert_int_equal(call_client_terminate(u->client, on_closed), 0);
    for (int i = 0; i < turns; i++) uv_run(&o.loop, UV_RUN_NOWAIT);
    all = o.closed > 0;
    walk_now();
    uv_run(&o.loop, UV_RUN_DEFAULT);
    if (u->client != NULL) assert_int_equal(call_client_close(u->client, NULL), 0);
    run_loop_to_its_end();
    assert_int_equal(o.closed, 1);
    assert_int_equal(u->closes, 1);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

/* The handle that the close has made is closed by the program, too, in each turn. Then the client
   must be closed once more, and that needs memory. */
static void walk_twice(session_user *u, int turns, bool *over) {
  track_alloc *t = u->w->alloc;
  begin_on(own, u);
  scenario_open(u);
  stop_pump();
  walk_now();
  assert_int_equal(call_client_close(u->client, on_closed), 0);
  for (int i = 0; i < turns; i++) uv_run(&own->loop, UV_RUN_NOWAIT);
  *over = own->closed > 0;
  walk_now();
  walk_now();
  if (turns % 2 == 0) uv_run(&own->loop, UV_RUN_DEFAULT);
  if (u->client != NULL) {
    t->fail_at = t->calls + 1;
    t->fail_for_ever = true;
    int err = call_client_close(u->client, NULL);
    assert_true(err == 0 || err == UV_ENOMEM);
    t->fail_at = 0;
    t->fail_for_ever = false;
    if (err < 0) assert_int_equal(call_client_terminate(u->client, NULL), 0);
  }
  run_loop_to_its_end();
  assert_int_equal(own->closed, 1);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
}

SCENARIO_UV_AND_TLS_TEST(test_walk_once_more_after_the_close, w, p, u) {
  bool over = false;
  for (int turns = 0; !over; turns++) {
    own_loop o;
    own = &o;
    scenario_renew(u);
    walk_twice(u, turns, &over);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

/* --- in a callback --- */

static void walk_here(session_user *u) {
  (void) u;
  walk_now();
}

/* In the session's own callback a send is accepted, and its completion tells that it is lost. */
static void walk_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  walk_now();
  CHECK(user_frame(u, 'm', WSUV_FRAME_TEXT, true, "a", 1) == 0);
  CHECK(user_close(u, 1000, NULL) == UV_ECANCELED);
  CHECK(user_pause(u) == UV_ECANCELED);
  CHECK(user_try_connect_url(u, "ws://127.0.0.1:1/") == UV_ECANCELED);
}

static void walk_at_done(session_user *u, char name, int status) {
  (void) u;
  CHECK(name == 'a' && status == 0);
  walk_now();
}

/* More messages have been read already. They are not delivered. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_on_message, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  p->greeting = "TEXT \"a\"; TEXT \"b\"; TEXT \"c\"; PING 01; CLOSE #1000";
  u->at_message = walk_at_message;
  scenario_connect(u);
  world_run_until_true(w, &o.walked);
  assert_int_equal(u->messages, 1);
  o.messages = 1;
  assert_cancelled_by_walk(u);
  assert_string_equal((const char *) u->done.base, "m=ECANCELED ");
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_on_open, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  p->greeting = "TEXT \"a\"";
  u->at_open = walk_here;
  scenario_connect(u);
  world_run_until_true(w, &o.walked);
  assert_cancelled_by_walk(u);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_a_completion, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  u->at_done = walk_at_done;
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  world_run_until_true(w, &o.walked);
  u->at_done = NULL;
  o.dones = 1;
  assert_cancelled_by_walk(u);
  assert_string_equal((const char *) u->done.base, "a=OK b=ECANCELED ");
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_on_close, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  u->at_close = walk_here;
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  world_run_until_true(w, &o.walked);
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(o.closed, 0);
  close_after_walk(u, 1);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* A session without a connection ends in the tick, and the client with it. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_on_close_of_the_last_session, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  u->at_close = walk_here;
  scenario_connect(u);
  assert_int_equal(call_client_close(u->client, NULL), 0);
  world_run_until_true(w, &o.walked);
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(u->closes, 1);
  assert_calls_are_refused(u);
  close_after_walk(u, 1);
}

/* Nor does another session without a connection end in the same tick. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_on_close_beside_another_session, w, p, u) {
  session_user other;
  own_loop o;
  begin_on(&o, u);
  user_init_on(&other, u);
  u->at_close = walk_here;
  scenario_connect(u);
  user_connect(&other, p);
  assert_int_equal(call_client_close(u->client, NULL), 0);
  world_run_until_true(w, &o.walked);
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(other.closes, 0);
  close_after_walk(u, 1);
  assert_true(user_ended_by(&other, UV_ECANCELED, WSUV_STAGE_RESOLVE));
  other.client = NULL;
  user_free(&other);
}

static void close_and_walk(wsuv_client_t *client, void *arg) {
  (void) arg;
  CHECK(call_client_close(client, NULL) == 0);
  walk_now();
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_a_post_that_closes_the_client, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  assert_int_equal(wsuv_client_post(u->client, close_and_walk, NULL), 0);
  world_run_until_true(w, &o.walked);
  assert_cancelled_by_walk(u);
}

/* The calls are made on the thread of the loop, after the client is closed. */
static size_t posted;

static void on_post(wsuv_client_t *client, void *arg) {
  (void) client;
  (void) arg;
  CHECK(own->closed == 0);
  posted++;
}

SCENARIO_UV_AND_TLS_TEST(test_walk_and_posts, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  posted = 0;
  scenario_open(u);
  assert_int_equal(wsuv_client_post(u->client, on_post, NULL), 0);
  walk_now();
  assert_int_equal(wsuv_client_post(u->client, on_post, NULL), 0);
  assert_silent(u);
  assert_int_equal(posted, 0);
  close_after_walk(u, 1);
  assert_int_equal(posted, 2);
}

static void walk_and_post(wsuv_client_t *client, void *arg) {
  (void) arg;
  CHECK(own->closed == 0);
  walk_now();
  CHECK(wsuv_client_post(client, on_post, NULL) == 0);
}

/* The calls behind the one that walks wait as well. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_a_post, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  posted = 0;
  scenario_open(u);
  assert_int_equal(wsuv_client_post(u->client, on_post, NULL), 0);
  assert_int_equal(wsuv_client_post(u->client, walk_and_post, NULL), 0);
  assert_int_equal(wsuv_client_post(u->client, on_post, NULL), 0);
  world_run_until_true(w, &o.walked);
  assert_silent(u);
  assert_int_equal(posted, 1);
  close_after_walk(u, 1);
  assert_int_equal(posted, 3);
}

static void walk_in_post(wsuv_client_t *client, void *arg) {
  (void) client;
  (void) arg;
  walk_now();
}

static void post_and_close(wsuv_client_t *client, void *arg) {
  (void) arg;
  CHECK(wsuv_client_post(client, walk_in_post, NULL) == 0);
  CHECK(wsuv_client_post(client, on_post, NULL) == 0);
  CHECK(call_client_close(client, NULL) == 0);
}

/* The last posts of a client that has no session. The handle of walk_at keeps the loop alive. */
SCENARIO_UV_AND_TLS_TEST(test_walk_in_the_last_posts, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  posted = 0;
  assert_int_equal(wsuv_client_post(u->client, post_and_close, NULL), 0);
  walk_at(u, WSUV_STAGE_OPEN);
  assert_silent(u);
  assert_int_equal(posted, 0);
  close_after_walk(u, 0);
  assert_int_equal(posted, 1);
}

/* Many sessions in the same turn: those whose turn has not come do nothing. */
SCENARIO_UV_AND_TLS_TEST(test_walk_with_several_sessions, w, p, u) {
  enum { SESSIONS = 8 };
  session_user others[SESSIONS];
  own_loop o;
  begin_on(&o, u);
  p->echoes = true;
  u->at_message = walk_at_message;
  for (size_t i = 0; i < SESSIONS; i++) {
    user_init_on(&others[i], u);
    user_connect(&others[i], p);
  }
  scenario_open(u);
  for (size_t i = 0; i < SESSIONS; i++) user_run_to_open(&others[i]);
  for (size_t i = 0; i < SESSIONS; i++) assert_int_equal(user_text(&others[i], "a"), 0);
  assert_int_equal(user_text(u, "a"), 0);
  world_run_until_true(w, &o.walked);
  o.messages = 1;
  assert_cancelled_by_walk(u);
  for (size_t i = 0; i < SESSIONS; i++) {
    assert_true(user_ended_by(&others[i], UV_ECANCELED, WSUV_STAGE_OPEN));
    others[i].client = NULL;
    user_free(&others[i]);
  }
}

/* --- in any turn --- */

/* What sessions do in a turn: some wait for their turn to connect, one sends a message in pieces,
   one is paused, one closes, and one is terminated. */
static void do_a_turn(session_user *users, size_t count) {
  static const uint8_t data[20000];
  for (size_t i = 0; i < count; i++) {
    session_user *u = &users[i];
    if (u->session == NULL || wsuv_session_stage(u->session) != WSUV_STAGE_OPEN) continue;
    u->send_count = 0;
    if (i == 0) (void) user_begin_message(u, WSUV_FRAME_BINARY);
    if (i == 0) CHECK(user_piece(u, 'p', data, 10) == 0);
    if (i == 0) CHECK(user_piece(u, '\0', data, sizeof data) == 0);
    if (i == 1) CHECK(user_pause(u) == 0);
    if (i == 2) CHECK(user_close(u, 1000, NULL) == 0);
    if (i == 3) user_terminate(u);
    if (i > 3) CHECK(user_text(u, "echo") == 0);
  }
}

static void walk_in_turn(session_user *u, int turns, bool closing) {
  enum { USERS = 7 };
  session_user users[USERS];
  const bool secure = world_tls(u->w) != NULL;
  own_loop o;
  u->peer->echoes = u->peer->forgets = true;
  u->config.max_connecting = 2;
  begin_on(&o, u);
  o.walked = true;
  for (size_t i = 0; i < USERS; i++) {
    user_init_on(&users[i], u);
    users[i].forgets = true;
    user_connect(&users[i], u->peer);
  }
  for (int i = 0; i < turns * (secure ? 3 : 1); i++) {
    do_a_turn(users, USERS);
    uv_run(world_uv_loop(u->w), UV_RUN_NOWAIT);
  }
  if (closing) {
    CHECK(call_client_close(u->client, on_closed) == 0);
    uv_run(world_uv_loop(u->w), UV_RUN_NOWAIT);
  }
  walk_now();
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  if (o.closed == 0) CHECK(call_client_close(u->client, closing ? NULL : on_closed) == 0);
  run_loop_to_its_end();
  assert_int_equal(o.closed, 1);
  for (size_t i = 0; i < USERS; i++) {
    assert_int_equal(users[i].closes, 1);
    assert_int_equal(users[i].owed, 0);
    users[i].client = NULL;
    user_free(&users[i]);
  }
}

SCENARIO_UV_AND_TLS_TEST(test_walk_in_any_turn, w, p, u) {
  for (int i = 0; i < 60; i++) {
    scenario_renew(u);
    walk_in_turn(u, i / 2, i % 2 != 0);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

/* --- a stream of the program's --- */

static void on_connected(uv_connect_t *req, int status) {
  CHECK(status == 0);
  *(bool *) req->data = true;
}

static void free_stream(session_user *u) {
  free(u->data);
}

SCENARIO_UV_AND_TLS_TEST(test_walk_with_a_stream_of_the_program, w, p, u) {
  for (int stage = WSUV_STAGE_HANDSHAKE; stage <= WSUV_STAGE_OPEN; stage++) {
    own_loop o;
    bool connected = false;
    wsuv_request_t request;
    uv_connect_t req = {.data = &connected};
    uv_tcp_t *tcp = check_alloc(sizeof *tcp);
    scenario_renew(u);
    begin_on(&o, u);
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons(p->raw->port),
                                     .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(uv_tcp_init(&o.loop, tcp), 0);
    assert_int_equal(uv_tcp_connect(&req, tcp, (const struct sockaddr *) &addr, on_connected), 0);
    world_run_until_true(w, &connected);
    wsuv_request_init(&request, raw_peer_url(p->raw, "/"));
    u->data = tcp;
    u->at_close = free_stream;
    assert_int_equal(user_request_stream(u, &request, (uv_stream_t *) tcp), 0);
    walk_at(u, (wsuv_stage_t) stage);
    assert_cancelled_by_walk(u);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

/* --- only some of the handles --- */

static void close_sockets(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (uv_handle_get_type(handle) == UV_TCP) close_one(handle, NULL);
}

static void close_timers(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (uv_handle_get_type(handle) == UV_TIMER) close_one(handle, NULL);
}

/* What the program may not do either; still, nothing is lost. */
SCENARIO_UV_AND_TLS_TEST(test_walk_that_closes_some_handles, w, p, u) {
  static const uv_walk_cb closers[] = {close_sockets, close_timers};
  for (size_t i = 0; i < 2; i++) {
    own_loop o;
    scenario_renew(u);
    begin_on(&o, u);
    scenario_open(u);
    uv_walk(&o.loop, closers[i], NULL);
    assert_int_equal(user_text(u, "a"), 0);
    if (i == 1) user_terminate(u);
    world_run_until_count(w, &u->closes, 1);
    assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
    assert_int_equal(call_client_close(u->client, on_closed), 0);
    run_loop_to_its_end();
    assert_int_equal(o.closed, 1);
    uv_run(world_uv_loop(w), UV_RUN_NOWAIT);
  }
}

static void close_prepares(uv_handle_t *handle, void *arg) {
  (void) arg;
  if (uv_handle_get_type(handle) == UV_PREPARE) close_one(handle, NULL);
}

/* The handle of the tick is still there, and must not spin. */
SCENARIO_UV_AND_TLS_TEST(test_walk_that_leaves_the_tick, w, p, u) {
  own_loop o;
  begin_on(&o, u);
  scenario_connect(u);
  uv_walk(&o.loop, close_prepares, NULL);
  stop_pump();
  assert_int_equal(uv_run(&o.loop, UV_RUN_DEFAULT), 0);
  assert_calls_are_refused(u);
  assert_int_equal(u->closes, 0);
  close_after_walk(u, 1);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
}

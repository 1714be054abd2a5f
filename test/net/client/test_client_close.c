/* The end of a client, with sessions in every state, asked for from everywhere. F41 F43 */

#include <string.h>

#include <uv.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef int (*end_fn)(wsuv_client_t *client, wsuv_client_close_cb cb);

/* With the time of the whole, and so with a timer. */
static int close_in_time(wsuv_client_t *client, wsuv_client_close_cb cb) {
  wsuv_end_t how;
  wsuv_end_init(&how);
  return call_client_close_with(client, &how, cb);
}

static const end_fn ways[] = {call_client_close, call_client_terminate, close_in_time};
enum { CLOSE, TERMINATE, CLOSE_IN_TIME, WAYS };

/* --- who is told --- */

static size_t told[3];
static bool gone;
static session_user *owner; /* of the client */

static void on_gone(wsuv_client_t *client, size_t who) {
  CHECK(no_call_is_running());
  CHECK(wsuv_client_session_count(client) == 0);
  CHECK(wsuv_client_data(client) == told);
  told[who]++;
  gone = true;
  owner->client = NULL;
}

static void tell_first(wsuv_client_t *client) {
  on_gone(client, 0);
}

static void tell_second(wsuv_client_t *client) {
  on_gone(client, 1);
}

static void tell_third(wsuv_client_t *client) {
  on_gone(client, 2);
}

static void begin_told_with(session_user *u, uint64_t close_timeout_ms) {
  memset(told, 0, sizeof told);
  gone = false;
  owner = u;
  scenario_renew(u);
  u->config.close_timeout_ms = close_timeout_ms;
  u->peer->raw->lenient = true;
  assert_null(wsuv_client_data(user_client(u)));
  wsuv_client_set_data(u->client, told);
}

static void begin_told(session_user *u) {
  begin_told_with(u, 5000);
}

static void assert_told(size_t first, size_t second, size_t third) {
  assert_int_equal(told[0], first);
  assert_int_equal(told[1], second);
  assert_int_equal(told[2], third);
}

/* --- without sessions --- */

SCENARIO_TLS_TEST(test_client_without_sessions_closes, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_told(u);
    assert_int_equal(wsuv_client_session_count(u->client), 0);
    assert_int_equal(ways[i](u->client, tell_first), 0);
    assert_told(0, 0, 0);
    world_run(w);
    assert_told(1, 0, 0);
  }
}

SCENARIO_TLS_TEST(test_client_tells_all_who_asked, w, p, u) {
  for (size_t i = 0; i < WAYS; i++) {
    begin_told(u);
    assert_int_equal(ways[i](u->client, tell_first), 0);
    assert_int_equal(ways[0](u->client, tell_second), 0);
    assert_int_equal(ways[1](u->client, NULL), 0);
    assert_int_equal(ways[1](u->client, tell_second), 0);
    assert_int_equal(ways[i](u->client, tell_third), 0);
    world_run(w);
    assert_told(1, 2, 1);
  }
}

SCENARIO_TLS_TEST(test_client_may_close_untold, w, p, u) {
  begin_told(u);
  assert_int_equal(user_end_client(u, wsuv_client_close, NULL), 0);
  world_run(w);
  assert_int_equal(call_client_close(NULL, tell_first), 0);
  assert_int_equal(call_client_terminate(NULL, tell_first), 0);
  world_run(w);
  assert_told(0, 0, 0);
}

/* "May be called again": until it is gone, whenever that is. */
static bool ask_again(void *client) {
  if (!gone) CHECK(wsuv_client_close(client, tell_second) == 0);
  return gone;
}

SCENARIO_TLS_TEST(test_client_closed_again_in_every_turn, w, p, u) {
  begin_told(u);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  world_run_until(w, ask_again, u->client);
  assert_int_equal(told[0], 1);
  assert_true(told[1] > 0);
}

static void ask_before_poll(uv_prepare_t *prepare) {
  if (!gone) CHECK(wsuv_client_close(prepare->data, tell_second) == 0);
}

static void ask_after_poll(uv_check_t *check) {
  if (!gone) CHECK(wsuv_client_close(check->data, tell_second) == 0);
}

SCENARIO_UV_TEST(test_client_closed_again_in_every_phase, w, p, u) {
  uv_prepare_t prepare;
  uv_check_t check;
  begin_told(u);
  uv_prepare_init(world_uv_loop(w), &prepare);
  uv_check_init(world_uv_loop(w), &check);
  prepare.data = check.data = u->client;
  uv_prepare_start(&prepare, ask_before_poll);
  uv_check_start(&check, ask_after_poll);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  world_run_until_true(w, &gone);
  uv_close((uv_handle_t *) &prepare, NULL);
  uv_close((uv_handle_t *) &check, NULL);
  world_run(w);
  assert_int_equal(told[0], 1);
}

/* The orphan of a lookup keeps it waiting, long after the last session. */
SCENARIO_SIM_TEST(test_client_closed_again_while_a_lookup_is_left, w, p, u) {
  begin_told(u);
  sim_name(world_sim(w), "slow", &(sim_answer){.delay_ms = 5000, .addrs = {"127.0.0.1"}});
  assert_int_equal(user_try_connect_url(u, raw_peer_url_of(p->raw, "slow", "/")), 0);
  world_advance(w, 10);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
  world_advance(w, 100);
  assert_told(0, 0, 0);
  assert_int_equal(wsuv_client_session_count(u->client), 0);
  assert_int_equal(call_client_close(u->client, tell_second), 0);
  assert_int_equal(call_client_terminate(u->client, tell_third), 0);
  assert_int_equal(user_try_connect_url(u, raw_peer_url(p->raw, "/")), WSUV_ESTATE);
  world_run_until_true(w, &gone);
  assert_told(1, 1, 1);
}

/* --- with a session in each state --- */

static size_t how;

static void end_client(session_user *u) {
  CHECK(ways[how](u->client, tell_first) == 0);
  CHECK(user_try_connect_url(u, raw_peer_url(u->peer->raw, "/")) == WSUV_ESTATE);
}

static void assert_all_over(session_user *u, int status, wsuv_stage_t stage) {
  world_run(u->w);
  assert_true(user_ended_by(u, status, stage));
  assert_told(1, 0, 0);
}

SCENARIO_TLS_TEST(test_client_ends_with_a_new_session, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    scenario_connect(u);
    end_client(u);
    assert_told(0, 0, 0);
    assert_int_equal(u->closes, 0);
    assert_all_over(u, UV_ECANCELED, WSUV_STAGE_RESOLVE);
    assert_int_equal(p->raw->accepted, 0);
  }
}

SCENARIO_TLS_TEST(test_client_ends_with_a_session_that_looks_up, w, p, u) {
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){50, .addrs = {"127.0.0.1"}});
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    const char *url = raw_peer_url_of(p->raw, world_good_name(w), "/");
    assert_int_equal(user_try_connect_url(u, url), 0);
    scenario_at_stage(u, WSUV_STAGE_RESOLVE, end_client);
    assert_all_over(u, UV_ECANCELED, WSUV_STAGE_RESOLVE);
  }
}

SCENARIO_TLS_TEST(test_client_ends_with_a_session_that_connects, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    scenario_connect(u);
    scenario_at_stage(u, WSUV_STAGE_CONNECT, end_client);
    assert_all_over(u, UV_ECANCELED, WSUV_STAGE_CONNECT);
  }
}

SCENARIO_TLS_TEST(test_client_ends_with_a_session_in_the_handshake, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    scenario_connect(u);
    scenario_at_stage(u, WSUV_STAGE_HANDSHAKE, end_client);
    assert_all_over(u, UV_ECANCELED, WSUV_STAGE_HANDSHAKE);
  }
}

/* RFC 6455 7.4.1: 1001. Not lenient: the peer sees it. */
SCENARIO_TLS_TEST(test_client_closes_an_open_session_with_1001, w, p, u) {
  begin_told(u);
  p->raw->lenient = false;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_FRAME(1, "last words"),
                PEER_EXPECT_CLOSE(1001), PEER_SEND_FRAME(1, "good bye"), PEER_SEND_CLOSE(1001),
                PEER_END, PEER_EXPECT_END);
  scenario_open(u);
  assert_int_equal(wsuv_send_text(u->session, "last words", 10), 0);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
  assert_int_equal(wsuv_send_text(u->session, "a", 1), WSUV_ESTATE);
  world_run(w);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(u->end.clean);
  assert_int_equal(u->end.code, 1001);
  assert_int_equal(u->end.sent_code, 1001);
  assert_true(user_got(u, "TEXT \"good bye\""));
  assert_told(1, 0, 0);
}

SCENARIO_TLS_TEST(test_client_terminates_an_open_session, w, p, u) {
  begin_told(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scenario_open(u);
  assert_int_equal(call_client_terminate(u->client, tell_first), 0);
  world_run(w);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 0);
  assert_told(1, 0, 0);
}

/* The client waits for the closing deadline, no longer; terminated, it does not wait. */
static void begin_without_answer(session_user *u) {
  begin_told_with(u, 50);
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scenario_open(u);
}

SCENARIO_TLS_TEST(test_client_waits_for_a_peer_that_does_not_answer, w, p, u) {
  begin_without_answer(u);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  assert_all_over(u, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING);
  assert_true(world_now_ms(w) - begun >= 50);
}

SCENARIO_TLS_TEST(test_client_ends_with_a_session_that_closes, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_without_answer(u);
    assert_int_equal(user_close(u, 3000, NULL), 0);
    world_advance(w, 5);
    end_client(u);
    world_run(w);
    assert_true(user_ended_by(u, how != TERMINATE ? (int) WSUV_ECLOSETIMEOUT : (int) UV_ECANCELED,
                              WSUV_STAGE_CLOSING));
    assert_int_equal(u->end.sent_code, 3000);
    assert_told(1, 0, 0);
  }
}

/* Both close frames are through, and only the end of the stream is missing. */
SCENARIO_TLS_TEST(test_client_ends_with_a_session_that_lingers, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                  PEER_EXPECT_CLOSE(1000), PEER_EXPECT_GONE);
    scenario_open(u);
    world_advance(w, 30);
    assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_CLOSING);
    uint64_t begun = world_now_ms(w);
    end_client(u);
    world_run(w);
    assert_int_equal(u->closes, 1);
    assert_int_equal(u->end.stage, WSUV_STAGE_CLOSING);
    assert_true(u->end.clean);
    assert_int_equal(u->end.code, 1000);
    if (how != TERMINATE) assert_int_equal(u->end.status, 0);
    if (how == TERMINATE) assert_true(world_now_ms(w) - begun < 500);
    assert_told(1, 0, 0);
  }
}

/* Closing politely, then not. */
SCENARIO_TLS_TEST(test_client_closed_then_terminated, w, p, u) {
  begin_told(u);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scenario_open(u);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  world_advance(w, 5);
  assert_told(0, 0, 0);
  assert_int_equal(call_client_terminate(u->client, tell_second), 0);
  assert_int_equal(call_client_close(u->client, tell_third), 0);
  world_run(w);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_CLOSING));
  assert_told(1, 1, 1);
}

/* --- from callbacks --- */

static void end_here(session_user *u) {
  CHECK(ways[how](u->client, tell_first) == 0);
  CHECK(ways[how](u->client, tell_second) == 0);
  CHECK(wsuv_connect_url(u->client, "ws://127.0.0.1/", NULL, NULL, NULL) == WSUV_ESTATE);
}

static void end_at_message(session_user *u, const wsuv_message_t *message) {
  CHECK(message->len == 1);
  end_here(u);
}

static void end_at_completion(wsuv_session_t *session, int status, void *arg) {
  session_user *u = arg;
  CHECK(no_call_is_running());
  CHECK(session == u->session && status == 0);
  end_here(u);
}

static void send_with_completion(session_user *u) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "b", 1);
  CHECK(wsuv_send(u->session, &frame, end_at_completion, u) == 0);
}

static void play_from_callback(session_user *u) {
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                PEER_ECHO);
  scenario_connect(u);
  world_run(u->w);
  assert_int_equal(u->closes, 1);
  assert_int_equal(u->opens, 1);
  assert_told(1, 1, 0);
}

static void assert_ended_by_client(const session_user *u) {
  assert_int_equal(u->end.status, how != TERMINATE ? 0 : UV_ECANCELED);
  assert_int_equal(u->end.sent_code, how != TERMINATE ? 1001 : 0);
  assert_int_equal(u->end.clean, how != TERMINATE);
}

SCENARIO_TLS_TEST(test_client_ends_in_on_open, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    u->at_open = end_here;
    play_from_callback(u);
    assert_ended_by_client(u);
    assert_int_equal(u->messages, how != TERMINATE);
  }
}

SCENARIO_TLS_TEST(test_client_ends_in_on_message, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    u->at_message = end_at_message;
    play_from_callback(u);
    assert_ended_by_client(u);
  }
}

SCENARIO_TLS_TEST(test_client_ends_in_a_completion, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    u->at_open = send_with_completion;
    play_from_callback(u);
    assert_ended_by_client(u);
  }
}

static void close_session(session_user *u) {
  CHECK(user_close(u, 1000, NULL) == 0);
}

SCENARIO_TLS_TEST(test_client_ends_in_on_close, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    u->at_open = close_session;
    u->at_close = end_here;
    play_from_callback(u);
    assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  }
}

/* A completion that is told of the end ends the client, too. */
static void end_at_cancelled(wsuv_session_t *session, int status, void *arg) {
  session_user *u = arg;
  CHECK(no_call_is_running());
  CHECK(session == u->session && status == UV_ECANCELED && u->closes == 0);
  end_here(u);
}

static void send_and_terminate(session_user *u) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "b", 1);
  CHECK(wsuv_send(u->session, &frame, end_at_cancelled, u) == 0);
  user_terminate(u);
}

SCENARIO_TLS_TEST(test_client_ends_in_a_cancelled_completion, w, p, u) {
  for (how = 0; how < WAYS; how++) {
    begin_told(u);
    u->at_open = send_and_terminate;
    play_from_callback(u);
    assert_int_equal(u->end.status, UV_ECANCELED);
  }
}

/* The last callback of a client may begin another one. */
static wsuv_client_t *successor;

static void succeed(wsuv_client_t *client) {
  world *w = wsuv_client_data(client);
  CHECK(world_client(w, &successor, NULL) == 0);
}

WORLD_TLS_TEST(test_client_made_in_the_end_of_another, w) {
  wsuv_client_t *client;
  successor = NULL;
  assert_int_equal(world_client(w, &client, NULL), 0);
  wsuv_client_set_data(client, w);
  assert_int_equal(wsuv_client_close(client, succeed), 0);
  world_run(w);
  assert_non_null(successor);
  world_client_close(w, successor);
}

/* --- sessions in all states at once --- */

SCENARIO_TLS_TEST(test_client_ends_with_sessions_in_all_states, w, p, u) {
  enum { SESSIONS = 24 };
  for (how = 0; how < WAYS; how++) {
    session_user o[SESSIONS];
    begin_told(u);
    raw_peer *silent = raw_peer_new(w);
    silent->lenient = true;
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
    raw_peer_play(silent, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    for (size_t i = 0; i < SESSIONS; i++) {
      const char *url = i % 3 == 0   ? raw_peer_url(silent, "/")
                        : i % 3 == 1 ? raw_peer_url(p->raw, "/")
                                     : raw_peer_url_of(p->raw, world_good_name(w), "/");
      user_init_on(&o[i], u);
      assert_int_equal(user_try_connect_url(&o[i], url), 0);
      if (i % 4 == 0) world_advance(w, 1);
      if (i % 6 == 1 && o[i].session != NULL) user_terminate(&o[i]);
      if (i % 8 == 7 && o[i - 3].session != NULL)
        assert_int_equal(user_close(&o[i - 3], 1000, NULL), 0);
    }
    assert_int_equal(ways[how](u->client, tell_first), 0);
    world_run(w);
    for (size_t i = 0; i < SESSIONS; i++) {
      assert_int_equal(o[i].closes, 1);
      assert_true(o[i].end.status == 0 || o[i].end.status == UV_ECANCELED);
      if (o[i].end.status == 0) assert_true(o[i].end.clean);
      user_free(&o[i]);
    }
    assert_told(1, 0, 0);
  }
}

/* --- what keeps the loop alive --- */

SCENARIO_UV_TEST(test_client_that_is_idle_does_not_keep_the_loop, w, p, u) {
  begin_told(u);
  uv_loop_t *loop = world_uv_loop(w);
  assert_ptr_equal(wsuv_client_loop(u->client), loop);
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_false(uv_loop_alive(loop));
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000), PEER_ECHO);
  scenario_connect(u);
  assert_true(uv_loop_alive(loop));
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_told(0, 0, 0);
  assert_int_equal(call_client_close(u->client, tell_first), 0);
  assert_true(uv_loop_alive(loop));
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_told(1, 0, 0);
}

/* F43: a loop that has had nothing but a client. */
WORLD_UV_TEST(test_client_leaves_nothing_in_the_loop, w) {
  wsuv_config_t config;
  wsuv_client_t *client;
  uv_loop_t loop;
  (void) w;
  wsuv_client_config_init(&config);
  config.allocator = &w->alloc->handle;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(wsuv_client_new(&client, &loop, &config), 0);
  assert_int_equal(wsuv_connect_url(client, "ws://127.0.0.1:1/", NULL, NULL, NULL), 0);
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(w->alloc->live, 0);
}

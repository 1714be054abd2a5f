/* The end of a client, with sessions in every state, asked for from everywhere. F41 F43 */

#include <string.h>

#include <uv.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

typedef int (*end_fn)(wsuv_client_t *client, wsuv_client_close_cb cb);

static const end_fn ways[] = {observer_client_close, observer_client_terminate};
enum { CLOSE, TERMINATE, WAYS };

/* --- who is told --- */

static size_t told[3];
static bool gone;

static void on_gone(wsuv_client_t *client, size_t who) {
  CHECK(observer_from_loop());
  CHECK(wsuv_client_session_count(client) == 0);
  CHECK(wsuv_client_data(client) == told);
  told[who]++;
  gone = true;
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

static void begin(scene *s, world *w) {
  memset(told, 0, sizeof told);
  gone = false;
  scene_begin(s, w, NULL);
  s->peer->lenient = true;
  assert_null(wsuv_client_data(s->client));
  wsuv_client_set_data(s->client, told);
}

static void assert_told(size_t first, size_t second, size_t third) {
  assert_int_equal(told[0], first);
  assert_int_equal(told[1], second);
  assert_int_equal(told[2], third);
}

/* --- without sessions --- */

WORLD_TLS_TEST(test_client_without_sessions_closes, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    assert_int_equal(wsuv_client_session_count(s.client), 0);
    assert_int_equal(ways[i](s.client, tell_first), 0);
    assert_told(0, 0, 0);
    world_run(w);
    assert_told(1, 0, 0);
  }
}

WORLD_TLS_TEST(test_client_tells_all_who_asked, w) {
  for (size_t i = 0; i < WAYS; i++) {
    scene s;
    begin(&s, w);
    assert_int_equal(ways[i](s.client, tell_first), 0);
    assert_int_equal(ways[0](s.client, tell_second), 0);
    assert_int_equal(ways[1](s.client, NULL), 0);
    assert_int_equal(ways[1](s.client, tell_second), 0);
    assert_int_equal(ways[i](s.client, tell_third), 0);
    world_run(w);
    assert_told(1, 2, 1);
  }
}

WORLD_TLS_TEST(test_client_may_close_untold, w) {
  scene s;
  begin(&s, w);
  assert_int_equal(observer_client_close(s.client, NULL), 0);
  world_run(w);
  assert_int_equal(observer_client_close(NULL, tell_first), 0);
  assert_int_equal(observer_client_terminate(NULL, tell_first), 0);
  world_run(w);
  assert_told(0, 0, 0);
}

/* "May be called again": until it is gone, whenever that is. */
static bool ask_again(void *client) {
  if (!gone) CHECK(wsuv_client_close(client, tell_second) == 0);
  return gone;
}

WORLD_TLS_TEST(test_client_closed_again_in_every_turn, w) {
  scene s;
  begin(&s, w);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  world_run_until(w, ask_again, s.client);
  assert_int_equal(told[0], 1);
  assert_true(told[1] > 0);
}

static void ask_before_poll(uv_prepare_t *prepare) {
  if (!gone) CHECK(wsuv_client_close(prepare->data, tell_second) == 0);
}

static void ask_after_poll(uv_check_t *check) {
  if (!gone) CHECK(wsuv_client_close(check->data, tell_second) == 0);
}

WORLD_UV_TEST(test_client_closed_again_in_every_phase, w) {
  uv_prepare_t prepare;
  uv_check_t check;
  scene s;
  begin(&s, w);
  uv_prepare_init(world_uv_loop(w), &prepare);
  uv_check_init(world_uv_loop(w), &check);
  prepare.data = check.data = s.client;
  uv_prepare_start(&prepare, ask_before_poll);
  uv_check_start(&check, ask_after_poll);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  world_run_until_true(w, &gone);
  uv_close((uv_handle_t *) &prepare, NULL);
  uv_close((uv_handle_t *) &check, NULL);
  world_run(w);
  assert_int_equal(told[0], 1);
}

/* The orphan of a lookup keeps it waiting, long after the last session. */
WORLD_SIM_TEST(test_client_closed_again_while_a_lookup_is_left, w) {
  scene s;
  begin(&s, w);
  sim_name(world_sim(w), "slow", &(sim_answer){.delay_ms = 5000, .addrs = {"127.0.0.1"}});
  assert_int_equal(observer_connect(&s.o, s.client, raw_peer_url_of(s.peer, "slow", "/")), 0);
  world_advance(w, 10);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_RESOLVE);
  world_advance(w, 100);
  assert_told(0, 0, 0);
  assert_int_equal(wsuv_client_session_count(s.client), 0);
  assert_int_equal(observer_client_close(s.client, tell_second), 0);
  assert_int_equal(observer_client_terminate(s.client, tell_third), 0);
  assert_int_equal(observer_connect(&s.o, s.client, raw_peer_url(s.peer, "/")), WSUV_ESTATE);
  world_run_until_true(w, &gone);
  assert_told(1, 1, 1);
  observer_reset(&s.o);
}

/* --- with a session in each state --- */

static size_t how;

static void end_client(scene *s) {
  CHECK(ways[how](s->client, tell_first) == 0);
  CHECK(observer_connect(&s->o, s->client, raw_peer_url(s->peer, "/")) == WSUV_ESTATE);
}

static void assert_all_over(scene *s, int status, wsuv_stage_t stage) {
  world_run(s->w);
  assert_ended(&s->o, status, stage);
  assert_told(1, 0, 0);
  observer_reset(&s->o);
}

WORLD_TLS_TEST(test_client_ends_with_a_new_session, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    scene_connect(&s);
    end_client(&s);
    assert_told(0, 0, 0);
    assert_int_equal(s.o.closes, 0);
    assert_all_over(&s, UV_ECANCELED, WSUV_STAGE_RESOLVE);
    assert_int_equal(s.peer->accepted, 0);
  }
}

WORLD_TLS_TEST(test_client_ends_with_a_session_that_looks_up, w) {
  sim *m = world_sim(w);
  if (m != NULL) sim_name(m, world_good_name(w), &(sim_answer){50, .addrs = {"127.0.0.1"}});
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    const char *url = raw_peer_url_of(s.peer, world_good_name(w), "/");
    assert_int_equal(observer_connect(&s.o, s.client, url), 0);
    scene_at_stage(&s, WSUV_STAGE_RESOLVE, end_client);
    assert_all_over(&s, UV_ECANCELED, WSUV_STAGE_RESOLVE);
  }
}

WORLD_TLS_TEST(test_client_ends_with_a_session_that_connects, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    scene_connect(&s);
    scene_at_stage(&s, WSUV_STAGE_CONNECT, end_client);
    assert_all_over(&s, UV_ECANCELED, WSUV_STAGE_CONNECT);
  }
}

WORLD_TLS_TEST(test_client_ends_with_a_session_in_the_handshake, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    scene_connect(&s);
    scene_at_stage(&s, WSUV_STAGE_HANDSHAKE, end_client);
    assert_all_over(&s, UV_ECANCELED, WSUV_STAGE_HANDSHAKE);
  }
}

/* RFC 6455 7.4.1: 1001. Not lenient: the peer sees it. */
WORLD_TLS_TEST(test_client_closes_an_open_session_with_1001, w) {
  scene s;
  begin(&s, w);
  s.peer->lenient = false;
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_FRAME(1, "last words"),
                PEER_EXPECT_CLOSE(1001), PEER_SEND_FRAME(1, "good bye"), PEER_SEND_CLOSE(1001),
                PEER_END, PEER_EXPECT_END);
  scene_connect(&s);
  world_run_until_true(w, &s.o.opened);
  assert_int_equal(wsuv_send_text(s.o.session, "last words", 10), 0);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  assert_int_equal(wsuv_session_stage(s.o.session), WSUV_STAGE_CLOSING);
  assert_int_equal(wsuv_send_text(s.o.session, "a", 1), WSUV_ESTATE);
  world_run(w);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  assert_true(s.o.clean);
  assert_int_equal(s.o.code, 1001);
  assert_int_equal(s.o.sent_code, 1001);
  assert_string_equal(bytes_text(&s.o.text), "good bye;");
  assert_told(1, 0, 0);
  observer_reset(&s.o);
}

WORLD_TLS_TEST(test_client_terminates_an_open_session, w) {
  scene s;
  begin(&s, w);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scene_connect(&s);
  world_run_until_true(w, &s.o.opened);
  assert_int_equal(observer_client_terminate(s.client, tell_first), 0);
  world_run(w);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_OPEN);
  assert_int_equal(s.o.sent_code, 0);
  assert_told(1, 0, 0);
  observer_reset(&s.o);
}

/* The client waits for the closing deadline, no longer; terminated, it does not wait. */
static void begin_without_answer(scene *s, world *w) {
  wsuv_config_t config;
  begin(s, w);
  world_client_close(w, s->client);
  wsuv_client_config_init(&config);
  config.close_timeout_ms = 50;
  assert_int_equal(world_client(w, &s->client, &config), 0);
  wsuv_client_set_data(s->client, told);
  raw_peer_play(s->peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scene_connect(s);
  world_run_until_true(w, &s->o.opened);
}

WORLD_TLS_TEST(test_client_waits_for_a_peer_that_does_not_answer, w) {
  scene s;
  begin_without_answer(&s, w);
  uint64_t begun = world_now_ms(w);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  assert_all_over(&s, WSUV_ECLOSETIMEOUT, WSUV_STAGE_CLOSING);
  assert_true(world_now_ms(w) - begun >= 50);
}

WORLD_TLS_TEST(test_client_ends_with_a_session_that_closes, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin_without_answer(&s, w);
    assert_int_equal(observer_close(&s.o, 3000), 0);
    world_advance(w, 5);
    end_client(&s);
    world_run(w);
    assert_ended(&s.o, how == CLOSE ? (int) WSUV_ECLOSETIMEOUT : (int) UV_ECANCELED,
                 WSUV_STAGE_CLOSING);
    assert_int_equal(s.o.sent_code, 3000);
    assert_told(1, 0, 0);
    observer_reset(&s.o);
  }
}

/* Both close frames are through, and only the end of the stream is missing. */
WORLD_TLS_TEST(test_client_ends_with_a_session_that_lingers, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                  PEER_EXPECT_CLOSE(1000), PEER_EXPECT_GONE);
    scene_connect(&s);
    world_run_until_true(w, &s.o.opened);
    world_advance(w, 30);
    assert_int_equal(wsuv_session_stage(s.o.session), WSUV_STAGE_CLOSING);
    uint64_t begun = world_now_ms(w);
    end_client(&s);
    world_run(w);
    assert_int_equal(s.o.closes, 1);
    assert_int_equal(s.o.stage, WSUV_STAGE_CLOSING);
    assert_true(s.o.clean);
    assert_int_equal(s.o.code, 1000);
    if (how == CLOSE) assert_int_equal(s.o.status, 0);
    if (how == TERMINATE) assert_true(world_now_ms(w) - begun < 500);
    assert_told(1, 0, 0);
    observer_reset(&s.o);
  }
}

/* Closing politely, then not. */
WORLD_TLS_TEST(test_client_closed_then_terminated, w) {
  scene s;
  begin(&s, w);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  scene_connect(&s);
  world_run_until_true(w, &s.o.opened);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  world_advance(w, 5);
  assert_told(0, 0, 0);
  assert_int_equal(observer_client_terminate(s.client, tell_second), 0);
  assert_int_equal(observer_client_close(s.client, tell_third), 0);
  world_run(w);
  assert_ended(&s.o, UV_ECANCELED, WSUV_STAGE_CLOSING);
  assert_told(1, 1, 1);
  observer_reset(&s.o);
}

/* --- from callbacks --- */

static void end_here(observer *o) {
  scene *s = o->data;
  CHECK(ways[how](s->client, tell_first) == 0);
  CHECK(ways[how](s->client, tell_second) == 0);
  CHECK(wsuv_connect_url(s->client, "ws://127.0.0.1/", NULL, NULL, NULL) == WSUV_ESTATE);
}

static void end_at_message(observer *o, const wsuv_message_t *message) {
  CHECK(message->len == 1);
  end_here(o);
}

static void end_at_completion(wsuv_session_t *session, int status, void *arg) {
  observer *o = arg;
  CHECK(observer_from_loop());
  CHECK(session == o->session && status == 0);
  end_here(o);
}

static void send_with_completion(observer *o) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "b", 1);
  CHECK(wsuv_send(o->session, &frame, end_at_completion, o) == 0);
}

static void play_from_callback(scene *s) {
  raw_peer_play(s->peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"),
                PEER_ECHO);
  s->o.data = s;
  scene_connect(s);
  world_run(s->w);
  assert_int_equal(s->o.closes, 1);
  assert_int_equal(s->o.opens, 1);
  assert_told(1, 1, 0);
}

static void assert_ended_by_client(const observer *o) {
  assert_int_equal(o->status, how == CLOSE ? 0 : UV_ECANCELED);
  assert_int_equal(o->sent_code, how == CLOSE ? 1001 : 0);
  assert_int_equal(o->clean, how == CLOSE);
}

WORLD_TLS_TEST(test_client_ends_in_on_open, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    s.o.at_open = end_here;
    play_from_callback(&s);
    assert_ended_by_client(&s.o);
    assert_int_equal(s.o.messages, how == CLOSE);
    observer_reset(&s.o);
  }
}

WORLD_TLS_TEST(test_client_ends_in_on_message, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    s.o.at_message = end_at_message;
    play_from_callback(&s);
    assert_ended_by_client(&s.o);
    observer_reset(&s.o);
  }
}

WORLD_TLS_TEST(test_client_ends_in_a_completion, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    s.o.at_open = send_with_completion;
    play_from_callback(&s);
    assert_ended_by_client(&s.o);
    observer_reset(&s.o);
  }
}

static void close_session(observer *o) {
  CHECK(observer_close(o, 1000) == 0);
}

WORLD_TLS_TEST(test_client_ends_in_on_close, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    s.o.at_open = close_session;
    s.o.at_close = end_here;
    play_from_callback(&s);
    assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
    observer_reset(&s.o);
  }
}

/* A completion that is told of the end ends the client, too. */
static void end_at_cancelled(wsuv_session_t *session, int status, void *arg) {
  observer *o = arg;
  CHECK(observer_from_loop());
  CHECK(session == o->session && status == UV_ECANCELED && !o->closed);
  end_here(o);
}

static void send_and_terminate(observer *o) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "b", 1);
  CHECK(wsuv_send(o->session, &frame, end_at_cancelled, o) == 0);
  observer_terminate(o);
}

WORLD_TLS_TEST(test_client_ends_in_a_cancelled_completion, w) {
  for (how = 0; how < WAYS; how++) {
    scene s;
    begin(&s, w);
    s.o.at_open = send_and_terminate;
    play_from_callback(&s);
    assert_int_equal(s.o.status, UV_ECANCELED);
    observer_reset(&s.o);
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

WORLD_TLS_TEST(test_client_ends_with_sessions_in_all_states, w) {
  enum { SESSIONS = 24 };
  for (how = 0; how < WAYS; how++) {
    observer o[SESSIONS] = {{0}};
    scene s;
    begin(&s, w);
    raw_peer *silent = raw_peer_new(w);
    silent->lenient = true;
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
    raw_peer_play(silent, PEER_EXPECT_REQUEST, PEER_EXPECT_GONE);
    for (size_t i = 0; i < SESSIONS; i++) {
      const char *url = i % 3 == 0   ? raw_peer_url(silent, "/")
                        : i % 3 == 1 ? raw_peer_url(s.peer, "/")
                                     : raw_peer_url_of(s.peer, world_good_name(w), "/");
      assert_int_equal(observer_connect(&o[i], s.client, url), 0);
      if (i % 4 == 0) world_advance(w, 1);
      if (i % 6 == 1 && o[i].session != NULL) observer_terminate(&o[i]);
      if (i % 8 == 7 && o[i - 3].session != NULL)
        assert_int_equal(observer_close(&o[i - 3], 1000), 0);
    }
    assert_int_equal(ways[how](s.client, tell_first), 0);
    world_run(w);
    for (size_t i = 0; i < SESSIONS; i++) {
      assert_int_equal(o[i].closes, 1);
      assert_true(o[i].status == 0 || o[i].status == UV_ECANCELED);
      if (o[i].status == 0) assert_true(o[i].clean);
      observer_reset(&o[i]);
    }
    assert_told(1, 0, 0);
  }
}

/* --- what keeps the loop alive --- */

WORLD_UV_TEST(test_client_that_is_idle_does_not_keep_the_loop, w) {
  scene s;
  begin(&s, w);
  uv_loop_t *loop = world_uv_loop(w);
  assert_ptr_equal(wsuv_client_loop(s.client), loop);
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_false(uv_loop_alive(loop));
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000), PEER_ECHO);
  scene_connect(&s);
  assert_true(uv_loop_alive(loop));
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  assert_told(0, 0, 0);
  assert_int_equal(observer_client_close(s.client, tell_first), 0);
  assert_true(uv_loop_alive(loop));
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_told(1, 0, 0);
  observer_reset(&s.o);
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

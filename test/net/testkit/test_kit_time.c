/* Time in a world: running, advancing, waiting for a condition, and its loop. */

#include <string.h>

#include <wsuv/stats.h>

#include "support/kit_user.h"
#include "testkit/check.h"

/* --- inside of a callback --- */

typedef struct nested {
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
  wsuv_conversation_t *talk;
  size_t calls;
} nested;

static nested in;

static bool never(void *arg) {
  (void) arg;
  return false;
}

static void call_all(wsuv_session_t *s, const wsuv_message_t *m) {
  wsuv_conversation_t *talk = NULL;
  wsuv_message_t message;
  wsuv_frame_t frame;
  CHECK(m->len > 0);
  CHECK(wsuv_testkit_run(in.kit) == WSUV_ESTATE);
  CHECK(wsuv_testkit_advance(in.kit, 1) == WSUV_ESTATE);
  CHECK(wsuv_testkit_run_until(in.kit, never, NULL, 1) == WSUV_ESTATE);
  CHECK(wsuv_testkit_free(in.kit) == WSUV_ESTATE);
  CHECK(wsuv_conversation_open(in.kit, in.server, "/echo", NULL, &talk) == WSUV_ESTATE);
  CHECK(wsuv_conversation_begin(in.kit, in.server, "/echo", NULL, &talk) == WSUV_ESTATE);
  CHECK(talk == NULL);
  CHECK(wsuv_conversation_opened(in.talk) == WSUV_ESTATE);
  CHECK(wsuv_conversation_receive(in.talk, &message) == WSUV_ESTATE);
  CHECK(wsuv_conversation_receive_frame(in.talk, &frame) == WSUV_ESTATE);
  CHECK(wsuv_conversation_expect_text(in.talk, "a") == WSUV_ESTATE);
  CHECK(wsuv_conversation_expect(in.talk, WSUV_FRAME_TEXT, "a", 1) == WSUV_ESTATE);
  CHECK(wsuv_conversation_silent(in.talk, 1) == WSUV_ESTATE);
  CHECK(wsuv_conversation_close(in.talk, 1000, NULL) == WSUV_ESTATE);
  CHECK(wsuv_conversation_closed(in.talk, NULL) == WSUV_ESTATE);
  CHECK(wsuv_conversation_expect_close(in.talk, 1000) == WSUV_ESTATE);
  CHECK(wsuv_conversation_drop(in.talk) == WSUV_ESTATE);
  CHECK(wsuv_conversation_status(in.talk) == 101);
  CHECK(wsuv_conversation_server_session(in.talk) == s);
  in.calls++;
  CHECK(wsuv_send_message(s, m->type, m->data, m->len) == 0);
}

TEST(test_calls_inside_of_a_callback_are_refused) {
  static const wsuv_callbacks_t callers = {WSUV_CALLBACKS_INIT, .on_message = call_all};
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  kit_user_route(&u, "/call", &callers);
  kit_user_expect_failures(&u);
  in = (nested){u.kit, u.server, kit_user_talk(&u, "/call"), 0};
  assert_ok(wsuv_conversation_send_text(in.talk, "go on"));
  assert_ok(wsuv_conversation_expect_text(in.talk, "go on"));
  assert_int_equal(in.calls, 1);
  kit_user_end(&u);
}

/* --- running --- */

static bool has_messages(void *arg) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  assert_ok(wsuv_session_get_stats(arg, &stats));
  return stats.messages_received >= 3;
}

TEST(test_run_ends_when_nothing_is_under_way) {
  kit_user u;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 25000;
  kit_user_begin(&u, 0, &config);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  for (int i = 0; i < 3; i++) assert_ok(wsuv_conversation_send_text(talk, "a"));
  assert_false(has_messages(wsuv_conversation_server_session(talk)));
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_true(has_messages(wsuv_conversation_server_session(talk)));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before, before + 100);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before, before + 100);
  kit_user_end(&u);
}

TEST(test_run_until_a_condition_holds) {
  kit_user u;
  kit_user_begin(&u, 2, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  for (int i = 0; i < 3; i++) assert_ok(wsuv_conversation_send_text(talk, "a"));
  assert_ok(wsuv_testkit_run_until(u.kit, has_messages, theirs, 1000));
  const uint64_t now = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_testkit_run_until(u.kit, has_messages, theirs, 0));
  assert_int_equal(wsuv_testkit_now_ms(u.kit), now);
  kit_user_end(&u);
}

TEST(test_run_until_ends_at_its_timeout) {
  kit_user u;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 1000;
  kit_user_begin(&u, 0, &config);
  kit_user_talk(&u, "/echo");
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_testkit_run_until(u.kit, never, NULL, 7000), UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 7000, before + 7001);
  kit_user_end(&u);
}

TEST(test_run_until_ends_when_nothing_is_left_to_happen) {
  wsuv_testkit_t *kit;
  assert_ok(wsuv_testkit_new(&kit, 0));
  assert_int_equal(wsuv_testkit_run_until(kit, never, NULL, UINT64_MAX), UV_ETIMEDOUT);
  assert_ok(wsuv_testkit_free(kit));
}

/* --- an hour --- */

enum { SESSIONS = 50, HOUR_MS = 3600 * 1000, INTERVAL_MS = 20 * 1000 };

TEST(test_hour_of_pings_of_many_sessions) {
  kit_user u;
  wsuv_config_t config;
  wsuv_conversation_t *talks[SESSIONS];
  wsuv_server_config_init(&config);
  config.ping_interval_ms = INTERVAL_MS;
  kit_user_begin(&u, 1, &config);
  for (size_t i = 0; i < SESSIONS; i++) talks[i] = kit_user_talk(&u, "/echo");
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_ok(wsuv_testkit_advance(u.kit, HOUR_MS));
  assert_int_equal(wsuv_testkit_now_ms(u.kit), before + HOUR_MS);
  for (size_t i = 0; i < SESSIONS; i++) {
    wsuv_stats_t stats;
    wsuv_stats_init(&stats);
    assert_ok(wsuv_session_get_stats(wsuv_conversation_server_session(talks[i]), &stats));
    assert_in_range(stats.pongs_received, HOUR_MS / INTERVAL_MS - 1, HOUR_MS / INTERVAL_MS);
    assert_ok(wsuv_conversation_send_text(talks[i], "awake"));
    assert_ok(wsuv_conversation_expect_text(talks[i], "awake"));
  }
  kit_user_end(&u);
}

TEST(test_suspended_machine_has_missed_the_time) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.idle_timeout_ms = 60000;
  kit_user_begin(&u, 0, &config);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  uint64_t before = wsuv_testkit_now_ms(u.kit);
  wsuv_testkit_suspend(u.kit, 50000);
  assert_int_equal(wsuv_testkit_now_ms(u.kit), before + 50000);
  assert_ok(wsuv_conversation_send_text(talk, "awake"));
  assert_ok(wsuv_conversation_expect_text(talk, "awake"));
  wsuv_testkit_suspend(u.kit, 3 * 60000);
  assert_ok(wsuv_conversation_expect_close(talk, 1001));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 230000, before + 231000);
  kit_user_end(&u);
}

/* --- the loop --- */

static size_t ticks;

static void tick(uv_idle_t *idle) {
  if (++ticks == 3) uv_close((uv_handle_t *) idle, NULL);
}

static bool has_ticked(void *arg) {
  (void) arg;
  return ticks >= 3;
}

static void defer(wsuv_server_t *server, void *arg) {
  CHECK(wsuv_server_loop(server) == arg);
  ticks++;
}

TEST(test_handles_of_the_program_run_on_the_world_s_loop) {
  kit_user u;
  uv_idle_t idle;
  kit_user_begin(&u, 0, NULL);
  uv_loop_t *loop = wsuv_testkit_loop(u.kit);
  assert_ptr_equal(wsuv_server_loop(u.server), loop);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  ticks = 0;
  assert_ok(uv_idle_init(loop, &idle));
  assert_ok(uv_idle_start(&idle, tick));
  assert_ok(wsuv_conversation_send_text(talk, "beside"));
  assert_ok(wsuv_testkit_run_until(u.kit, has_ticked, NULL, 60000));
  assert_ok(wsuv_conversation_expect_text(talk, "beside"));
  assert_int_equal(ticks, 3);
  assert_ok(wsuv_server_post(u.server, defer, loop));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(ticks, 4);
  kit_user_end(&u);
}

/* For ever is no time that passes: when nothing is left to happen, the world is still there. */
TEST(test_waiting_for_ever_is_no_end_of_time) {
  kit_user u;
  wsuv_message_t message;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  const uint64_t before_ms = wsuv_testkit_now_ms(u.kit);
  wsuv_conversation_set_timeout(talk, UINT64_MAX);
  assert_int_equal(wsuv_conversation_receive(talk, &message), UV_ETIMEDOUT);
  assert_int_equal(wsuv_conversation_silent(talk, UINT64_MAX), 0);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before_ms, before_ms + 1000);
  assert_ok(wsuv_conversation_send_text(talk, "hello"));
  assert_ok(wsuv_conversation_expect_text(talk, "hello"));
  kit_user_end(&u);
}

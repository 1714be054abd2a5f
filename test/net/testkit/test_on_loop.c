/* Conversations in a world on a real loop, beside the program's own handles. */

#include <wsuv/adopt.h>

#include "support/kit_user.h"
#include "testkit/check.h"

typedef struct loop_user {
  uv_loop_t loop;
  kit_user u;
} loop_user;

static kit_user *begin(loop_user *l, const wsuv_config_t *config) {
  kit_user *u = &l->u;
  assert_ok(uv_loop_init(&l->loop));
  assert_ok(wsuv_testkit_new_on_loop(&u->kit, &l->loop, 0));
  assert_ptr_equal(wsuv_testkit_loop(u->kit), &l->loop);
  assert_ok(wsuv_testkit_server(u->kit, &u->server, config));
  kit_user_route(u, "/echo", &kit_echoes);
  return u;
}

static void end(loop_user *l) {
  kit_user_end(&l->u);
  assert_int_equal(uv_run(&l->loop, UV_RUN_DEFAULT), 0);
  assert_ok(uv_loop_close(&l->loop));
}

TEST(test_echo_on_a_loop) {
  loop_user l;
  kit_user *u = begin(&l, NULL);
  wsuv_conversation_t *talk = kit_user_talk(u, "/echo");
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, "bye"), 0);
  end(&l);
}

/* A program that answers later, by a timer of its own. */

typedef struct late {
  uv_timer_t timer;
  wsuv_session_t *session;
} late;

static void on_timer(uv_timer_t *timer) {
  const late *l = timer->data;
  CHECK(wsuv_send_text(l->session, "late", 4) == 0);
}

static void answer_later(wsuv_session_t *s, const wsuv_message_t *m) {
  late *l = wsuv_session_data(s);
  (void) m; /* any asks for it */
  l->session = s;
  l->timer.data = l;
  uv_timer_start(&l->timer, on_timer, 5, 0);
}

TEST(test_handles_of_the_program_run) {
  static const wsuv_callbacks_t lates = {WSUV_CALLBACKS_INIT, .on_message = answer_later};
  loop_user l;
  late reply;
  kit_user *u = begin(&l, NULL);
  assert_int_equal(uv_timer_init(&l.loop, &reply.timer), 0);
  assert_int_equal(wsuv_server_route(u->server, "/late", &lates, &reply), 0);
  wsuv_conversation_t *talk = kit_user_talk(u, "/late");
  assert_int_equal(wsuv_conversation_send_text(talk, "?"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "late"), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  uv_close((uv_handle_t *) &reply.timer, NULL);
  end(&l);
}

/* Pings go by the loop's time. */
TEST(test_pings_on_a_loop) {
  loop_user l;
  wsuv_config_t config;
  wsuv_frame_t frame;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 3;
  kit_user *u = begin(&l, &config);
  wsuv_conversation_t *talk = kit_user_talk(u, "/echo");
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(wsuv_conversation_receive_frame(talk, &frame), 0);
    assert_int_equal(frame.type, WSUV_FRAME_PING);
  }
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  end(&l);
}

static void on_connection(uv_stream_t *stream, int status) {
  (void) stream;
  (void) status; /* none comes */
}

/* A socket has no place in a world in memory. */
TEST(test_streams_cannot_be_adopted) {
  loop_user l;
  uv_tcp_t tcp;
  struct sockaddr_in any;
  kit_user *u = begin(&l, NULL);
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &any), 0);
  assert_int_equal(uv_tcp_init(&l.loop, &tcp), 0);
  assert_int_equal(uv_tcp_bind(&tcp, (const struct sockaddr *) &any, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *) &tcp, 1, on_connection), 0);
  assert_int_equal(wsuv_server_adopt(u->server, (uv_stream_t *) &tcp, NULL, 0, NULL, NULL),
                   UV_ENOTSUP);
  uv_close((uv_handle_t *) &tcp, NULL);
  end(&l);
}

/* Counts the turns of the loop, and measures how long it waits in them. It does not wait in a turn
   that an idle handle has begun, whatever uv_backend_timeout says at its end. */
typedef struct turns {
  uv_prepare_t prepare;
  size_t count;
} turns;

static void on_prepare(uv_prepare_t *prepare) {
  turns *t = prepare->data;
  t->count++;
}

static uint64_t waited_ms(const turns *t) {
  return uv_metrics_idle_time(t->prepare.loop) / 1000000;
}

static void watch_turns(turns *t, uv_loop_t *loop) {
  *t = (turns){.prepare = {.data = t}};
  assert_ok(uv_loop_configure(loop, UV_METRICS_IDLE_TIME));
  assert_ok(uv_prepare_init(loop, &t->prepare));
  assert_ok(uv_prepare_start(&t->prepare, on_prepare));
  uv_unref((uv_handle_t *) &t->prepare);
}

/* Nothing keeps the loop alive, so there is nothing to wait for: it is not turned. */
TEST(test_client_that_is_not_closed_is_named_on_a_loop) {
  loop_user l;
  turns t;
  wsuv_client_t *client;
  kit_user *u = begin(&l, NULL);
  kit_user_expect_failures(u);
  assert_int_equal(wsuv_testkit_client(u->kit, &client, NULL), 0);
  watch_turns(&t, &l.loop);
  assert_int_equal(wsuv_testkit_free(u->kit), WSUV_ELEAK);
  assert_int_equal(t.count, 0);
  assert_true(kit_user_failed_with(u, "clients not closed: 1"));
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  uv_close((uv_handle_t *) &t.prepare, NULL);
  end(&l);
}

/* The loop turns as long as something is to come, here the end of the server. It does not wait for
   the time that wsuv_testkit_free would give it. */
TEST(test_what_is_left_is_named_when_all_else_has_ended) {
  loop_user l;
  turns t;
  wsuv_client_t *client;
  kit_user *u = begin(&l, NULL);
  kit_user_expect_failures(u);
  assert_int_equal(wsuv_testkit_client(u->kit, &client, NULL), 0);
  wsuv_conversation_t *talk = kit_user_talk(u, "/echo");
  assert_non_null(wsuv_conversation_server_session(talk));
  assert_ok(wsuv_server_close(u->server, NULL, NULL));
  u->server = NULL;
  watch_turns(&t, &l.loop);
  assert_int_equal(wsuv_testkit_free(u->kit), WSUV_ELEAK);
  assert_in_range(t.count, 1, 1000);
  assert_in_range(waited_ms(&t), 0, 1000);
  assert_true(kit_user_failed_with(u, "clients not closed: 1"));
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  uv_close((uv_handle_t *) &t.prepare, NULL);
  end(&l);
}

/* A server that listens keeps the loop alive, but that does not end it. */
TEST(test_server_that_is_not_closed_is_named_on_a_loop) {
  loop_user l;
  turns t;
  kit_user *u = begin(&l, NULL);
  kit_user_expect_failures(u);
  wsuv_conversation_t *talk = kit_user_talk(u, "/echo");
  assert_non_null(wsuv_conversation_server_session(talk));
  watch_turns(&t, &l.loop);
  assert_int_equal(wsuv_testkit_free(u->kit), WSUV_ELEAK);
  assert_in_range(t.count, 1, 1000);
  assert_in_range(waited_ms(&t), 0, 1000);
  assert_true(kit_user_failed_with(u, "still alive: servers not closed: 1, memory"));
  uv_close((uv_handle_t *) &t.prepare, NULL);
  end(&l);
}

/* What was refused is not the test's to close, whether or not its end has come when the world's
   does. */
TEST(test_endpoints_that_are_refused_are_no_leaks_on_a_loop) {
  uv_loop_t loop;
  wsuv_testkit_t *kit;
  wsuv_client_t *client;
  wsuv_server_t *server;
  wsuv_config_t config;
  assert_ok(uv_loop_init(&loop));
  assert_ok(wsuv_testkit_new_on_loop(&kit, &loop, 0));
  wsuv_client_config_init(&config);
  config.max_message_size = 0;
  assert_int_equal(wsuv_testkit_client(kit, &client, &config), UV_EINVAL);
  wsuv_server_config_init(&config);
  config.max_message_size = 0;
  assert_int_equal(wsuv_testkit_server(kit, &server, &config), UV_EINVAL);
  assert_ok(wsuv_testkit_free(kit));
  assert_ok(uv_loop_close(&loop));
}

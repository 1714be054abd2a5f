/* Conversations in a world on a real loop, beside the program's own handles. */

#include <string.h>

#include <wsuv/testkit.h>

#include <wsuv/adopt.h>

#include "support/test.h"
#include "testkit/check.h"

typedef struct kit_user {
  uv_loop_t loop;
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
} kit_user;

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  int err = wsuv_send_message(s, m->type, m->data, m->len);
  if (err < 0) wsuv_session_terminate(s);
}

static const wsuv_callbacks_t echoes = {WSUV_CALLBACKS_INIT, .on_message = echo};

static void begin(kit_user *u, const wsuv_config_t *config) {
  assert_int_equal(uv_loop_init(&u->loop), 0);
  assert_int_equal(wsuv_testkit_new_on_loop(&u->kit, &u->loop, 0), 0);
  assert_ptr_equal(wsuv_testkit_loop(u->kit), &u->loop);
  assert_int_equal(wsuv_testkit_server(u->kit, &u->server, config), 0);
  assert_int_equal(wsuv_server_route(u->server, "/echo", &echoes, NULL), 0);
}

static void end(kit_user *u) {
  assert_int_equal(wsuv_server_close(u->server, NULL, NULL), 0);
  assert_int_equal(wsuv_testkit_free(u->kit), 0);
  assert_int_equal(uv_run(&u->loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(uv_loop_close(&u->loop), 0);
}

TEST(test_echo_on_a_loop) {
  kit_user u;
  wsuv_conversation_t *talk;
  begin(&u, NULL);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), 0);
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, "bye"), 0);
  end(&u);
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
  kit_user u;
  late l;
  wsuv_conversation_t *talk;
  begin(&u, NULL);
  assert_int_equal(uv_timer_init(&u.loop, &l.timer), 0);
  assert_int_equal(wsuv_server_route(u.server, "/late", &lates, &l), 0);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/late", NULL, &talk), 0);
  assert_int_equal(wsuv_conversation_send_text(talk, "?"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "late"), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  uv_close((uv_handle_t *) &l.timer, NULL);
  end(&u);
}

/* Pings go by the loop's time. */
TEST(test_pings_on_a_loop) {
  kit_user u;
  wsuv_config_t config;
  wsuv_conversation_t *talk;
  wsuv_frame_t frame;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 3;
  begin(&u, &config);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), 0);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(wsuv_conversation_receive_frame(talk, &frame), 0);
    assert_int_equal(frame.type, WSUV_FRAME_PING);
  }
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  end(&u);
}

static void on_connection(uv_stream_t *stream, int status) {
  (void) stream;
  (void) status; /* none comes */
}

/* A socket has no place in a world in memory. */
TEST(test_streams_cannot_be_adopted) {
  kit_user u;
  uv_tcp_t tcp;
  struct sockaddr_in any;
  begin(&u, NULL);
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &any), 0);
  assert_int_equal(uv_tcp_init(&u.loop, &tcp), 0);
  assert_int_equal(uv_tcp_bind(&tcp, (const struct sockaddr *) &any, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *) &tcp, 1, on_connection), 0);
  assert_int_equal(wsuv_server_adopt(u.server, (uv_stream_t *) &tcp, NULL, 0, NULL, NULL),
                   UV_ENOTSUP);
  uv_close((uv_handle_t *) &tcp, NULL);
  end(&u);
}

static void ignore_failure(void *arg, const char *text) {
  (void) arg;
  (void) text; /* wsuv_testkit_failure has it */
}

/* At once: nothing keeps the loop alive, and there is nothing to wait for. */
TEST(test_client_that_is_not_closed_is_named_on_a_loop) {
  kit_user u;
  wsuv_client_t *client;
  begin(&u, NULL);
  wsuv_testkit_on_failure(u.kit, ignore_failure, NULL);
  assert_int_equal(wsuv_testkit_client(u.kit, &client, NULL), 0);
  uint64_t begun = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_testkit_free(u.kit), WSUV_ELEAK);
  assert_in_range(wsuv_testkit_now_ms(u.kit) - begun, 0, 9000);
  assert_non_null(strstr(wsuv_testkit_failure(u.kit), "clients not closed: 1"));
  assert_int_equal(wsuv_client_close(client, NULL), 0);
  end(&u);
}

/* Conversations with servers in a simulated world. */

#include <string.h>

#include <wsuv/testkit.h>

#include "support/test.h"

typedef struct kit_user {
  wsuv_testkit_t *kit;
  wsuv_server_t *server;
} kit_user;

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  int err = wsuv_send_message(s, m->type, m->data, m->len);
  if (err < 0) wsuv_session_terminate(s);
}

static const wsuv_callbacks_t echoes = {WSUV_CALLBACKS_INIT, .on_message = echo};

static void begin(kit_user *u, uint64_t seed) {
  assert_int_equal(wsuv_testkit_new(&u->kit, seed), 0);
  assert_int_equal(wsuv_testkit_server(u->kit, &u->server, NULL), 0);
  assert_int_equal(wsuv_server_route(u->server, "/echo", &echoes, NULL), 0);
}

static void end(kit_user *u) {
  assert_int_equal(wsuv_server_close(u->server, NULL, NULL), 0);
  assert_int_equal(wsuv_testkit_free(u->kit), 0);
}

TEST(test_echo) {
  kit_user u;
  wsuv_conversation_t *talk;
  begin(&u, 0);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), 0);
  assert_int_equal(wsuv_conversation_status(talk), 101);
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_silent(talk, 1000), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, "bye"), 0);
  end(&u);
}

static void ignore_failure(void *arg, const char *text) {
  (void) arg;
  (void) text; /* wsuv_testkit_failure has it */
}

TEST(test_expectations_that_are_not_met) {
  kit_user u;
  wsuv_conversation_t *talk;
  begin(&u, 0);
  wsuv_testkit_on_failure(u.kit, ignore_failure, NULL);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), 0);
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hallo"), WSUV_ETEST);
  assert_non_null(strstr(wsuv_testkit_failure(u.kit), "\"hallo\" of 5 bytes"));
  assert_non_null(strstr(wsuv_testkit_failure(u.kit), "\"hello\" of 5 bytes"));
  assert_int_equal(wsuv_conversation_send_text(talk, "noise"), 0);
  assert_int_equal(wsuv_conversation_silent(talk, 1000), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  assert_int_equal(wsuv_conversation_expect_close(talk, 1000), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_expect_text(talk, "noise"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "more"), WSUV_ETEST);
  end(&u);
}

TEST(test_opening_that_fails_at_once_leaves_no_conversation) {
  kit_user u;
  wsuv_conversation_t *talk;
  wsuv_request_t request;
  begin(&u, 0);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), 0);
  wsuv_request_init(&request, "ws://localhost/echo");
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk), UV_EINVAL);
  assert_null(talk);
  wsuv_conversation_free(talk);
  end(&u);
}

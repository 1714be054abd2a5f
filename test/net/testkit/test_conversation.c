/* Conversations with servers in a simulated world. */

#include "support/kit_user.h"

TEST(test_echo) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_int_equal(wsuv_conversation_status(talk), 101);
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_silent(talk, 1000), 0);
  assert_int_equal(wsuv_conversation_close(talk, 1000, "bye"), 0);
  kit_user_end(&u);
}

TEST(test_expectations_that_are_not_met) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  kit_user_expect_failures(&u);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_int_equal(wsuv_conversation_send_text(talk, "hello"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "hallo"), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "\"hallo\" of 5 bytes"));
  assert_true(kit_user_failed_with(&u, "\"hello\" of 5 bytes"));
  assert_int_equal(wsuv_conversation_send_text(talk, "noise"), 0);
  assert_int_equal(wsuv_conversation_silent(talk, 1000), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_close(talk, 1000, NULL), 0);
  assert_int_equal(wsuv_conversation_expect_close(talk, 1000), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_expect_text(talk, "noise"), 0);
  assert_int_equal(wsuv_conversation_expect_text(talk, "more"), WSUV_ETEST);
  kit_user_end(&u);
}

TEST(test_opening_that_fails_at_once_leaves_no_conversation) {
  kit_user u;
  wsuv_request_t request;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_request_init(&request, "ws://localhost/echo");
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk), UV_EINVAL);
  assert_null(talk);
  wsuv_conversation_free(talk);
  kit_user_end(&u);
}

/* The address that the conversations had is nobody's then. */
TEST(test_opening_after_the_server_was_closed) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_conversation_stall(talk, true); /* so the end takes its time */
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), UV_ECONNREFUSED);
  u.server = NULL;
  kit_user_end(&u);
}

TEST(test_http_that_fails_at_once_leaves_no_conversation) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_int_equal(wsuv_conversation_http(u.kit, NULL, "GET / HTTP/1.1\r\n\r\n", &talk), UV_EINVAL);
  assert_null(talk);
  kit_user_end(&u);
}

TEST(test_http_that_is_answered_is_no_failure) {
  kit_user u;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 0, NULL);
  assert_ok(
      wsuv_conversation_http(u.kit, u.server, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", &talk));
  assert_int_equal(wsuv_conversation_status(talk), 404);
  assert_string_equal(wsuv_testkit_failure(u.kit), "");
  kit_user_end(&u);
}

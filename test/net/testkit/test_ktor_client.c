/* The scenarios of the suite of Ktor's client, with its names, as conversations with a server.
   test/net/server/test_server_client.c has them over sockets, too. */

#include <stdio.h>
#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

enum {
  CROWD = 100,             /* sessions */
  LARGE = 10 * 1024 * 1024 /* bytes of a frame */
};

TEST(test_client_session_used_outside_the_callback) {
  kit_user u;
  kit_user_begin(&u, 1, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_session_t *ours = wsuv_conversation_session(talk);
  assert_ok(wsuv_send_text(ours, "one", 3));
  assert_ok(wsuv_conversation_expect_text(talk, "one"));
  assert_ok(wsuv_send_text(ours, "two", 3));
  assert_ok(wsuv_session_close(ours, 1000, NULL));
  assert_ok(wsuv_conversation_closed(talk, NULL));
  assert_ok(wsuv_conversation_expect_text(talk, "two"));
  kit_user_end(&u);
}

TEST(test_client_100_parallel_sessions) {
  kit_user u;
  wsuv_conversation_t *crowd[CROWD];
  kit_user_begin(&u, 2, NULL);
  for (size_t i = 0; i < CROWD; i++) {
    assert_ok(wsuv_conversation_begin(u.kit, u.server, "/echo", NULL, &crowd[i]));
  }
  for (size_t i = 0; i < CROWD; i++) {
    assert_ok(wsuv_conversation_opened(crowd[i]));
    assert_ok(wsuv_conversation_send(crowd[i], WSUV_FRAME_BINARY, &i, sizeof i));
  }
  assert_int_equal(wsuv_server_session_count(u.server), CROWD);
  for (size_t i = 0; i < CROWD; i++) {
    assert_ok(wsuv_conversation_expect(crowd[i], WSUV_FRAME_BINARY, &i, sizeof i));
    assert_ok(wsuv_conversation_close(crowd[i], 1000, NULL));
  }
  kit_user_end(&u);
}

/* --- headers --- */

/* Back to the client, as a message; "-": there is no such field. */
static void tell_headers(wsuv_session_t *s) {
  static const char *const names[] = {"X-Default", "x-own", "Origin", "User-Agent", "X-None"};
  char text[256] = "";
  size_t len = 0;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const char *value = wsuv_session_request_header(s, names[i]);
    len += (size_t) snprintf(text + len, sizeof text - len, "%s|", value != NULL ? value : "-");
  }
  CHECK(wsuv_send_text(s, text, len) == 0);
}

/* A request of a client with default headers; what the server has seen of it is the first text. */
static wsuv_conversation_t *begin_told(kit_user *u, wsuv_request_t *request) {
  static const wsuv_callbacks_t tellers = {WSUV_CALLBACKS_INIT, .on_open = tell_headers};
  static const wsuv_header_t header = {"X-Default", "one, two"};
  static const char *const origins[] = {"http://page.example"};
  wsuv_config_t ours, theirs;
  wsuv_client_config_init(&ours);
  wsuv_server_config_init(&theirs);
  theirs.origins = origins;
  theirs.origin_count = ours.header_count = 1;
  ours.headers = &header;
  ours.user_agent = "tester/1.0";
  request->config = &ours;
  kit_user_begin(u, 0, &theirs);
  kit_user_route(u, "/tell", &tellers);
  return kit_user_ask(u, "/tell", request);
}

TEST(test_client_default_headers) {
  kit_user u;
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  wsuv_conversation_t *talk = begin_told(&u, &request);
  assert_ok(wsuv_conversation_expect_text(talk, "one, two|-|-|tester/1.0|-|"));
  kit_user_end(&u);
}

TEST(test_client_headers_seen_by_the_server) {
  static const wsuv_header_t own = {"X-Own", "a  \"b\""};
  kit_user u;
  wsuv_request_t request;
  wsuv_request_init(&request, NULL);
  request.headers = &own;
  request.header_count = 1;
  request.origin = "http://page.example";
  wsuv_conversation_t *talk = begin_told(&u, &request);
  assert_ok(
      wsuv_conversation_expect_text(talk, "one, two|a  \"b\"|http://page.example|tester/1.0|-|"));
  kit_user_end(&u);
}

/* --- refused, and once more --- */

static void want_fresh_token(wsuv_upgrade_t *upgrade) {
  const char *token = wsuv_upgrade_header(upgrade, "Authorization");
  if (token != NULL && strcmp(token, "Bearer fresh") == 0) {
    CHECK(wsuv_upgrade_accept(upgrade, NULL, NULL) == 0);
  } else {
    CHECK(wsuv_upgrade_refuse(upgrade, 401, NULL, 0, NULL, 0) == 0);
  }
}

TEST(test_client_token_refreshed) {
  kit_user u;
  wsuv_request_t request;
  wsuv_conversation_t *talk;
  wsuv_header_t token = {"Authorization", "Bearer stale"};
  kit_user_begin(&u, 3, NULL);
  wsuv_server_on_upgrade(u.server, want_fresh_token);
  wsuv_request_init(&request, NULL);
  request.headers = &token;
  request.header_count = 1;
  int err = wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk);
  assert_int_equal(err, WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 401);
  token.value = "Bearer fresh";
  talk = kit_user_ask(&u, "/echo", &request);
  assert_ok(wsuv_conversation_send_text(talk, "in"));
  assert_ok(wsuv_conversation_expect_text(talk, "in"));
  kit_user_end(&u);
}

TEST(test_client_subprotocol_demanded_and_missing) {
  static const char *const names[] = {"mqtt", "chat"};
  kit_user u;
  wsuv_route_t route;
  wsuv_request_t request;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 0, NULL);
  wsuv_route_init(&route, "/chat");
  route.subprotocol = "chat";
  assert_ok(wsuv_server_add_route(u.server, &route));
  wsuv_request_init(&request, NULL);
  request.subprotocols = names;
  request.subprotocol_count = 1;
  int err = wsuv_conversation_open(u.kit, u.server, "/chat", &request, &talk);
  assert_int_equal(err, WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 404);
  request.subprotocol_count = 2;
  talk = kit_user_ask(&u, "/chat", &request);
  assert_string_equal(wsuv_conversation_subprotocol(talk), "chat");
  kit_user_end(&u);
}

/* --- sizes --- */

TEST(test_client_empty_frame) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_text(talk, ""));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, NULL, 0));
  assert_ok(wsuv_conversation_expect_text(talk, ""));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, NULL, 0));
  kit_user_end(&u);
}

TEST(test_client_large_frame) {
  static uint8_t data[LARGE];
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  for (size_t i = 0; i < LARGE; i++) data[i] = (uint8_t) (i % 251);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, LARGE));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, LARGE));
  kit_user_end(&u);
}

/* --- what is no upgrade --- */

static void ask_plainly(kit_user *u) {
  wsuv_conversation_t *plain;
  assert_ok(wsuv_conversation_http(u->kit, u->server,
                                   "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", &plain));
  assert_int_equal(wsuv_conversation_status(plain), 426);
  assert_string_equal(wsuv_conversation_header(plain, "Upgrade"), "websocket");
}

TEST(test_client_plain_request_beside_sessions_and_after) {
  kit_user u;
  kit_user_begin(&u, 4, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  ask_plainly(&u);
  assert_ok(wsuv_conversation_send_text(talk, "not disturbed"));
  assert_ok(wsuv_conversation_expect_text(talk, "not disturbed"));
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  ask_plainly(&u);
  kit_user_end(&u);
}

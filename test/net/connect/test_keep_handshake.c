/* Request and answer of the opening handshake: what can be read of them, and for how long. */

#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static bool request_is_whole(const session_user *u) {
  size_t len;
  const char *head = wsuv_session_request_head(u->session, &len);
  return head != NULL && len > 20 && memcmp(head, "GET / HTTP/1.1\r\n", 16) == 0 &&
         memcmp(head + len - 4, "\r\n\r\n", 4) == 0;
}

static bool answer_is_whole(const session_user *u) {
  size_t count;
  const wsuv_header_t *headers = wsuv_session_response_headers(u->session, &count);
  const char *upgrade = wsuv_session_response_header(u->session, "UPGRADE");
  bool accept = false;
  for (size_t i = 0; i < count; i++) {
    if (strcmp(headers[i].name, "Sec-WebSocket-Accept") == 0) accept = *headers[i].value != '\0';
  }
  return wsuv_session_status(u->session) == 101 && count >= 3 && accept && upgrade != NULL &&
         strcmp(upgrade, "websocket") == 0;
}

static bool answer_is_not_there(const session_user *u) {
  size_t count = 1;
  bool none = wsuv_session_response_headers(u->session, &count) == NULL && count == 0;
  return none && wsuv_session_status(u->session) == 0 &&
         wsuv_session_response_header(u->session, "Upgrade") == NULL;
}

static bool request_is_not_there(const session_user *u) {
  size_t len = 1;
  return wsuv_session_request_head(u->session, &len) == NULL && len == 0 &&
         wsuv_session_request_head(u->session, NULL) == NULL;
}

static void expect_all(session_user *u) {
  struct sockaddr_storage peer;
  CHECK(wsuv_session_peer_address(u->session, &peer) == 0 && peer.ss_family == AF_INET);
  CHECK(request_is_whole(u));
  CHECK(answer_is_whole(u));
}

static void expect_nothing(session_user *u) {
  CHECK(request_is_not_there(u));
  CHECK(answer_is_not_there(u));
}

static void connect_keeping(session_user *u, bool keep) {
  u->config.keep_handshake = keep;
  u->at_open = expect_all;
  scenario_connect(u);
  assert_true(request_is_whole(u));
  assert_true(answer_is_not_there(u));
}

SCENARIO_TEST(test_handshake_is_gone_after_on_open, w, p, u) {
  connect_keeping(u, false);
  u->at_close = expect_nothing;
  user_run_to_open(u);
  expect_nothing(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

SCENARIO_TEST(test_handshake_can_be_kept_until_on_close_returns, w, p, u) {
  connect_keeping(u, true);
  u->at_close = expect_all;
  user_run_to_open(u);
  expect_all(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

SCENARIO_TEST(test_handshake_kept_by_one_session_only, w, p, u) {
  wsuv_config_t config;
  wsuv_request_t request;
  connect_keeping(u, false);
  wsuv_client_get_config(u->client, &config);
  assert_false(config.keep_handshake);
  config.keep_handshake = true;
  wsuv_request_init(&request, raw_peer_url(p->raw, "/"));
  request.config = &config;
  wsuv_session_t *other;
  assert_int_equal(wsuv_connect(u->client, &request, NULL, &other), 0);
  while (wsuv_session_stage(other) < WSUV_STAGE_OPEN) world_advance(w, 1);
  user_run_to_open(u);
  expect_nothing(u);
  assert_int_equal(wsuv_session_status(other), 101);
  wsuv_session_terminate(other);
  user_terminate(u);
}

/* F46 */
static void fail_and_try_again(session_user *u) {
  track_alloc *t = u->w->alloc;
  size_t count = 1;
  t->fail_at = t->calls + 1;
  CHECK(wsuv_session_response_headers(u->session, &count) == NULL && count == 0);
  CHECK(wsuv_session_status(u->session) == 101);
  t->fail_at = 0;
  expect_all(u);
}

SCENARIO_TEST(test_answer_without_memory, w, p, u) {
  connect_keeping(u, false);
  u->at_open = fail_and_try_again;
  user_run_to_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

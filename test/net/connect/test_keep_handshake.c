/* Request and answer of the opening handshake: what can be read of them, and for how long. */

#include <string.h>

#include "support/check.h"
#include "support/scenario.h"
#include "support/world_test.h"

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
  CHECK(request_is_whole(u));
  CHECK(answer_is_whole(u));
}

static void expect_nothing(session_user *u) {
  CHECK(request_is_not_there(u));
  CHECK(answer_is_not_there(u));
}

static void begin(session_user *u, frame_peer *p, world *w, bool keep) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.keep_handshake = keep;
  frame_peer_start(p, w);
  user_init(u, w, &config);
  u->at_open = expect_all;
  user_connect(u, p);
  assert_true(request_is_whole(u));
  assert_true(answer_is_not_there(u));
}

WORLD_TEST(test_handshake_is_gone_after_on_open, w) {
  frame_peer p;
  session_user u;
  begin(&u, &p, w, false);
  u.at_close = expect_nothing;
  world_run_until_count(w, &u.opens, 1);
  expect_nothing(&u);
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  scenario_finish(&u, &p);
}

WORLD_TEST(test_handshake_can_be_kept_until_on_close_returns, w) {
  frame_peer p;
  session_user u;
  begin(&u, &p, w, true);
  u.at_close = expect_all;
  world_run_until_count(w, &u.opens, 1);
  expect_all(&u);
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  scenario_finish(&u, &p);
}

WORLD_TEST(test_handshake_kept_by_one_session_only, w) {
  wsuv_config_t config;
  wsuv_request_t request;
  frame_peer p;
  session_user u;
  begin(&u, &p, w, false);
  wsuv_client_get_config(u.client, &config);
  assert_false(config.keep_handshake);
  config.keep_handshake = true;
  wsuv_request_init(&request, raw_peer_url(p.raw, "/"));
  request.config = &config;
  wsuv_session_t *other;
  assert_int_equal(wsuv_connect(u.client, &request, NULL, &other), 0);
  while (wsuv_session_stage(other) < WSUV_STAGE_OPEN) world_advance(w, 1);
  world_run_until_count(w, &u.opens, 1);
  expect_nothing(&u);
  assert_int_equal(wsuv_session_status(other), 101);
  wsuv_session_terminate(other);
  user_terminate(&u);
  scenario_finish(&u, &p);
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

WORLD_TEST(test_answer_without_memory, w) {
  frame_peer p;
  session_user u;
  begin(&u, &p, w, false);
  u.at_open = fail_and_try_again;
  world_run_until_count(w, &u.opens, 1);
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  scenario_finish(&u, &p);
}

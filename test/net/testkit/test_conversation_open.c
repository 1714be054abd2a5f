/* How conversations are opened: accepted, refused, decided later, and what the request brings. */

#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

TEST(test_open_conversation_has_a_response_and_both_sessions) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo?a=b");
  size_t len = 7;
  assert_int_equal(wsuv_conversation_status(talk), 101);
  assert_string_equal(wsuv_conversation_header(talk, "upgrade"), "websocket");
  assert_null(wsuv_conversation_header(talk, "X-None"));
  assert_string_equal(wsuv_conversation_body(talk, &len), "");
  assert_int_equal(len, 0);
  assert_null(wsuv_conversation_subprotocol(talk));
  assert_int_equal(wsuv_session_stage(wsuv_conversation_session(talk)), WSUV_STAGE_OPEN);
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ptr_equal(wsuv_session_server(theirs), u.server);
  assert_int_equal(wsuv_session_stage(theirs), WSUV_STAGE_OPEN);
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  assert_null(wsuv_conversation_session(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_null(wsuv_conversation_server_session(talk));
  assert_int_equal(wsuv_conversation_status(talk), 101);
  assert_non_null(wsuv_conversation_header(talk, "Upgrade"));
  kit_user_end(&u);
}

/* --- refused --- */

static void refuse(wsuv_upgrade_t *upgrade) {
  static const wsuv_header_t fields[] = {{"WWW-Authenticate", "Bearer"}, {"X-Why", "stale"}};
  CHECK(wsuv_upgrade_refuse(upgrade, 401, fields, 2, "who are you?", 12) == 0);
}

TEST(test_refused_opening_has_status_fields_and_body) {
  kit_user u;
  wsuv_conversation_t *talk;
  size_t len;
  kit_user_begin(&u, 0, NULL);
  wsuv_server_on_upgrade(u.server, refuse);
  int err = wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk);
  assert_int_equal(err, WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 401);
  assert_string_equal(wsuv_conversation_header(talk, "www-authenticate"), "Bearer");
  assert_string_equal(wsuv_conversation_header(talk, "X-Why"), "stale");
  assert_null(wsuv_conversation_header(talk, "X-None"));
  assert_string_equal(wsuv_conversation_body(talk, &len), "who are you?");
  assert_int_equal(len, 12);
  assert_string_equal(wsuv_conversation_body(talk, NULL), "who are you?");
  assert_null(wsuv_conversation_session(talk));
  assert_null(wsuv_conversation_server_session(talk));
  assert_int_equal(wsuv_conversation_opened(talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_send_text(talk, "late"), WSUV_ESTATE);
  const wsuv_close_info_t *info;
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, WSUV_ESTATUS);
  assert_int_equal(info->http_status, 401);
  assert_int_equal(info->code, 0);
  kit_user_end(&u);
}

static void count_failure(void *arg, const char *text) {
  CHECK(*text != '\0');
  ++*(size_t *) arg;
}

/* The words are there, but nothing is reported, and the first failure is still to come. */
TEST(test_refusal_is_no_failure_of_the_test) {
  kit_user u;
  wsuv_conversation_t *talk;
  size_t failures = 0;
  kit_user_begin(&u, 0, NULL);
  wsuv_testkit_on_failure(u.kit, count_failure, &failures);
  wsuv_server_on_upgrade(u.server, refuse);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), WSUV_ESTATUS);
  assert_int_equal(failures, 0);
  assert_true(kit_user_failed_with(&u, "status 401"));
  wsuv_server_on_upgrade(u.server, NULL);
  talk = kit_user_talk(&u, "/echo");
  assert_int_equal(wsuv_conversation_expect_text(talk, "nothing"), WSUV_ETEST);
  assert_int_equal(failures, 1);
  kit_user_end(&u);
}

TEST(test_opening_without_a_route_is_404) {
  kit_user u;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 3, NULL);
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/no", NULL, &talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 404);
  kit_user_end(&u);
}

static void refuse_open(wsuv_upgrade_t *upgrade) {
  CHECK(wsuv_upgrade_refuse_open(upgrade, 4401, "log in") == 0);
}

TEST(test_opening_that_is_closed_at_once_has_a_code) {
  kit_user u;
  const wsuv_close_info_t *info;
  kit_user_begin(&u, 0, NULL);
  wsuv_server_on_upgrade(u.server, refuse_open);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_expect_close(talk, 4401));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_string_equal(info->reason, "log in");
  kit_user_end(&u);
}

/* --- decided later --- */

static void keep(wsuv_upgrade_t *upgrade) {
  wsuv_upgrade_t **kept = wsuv_server_data(wsuv_upgrade_server(upgrade));
  *kept = upgrade;
}

static bool is_kept(void *arg) {
  return *(wsuv_upgrade_t **) arg != NULL;
}

/* An opening on which the program has to decide. */
static wsuv_conversation_t *begin_kept(kit_user *u, wsuv_upgrade_t **kept) {
  wsuv_conversation_t *talk;
  *kept = NULL;
  wsuv_server_set_data(u->server, kept);
  wsuv_server_on_upgrade(u->server, keep);
  assert_ok(wsuv_conversation_begin(u->kit, u->server, "/echo", NULL, &talk));
  assert_null(*kept);
  assert_ok(wsuv_testkit_run_until(u->kit, is_kept, kept, 1000));
  return talk;
}

TEST(test_opening_that_is_accepted_later) {
  kit_user u;
  wsuv_upgrade_t *kept;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = begin_kept(&u, &kept);
  wsuv_conversation_set_timeout(talk, 500);
  const uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_conversation_opened(talk), UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 500, before + 501);
  assert_int_equal(wsuv_conversation_status(talk), 0);
  assert_null(wsuv_conversation_header(talk, "Upgrade"));
  assert_int_equal(wsuv_conversation_send_text(talk, "early"), WSUV_ESTATE);
  assert_ok(wsuv_upgrade_accept(kept, NULL, NULL));
  assert_ok(wsuv_conversation_opened(talk));
  assert_ok(wsuv_conversation_opened(talk));
  assert_ok(wsuv_conversation_send_text(talk, "in time"));
  assert_ok(wsuv_conversation_expect_text(talk, "in time"));
  kit_user_end(&u);
}

TEST(test_opening_that_is_refused_later) {
  kit_user u;
  wsuv_upgrade_t *kept;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = begin_kept(&u, &kept);
  assert_ok(wsuv_testkit_advance(u.kit, 300));
  refuse(kept);
  assert_int_equal(wsuv_conversation_opened(talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 401);
  kit_user_end(&u);
}

TEST(test_opening_that_is_not_decided_ends_at_the_server_s_deadline) {
  kit_user u;
  wsuv_upgrade_t *kept;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.handshake_timeout_ms = 2000;
  kit_user_begin(&u, 0, &config);
  wsuv_conversation_t *talk = begin_kept(&u, &kept);
  assert_int_equal(wsuv_conversation_opened(talk), WSUV_ESTATUS);
  assert_int_equal(wsuv_conversation_status(talk), 503);
  assert_int_equal(wsuv_upgrade_accept(kept, NULL, NULL), WSUV_ESTATE);
  kit_user_end(&u);
}

TEST(test_opening_that_the_client_gives_up) {
  kit_user u;
  wsuv_upgrade_t *kept;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = begin_kept(&u, &kept);
  wsuv_conversation_free(talk);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(wsuv_upgrade_accept(kept, NULL, NULL), WSUV_ESTATE);
  kit_user_end(&u);
}

TEST(test_opening_over_a_link_that_stalls_times_out) {
  kit_user u;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 0, NULL);
  assert_ok(wsuv_conversation_begin(u.kit, u.server, "/echo", NULL, &talk));
  wsuv_conversation_stall(talk, true);
  assert_int_equal(wsuv_conversation_opened(talk), UV_ETIMEDOUT);
  kit_user_end(&u);
}

/* --- the request --- */

static void tell_request(wsuv_session_t *s) {
  const char *token = wsuv_session_request_header(s, "Authorization");
  const char *origin = wsuv_session_request_header(s, "Origin");
  CHECK(token != NULL && wsuv_send_text(s, token, strlen(token)) == 0);
  CHECK(origin != NULL && wsuv_send_text(s, origin, strlen(origin)) == 0);
  const char *target = wsuv_session_target(s);
  CHECK(wsuv_send_text(s, target, strlen(target)) == 0);
}

TEST(test_request_brings_fields_origin_and_subprotocols) {
  static const wsuv_callbacks_t tellers = {WSUV_CALLBACKS_INIT, .on_open = tell_request};
  static const wsuv_header_t token = {"Authorization", "Bearer 1"};
  static const char *const offered[] = {"chat.v2", "chat.v1"}, *const known[] = {"chat.v1"};
  static const char *const origins[] = {"https://page.example"};
  kit_user u;
  wsuv_request_t request;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.subprotocols = known;
  config.origins = origins;
  config.subprotocol_count = config.origin_count = 1;
  kit_user_begin(&u, 0, &config);
  kit_user_route(&u, "/tell", &tellers);
  wsuv_request_init(&request, NULL);
  request.headers = &token;
  request.header_count = 1;
  request.origin = "https://page.example";
  request.subprotocols = offered;
  request.subprotocol_count = 2;
  wsuv_conversation_t *talk = kit_user_ask(&u, "/tell?a=b", &request);
  assert_string_equal(wsuv_conversation_subprotocol(talk), "chat.v1");
  assert_ok(wsuv_conversation_expect_text(talk, "Bearer 1"));
  assert_ok(wsuv_conversation_expect_text(talk, "https://page.example"));
  assert_ok(wsuv_conversation_expect_text(talk, "/tell?a=b"));
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  assert_string_equal(wsuv_conversation_subprotocol(talk), "chat.v1");
  kit_user_end(&u);
}

static void count_line(wsuv_log_level_t level, const wsuv_session_t *s, const char *line,
                       void *arg) {
  CHECK(level <= WSUV_LOG_TRACE && line[0] != '\0');
  (void) s;
  ++*(size_t *) arg;
}

/* Fields "Of the whole" are among them: each conversation is a client of its own. */
TEST(test_request_brings_a_configuration) {
  kit_user u;
  wsuv_request_t request;
  wsuv_config_t config;
  size_t lines = 0;
  wsuv_client_config_init(&config);
  config.max_message_size = 4;
  config.max_connecting = 1;
  config.log = count_line;
  config.log_arg = &lines;
  config.log_level = WSUV_LOG_TRACE;
  kit_user_begin(&u, 0, NULL);
  wsuv_request_init(&request, NULL);
  request.config = &config;
  wsuv_conversation_t *talk = kit_user_ask(&u, "/echo", &request);
  assert_true(lines > 0);
  assert_ok(wsuv_conversation_send_text(talk, "four"));
  assert_ok(wsuv_conversation_expect_text(talk, "four"));
  assert_ok(wsuv_conversation_send_text(talk, "five!"));
  const wsuv_close_info_t *info;
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, WSUV_ETOOBIG);
  assert_int_equal(info->sent_code, 1009);
  kit_user_end(&u);
}

TEST(test_request_with_a_url_is_refused) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  for (int i = 0; i < 6; i++) {
    wsuv_request_t request;
    wsuv_conversation_t *talk = NULL;
    wsuv_request_init(&request, i == 0 ? "ws://localhost/echo" : NULL);
    if (i == 1) request.host = "localhost";
    if (i == 2) request.port = 80;
    if (i == 3) request.path = "/echo";
    if (i == 4) request.secure = true;
    if (i == 5) request.address = "127.0.0.1";
    assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk), UV_EINVAL);
    assert_int_equal(wsuv_conversation_begin(u.kit, u.server, "/echo", &request, &talk), UV_EINVAL);
    assert_null(talk);
  }
  kit_user_end(&u);
}

TEST(test_request_that_cannot_be_sent_is_refused) {
  static const wsuv_header_t bad = {"X-Bad", "a\r\nb"};
  kit_user u;
  wsuv_request_t request;
  wsuv_conversation_t *talk = NULL;
  kit_user_begin(&u, 0, NULL);
  wsuv_request_init(&request, NULL);
  request.headers = &bad;
  request.header_count = 1;
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk),
                   WSUV_EINVAL_HEADER);
  wsuv_request_init(&request, NULL);
  request.size = 3;
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", &request, &talk), WSUV_ESIZE);
  assert_null(talk);
  kit_user_end(&u);
}

TEST(test_opening_with_a_server_that_closes_fails) {
  kit_user u;
  wsuv_conversation_t *talk = NULL;
  kit_user_begin(&u, 0, NULL);
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  assert_int_equal(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk), WSUV_ESTATE);
  assert_null(talk);
  u.server = NULL;
  kit_user_end(&u);
}

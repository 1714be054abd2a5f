/* Bytes as they are: frames that break the rules, parts of frames, and requests of HTTP. */

#include <stdio.h>
#include <string.h>

#include <wsuv/exchange.h>

#include "support/certs.h"
#include "support/kit_user.h"
#include "testkit/check.h"

static const uint8_t bad_opcode[] = {0x85, 0x80, 1, 2, 3, 4};
static const uint8_t masked_a[] = {0x81, 0x81, 1, 2, 3, 4, 'a' ^ 1};

TEST(test_bytes_are_sent_behind_messages) {
  for (uint64_t seed = 0; seed < 10; seed++) {
    kit_user u;
    kit_user_begin(&u, seed, NULL);
    wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
    assert_ok(wsuv_conversation_send_text(talk, "before"));
    assert_ok(wsuv_conversation_send_bytes(talk, masked_a, sizeof masked_a));
    assert_ok(wsuv_conversation_send_bytes(talk, masked_a, 3));
    assert_ok(wsuv_conversation_send_bytes(talk, masked_a + 3, sizeof masked_a - 3));
    assert_ok(wsuv_conversation_send_bytes(talk, NULL, 0));
    assert_ok(wsuv_conversation_send_text(talk, "behind"));
    assert_ok(wsuv_conversation_expect_text(talk, "before"));
    assert_ok(wsuv_conversation_expect_text(talk, "a"));
    assert_ok(wsuv_conversation_expect_text(talk, "a"));
    assert_ok(wsuv_conversation_expect_text(talk, "behind"));
    kit_user_end(&u);
  }
}

TEST(test_bytes_that_break_the_rules) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_bytes(talk, bad_opcode, sizeof bad_opcode));
  assert_ok(wsuv_conversation_expect_close(talk, 1002));
  assert_int_equal(wsuv_conversation_send_bytes(talk, "a", 1), UV_EOF);
  kit_user_end(&u);
}

static int ended_with;

static void note_end(wsuv_session_t *s, const wsuv_close_info_t *info) {
  (void) s;
  ended_with = info->status;
}

TEST(test_part_of_a_frame_and_then_the_end) {
  static const wsuv_callbacks_t noters = {WSUV_CALLBACKS_INIT, .on_close = note_end};
  kit_user u;
  kit_user_begin(&u, 4, NULL);
  kit_user_route(&u, "/note", &noters);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/note");
  ended_with = 0;
  assert_ok(wsuv_conversation_send_bytes(talk, masked_a, 3));
  assert_ok(wsuv_conversation_drop(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(ended_with, UV_EOF);
  kit_user_end(&u);
}

/* --- requests --- */

static wsuv_exchange_t *kept;

static void respond(wsuv_exchange_t *x) {
  static const wsuv_header_t type = {"Content-Type", "text/plain"};
  char text[64];
  if (strcmp(wsuv_exchange_path(x), "/keep") == 0) {
    kept = x;
    return;
  }
  (void) snprintf(text, sizeof text, "%s %s", wsuv_exchange_method(x), wsuv_exchange_target(x));
  CHECK(wsuv_exchange_respond(x, 200, &type, 1, text, strlen(text)) == 0);
}

static void ask(kit_user *u, const char *target, wsuv_conversation_t **talk, int wanted) {
  char text[128];
  (void) snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target);
  assert_int_equal(wsuv_conversation_http(u->kit, u->server, text, talk), wanted);
}

TEST(test_request_that_the_program_answers) {
  for (uint64_t seed = 0; seed < 10; seed++) {
    kit_user u;
    size_t len;
    wsuv_conversation_t *talk;
    kit_user_begin(&u, seed, NULL);
    wsuv_server_on_request(u.server, respond);
    ask(&u, "/health?a=b", &talk, 0);
    assert_int_equal(wsuv_conversation_status(talk), 200);
    assert_string_equal(wsuv_conversation_header(talk, "content-type"), "text/plain");
    assert_string_equal(wsuv_conversation_body(talk, &len), "GET /health?a=b");
    assert_int_equal(len, 15);
    assert_null(wsuv_conversation_session(talk));
    assert_null(wsuv_conversation_server_session(talk));
    kit_user_end(&u);
  }
}

TEST(test_request_that_the_server_refuses) {
  kit_user u;
  wsuv_conversation_t *talk;
  kit_user_begin(&u, 0, NULL);
  ask(&u, "/echo", &talk, 0);
  assert_int_equal(wsuv_conversation_status(talk), 426);
  assert_string_equal(wsuv_conversation_header(talk, "Upgrade"), "websocket");
  ask(&u, "/none", &talk, 0);
  assert_int_equal(wsuv_conversation_status(talk), 404);
  assert_ok(wsuv_conversation_http(u.kit, u.server, "no HTTP at all\r\n\r\n", &talk));
  assert_int_equal(wsuv_conversation_status(talk), 400);
  kit_user_end(&u);
}

/* The planted bug: a plain request is kept, and forgotten. */
TEST(test_request_that_is_never_answered_is_named) {
  kit_user u;
  wsuv_conversation_t *talk;
  wsuv_config_t config;
  wsuv_server_config_init(&config);
  config.handshake_timeout_ms = 1000;
  kit_user_begin(&u, 0, &config);
  kit_user_expect_failures(&u);
  wsuv_server_on_request(u.server, respond);
  ask(&u, "/keep", &talk, 0);
  assert_int_equal(wsuv_conversation_status(talk), 503);
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  assert_int_equal(wsuv_testkit_free(u.kit), WSUV_ELEAK);
  assert_true(kit_user_failed_with(&u, "upgrades or requests not answered: at most 1"));
  assert_int_equal(wsuv_exchange_respond(kept, 200, NULL, 0, NULL, 0), WSUV_ESTATE);
  u.server = NULL;
  kit_user_end(&u);
}

/* --- over TLS --- */

TEST(test_bytes_and_requests_over_tls) {
  static cert own;
  kit_user u;
  wsuv_config_t config;
  wsuv_tls_config_t tls;
  wsuv_conversation_t *talk;
  cert_make(&own, &(cert_spec){.name = "own", .hosts = {"localhost"}}, NULL);
  wsuv_tls_config_init(&tls);
  tls.cert_pem = own.pem;
  tls.cert_pem_len = strlen(own.pem);
  tls.key_pem = own.key_pem;
  tls.key_pem_len = strlen(own.key_pem);
  wsuv_server_config_init(&config);
  config.tls = &tls;
  kit_user_begin(&u, 2, &config);
  wsuv_server_on_request(u.server, respond);
  ask(&u, "/health", &talk, 0);
  assert_string_equal(wsuv_conversation_body(talk, NULL), "GET /health");
  talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_bytes(talk, masked_a, sizeof masked_a));
  assert_ok(wsuv_conversation_expect_text(talk, "a"));
  assert_ok(wsuv_conversation_send_bytes(talk, bad_opcode, sizeof bad_opcode));
  assert_ok(wsuv_conversation_expect_close(talk, 1002));
  kit_user_end(&u);
  cert_free(&own);
}

/* Connecting when all goes well: what is sent, what can be read, and that nothing behind the
   answer is lost. */

#include <string.h>
#include <strings.h>

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- open, and both ways --- */

static void say_hello(session_user *u) {
  CHECK(wsuv_send_text(u->session, "hello", 5) == 0);
  CHECK(wsuv_send_binary(u->session, "\x00\xff", 2) == 0);
}

SCENARIO_TEST(test_connect_opens_and_messages_go_both_ways, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_FRAME(1, "hello"),
                PEER_EXPECT_FRAME(2, "\x00\xff"), PEER_SEND_FRAME(1, "good day"),
                PEER_SEND_FRAME(2, "\xfe"), PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000),
                PEER_END, PEER_EXPECT_END);
  u->at_open = say_hello;
  scenario_play(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->opens, 1);
  assert_true(user_got(u, "TEXT \"good day\"; BIN fe"));
  assert_true(u->end.clean);
  assert_int_equal(u->end.code, 1000);
  assert_int_equal(u->end.sent_code, 1000);
}

/* --- what can be read --- */

static void read_the_answer(session_user *u) {
  const char *value = wsuv_session_response_header(u->session, "x-NAME");
  CHECK(value != NULL && strcmp(value, "first") == 0);
  value = wsuv_session_response_header(u->session, "Upgrade");
  CHECK(value != NULL && strcasecmp(value, "websocket") == 0);
  CHECK(wsuv_session_response_header(u->session, "X-Other") == NULL);
  CHECK(strcmp(wsuv_session_subprotocol(u->session), "chat.v2") == 0);
}

static void read_later(session_user *u, const wsuv_message_t *message) {
  (void) message;
  CHECK(wsuv_session_response_header(u->session, "X-Name") == NULL);
  CHECK(strcmp(wsuv_session_subprotocol(u->session), "chat.v2") == 0);
}

static void read_at_last(session_user *u) {
  CHECK(wsuv_session_response_header(u->session, "X-Name") == NULL);
  CHECK(strcmp(wsuv_session_subprotocol(u->session), "chat.v2") == 0);
}

SCENARIO_TEST(test_connect_shows_the_answer_until_on_open_returns, w, p, u) {
  static const char *const names[] = {"chat.v1", "chat.v2"};
  wsuv_request_t r;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND_UPGRADE_WITH("X-Name: first\r\nSec-WebSocket-Protocol: chat.v2\r\n"
                                       "x-name: second\r\n"),
                PEER_SEND_FRAME(1, "now"), PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END,
                PEER_EXPECT_END);
  u->at_open = read_the_answer;
  u->at_message = read_later;
  u->at_close = read_at_last;
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.subprotocols = names;
  r.subprotocol_count = 2;
  assert_int_equal(user_request(u, &r), 0);
  assert_null(wsuv_session_response_header(u->session, "X-Name"));
  assert_string_equal(wsuv_session_subprotocol(u->session), "");
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->messages, 1);
  assert_int_equal(u->end.header_count, 0);
}

static void have_no_subprotocol(session_user *u) {
  CHECK(strcmp(wsuv_session_subprotocol(u->session), "") == 0);
}

SCENARIO_TEST(test_connect_without_a_subprotocol, w, p, u) {
  static const char *const names[] = {"chat"};
  u->config.subprotocols = names;
  u->config.subprotocol_count = 1;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  u->at_open = have_no_subprotocol;
  scenario_open(u);
  user_close_client(u);
}

/* --- what is sent --- */

/* The request without the value of its key. */
static const char *request_of(session_user *u, size_t number, bytes *text) {
  char key[64];
  const raw_conn *c = raw_peer_conn(u->peer->raw, number);
  assert_true(raw_conn_header(c, "Sec-WebSocket-Key", key, sizeof key));
  assert_int_equal(strlen(key), 24);
  assert_string_equal(key + 22, "==");
  const char *at = strstr(c->request, key);
  bytes_add(text, c->request, (size_t) (at - c->request));
  bytes_add(text, "KEY", 3);
  bytes_add(text, at + strlen(key), strlen(at + strlen(key)));
  return bytes_text(text);
}

/* Runs one connection, and compares its request; "PORT" stands for the peer's. */
static void assert_sends(session_user *u, const wsuv_request_t *r, const char *expected) {
  bytes text = {0}, wanted = {0};
  const char *port = strstr(expected, "PORT");
  if (port != NULL) {
    bytes_print(&wanted, "%.*s%u%s", (int) (port - expected), expected,
                (unsigned) u->peer->raw->port, port + 4);
  } else {
    bytes_print(&wanted, "%s", expected);
  }
  user_reset(u);
  assert_int_equal(user_request(u, r), 0);
  user_run_to_close(u);
  assert_int_equal(u->end.status, 0);
  assert_string_equal(request_of(u, u->peer->raw->accepted - 1, &text), bytes_text(&wanted));
  bytes_free(&text);
  bytes_free(&wanted);
}

#define HANDSHAKE                                 \
  "Upgrade: websocket\r\nConnection: Upgrade\r\n" \
  "Sec-WebSocket-Key: KEY\r\nSec-WebSocket-Version: 13\r\n"
#define AGENT "User-Agent: wsuv/" WSUV_VERSION_STRING "\r\n"

SCENARIO_TEST(test_connect_sends_no_more_than_it_must, w, p, u) {
  wsuv_request_t r;
  raw_peer_greet_and_close(p->raw);
  wsuv_request_init(&r, raw_peer_url(p->raw, "/path/%7e?q=1&r"));
  assert_sends(u, &r,
               "GET /path/%7e?q=1&r HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" HANDSHAKE AGENT "\r\n");
  wsuv_request_init(&r, raw_peer_url(p->raw, ""));
  assert_sends(u, &r, "GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" HANDSHAKE AGENT "\r\n");
  wsuv_request_init(&r, raw_peer_url(p->raw, "?only=query"));
  assert_sends(u, &r,
               "GET /?only=query HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" HANDSHAKE AGENT "\r\n");
}

static const wsuv_header_t of_client[] = {{"X-A", "1"}, {"X-B", ""}};
static const wsuv_header_t of_request[] = {{"Host", "example.org"}, {"X-A", "2 \t3"}};
static const char *const client_names[] = {"one", "two"}, *const request_names[] = {"three"};

static void set_up_everything(wsuv_config_t *config) {
  wsuv_client_config_init(config);
  config->headers = of_client;
  config->header_count = 2;
  config->subprotocols = client_names;
  config->subprotocol_count = 2;
  config->user_agent = "me/1";
}

SCENARIO_TEST(test_connect_sends_what_was_configured, w, p, u) {
  wsuv_request_t r;
  set_up_everything(&u->config);
  (void) user_client(u);
  memset(&u->config, 0xff, sizeof u->config);
  raw_peer_greet_and_close(p->raw);
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.origin = "https://example.org";
  r.headers = of_request;
  r.header_count = 2;
  assert_sends(u, &r,
               "GET / HTTP/1.1\r\nHost: example.org\r\n" HANDSHAKE
               "Sec-WebSocket-Protocol: one, two\r\nUser-Agent: me/1\r\n"
               "Origin: https://example.org\r\nX-A: 1\r\nX-B: \r\nX-A: 2 \t3\r\n\r\n");
}

SCENARIO_TEST(test_connect_lets_a_request_override, w, p, u) {
  wsuv_config_t config;
  wsuv_request_t r;
  set_up_everything(&u->config);
  raw_peer_greet_and_close(p->raw);
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.subprotocols = request_names;
  r.subprotocol_count = 1;
  assert_sends(u, &r,
               "GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" HANDSHAKE
               "Sec-WebSocket-Protocol: three\r\nUser-Agent: me/1\r\nX-A: 1\r\nX-B: \r\n\r\n");
  wsuv_client_get_config(u->client, &config);
  config.user_agent = NULL;
  config.headers = of_request;
  config.header_count = 1;
  config.subprotocol_count = 0;
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.config = &config;
  assert_sends(u, &r, "GET / HTTP/1.1\r\nHost: example.org\r\n" HANDSHAKE "\r\n");
}

SCENARIO_TEST(test_connect_sends_credentials, w, p, u) {
  bytes url = {0};
  wsuv_request_t r;
  raw_peer_greet_and_close(p->raw);
  bytes_print(&url, "ws://Al%%41ddin:open:sesame@127.0.0.1:%u/", (unsigned) p->raw->port);
  wsuv_request_init(&r, bytes_text(&url));
  /* base64 of "AlAddin:open:sesame" */
  assert_sends(u, &r,
               "GET / HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n" HANDSHAKE AGENT
               "Authorization: Basic QWxBZGRpbjpvcGVuOnNlc2FtZQ==\r\n\r\n");
  bytes_free(&url);
}

/* RFC 6455 4.1: chosen anew for each connection. */
SCENARIO_TEST(test_connect_has_a_key_of_its_own_each_time, w, p, u) {
  char key[2][64];
  raw_peer_greet_and_close(p->raw);
  for (size_t i = 0; i < 2; i++) {
    scenario_play(u);
    assert_true(raw_conn_header(raw_peer_conn(p->raw, i), "Sec-WebSocket-Key", key[i], 64));
  }
  assert_string_not_equal(key[0], key[1]);
}

/* --- F7: what comes with the answer, or cut anywhere --- */

#define GLUED "\x81\x05hello\x89\x02pi\x01\x02wo\x80\x03rld\x88\x02\x03\xe8"

typedef struct cutting {
  bytes all;
  size_t cut;
} cutting;

static void write_first(raw_conn *c) {
  cutting *k = c->peer->data;
  bytes_free(&k->all);
  answer_text(&k->all, c, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" ANSWER_101 GLUED);
  raw_conn_write(c, k->all.base, k->cut);
}

static void write_rest(raw_conn *c) {
  const cutting *k = c->peer->data;
  raw_conn_write(c, k->all.base + k->cut, k->all.len - k->cut);
}

static void assert_all_came(const session_user *u) {
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_int_equal(u->opens, 1);
  assert_true(user_got(u, "TEXT \"hello\"; PING \"pi\"; TEXT \"world\""));
  assert_int_equal(u->end.code, 1000);
  assert_true(u->end.clean);
}

SCENARIO_TEST(test_connect_takes_what_is_glued_behind_the_answer, w, p, u) {
  cutting k = {.cut = 0};
  p->raw->data = &k;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CALL(write_first), PEER_TURN,
                PEER_CALL(write_rest), PEER_EXPECT_FRAME(10, "pi"), PEER_EXPECT_CLOSE(1000),
                PEER_END, PEER_EXPECT_END);
  do {
    scenario_play(u);
    assert_all_came(u);
  } while (++k.cut <= k.all.len);
  bytes_free(&k.all);
}

/* Each byte on a timer of its own. */
static void write_bytes(void *data) {
  raw_conn *c = data;
  cutting *k = c->peer->data;
  raw_conn_write(c, k->all.base + k->cut++, 1);
  if (k->cut < k->all.len) world_after(c->peer->w, 0, write_bytes, c);
}

static void begin_bytes(raw_conn *c) {
  write_bytes(c);
}

SCENARIO_TEST(test_connect_takes_an_answer_byte_by_byte, w, p, u) {
  cutting k = {.cut = 0};
  p->raw->data = &k;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CALL(write_first), PEER_CALL(begin_bytes),
                PEER_EXPECT_FRAME(10, "pi"), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
  scenario_play(u);
  assert_all_came(u);
  bytes_free(&k.all);
}

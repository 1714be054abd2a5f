/* Requests that get no session: the exact answer, one line of log, and the end of the connection.
 */

#include <stdio.h>
#include <string.h>

#include "support/server_user.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* --- what is wrong with a request --- */

typedef struct bad_request {
  upgrade_lines lines;
  int status;
  const char *cause;
  const char *field, *value; /* of the response, besides those that each one has; or NULL */
} bad_request;

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="

static const bad_request bad_requests[] = {
    {{.target = "/nowhere"}, 404, "NO_ROUTE", NULL, NULL},
    {{.target = "/nowhere", .key = ""}, 404, "NO_ROUTE", NULL, NULL},
    {{.upgrade = ""}, 426, "NO_UPGRADE", "Upgrade", "websocket"},
    {{.upgrade = "Upgrade: h2c"}, 426, "NO_UPGRADE", "Sec-WebSocket-Version", NULL},
    {{.connection = ""}, 426, "NO_UPGRADE", "Upgrade", "websocket"},
    {{.connection = "Connection: keep-alive"}, 426, "NO_UPGRADE", NULL, NULL},
    {{.version = ""}, 426, "VERSION", "Sec-WebSocket-Version", "13"},
    {{.version = "Sec-WebSocket-Version: 8"}, 426, "VERSION", "Sec-WebSocket-Version", "13"},
    {{.line = "GET / HTTP/1.0"}, 426, "HTTP_1_0", "Upgrade", "websocket"},
    {{.line = "GET / HTTP/2.0"}, 505, "HTTP_VERSION", NULL, NULL},
    {{.line = "GET / HTTP/1.2"}, 505, "HTTP_VERSION", NULL, NULL},
    {{.line = "POST / HTTP/1.1"}, 405, "METHOD", "Allow", "GET"},
    {{.line = "HEAD / HTTP/1.1"}, 405, "METHOD", "Allow", "GET"},
    {{.line = "OPTIONS * HTTP/1.1"}, 405, "METHOD", "Allow", "GET"},
    {{.key = ""}, 400, "KEY", NULL, NULL},
    {{.key = "Sec-WebSocket-Key: short"}, 400, "KEY", NULL, NULL},
    {{.key = KEY "\r\n" KEY}, 400, "KEY", NULL, NULL},
    {{.host = ""}, 400, "HOST", NULL, NULL},
    {{.host = "Host: a\r\nHost: a"}, 400, "HOST", NULL, NULL},
    {{.host = "Host: a b"}, 400, "HOST", NULL, NULL},
    {{.host = "Host: a:99999"}, 400, "HOST", NULL, NULL},
    {{.target = "/a#b"}, 400, "TARGET", NULL, NULL},
    {{.target = "a"}, 400, "TARGET", NULL, NULL},
    {{.more = "Content-Length: 5\r\n"}, 400, "BODY", NULL, NULL},
    {{.more = "Transfer-Encoding: chunked\r\n"}, 400, "BODY", NULL, NULL},
    {{.target = "/%zz"}, 400, "ESCAPE", NULL, NULL},
    {{.target = "/%00"}, 400, "ESCAPE", NULL, NULL},
    {{.line = "GET /"}, 400, "MALFORMED", NULL, NULL},
    {{.more = "no colon\r\n"}, 400, "MALFORMED", NULL, NULL},
    {{.more = "A : b\r\n"}, 400, "MALFORMED", NULL, NULL},
    {{.more = "Sec-WebSocket-Protocol: a b\r\n"}, 400, "SUBPROTOCOL", NULL, NULL},
    {{.more = "Sec-WebSocket-Extensions: ;\r\n"}, 400, "EXTENSION", NULL, NULL},
};

static void assert_refused(server_user *s, raw_client *c, const bad_request *row) {
  SCOPED_BYTES line = {0};
  bytes_print(&line, "%s %d\n", row->cause, row->status);
  raw_client_run_to_head(c);
  assert_that(c->status == row->status, "%d, not %d %s", c->status, row->status, row->cause);
  bool upgrade = row->status == 426;
  assert_true(raw_client_has_field(c, "Connection", upgrade ? "upgrade, close" : "close"));
  assert_true(raw_client_has_field(c, "Content-Length", "0"));
  if (row->field != NULL) assert_true(raw_client_has_field(c, row->field, row->value));
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
  assert_int_equal(c->in.len, 0);
  assert_true(server_user_refused(s, bytes_text(&line)));
  assert_true(s->refused_code < 0);
  assert_int_equal(s->refused_stage, WSUV_STAGE_HANDSHAKE);
}

static void forget_refusals(server_user *s) {
  bytes_free(&s->refusals);
  bytes_free(&s->log);
  s->refused = s->lines = 0;
}

SERVER_TLS_TEST(test_server_refuses_what_is_no_request_for_an_upgrade, w, s) {
  server_user_start(s);
  for (size_t i = 0; i < COUNT_OF(bad_requests); i++) {
    raw_client *c = server_user_client(s);
    raw_client_request(c, &bad_requests[i].lines);
    assert_refused(s, c, &bad_requests[i]);
    forget_refusals(s);
    raw_client_free(c);
  }
  assert_int_equal(s->session_count, 0);
}

/* Fields that may be there, and are as if absent. */
SERVER_TEST(test_server_accepts_what_only_looks_wrong, w, s) {
  static const upgrade_lines good[] = {
      {.more = "Content-Length: 0\r\n"},
      {.more = "Sec-WebSocket-Extensions:\r\nSec-WebSocket-Protocol:\r\n"},
      {.upgrade = "upgrade: h2c, WebSocket"},
      {.connection = "connection: keep-alive, UPGRADE"},
      {.target = "/?%zz"},
  };
  server_user_start(s);
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    raw_client *c = server_user_client(s);
    raw_client_upgrade(c, &good[i]);
    raw_client_free(c);
  }
  assert_true(server_user_refused(s, ""));
}

/* --- sizes --- */

static void play_large(server_user *s, size_t fields, size_t bytes_each, const char *cause) {
  SCOPED_BYTES more = {0};
  SCOPED_BYTES value = {0};
  while (value.len < bytes_each) bytes_add(&value, "x", 1);
  for (size_t i = 0; i < fields; i++) {
    bytes_print(&more, "X-%zu: ", i);
    bytes_add(&more, value.base, value.len);
    bytes_add(&more, "\r\n", 2);
  }
  const bad_request row = {.lines = {.more = bytes_text(&more)}, .status = 431, .cause = cause};
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &row.lines);
  assert_refused(s, c, &row);
}

SERVER_TLS_TEST(test_server_refuses_a_large_head, w, s) {
  play_large(s, 1, 17 * 1024, "TOO_LARGE");
}

SERVER_TLS_TEST(test_server_refuses_many_fields, w, s) {
  play_large(s, 101, 1, "TOO_MANY_FIELDS");
}

/* Closing with unread bytes would reset the connection, and take the answer from the peer. */
SERVER_TLS_TEST(test_answer_can_be_read_while_the_client_goes_on_sending, w, s) {
  enum { PIECE = 16 * 1024 };
  static const uint8_t noise[8 * PIECE];
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_send_pieces(c, noise, sizeof noise, PIECE, 1);
  raw_client_run_to_status(c, 404);
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
}

/* --- TLS where there is none, and the other way about --- */

SERVER_TEST(test_tls_on_a_plain_port, w, s) {
  static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_send(c, hello, sizeof hello - 1);
  assert_refused(s, c, &(bad_request){.status = 400, .cause = "TLS_ON_PLAIN"});
}

WORLD_ONLY_TLS_TEST(test_plain_text_on_a_port_with_tls, w) {
  server_user s;
  server_user_begin(&s, w);
  server_user_start(&s);
  raw_client *c = raw_client_new_plain(w, &s.address);
  raw_client_request(c, NULL);
  server_user_run_to_refusals(&s, 1);
  assert_true(server_user_refused(&s, "TLS 0\n"));
  assert_int_equal(s.refused_stage, WSUV_STAGE_TLS);
  server_user_finish(&s);
}

/* --- time --- */

/* What a connection does not end by itself, its server does within so long. */
enum { LINGER_MS = 1000, SOON_MS = 500 };

static uint64_t time_to_drain(server_user *s) {
  uint64_t begin = world_now_ms(s->w);
  assert_int_equal(server_user_drain(s), 0);
  server_user_run_to_end(s);
  return world_now_ms(s->w) - begin;
}

SERVER_TLS_TEST(test_refused_connection_ends_with_its_peer, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_end(c);
  raw_client_close(c);
  world_assert_took(w, time_to_drain(s), 0, SOON_MS);
}

SERVER_SIM_TLS_TEST(test_refused_connection_ends_although_its_peer_stays, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_end(c);
  world_assert_took(w, time_to_drain(s), LINGER_MS / 2, 2 * LINGER_MS);
}

SERVER_TLS_TEST(test_silent_connection_is_closed_without_a_word, w, s) {
  s->config.handshake_timeout_ms = 400;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  uint64_t begin = world_now_ms(w);
  server_user_run_to_refusals(s, 1);
  world_assert_took(w, world_now_ms(w) - begin, 400, 1000);
  assert_true(server_user_refused(s, "SILENT 0\n"));
  assert_int_equal(s->refused_code, UV_ETIMEDOUT);
  raw_client_run_to_end(c);
  assert_int_equal(c->received, 0);
}

/* Bytes that come do not extend the deadline. */
SERVER_TLS_TEST(test_request_that_is_never_complete, w, s) {
  SCOPED_BYTES request = {0};
  upgrade_request(&request, NULL);
  s->config.handshake_timeout_ms = 400;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_send_pieces(c, request.base, request.len - 1, 1, 20);
  assert_refused(s, c, &(bad_request){.status = 408, .cause = "TIMEOUT"});
}

SERVER_TLS_TEST(test_request_whose_peer_goes, w, s) {
  SCOPED_BYTES request = {0};
  upgrade_request(&request, NULL);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_send_pieces(c, request.base, request.len - 1, request.len / 2, 0);
  while (c->slow_at < request.len - 1) world_advance(w, 1);
  world_advance(w, 300);
  raw_client_reset(c);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "GONE 0\n"));
}

/* --- limits --- */

SERVER_TLS_TEST(test_sessions_have_a_limit, w, s) {
  s->config.max_sessions = 2;
  server_user_start(s);
  raw_client *first = server_user_connect(s, "/");
  server_user_connect(s, "/");
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  assert_refused(
      s, c,
      &(bad_request){.status = 503, .cause = "SESSIONS", .field = "Retry-After", .value = "5"});
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  server_user_connect(s, "/");
}

SERVER_TLS_TEST(test_sessions_of_an_address_have_a_limit, w, s) {
  s->config.max_sessions_per_address = 1;
  server_user_start(s);
  raw_client *first = server_user_connect(s, "/");
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  assert_refused(s, c, &(bad_request){.status = 503, .cause = "SESSIONS_PER_ADDRESS"});
  raw_client_close(first);
  server_user_run_to_closes(s, 1);
  server_user_connect(s, "/");
}

/* The oldest connection without a request makes room for the next one. */
static void play_handshakes(server_user *s, const char *lines) {
  enum { CLIENTS = 4 };
  raw_client *c[CLIENTS];
  server_user_start(s);
  for (size_t i = 0; i < CLIENTS; i++) {
    c[i] = server_user_client(s);
    world_advance(s->w, 200);
  }
  server_user_run_to_refusals(s, 2);
  raw_client_run_to_end(c[0]);
  raw_client_run_to_end(c[1]);
  assert_false(c[2]->ended || c[3]->ended);
  assert_true(server_user_refused(s, lines));
  raw_client_upgrade(c[2], NULL);
  raw_client_upgrade(c[3], NULL);
}

SERVER_TLS_TEST(test_handshakes_have_a_limit, w, s) {
  s->config.max_handshakes = 2;
  play_handshakes(s, "HANDSHAKES 0\nHANDSHAKES 0\n");
}

SERVER_TLS_TEST(test_handshakes_of_an_address_have_a_limit, w, s) {
  s->config.max_handshakes_per_address = 2;
  play_handshakes(s, "HANDSHAKES_PER_ADDRESS 0\nHANDSHAKES_PER_ADDRESS 0\n");
}

/* --- memory --- */

enum { SETTLE_MS = 1500 };

/* A client whose n-th allocation, of the server's, fails. */
static bool connect_without_memory(world *w, server_user *s, uint64_t n) {
  server_user_start(s);
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  world_advance(w, SETTLE_MS);
  w->alloc->fail_at = 0;
  return w->alloc->failed > 0;
}

/* Whatever fails, there is a session, or it is reported why there is none. */
SERVER_SIM_TEST(test_connections_without_memory_are_reported, w, s) {
  size_t at_once = 0;
  bool failed = true;
  for (uint64_t n = 1; failed; n++) {
    if (n > 1) server_user_renew(s);
    failed = connect_without_memory(w, s, n);
    assert_that(s->session_count + s->refused == 1, "allocation %d: %zu sessions, %zu refusals",
                (int) n, s->session_count, s->refused);
    if (s->refused == 0 || s->refused_stage != WSUV_STAGE_CONNECT) continue;
    at_once++;
    assert_true(server_user_refused(s, "NO_MEMORY 0\n"));
    assert_int_equal(s->refused_code, UV_ENOMEM);
    assert_string_equal(s->refused_address, "127.0.0.1");
  }
  assert_true(at_once > 0);
}

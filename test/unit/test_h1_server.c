#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/h1_server.h"
#include "support/pieces.h"
#include "support/test.h"
#include "support/track_alloc.h"

/* RFC 6455 1.2 */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define LINE "GET /chat HTTP/1.1\r\n"
#define HOST "Host: server.example.com\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define KEYED "Sec-WebSocket-Key: " KEY "\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define FIELDS HOST UPGRADE CONNECTION KEYED VERSION
#define GOOD LINE FIELDS

typedef struct fixture {
  track_alloc alloc;
  h1_server_limits limits;
  h1_server *h;
} fixture;

static void fixture_open(fixture *f) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  f->limits = (h1_server_limits){16384, 100};
}

/* Anew, if there is one already. */
static int make(fixture *f) {
  h1_server_free(f->h);
  assert_int_equal(f->alloc.live, 0);
  f->h = NULL;
  return h1_server_new(&f->h, &f->alloc.handle, &f->limits, NULL);
}

static void fixture_close(fixture *f) {
  h1_server_free(f->h);
  assert_int_equal(f->alloc.live, 0);
}

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_server_feed(arg, data, len, used);
}

static int run(fixture *f, const char *text, size_t len, pieces how, size_t *used) {
  assert_int_equal(make(f), 0);
  return pieces_feed(how, text, len, take, f->h, used);
}

/* Whole, byte by byte and cut at random, the same comes of it. */
static int run_cut(fixture *f, const char *text, size_t len, size_t *used) {
  int whole = run(f, text, len, (pieces){PIECES_WHOLE, 0, 0, 0}, used);
  for (uint32_t seed = 0; seed < 6; seed++) {
    pieces how = {seed == 0 ? PIECES_BYTES : PIECES_RANDOM, seed, 0, 0};
    int status = h1_server_error_status(f->h);
    const char *detail = h1_server_detail(f->h);
    size_t n;
    assert_int_equal(run(f, text, len, how, &n), whole);
    if (whole >= 0) assert_int_equal(n, *used);
    assert_int_equal(h1_server_error_status(f->h), status);
    assert_string_equal(h1_server_detail(f->h), detail);
  }
  return whole;
}

/* A request, what is said of it, and the status that answers it. */
static void assert_request(const char *text, size_t len, int result, int status) {
  size_t used;
  SCOPED(fixture, f);
  int got = run_cut(&f, text, len, &used);
  if (got != result || h1_server_error_status(f.h) != status) {
    fail_msg("%d (%d), not %d (%d), %s:\n%s", got, h1_server_error_status(f.h), result, status,
             h1_server_detail(f.h), text);
  }
  assert_int_equal(h1_server_detail(f.h)[0] != '\0', result < 0);
  if (result == 1) assert_int_equal(used, len);
}

#define REQUEST(text, result, status) assert_request("" text, sizeof(text) - 1, result, status)

static void take_request(fixture *f, const char *text) {
  size_t used;
  assert_int_equal(run_cut(f, text, strlen(text), &used), 1);
  assert_int_equal(used, strlen(text));
}

static void assert_answer(fixture *f, const char *expected) {
  size_t len;
  const char *text = h1_server_answer(f->h, &len);
  if (len != strlen(expected) || memcmp(text, expected, len) != 0) {
    fail_msg("got:\n%.*s", (int) len, text);
  }
}

/* RFC 6455 1.2, 1.3, 4.2.2 */
TEST(test_h1_server_answers_the_request_of_the_rfc) {
  SCOPED(fixture, f);
  take_request(&f, GOOD "Origin: http://example.com\r\n"
                        "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n");
  assert_string_equal(h1_server_target(f.h), "/chat");
  assert_int_equal(h1_server_headers(f.h)->count, 7);
  assert_string_equal(header_store_get(h1_server_headers(f.h), "origin", 0), "http://example.com");
  assert_string_equal(h1_server_offered(f.h, 0), "chat");
  assert_string_equal(h1_server_offered(f.h, 1), "superchat");
  assert_null(h1_server_offered(f.h, 2));
  assert_int_equal(h1_server_accept(f.h, "chat", NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                    "Sec-WebSocket-Protocol: chat\r\n\r\n");
}

TEST(test_h1_server_takes_other_good_requests) {
  REQUEST(GOOD "\r\n", 1, 0);
  REQUEST("\r\n" GOOD "\r\n", 1, 0);
  REQUEST("GET http://h/x?y HTTP/1.1\r\n" FIELDS "\r\n", 1, 0);
  REQUEST(GOOD "Content-Length: 0\r\n\r\n", 1, 0);
  REQUEST(LINE HOST KEYED VERSION
          "upgrade: h2c, WebSocket\r\nCONNECTION: keep-alive\r\nConnection:upgrade\r\n\r\n",
          1, 0);
  REQUEST(GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1, 0);
  REQUEST(GOOD "Sec-WebSocket-Protocol:\r\n\r\n", 1, 0);
}

TEST(test_h1_server_joins_what_is_offered) {
  SCOPED(fixture, f);
  take_request(&f,
               GOOD "Sec-WebSocket-Protocol: a ,, b\r\nX: y\r\nsec-websocket-protocol: c\r\n\r\n");
  assert_string_equal(h1_server_offered(f.h, 2), "c");
  assert_string_equal(h1_server_offered(f.h, 1), "b");
  assert_string_equal(h1_server_offered(f.h, 0), "a");
  assert_null(h1_server_offered(f.h, 3));
  assert_null(h1_server_offered(f.h, SIZE_MAX));
}

/* F7: frames glued behind the request, cut at every two bytes. */
TEST(test_h1_server_leaves_glued_frames_wherever_it_is_cut) {
  const char text[] = GOOD "\r\n\x81\n ";
  size_t len = sizeof text - 1;
  for (size_t a = 0; a <= len; a++) {
    for (size_t b = a; b <= len; b++) {
      size_t used;
      SCOPED(fixture, f);
      assert_int_equal(run(&f, text, len, (pieces){PIECES_AT, 0, a, b}, &used), 1);
      assert_int_equal(used, len - 3);
    }
  }
}

TEST(test_h1_server_needs_the_whole_request) {
  const char text[] = GOOD "\r\n";
  for (size_t len = 0; len < strlen(text); len++) assert_request(text, len, 0, 0);
}

TEST(test_h1_server_rejects_other_methods) {
  static const char *const methods[] = {"POST", "HEAD", "PUT", "OPTIONS", "DELETE"};
  for (size_t i = 0; i < COUNT_OF(methods); i++) {
    char text[512];
    int len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" FIELDS "\r\n", methods[i]);
    assert_request(text, (size_t) len, WSUV_EHTTP, 405);
  }
  REQUEST("CONNECT h:80 HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 405);
  REQUEST("NONSENSE / HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
  REQUEST("get / HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
}

TEST(test_h1_server_rejects_other_versions_of_http) {
  REQUEST("GET / HTTP/1.0\r\n" FIELDS "\r\n", WSUV_EHTTP, 505);
  REQUEST("GET / HTTP/2.0\r\n" FIELDS "\r\n", WSUV_EHTTP, 505);
  REQUEST("GET /\r\n" FIELDS "\r\n", WSUV_EHTTP, 505);
  REQUEST("GET / HTTP/9.9\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
  REQUEST("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", WSUV_EHTTP, 400);
}

/* F13 */
TEST(test_h1_server_rejects_malformed_requests) {
  REQUEST(GOOD "X: a\r\n b\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(LINE "Host:\r\n" UPGRADE CONNECTION KEYED VERSION "\r\n", WSUV_EHTTP, 400);
  REQUEST(LINE "Upgrade:\r\n\twebsocket\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(LINE "Host : h\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD "\n", WSUV_EHTTP, 400);
  REQUEST("GET / HTTP/1.1\n\n", WSUV_EHTTP, 400);
  REQUEST(GOOD "X: \0\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD ": x\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST("GET /\x80 HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
  REQUEST("GET /a b HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
  REQUEST("GET  HTTP/1.1\r\n" FIELDS "\r\n", WSUV_EHTTP, 400);
  REQUEST("\x16\x03\x01\x02\x00", WSUV_EHTTP, 400);
}

TEST(test_h1_server_wants_one_host) {
  REQUEST(LINE UPGRADE CONNECTION KEYED VERSION "\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD HOST "\r\n", WSUV_EHTTP, 400);
}

TEST(test_h1_server_rejects_a_body) {
  REQUEST(GOOD "Content-Length: 1\r\n\r\nx", WSUV_EHTTP, 400);
  REQUEST(GOOD "Content-Length: x\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD "Transfer-Encoding: gzip\r\n\r\n", WSUV_EHTTP, 400);
}

/* F4 */
TEST(test_h1_server_rejects_upgrade_and_connection_missing_or_wrong) {
  REQUEST(LINE HOST "\r\n", WSUV_EUPGRADE, 426);
  REQUEST(LINE HOST CONNECTION KEYED VERSION "\r\n", WSUV_EUPGRADE, 426);
  REQUEST(LINE HOST UPGRADE KEYED VERSION "\r\n", WSUV_EUPGRADE, 426);
  REQUEST(LINE HOST "Upgrade: h2c\r\n" CONNECTION KEYED VERSION "\r\n", WSUV_EUPGRADE, 426);
  REQUEST(LINE HOST UPGRADE "Connection: close\r\n" KEYED VERSION "\r\n", WSUV_EUPGRADE, 426);
}

TEST(test_h1_server_rejects_other_versions_of_the_protocol) {
#define REST LINE HOST UPGRADE CONNECTION KEYED
  REQUEST(REST "\r\n", WS_EPROTONOSUPPORT, 426);
  REQUEST(REST "Sec-WebSocket-Version: 8\r\n\r\n", WS_EPROTONOSUPPORT, 426);
  REQUEST(REST "Sec-WebSocket-Version: 013\r\n\r\n", WS_EPROTONOSUPPORT, 426);
  REQUEST(REST "Sec-WebSocket-Version: 13, 8\r\n\r\n", WS_EPROTONOSUPPORT, 426);
  REQUEST(REST VERSION VERSION "\r\n", WS_EPROTONOSUPPORT, 426);
#undef REST
}

TEST(test_h1_server_rejects_bad_keys) {
#define REST LINE HOST UPGRADE CONNECTION VERSION
  REQUEST(REST "\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST KEYED KEYED "\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key:\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWFi\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n\r\n", WSUV_EUPGRADE, 400);
  REQUEST(REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSB*b25jZQ==\r\n\r\n", WSUV_EUPGRADE, 400);
#undef REST
}

TEST(test_h1_server_rejects_subprotocols_that_are_no_tokens) {
  REQUEST(GOOD "Sec-WebSocket-Protocol: a, b c\r\n\r\n", WSUV_EHTTP, 400);
  REQUEST(GOOD "Sec-WebSocket-Protocol: \xc3\xbc\r\n\r\n", WSUV_EHTTP, 400);
}

/* F1 */
TEST(test_h1_server_bounds_the_head) {
  const char text[] = GOOD "X: 1\r\n\r\n\x81";
  size_t head = sizeof text - 2, used;
  SCOPED(fixture, f);
  f.limits = (h1_server_limits){head, 6};
  assert_int_equal(run_cut(&f, text, head + 1, &used), 1);
  assert_int_equal(used, head);
  f.limits.max_size = head - 1;
  assert_int_equal(run_cut(&f, text, head + 1, &used), WSUV_EHEADERS);
  assert_int_equal(h1_server_error_status(f.h), 431);
  f.limits = (h1_server_limits){head, 5};
  assert_int_equal(run_cut(&f, text, head + 1, &used), WSUV_EHEADERS);
  assert_int_equal(h1_server_error_status(f.h), 431);
}

/* F2: were the work more than linear, this would take minutes. */
TEST(test_h1_server_takes_single_bytes_in_linear_time) {
  enum { SIZE = 1 << 20 };
  static const char *const starts[] = {"GET /", LINE "X: ", LINE};
  char *text = malloc(SIZE);
  assert_non_null(text);
  for (size_t i = 0; i < COUNT_OF(starts); i++) {
    size_t used;
    memset(text, 'x', SIZE);
    memcpy(text, starts[i], strlen(starts[i]));
    SCOPED(fixture, f);
    f.limits.max_size = SIZE;
    assert_int_equal(run(&f, text, SIZE, (pieces){PIECES_BYTES, 0, 0, 0}, &used), 0);
    assert_in_range(f.alloc.calls, 1, 40);
  }
  free(text);
}

TEST(test_h1_server_accepts_without_subprotocol_and_with_fields) {
  const wsuv_header_t fields[] = {{"Server", "x"}, {"Set-Cookie", "a=b"}};
  SCOPED(fixture, f);
  take_request(&f, GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n");
  assert_int_equal(h1_server_accept(f.h, NULL, fields, 2), 0);
  assert_answer(&f, "HTTP/1.1 101 Switching Protocols\r\n" UPGRADE CONNECTION
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                    "Server: x\r\nSet-Cookie: a=b\r\n\r\n");
}

TEST(test_h1_server_refuses_answers_that_may_not_be_sent) {
  const wsuv_header_t fields[] = {{"X", "a\r\nb"}, {"Upgrade", "x"}, {"Content-Length", "1"}};
  SCOPED(fixture, f);
  take_request(&f, GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n");
  assert_int_equal(h1_server_accept(f.h, "Chat", NULL, 0), WSUV_ESUBPROTOCOL);
  assert_int_equal(h1_server_accept(f.h, "", NULL, 0), WSUV_ESUBPROTOCOL);
  for (size_t i = 0; i < COUNT_OF(fields); i++) {
    assert_int_equal(h1_server_accept(f.h, NULL, &fields[i], 1), WSUV_EINVAL_HEADER);
    assert_int_equal(h1_server_reject(f.h, 400, &fields[i], 1, NULL, 0), WSUV_EINVAL_HEADER);
  }
}

TEST(test_h1_server_refuses_with_status_fields_and_body) {
  const wsuv_header_t field = {"WWW-Authenticate", "Basic"};
  SCOPED(fixture, f);
  take_request(&f, GOOD "\r\n");
  assert_int_equal(h1_server_accept(f.h, NULL, NULL, 0), 0);
  assert_int_equal(h1_server_reject(f.h, 401, &field, 1, "no\0body", 7), 0);
  size_t len;
  const char *text = h1_server_answer(f.h, &len);
  const char expected[] = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 7\r\n"
                          "WWW-Authenticate: Basic\r\n\r\nno\0body";
  assert_int_equal(len, sizeof expected - 1);
  assert_memory_equal(text, expected, len);
}

TEST(test_h1_server_says_what_it_speaks) {
  SCOPED(fixture, f);
  take_request(&f, GOOD "\r\n");
  assert_int_equal(h1_server_reject(f.h, 426, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n" VERSION
                    "Connection: close, Upgrade\r\nContent-Length: 0\r\n\r\n");
  assert_int_equal(h1_server_reject(f.h, 405, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n"
                    "Content-Length: 0\r\n\r\n");
  assert_int_equal(h1_server_reject(f.h, 418, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 418 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

TEST(test_h1_server_refuses_with_300_to_599_only) {
  SCOPED(fixture, f);
  take_request(&f, GOOD "\r\n");
  for (int status = -1; status < 1100; status++) {
    int expected = status >= 300 && status <= 599 ? 0 : WS_EINVAL;
    assert_int_equal(h1_server_reject(f.h, status, NULL, 0, NULL, 0), expected);
  }
}

TEST(test_h1_server_can_refuse_after_an_error) {
  size_t used;
  SCOPED(fixture, f);
  assert_int_equal(run(&f, "x", 1, (pieces){PIECES_WHOLE, 0, 0, 0}, &used), WSUV_EHTTP);
  int status = h1_server_error_status(f.h);
  assert_int_equal(h1_server_reject(f.h, status, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

/* ---- with the client ---- */

static int take_answer(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_client_feed(arg, data, len, used);
}

static void make_client(h1_client **client, track_alloc *alloc, const char *text) {
  static const char *const offered[] = {"a", "b"};
  ws_url url;
  assert_int_equal(url_parse(&url, text, strlen(text)), 0);
  handshake_request request = {.url = &url,
                               .user_agent = "x",
                               .subprotocols = offered,
                               .subprotocol_count = 2,
                               .max_size = 16384,
                               .max_headers = 100};
  uint8_t key[HANDSHAKE_KEY_SIZE];
  for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t) (i * 17);
  assert_int_equal(h1_client_new(client, &alloc->handle, &request, key, NULL), 0);
}

static void exchange(fixture *f, h1_client *client, int refuse_with, int result) {
  const pieces bytes = {PIECES_BYTES, 0, 0, 0};
  size_t len, used;
  const char *text = h1_client_request(client, &len);
  assert_int_equal(pieces_feed(bytes, text, len, take, f->h, &used), 1);
  assert_int_equal(refuse_with == 0 ? h1_server_accept(f->h, "b", NULL, 0)
                                    : h1_server_reject(f->h, refuse_with, NULL, 0, "no", 2),
                   0);
  text = h1_server_answer(f->h, &len);
  assert_int_equal(pieces_feed(bytes, text, len, take_answer, client, &used), result);
  assert_int_equal(used, len);
}

TEST(test_h1_server_and_client_agree) {
  static const int refusals[] = {0, 301, 403, 426, 599};
  for (size_t i = 0; i < COUNT_OF(refusals); i++) {
    h1_client *client;
    size_t len;
    SCOPED(fixture, f);
    assert_int_equal(make(&f), 0);
    make_client(&client, &f.alloc, "ws://u:p@[::1]:8080/x?y=%20");
    exchange(&f, client, refusals[i], refusals[i] == 0 ? 1 : WSUV_ESTATUS);
    assert_string_equal(h1_server_target(f.h), "/x?y=%20");
    assert_string_equal(header_store_get(h1_server_headers(f.h), "Host", 0), "[::1]:8080");
    assert_int_equal(h1_client_status(client), refusals[i] == 0 ? 101 : refusals[i]);
    assert_string_equal(h1_client_subprotocol(client), refusals[i] == 0 ? "b" : "");
    (void) h1_client_body(client, &len);
    assert_int_equal(len, refusals[i] == 0 ? 0 : 2);
    h1_client_free(client);
  }
}

/* ---- memory ---- */

static int whole_scenario(fixture *f, const char *text, pieces how) {
  const wsuv_header_t field = {"X", "y"};
  size_t used;
  int err = make(f);
  if (err == 0) err = pieces_feed(how, text, strlen(text), take, f->h, &used);
  if (err == WS_ENOMEM && f->h != NULL) assert_int_equal(h1_server_error_status(f->h), 500);
  if (err == 1) err = h1_server_accept(f->h, "chat", &field, 1);
  return err == 0 ? h1_server_reject(f->h, 400, &field, 1, text, strlen(text)) : err;
}

/* F46 */
TEST(test_h1_server_survives_every_failed_allocation) {
  char text[4096];
  snprintf(text, sizeof text,
           "GET /%0500d HTTP/1.1\r\n" FIELDS "Sec-WebSocket-Protocol: a%0500d, chat\r\n\r\n", 0, 0);
  for (pieces_kind kind = PIECES_WHOLE; kind <= PIECES_BYTES; kind++) {
    for (alloc_failures n = {0}; alloc_failures_next(&n);) {
      SCOPED(fixture, f);
      alloc_failures_begin(&n, &f.alloc);
      int err = whole_scenario(&f, text, (pieces){kind, 0, 0, 0});
      assert_int_equal(err, alloc_failures_end(&n, &f.alloc) ? WS_ENOMEM : 0);
      if (!n.failed) assert_in_range(f.alloc.calls, 6, 100);
    }
  }
}

TEST(test_h1_server_object_is_small) {
  SCOPED(fixture, f);
  assert_int_equal(make(&f), 0);
  assert_in_range(f.alloc.live_bytes, 1, 1024);
}

TEST(test_h1_server_free_takes_null) {
  h1_server_free(NULL);
}

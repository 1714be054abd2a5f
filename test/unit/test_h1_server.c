#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/h1_server.h"
#include "proto/handshake/refused.h"
#include "support/alloc_failures.h"
#include "support/pieces.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

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
#define END "\r\n"

typedef struct fixture {
  track_alloc alloc;
  h1_server_limits limits;
  bool bodies; /* plain requests may have one */
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
  int err = h1_server_new(&f->h, &f->alloc.handle, &f->limits);
  if (err == 0 && f->bodies) h1_server_take_bodies(f->h);
  return err;
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
    wsuv_refused_t cause = h1_server_cause(f->h);
    const char *detail = h1_server_detail(f->h);
    size_t n;
    assert_int_equal(run(f, text, len, how, &n), whole);
    if (whole >= 0) assert_int_equal(n, *used);
    assert_int_equal(h1_server_cause(f->h), cause);
    assert_string_equal(h1_server_detail(f->h), detail);
  }
  return whole;
}

/* Causes for which a request cannot even be routed. */
static bool is_fatal(wsuv_refused_t cause) {
  switch (cause) {
  case WSUV_REFUSED_NONE:
  case WSUV_REFUSED_NO_UPGRADE:
  case WSUV_REFUSED_HTTP_1_0:
  case WSUV_REFUSED_METHOD:
  case WSUV_REFUSED_VERSION:
  case WSUV_REFUSED_KEY:
  case WSUV_REFUSED_SUBPROTOCOL:
  case WSUV_REFUSED_EXTENSION: return false;
  default: return true;
  }
}

static void assert_judged(const char *text, size_t len, wsuv_refused_t cause, bool fatal) {
  size_t used;
  SCOPED(fixture, f);
  int got = run_cut(&f, text, len, &used);
  if (h1_server_cause(f.h) != cause) {
    fail_msg("%s, not %s (%s):\n%s", wsuv_refused_name(h1_server_cause(f.h)),
             wsuv_refused_name(cause), h1_server_detail(f.h), text);
  }
  assert_int_equal(h1_server_error(f.h), refused_error(cause));
  assert_int_equal(got, fatal ? refused_error(cause) : 1);
  assert_int_equal(h1_server_detail(f.h)[0] != '\0', cause != WSUV_REFUSED_NONE);
  assert_true(h1_server_has_begun(f.h));
}

typedef struct judged_row {
  wsuv_refused_t cause;
  const char *text;
  size_t len; /* with zero bytes */
} judged_row;

#define ROW(cause, text) \
  { WSUV_REFUSED_##cause, text, sizeof(text) - 1 }

static void assert_all_judged(const judged_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_judged(rows[i].text, rows[i].len, rows[i].cause, is_fatal(rows[i].cause));
  }
}

static void take_request(fixture *f, const char *text) {
  size_t used;
  assert_int_equal(run_cut(f, text, strlen(text), &used), 1);
  assert_int_equal(used, strlen(text));
  assert_int_equal(h1_server_cause(f->h), WSUV_REFUSED_NONE);
}

static void assert_answer(fixture *f, const char *expected) {
  size_t len;
  const char *text = h1_server_answer(f->h, &len);
  if (text == NULL) text = ""; /* there is no answer yet */
  if (len != strlen(expected) || memcmp(text, expected, len) != 0) {
    fail_msg("got:\n%.*s", (int) len, text);
  }
}

static void assert_text(ws_text s, const char *expected) {
  const char *base = s.len > 0 ? s.base : ""; /* an empty text may have no memory */
  if (s.len != strlen(expected) || memcmp(base, expected, s.len) != 0) {
    fail_msg("%.*s, not %s", (int) s.len, base, expected);
  }
}

/* RFC 6455 1.2, 1.3, 4.2.2 */
TEST(test_h1_server_answers_the_request_of_the_rfc) {
  SCOPED(fixture, f);
  take_request(&f, GOOD "Origin: http://example.com\r\n"
                        "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n");
  assert_text(h1_server_method(f.h), "GET");
  assert_text(h1_server_path(f.h), "/chat");
  assert_text(h1_server_query(f.h), "");
  assert_text(h1_server_host(f.h)->host, "server.example.com");
  assert_string_equal(h1_server_origin(f.h), "http://example.com");
  assert_int_equal(h1_server_headers(f.h)->count, 7);
  assert_string_equal(header_store_get(h1_server_headers(f.h), "origin", 0), "http://example.com");
  assert_string_equal(h1_server_offered(f.h, 0), "chat");
  assert_string_equal(h1_server_offered(f.h, 1), "superchat");
  assert_null(h1_server_offered(f.h, 2));
  assert_int_equal(h1_server_accept(f.h, "chat", NULL, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                    "Sec-WebSocket-Protocol: chat\r\n\r\n");
}

TEST(test_h1_server_takes_other_good_requests) {
  static const judged_row rows[] = {
      ROW(NONE, GOOD END),
      ROW(NONE, "\r\n\r\n" GOOD END),
      ROW(NONE, "GET http://h/x?y HTTP/1.1\r\n" FIELDS END),
      ROW(NONE, GOOD "Content-Length: 0\r\n" END),
      ROW(NONE, LINE HOST KEYED VERSION
          "upgrade: h2c, WebSocket\r\nCONNECTION: keep-alive\r\nConnection:upgrade\r\n" END),
      ROW(NONE, GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n" END),
      ROW(NONE, GOOD "Sec-WebSocket-Protocol:\r\n" END),
      ROW(NONE, GOOD "Sec-WebSocket-Protocol: ,,\r\n" END),
      ROW(NONE, GOOD "Sec-WebSocket-Extensions:\r\n" END),
      ROW(NONE, GOOD "Sec-WebSocket-Extensions: , \r\n" END),
      ROW(NONE, GOOD "Expect: 100-continue\r\n" END),
      ROW(NONE, GOOD "Content-Type: text/plain\r\n" END),
      ROW(NONE, GOOD "Empty:\r\n" END),
      ROW(NONE, GOOD "X: \x80\xff\r\n" END),
      ROW(NONE, "GET /%zz HTTP/1.1\r\n" FIELDS END), /* for the router to judge */
      ROW(NONE, "GET /a\"<>\\^`{|} HTTP/1.1\r\n" FIELDS END),
      ROW(NONE, "GET //..//? HTTP/1.1\r\n" FIELDS END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
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
  assert_int_equal(h1_server_offer(f.h)->count, 3);
  assert_int_equal(subprotocol_find(h1_server_offer(f.h), "b"), 1);
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
      assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_NONE);
    }
  }
}

TEST(test_h1_server_needs_the_whole_request) {
  const char text[] = GOOD "\r\n";
  for (size_t len = 0; len < strlen(text); len++) {
    size_t used;
    SCOPED(fixture, f);
    assert_int_equal(run_cut(&f, text, len, &used), 0);
    assert_int_equal(used, len);
    assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_NONE);
    assert_int_equal(h1_server_has_begun(f.h), len > 0);
  }
}

/* ---- the target ---- */

TEST(test_h1_server_splits_the_target) {
  static const struct {
    const char *target, *path, *query, *host;
    unsigned port;
  } rows[] = {
      {"/", "/", "", "server.example.com", 0},
      {"/a/b", "/a/b", "", "server.example.com", 0},
      {"/a?b", "/a", "b", "server.example.com", 0},
      {"/a?b?c", "/a", "b?c", "server.example.com", 0},
      {"/?", "/", "", "server.example.com", 0},
      {"/a%3Fb?%23", "/a%3Fb", "%23", "server.example.com", 0},
      {"//x/y", "//x/y", "", "server.example.com", 0},
      {"/http://x/y", "/http://x/y", "", "server.example.com", 0},
      /* absolute-form: its host counts */
      {"http://other", "/", "", "other", 0},
      {"http://other/", "/", "", "other", 0},
      {"http://other/a?b", "/a", "b", "other", 0},
      {"http://other?b", "/", "b", "other", 0},
      {"http://other:81/a", "/a", "", "other", 81},
      {"HTTPS://Other/a", "/a", "", "Other", 0},
      {"ws://other:/a", "/a", "", "other", 0},
      {"wss://[::1]:8080/a", "/a", "", "::1", 8080},
      {"http://other//a", "//a", "", "other", 0},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char text[512];
    SCOPED(fixture, f);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" FIELDS END, rows[i].target);
    take_request(&f, text);
    assert_text(h1_server_path(f.h), rows[i].path);
    assert_text(h1_server_query(f.h), rows[i].query);
    assert_text(h1_server_host(f.h)->host, rows[i].host);
    assert_int_equal(h1_server_host(f.h)->port, rows[i].port);
  }
}

TEST(test_h1_server_refuses_odd_targets) {
  static const judged_row rows[] = {
      ROW(TARGET, "GET /a#b HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET /# HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET # HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://h/#b HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET * HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET chat HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET ?a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET h:80 HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET ftp://h/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http:/h/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http:// HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http:///a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://u@h/a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://h:x/a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://h:65536/a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://[::1/a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://[fe80::1%25eth0]/a HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://a,b/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "POST http://a,b/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET /\x80 HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET /\xc3\xbc HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /a\tb HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /\0 HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /\x7f HTTP/1.1\r\n" FIELDS END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
}

/* ---- what is refused ---- */

TEST(test_h1_server_tells_other_methods_apart) {
  static const char *const methods[] = {"POST",   "HEAD", "PUT",      "OPTIONS", "DELETE",
                                        "SEARCH", "get",  "NONSENSE", "GETX",    "PRI"};
  for (size_t i = 0; i < COUNT_OF(methods); i++) {
    char text[512];
    int len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" FIELDS END, methods[i]);
    assert_judged(text, (size_t) len, WSUV_REFUSED_METHOD, false);
    len = snprintf(text, sizeof text, "%s / HTTP/1.1\r\n" HOST END, methods[i]);
    assert_judged(text, (size_t) len, WSUV_REFUSED_METHOD, false);
  }
  /* These name no path. */
  static const judged_row rows[] = {
      ROW(METHOD, "CONNECT h:80 HTTP/1.1\r\n" FIELDS END),
      ROW(METHOD, "CONNECT / HTTP/1.1\r\n" FIELDS END),
      ROW(METHOD, "CONNECT http://h/ HTTP/1.1\r\n" FIELDS END),
      ROW(METHOD, "OPTIONS * HTTP/1.1\r\n" FIELDS END),
      ROW(METHOD, "PRI * HTTP/1.1\r\n" END),
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_judged(rows[i].text, rows[i].len, rows[i].cause, true);
  }
}

TEST(test_h1_server_tells_other_versions_of_http_apart) {
  static const judged_row rows[] = {
      /* HTTP/1.0 (RFC 9110 7.8) */
      ROW(HTTP_1_0, "GET / HTTP/1.0\r\n" FIELDS END),
      ROW(HTTP_1_0, "GET / HTTP/1.0\r\n" UPGRADE END),
      ROW(NO_UPGRADE, "GET / HTTP/1.0\r\n" END),
      ROW(NO_UPGRADE, "GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n" END),
      ROW(METHOD, "POST / HTTP/1.0\r\n" END),
      ROW(HOST, "GET / HTTP/1.0\r\n" HOST HOST END),
      ROW(HOST, "GET / HTTP/1.0\r\nHost: a b\r\n" END),
      ROW(BODY, "GET / HTTP/1.0\r\nContent-Length: 1\r\n" END "x"),
      /* others */
      ROW(HTTP_VERSION, "GET / HTTP/2.0\r\n" FIELDS END),
      ROW(HTTP_VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      ROW(HTTP_VERSION, "PRI * HTTP/2.0\r\n"),
      ROW(HTTP_VERSION, "GET / HTTP/3.0\r\n" FIELDS END),
      ROW(HTTP_VERSION, "GET / HTTP/1.2\r\n" FIELDS END),
      ROW(HTTP_VERSION, "GET / HTTP/0.9\r\n" END),
      ROW(HTTP_VERSION, "GET / HTTP/9.9\r\n" END),
      ROW(HTTP_VERSION, "GET #a HTTP/2.0\r\n: x\r\n"),
      ROW(MALFORMED, "GET /\r\n" FIELDS END),
      ROW(MALFORMED, "GET / RTSP/1.0\r\n" FIELDS END),
      ROW(MALFORMED, "GET / ICE/1.0\r\n" FIELDS END),
      ROW(MALFORMED, "GET / http/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/11\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.10\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/01.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.1 \r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.1x\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/ 1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1,1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/a.b\r\n" FIELDS END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
}

TEST(test_h1_server_knows_tls_on_a_plain_port) {
  static const judged_row rows[] = {
      ROW(TLS_ON_PLAIN, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
      ROW(TLS_ON_PLAIN, "\x16\x03\x03"),
      ROW(TLS_ON_PLAIN, "\x16"),
      ROW(MALFORMED, "G\x16\x03\x01"),
      ROW(MALFORMED, "\x17\x03\x01"),
      ROW(MALFORMED, "\r\n\x16\x03\x01"),
  };
  assert_all_judged(rows, COUNT_OF(rows));
}

/* F13 */
TEST(test_h1_server_rejects_malformed_requests) {
  static const judged_row rows[] = {
      ROW(MALFORMED, GOOD "X: a\r\n b\r\n" END),
      ROW(MALFORMED, LINE " " FIELDS END),
      ROW(MALFORMED, LINE "Upgrade:\r\n\twebsocket\r\n" END),
      ROW(MALFORMED, LINE "Host : h\r\n" END),
      ROW(MALFORMED, LINE "Host\t: h\r\n" END),
      ROW(MALFORMED, GOOD "\n"),
      ROW(MALFORMED, "GET / HTTP/1.1\n\n"),
      ROW(MALFORMED, "GET / HTTP/1.1\rX\n"),
      ROW(MALFORMED, GOOD "X: \0\r\n" END),
      ROW(MALFORMED, GOOD "X: a\x01\r\n" END),
      ROW(MALFORMED, GOOD "X: a\rb\r\n" END),
      ROW(MALFORMED, GOOD "X\0: a\r\n" END),
      ROW(MALFORMED, GOOD ": x\r\n" END),
      ROW(MALFORMED, GOOD "x\r\n" END),
      ROW(MALFORMED, GOOD "a b: x\r\n" END),
      ROW(MALFORMED, GOOD "\xc3\xbc: x\r\n" END),
      ROW(MALFORMED, "GET /a b HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET  / HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /  HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, " GET / HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET  HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET\t/ HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.1\t\r\n" FIELDS END),
      ROW(MALFORMED, "G(T / HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "\xffGET / HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "HTTP/1.1 101 Switching Protocols\r\n" END),
      ROW(MALFORMED, "SSH-2.0-OpenSSH_9.2\r\n"),
      ROW(MALFORMED, "\0"),
      ROW(MALFORMED, "\n"),
      ROW(MALFORMED, "\rG"),
      ROW(MALFORMED, GOOD "Origin: a\r\nOrigin: a\r\n" END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
}

TEST(test_h1_server_wants_one_host_that_is_one) {
#define REST UPGRADE CONNECTION KEYED VERSION END
  static const judged_row rows[] = {
      ROW(HOST, LINE REST),
      ROW(HOST, LINE HOST HOST REST),
      ROW(HOST, LINE HOST "host: server.example.com\r\n" REST),
      ROW(HOST, LINE "Host: a\r\nHost: b\r\n" REST),
      ROW(HOST, "GET http://h/ HTTP/1.1\r\n" REST),
      ROW(HOST, "GET http://h/ HTTP/1.1\r\n" HOST HOST REST),
      ROW(HOST, "GET http://h/ HTTP/1.1\r\nHost: a b\r\n" REST),
      ROW(HOST, LINE "Host:\r\n" REST),
      ROW(HOST, LINE "Host: a b\r\n" REST),
      ROW(HOST, LINE "Host: a, b\r\n" REST),
      ROW(HOST, LINE "Host: a,b\r\n" REST),
      ROW(HOST, LINE "Host: a/b\r\n" REST),
      ROW(HOST, LINE "Host: http://a\r\n" REST),
      ROW(HOST, LINE "Host: u@a\r\n" REST),
      ROW(HOST, LINE "Host: a:b\r\n" REST),
      ROW(HOST, LINE "Host: a:80:80\r\n" REST),
      ROW(HOST, LINE "Host: a:65536\r\n" REST),
      ROW(HOST, LINE "Host: a:0\r\n" REST),
      ROW(HOST, LINE "Host: a:-1\r\n" REST),
      ROW(HOST, LINE "Host: a: 80\r\n" REST),
      ROW(HOST, LINE "Host: :80\r\n" REST),
      ROW(HOST, LINE "Host: ::1\r\n" REST),
      ROW(HOST, LINE "Host: [::1\r\n" REST),
      ROW(HOST, LINE "Host: [::1]x\r\n" REST),
      ROW(HOST, LINE "Host: [::g]\r\n" REST),
      ROW(HOST, LINE "Host: []\r\n" REST),
      ROW(HOST, LINE "Host: [v1.x]\r\n" REST),
      ROW(HOST, LINE "Host: [fe80::1%eth0]\r\n" REST),
      ROW(HOST, LINE "Host: a?b\r\n" REST),
      ROW(HOST, LINE "Host: a#b\r\n" REST),
      ROW(HOST, LINE "Host: a%41\r\n" REST),
      ROW(HOST, LINE "Host: \xc3\xbc\r\n" REST),
      ROW(NONE, LINE "Host: a\r\n" REST),
      ROW(NONE, LINE "Host:   a  \r\n" REST),
      ROW(NONE, LINE "Host: a.\r\n" REST),
      ROW(NONE, LINE "Host: a_b~-.c\r\n" REST),
      ROW(NONE, LINE "Host: a:\r\n" REST),
      ROW(NONE, LINE "Host: a:0080\r\n" REST),
      ROW(NONE, LINE "Host: a:65535\r\n" REST),
      ROW(NONE, LINE "Host: 1.2.3.4:5\r\n" REST),
      ROW(NONE, LINE "Host: [::1]\r\n" REST),
      ROW(NONE, LINE "Host: [::ffff:1.2.3.4]:80\r\n" REST),
      ROW(NONE, LINE "Host: xn--bcher-kva.example\r\n" REST),
  };
  assert_all_judged(rows, COUNT_OF(rows));
#undef REST
}

/* F62: what another hop may take for something else. */
TEST(test_h1_server_refuses_what_could_be_smuggled) {
  static const judged_row rows[] = {
      /* bodies */
      ROW(BODY, GOOD "Content-Length: 1\r\n" END "x"),
      ROW(BODY, GOOD "Content-Length: 1\r\n" END),
      ROW(BODY, GOOD "Content-Length: 5\r\n" END "GET / HTTP/1.1\r\n"),
      ROW(BODY, GOOD "Content-Length: x\r\n" END),
      ROW(BODY, GOOD "Content-Length:\r\n" END),
      ROW(BODY, GOOD "Content-Length: -0\r\n" END),
      ROW(BODY, GOOD "Content-Length: +0\r\n" END),
      ROW(BODY, GOOD "Content-Length: 00\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0x0\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0, 0\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0\r\nContent-Length: 0\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0\r\nContent-Length: 5\r\n" END),
      ROW(BODY, GOOD "content-length: 0\r\nCONTENT-LENGTH: 1\r\n" END),
      ROW(BODY, GOOD "Content-Length: 18446744073709551616\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0 0\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: chunked\r\n" END "0\r\n\r\n"),
      ROW(BODY, GOOD "Transfer-Encoding: gzip\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: identity\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding:\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: xchunked\r\n" END),
      ROW(BODY, GOOD "transfer-encoding:chunked\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: chunked, identity\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n" END),
      ROW(BODY, GOOD "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n" END),
      ROW(BODY, GOOD "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END),
      ROW(BODY, "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" END "abc"),
      ROW(BODY, "GET / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n" END "abc"),
      ROW(BODY, "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END),
      /* fields that one hop reads and the next does not */
      ROW(MALFORMED, GOOD "Content-Length : 5\r\n" END "abcde"),
      ROW(MALFORMED, GOOD "Transfer-Encoding : chunked\r\n" END),
      ROW(MALFORMED, GOOD "Transfer-Encoding\t: chunked\r\n" END),
      ROW(MALFORMED, GOOD " Transfer-Encoding: chunked\r\n" END),
      ROW(MALFORMED, GOOD "X: y\r\n Content-Length: 5\r\n" END),
      ROW(MALFORMED, GOOD "X: y\r\n\tContent-Length: 5\r\n" END),
      ROW(MALFORMED, GOOD "X: y\nContent-Length: 5\r\n" END),
      ROW(MALFORMED, GOOD "X: y\rContent-Length: 5\r\n" END),
      ROW(MALFORMED, GOOD "X: y\0Content-Length: 5\r\n" END),
      ROW(MALFORMED, GOOD "Content-Length\x0b: 5\r\n" END),
      ROW(MALFORMED, GOOD "Content-Length: 5\x0c\r\n" END),
      ROW(MALFORMED, GOOD "Transfer-Encoding:\x0b"
                          "chunked\r\n" END),
      ROW(MALFORMED, GOOD "\x00Transfer-Encoding: chunked\r\n" END),
      ROW(MALFORMED, GOOD "\xef\xbb\xbfTransfer-Encoding: chunked\r\n" END),
      /* ends of the head */
      ROW(MALFORMED, GOOD "\n\r\n"),
      ROW(MALFORMED, GOOD "\r\r\n"),
      ROW(MALFORMED, GOOD "X: y\n\nGET / HTTP/1.1\r\n"),
      ROW(MALFORMED, "GET / HTTP/1.1\n" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.1\r" FIELDS END),
      ROW(MALFORMED, "GET / HTTP/1.1\r\r\n" FIELDS END),
      /* the line */
      ROW(MALFORMED, "GET / HTTP/1.1 HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /a HTTP/1.1 /b HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET\x0b/ HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /\x0c HTTP/1.1\r\n" FIELDS END),
      ROW(MALFORMED, "GET /\xa0HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET @internal/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://good@evil/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://good:80@evil/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http://good\\@evil/ HTTP/1.1\r\n" FIELDS END),
      ROW(TARGET, "GET http:evil/ HTTP/1.1\r\n" FIELDS END),
      /* hosts */
      ROW(HOST, LINE "Host: good\r\nHost: evil\r\n" UPGRADE CONNECTION KEYED VERSION END),
      ROW(HOST, LINE "Host: good evil\r\n" UPGRADE CONNECTION KEYED VERSION END),
      ROW(HOST, LINE "Host: good:80@evil\r\n" UPGRADE CONNECTION KEYED VERSION END),
      ROW(MALFORMED, LINE "Host: good\r\n Host: evil\r\n" UPGRADE CONNECTION KEYED VERSION END),
      ROW(MALFORMED, LINE "Host\x00: good\r\n" UPGRADE CONNECTION KEYED VERSION END),
      /* keys, versions, tokens */
      ROW(KEY, GOOD KEYED END),
      ROW(KEY, GOOD "sec-websocket-key: x\r\n" END),
      ROW(VERSION, GOOD VERSION END),
      ROW(VERSION, GOOD "Sec-WebSocket-Version: 8\r\n" END),
      ROW(NO_UPGRADE, LINE HOST UPGRADE KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST CONNECTION KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST "Upgrade: websocket2\r\n" CONNECTION KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST "Upgrade: web socket\r\n" CONNECTION KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST UPGRADE "Connection: upgraded\r\n" KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST UPGRADE "Connection: close\r\n" KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST UPGRADE "Connection: \"upgrade\"\r\n" KEYED VERSION END),
  };
  assert_true(COUNT_OF(rows) >= 60);
  assert_all_judged(rows, COUNT_OF(rows));
}

/* F4 */
TEST(test_h1_server_knows_what_is_no_upgrade) {
  static const judged_row rows[] = {
      ROW(NO_UPGRADE, LINE HOST END),
      ROW(NO_UPGRADE, LINE HOST "Connection: keep-alive\r\n" END),
      ROW(NO_UPGRADE, LINE HOST "Upgrade: h2c\r\n" CONNECTION KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST "Upgrade:\r\n" CONNECTION KEYED VERSION END),
      ROW(NO_UPGRADE, LINE HOST "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n" END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
  SCOPED(fixture, f);
  size_t used;
  const char plain[] = "HEAD /health?full HTTP/1.1\r\n" HOST "\r\n";
  assert_int_equal(run_cut(&f, plain, sizeof plain - 1, &used), 1);
  assert_true(h1_server_is_plain(f.h));
  assert_text(h1_server_method(f.h), "HEAD");
  assert_text(h1_server_path(f.h), "/health");
  assert_text(h1_server_query(f.h), "full");
  const char bad[] = GOOD VERSION "\r\n";
  assert_int_equal(run_cut(&f, bad, sizeof bad - 1, &used), 1);
  assert_false(h1_server_is_plain(f.h));
}

/* A route may be found by a subprotocol, before it is said what else is wrong. */
TEST(test_h1_server_knows_the_offer_of_a_bad_request) {
  size_t used;
  const char text[] = LINE HOST UPGRADE CONNECTION KEYED "Sec-WebSocket-Protocol: a, b\r\n\r\n";
  SCOPED(fixture, f);
  assert_int_equal(run_cut(&f, text, sizeof text - 1, &used), 1);
  assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_VERSION);
  assert_int_equal(h1_server_offer(f.h)->count, 2);
}

TEST(test_h1_server_rejects_other_versions_of_the_protocol) {
#define REST LINE HOST UPGRADE CONNECTION KEYED
  static const judged_row rows[] = {
      ROW(VERSION, REST END),
      ROW(VERSION, REST "Sec-WebSocket-Version:\r\n" END),
      ROW(VERSION, REST "Sec-WebSocket-Version: 8\r\n" END),
      ROW(VERSION, REST "Sec-WebSocket-Version: 013\r\n" END),
      ROW(VERSION, REST "Sec-WebSocket-Version: 13, 8\r\n" END),
      ROW(VERSION, REST "Sec-WebSocket-Version: 130\r\n" END),
      ROW(VERSION, REST VERSION VERSION END),
  };
#undef REST
  assert_all_judged(rows, COUNT_OF(rows));
}

TEST(test_h1_server_rejects_bad_keys) {
#define REST LINE HOST UPGRADE CONNECTION VERSION
  static const judged_row rows[] = {
      ROW(KEY, REST END),
      ROW(KEY, REST KEYED KEYED END),
      ROW(KEY, REST "Sec-WebSocket-Key:\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWE=\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWFi\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSB*b25jZQ==\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: " KEY ", " KEY "\r\n" END),
      ROW(KEY, REST "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n" END),
  };
#undef REST
  assert_all_judged(rows, COUNT_OF(rows));
}

TEST(test_h1_server_rejects_malformed_lists) {
  static const judged_row rows[] = {
      ROW(SUBPROTOCOL, GOOD "Sec-WebSocket-Protocol: a, b c\r\n" END),
      ROW(SUBPROTOCOL, GOOD "Sec-WebSocket-Protocol: \xc3\xbc\r\n" END),
      ROW(SUBPROTOCOL, GOOD "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b;c\r\n" END),
      ROW(EXTENSION, GOOD "Sec-WebSocket-Extensions: a;\r\n" END),
      ROW(EXTENSION, GOOD "Sec-WebSocket-Extensions: a b\r\n" END),
      ROW(EXTENSION, GOOD "Sec-WebSocket-Extensions: a; b=\"\r\n" END),
  };
  assert_all_judged(rows, COUNT_OF(rows));
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
  assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_TOO_LARGE);
  f.limits = (h1_server_limits){head, 5};
  assert_int_equal(run_cut(&f, text, head + 1, &used), WSUV_EHEADERS);
  assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_TOO_MANY_FIELDS);
  /* A line without an end, and empty lines without one. */
  f.limits = (h1_server_limits){8, 5};
  assert_int_equal(run_cut(&f, "GET /aaaaaaa", 12, &used), WSUV_EHEADERS);
  assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_TOO_LARGE);
  assert_int_equal(run_cut(&f, "\r\n\r\n\r\n\r\n\r\n\r\n", 12, &used), WSUV_EHEADERS);
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
  assert_int_equal(h1_server_accept(f.h, NULL, NULL, fields, 2), 0);
  assert_answer(&f, "HTTP/1.1 101 Switching Protocols\r\n" UPGRADE CONNECTION
                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                    "Server: x\r\nSet-Cookie: a=b\r\n\r\n");
}

TEST(test_h1_server_refuses_answers_that_may_not_be_sent) {
  const wsuv_header_t fields[] = {{"X", "a\r\nb"}, {"Upgrade", "x"}, {"Content-Length", "1"}};
  SCOPED(fixture, f);
  take_request(&f, GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n");
  assert_int_equal(h1_server_accept(f.h, "Chat", NULL, NULL, 0), WSUV_ESUBPROTOCOL);
  assert_int_equal(h1_server_accept(f.h, "", NULL, NULL, 0), WSUV_ESUBPROTOCOL);
  for (size_t i = 0; i < COUNT_OF(fields); i++) {
    assert_int_equal(h1_server_accept(f.h, NULL, NULL, &fields[i], 1), WSUV_EINVAL_HEADER);
    assert_int_equal(h1_server_reject(f.h, 400, &fields[i], 1, NULL, 0), WSUV_EINVAL_HEADER);
  }
}

TEST(test_h1_server_refuses_with_status_fields_and_body) {
  const wsuv_header_t field = {"WWW-Authenticate", "Basic"};
  SCOPED(fixture, f);
  take_request(&f, GOOD "\r\n");
  assert_int_equal(h1_server_accept(f.h, NULL, NULL, NULL, 0), 0);
  assert_int_equal(h1_server_reject(f.h, 401, &field, 1, "no\0body", 7), 0);
  size_t len;
  const char *text = h1_server_answer(f.h, &len);
  const char expected[] = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 7\r\n"
                          "WWW-Authenticate: Basic\r\n\r\nno\0body";
  assert_int_equal(len, sizeof expected - 1);
  assert_memory_equal(text, expected, len);
}

/* How each cause is answered. */
TEST(test_h1_server_says_what_it_speaks) {
  static const struct {
    const char *request, *answer;
  } rows[] = {
      {LINE HOST END, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
                      "Connection: upgrade, close\r\nContent-Length: 2\r\n\r\nno"},
      {"GET / HTTP/1.0\r\n" FIELDS END,
       "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n"
       "Connection: upgrade, close\r\nContent-Length: 2\r\n\r\nno"},
      {GOOD VERSION END, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n" VERSION
                         "Connection: upgrade, close\r\nContent-Length: 2\r\n\r\nno"},
      {"POST / HTTP/1.1\r\n" HOST END,
       "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n"
       "Content-Length: 2\r\n\r\nno"},
      {"HEAD / HTTP/1.1\r\n" HOST END,
       "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nConnection: close\r\n"
       "Content-Length: 2\r\n\r\n"},
      {"GET / HTTP/2.0\r\n" END, "HTTP/1.1 505 HTTP Version Not Supported\r\nConnection: close\r\n"
                                 "Content-Length: 2\r\n\r\nno"},
      {"GET /#a HTTP/1.1\r\n" END,
       "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    size_t used;
    SCOPED(fixture, f);
    assert_int_not_equal(run_cut(&f, rows[i].request, strlen(rows[i].request), &used), 0);
    int status = refused_status(h1_server_cause(f.h));
    assert_int_equal(h1_server_reject(f.h, status, NULL, 0, "no", 2), 0);
    assert_answer(&f, rows[i].answer);
  }
}

/* A status that is not known here has no reason (RFC 9112 4); those of all causes have one. */
TEST(test_h1_server_gives_reasons) {
  SCOPED(fixture, f);
  take_request(&f, GOOD "\r\n");
  assert_int_equal(h1_server_reject(f.h, 418, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 418 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
#define EXPECT(name, value, status, text)                                         \
  if (status != 0) {                                                              \
    size_t len;                                                                   \
    assert_int_equal(h1_server_reject(f.h, status, NULL, 0, NULL, 0), 0);         \
    assert_true(h1_server_answer(f.h, &len)[sizeof "HTTP/1.1 400 " - 1] != '\r'); \
  }
  WSUV_REFUSED_MAP(EXPECT)
#undef EXPECT
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
  assert_int_equal(run(&f, "\1", 1, (pieces){PIECES_WHOLE, 0, 0, 0}, &used), WSUV_EHTTP);
  int status = refused_status(h1_server_cause(f.h));
  assert_int_equal(h1_server_reject(f.h, status, NULL, 0, NULL, 0), 0);
  assert_answer(&f, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}

/* ---- plain requests, which the program answers ---- */

#define POST "POST / HTTP/1.1\r\n" HOST

typedef struct plain_row {
  const char *text;
  wsuv_refused_t cause;
  bool body, persists;
} plain_row;

/* RFC 9112 6.3, 9.3 */
TEST(test_h1_server_takes_bodies_of_plain_requests) {
  static const plain_row rows[] = {
      {LINE HOST END, WSUV_REFUSED_NO_UPGRADE, false, true},
      {LINE HOST "Connection: close\r\n" END, WSUV_REFUSED_NO_UPGRADE, false, false},
      {LINE HOST "Connection: a, CLOSE\r\n" END, WSUV_REFUSED_NO_UPGRADE, false, false},
      {LINE HOST "Connection: a\r\nConnection: close\r\n" END, WSUV_REFUSED_NO_UPGRADE, false,
       false},
      {LINE HOST "Connection: closed\r\n" END, WSUV_REFUSED_NO_UPGRADE, false, true},
      {"GET / HTTP/1.0\r\n" END, WSUV_REFUSED_NO_UPGRADE, false, false},
      {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n" END, WSUV_REFUSED_NO_UPGRADE, false, true},
      {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n" END, WSUV_REFUSED_NO_UPGRADE, false,
       false},
      {"GET / HTTP/1.0\r\n" FIELDS END, WSUV_REFUSED_HTTP_1_0, false, false},
      {POST "Content-Length: 0\r\n" END, WSUV_REFUSED_METHOD, false, true},
      {POST "Content-Length: 00\r\n" END, WSUV_REFUSED_METHOD, true, false},
      {POST "Content-Length: 5\r\n" END, WSUV_REFUSED_METHOD, true, false},
      {POST "Content-Length: 99999999999999999999999\r\n" END, WSUV_REFUSED_METHOD, true, false},
      {POST "Transfer-Encoding: chunked\r\n" END, WSUV_REFUSED_METHOD, true, false},
      {POST "Transfer-Encoding: , CHUNKED\r\n" END, WSUV_REFUSED_METHOD, true, false},
      {POST "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n" END, WSUV_REFUSED_METHOD, true,
       false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    size_t used;
    SCOPED(fixture, f);
    f.bodies = true;
    assert_int_equal(run_cut(&f, rows[i].text, strlen(rows[i].text), &used), 1);
    assert_int_equal(used, strlen(rows[i].text));
    assert_int_equal(h1_server_cause(f.h), rows[i].cause);
    assert_true(h1_server_is_plain(f.h));
    assert_int_equal(h1_server_has_body(f.h), rows[i].body);
    assert_int_equal(h1_server_may_persist(f.h), rows[i].persists);
  }
}

/* F62: what can be understood in two ways; and a body where frames are expected. */
TEST(test_h1_server_refuses_bodies_of_unclear_length) {
  static const struct {
    const char *text;
    wsuv_refused_t cause;
  } rows[] = {
      {POST "Content-Length: 1\r\nContent-Length: 1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: 0\r\nContent-Length: 0\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: 1, 1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: 1 1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length:\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: +1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: -1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: 0x1\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding:\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: identity\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: gzip, chunked\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: chunked, gzip\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: chunked, chunked\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: chunked;x\r\n" END, WSUV_REFUSED_MALFORMED},
      {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n" END, WSUV_REFUSED_MALFORMED},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" END, WSUV_REFUSED_MALFORMED},
      {GOOD "Content-Length: 5\r\n" END, WSUV_REFUSED_BODY},
      {GOOD "Transfer-Encoding: chunked\r\n" END, WSUV_REFUSED_BODY},
      {LINE HOST UPGRADE CONNECTION VERSION "Content-Length: 5\r\n" END, WSUV_REFUSED_BODY},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    size_t used;
    SCOPED(fixture, f);
    f.bodies = true;
    assert_int_equal(run_cut(&f, rows[i].text, strlen(rows[i].text), &used), WSUV_EHTTP);
    if (h1_server_cause(f.h) != rows[i].cause) fail_msg("%s", rows[i].text);
  }
}

/* RFC 9110 8.6, 9.3.2, 15.3.6; RFC 9112 9.3 */
TEST(test_h1_server_responds) {
  static const struct {
    const char *request;
    bool persists;
    int status;
    const char *body, *answer;
  } rows[] = {
      {LINE HOST END, true, 200, "a", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX: y\r\n\r\na"},
      {LINE HOST END, false, 200, "a",
       "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\nX: y\r\n\r\na"},
      {"GET / HTTP/1.0\r\n" END, true, 200, "",
       "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\nX: y\r\n\r\n"},
      {"HEAD / HTTP/1.1\r\n" HOST END, true, 200, "abc",
       "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 204, "", "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 205, "",
       "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 304, "", "HTTP/1.1 304 Not Modified\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 405, "",
       "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 426, "",
       "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
       "Content-Length: 0\r\nX: y\r\n\r\n"},
      {LINE HOST END, false, 426, "",
       "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n"
       "Content-Length: 0\r\nX: y\r\n\r\n"},
      {LINE HOST END, true, 299, "", "HTTP/1.1 299 \r\nContent-Length: 0\r\nX: y\r\n\r\n"},
  };
  const wsuv_header_t field = {"X", "y"};
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    size_t used;
    SCOPED(fixture, f);
    assert_int_equal(run_cut(&f, rows[i].request, strlen(rows[i].request), &used), 1);
    assert_int_equal(h1_server_respond(f.h, rows[i].persists, rows[i].status, &field, 1,
                                       rows[i].body, strlen(rows[i].body)),
                     0);
    assert_answer(&f, rows[i].answer);
  }
}

TEST(test_h1_server_responds_with_nothing_wrong) {
  static const wsuv_header_t ours = {"Connection", "close"};
  size_t used;
  SCOPED(fixture, f);
  assert_int_equal(run_cut(&f, LINE HOST END, strlen(LINE HOST END), &used), 1);
  for (int status = -1; status < 1100; status++) {
    int expected = status >= 200 && status <= 599 ? 0 : WS_EINVAL;
    assert_int_equal(h1_server_respond(f.h, true, status, NULL, 0, NULL, 0), expected);
    if (expected < 0) assert_answer(&f, "");
    if (status == 204 || status == 205 || status == 304) expected = WS_EINVAL;
    assert_int_equal(h1_server_respond(f.h, true, status, NULL, 0, "a", 1), expected);
  }
  assert_int_equal(h1_server_respond(f.h, true, 200, &ours, 1, NULL, 0), WSUV_EINVAL_HEADER);
  assert_answer(&f, "");
}

/* Nothing of the last request is left, whatever it was. */
TEST(test_h1_server_reads_one_request_after_the_other) {
  static const char *const before[] = {
      POST "Content-Length: 3\r\nX: y\r\n" END,
      "HEAD http://other:81/a?b HTTP/1.0\r\n" END,
      GOOD "Origin: http://a\r\nSec-WebSocket-Protocol: a, b\r\n"
           "Sec-WebSocket-Extensions: permessage-deflate\r\n" END,
      GOOD VERSION END,
      LINE HOST "X: y",
  };
  SCOPED(fixture, f);
  f.bodies = true;
  for (size_t i = 0; i < COUNT_OF(before); i++) {
    size_t used;
    int r = run_cut(&f, before[i], strlen(before[i]), &used);
    if (r == 1) assert_int_equal(h1_server_reject(f.h, 400, NULL, 0, "no", 2), 0);
    for (int n = 0; n < 3; n++) {
      h1_server_next(f.h);
      assert_false(h1_server_has_begun(f.h));
      assert_answer(&f, "");
      assert_int_equal(h1_server_feed(f.h, (const uint8_t *) GOOD END, strlen(GOOD END), &used), 1);
      assert_int_equal(h1_server_cause(f.h), WSUV_REFUSED_NONE);
      assert_text(h1_server_host(f.h)->host, "server.example.com");
      assert_string_equal(h1_server_target(f.h), "/chat");
      assert_int_equal(h1_server_headers(f.h)->count, 5);
      assert_null(h1_server_offered(f.h, 0));
      assert_null(h1_server_origin(f.h));
      assert_false(h1_server_has_body(f.h));
      assert_int_equal(h1_server_accept(f.h, NULL, NULL, NULL, 0), 0);
    }
  }
}

/* Each head may have all of the size. */
TEST(test_h1_server_limits_each_request) {
  size_t used;
  SCOPED(fixture, f);
  f.limits = (h1_server_limits){sizeof LINE HOST END - 1, 1};
  assert_int_equal(make(&f), 0);
  for (int n = 0; n < 3; n++) {
    const char *text = LINE HOST END;
    assert_int_equal(h1_server_feed(f.h, (const uint8_t *) text, strlen(text), &used), 1);
    h1_server_next(f.h);
  }
}

/* ---- the result ---- */

TEST(test_h1_server_makes_a_result) {
  handshake_result *result;
  SCOPED(fixture, f);
  take_request(&f,
               "\r\nGET http://h/a%20b?x=1&y=%zz HTTP/1.1\r\n" HOST UPGRADE CONNECTION KEYED VERSION
               "Sec-WebSocket-Protocol: a,chat\r\nX:  y \r\n\r\n");
  assert_int_equal(h1_server_accept(f.h, "chat", NULL, NULL, 0), 0);
  assert_int_equal(h1_server_result(f.h, &result), 0);
  h1_server_free(f.h);
  f.h = NULL;
  assert_int_equal(result->role, WS_SERVER);
  assert_int_equal(result->status, 101);
  assert_string_equal(result->target, "/a%20b?x=1&y=%zz");
  assert_string_equal(result->subprotocol, "chat");
  assert_null(result->extensions);
  assert_int_equal(result->fields.count, 7);
  assert_string_equal(header_store_get(&result->fields, "x", 0), "y");
  for (int n = 0; n < 2; n++) {
    size_t len;
    const char *head = handshake_result_request(result, &len);
    assert_text((ws_text){head, len},
                "GET http://h/a%20b?x=1&y=%zz HTTP/1.1\r\n" HOST UPGRADE CONNECTION KEYED VERSION
                "Sec-WebSocket-Protocol: a,chat\r\nX: y\r\n\r\n");
  }
  assert_string_equal(handshake_result_query(result, "x"), "1");
  assert_string_equal(handshake_result_query(result, "y"), "%zz");
  assert_null(handshake_result_query(result, "z"));
  handshake_result_free(result);
}

TEST(test_h1_server_makes_results_of_small_requests) {
  static const struct {
    const char *target, *result;
  } rows[] = {{"/", "/"}, {"/?", "/?"}, {"http://h", "/"}, {"http://h?a", "/?a"}};
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char text[512];
    handshake_result *result;
    SCOPED(fixture, f);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" FIELDS END, rows[i].target);
    take_request(&f, text);
    assert_int_equal(h1_server_accept(f.h, NULL, NULL, NULL, 0), 0);
    assert_int_equal(h1_server_result(f.h, &result), 0);
    assert_string_equal(result->target, rows[i].result);
    assert_null(result->subprotocol);
    assert_null(handshake_result_query(result, "x"));
    handshake_result_free(result);
  }
}

/* A response that may not be sent leaves everything as it was. */
TEST(test_h1_server_can_be_asked_again) {
  const wsuv_header_t bad = {"X", "a\nb"};
  handshake_result *result;
  SCOPED(fixture, f);
  take_request(&f, GOOD "Sec-WebSocket-Protocol: a, b\r\n\r\n");
  assert_int_equal(h1_server_accept(f.h, "a", NULL, &bad, 1), WSUV_EINVAL_HEADER);
  assert_answer(&f, "");
  assert_int_equal(h1_server_accept(f.h, "c", NULL, NULL, 0), WSUV_ESUBPROTOCOL);
  assert_int_equal(h1_server_accept(f.h, "b", NULL, NULL, 0), 0);
  assert_int_equal(h1_server_accept(f.h, "a", NULL, NULL, 0), 0);
  assert_int_equal(h1_server_result(f.h, &result), 0);
  assert_string_equal(result->subprotocol, "a");
  handshake_result_free(result);
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
  assert_int_equal(refuse_with == 0 ? h1_server_accept(f->h, "b", NULL, NULL, 0)
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
    assert_text(h1_server_path(f.h), "/x");
    assert_text(h1_server_query(f.h), "y=%20");
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
  if (err == WS_ENOMEM && f->h != NULL)
    assert_int_equal(h1_server_cause(f->h), WSUV_REFUSED_NO_MEMORY);
  if (err == 1) err = h1_server_accept(f->h, "chat", NULL, &field, 1);
  handshake_result *result = NULL;
  if (err == 0) err = h1_server_result(f->h, &result);
  if (result != NULL) {
    size_t len;
    assert_string_equal(result->subprotocol, "chat");
    if (handshake_result_request(result, &len) == NULL) err = len == 0 ? WS_ENOMEM : 0;
  }
  handshake_result_free(result);
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

/* F1: a head costs a few times its size, whatever is in it, also when it is accepted. */
TEST(test_h1_server_keeps_a_header_bomb_small) {
  enum { SIZE = 16384 };
  static const char *const parts[] = {"Sec-WebSocket-Protocol: a,a,a,a,a,a,a,a\r\n",
                                      "Sec-WebSocket-Extensions: a;b;c,d;e\r\n", "X:\r\n",
                                      "Sec-WebSocket-Protocol: a\r\n"};
  for (size_t i = 0; i < COUNT_OF(parts); i++) {
    char *text = malloc(SIZE);
    size_t len = strlen(GOOD), used;
    assert_non_null(text);
    memcpy(text, GOOD, len);
    for (size_t n = strlen(parts[i]); len + n + 2 <= SIZE; len += n)
      memcpy(text + len, parts[i], n);
    memcpy(text + len, "\r\n", 2);
    SCOPED(fixture, f);
    f.limits = (h1_server_limits){SIZE, SIZE};
    assert_int_equal(run(&f, text, len + 2, (pieces){PIECES_BYTES, 0, 0, 0}, &used), 1);
    if (h1_server_cause(f.h) == WSUV_REFUSED_NONE) {
      handshake_result *result;
      assert_int_equal(h1_server_accept(f.h, NULL, NULL, NULL, 0), 0);
      assert_int_equal(h1_server_result(f.h, &result), 0);
      handshake_result_free(result);
    }
    assert_in_range(f.alloc.in_place_bytes, SIZE, 6 * SIZE);
    free(text);
  }
}

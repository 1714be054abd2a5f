#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/handshake_request.h"
#include "support/test.h"
#include "support/track_alloc.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* RFC 6455 1.3 */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

typedef struct fixture {
  track_alloc alloc;
  ws_url url;
  handshake_request request;
  text_buf offer, text;
} fixture;

static const char *const two_subprotocols[] = {"chat", "superchat"};

static void fixture_open(fixture *f, const char *url) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  assert_int_equal(url_parse(&f->url, url, strlen(url)), 0);
  f->request.url = &f->url;
}

static int make(fixture *f) {
  text_buf_init(&f->offer, &f->alloc.handle);
  text_buf_init(&f->text, &f->alloc.handle);
  int err = handshake_request_check(&f->request);
  if (err == 0) err = handshake_request_offer(&f->offer, &f->request);
  if (err == 0)
    err = handshake_request_write(&f->text, &f->request, text_buf_base(&f->offer), "", KEY);
  return err;
}

static void fixture_close(fixture *f) {
  text_buf_clear(&f->offer);
  text_buf_clear(&f->text);
  assert_int_equal(f->alloc.live, 0);
}

static void assert_request(fixture *f, const char *expected) {
  assert_int_equal(make(f), 0);
  size_t len = text_buf_len(&f->text);
  if (len != strlen(expected) || memcmp(text_buf_base(&f->text), expected, len) != 0) {
    fail_msg("got:\n%.*s", (int) len, text_buf_base(&f->text));
  }
  fixture_close(f);
}

static void assert_refused(fixture *f) {
  assert_int_equal(make(f), WSUV_EINVAL_HEADER);
  fixture_close(f);
}

#define FIXED                                                            \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY \
  "\r\nSec-WebSocket-Version: 13\r\n"

TEST(test_handshake_request_at_its_smallest) {
  fixture f;
  fixture_open(&f, "ws://h");
  assert_request(&f, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "\r\n");
}

/* RFC 6455 1.2 */
TEST(test_handshake_request_of_the_rfc) {
  fixture f;
  fixture_open(&f, "ws://server.example.com/chat");
  f.request.origin = "http://example.com";
  f.request.subprotocols = two_subprotocols;
  f.request.subprotocol_count = 2;
  assert_request(&f, "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n" FIXED
                     "Sec-WebSocket-Protocol: chat, superchat\r\n"
                     "Origin: http://example.com\r\n\r\n");
}

TEST(test_handshake_request_with_everything) {
  const wsuv_header_t first[] = {{"X-A", "1"}, {"Cookie", "a=b; c=\"d\""}};
  const wsuv_header_t second[] = {{"X-A", ""}, {"X-B", "\tv\x80\xff"}};
  fixture f;
  fixture_open(&f, "wss://us%65r:p%40ss%3A%25@[fe80::1%25eth0]:8443?q=%20");
  f.request.user_agent = "wsuv/0";
  f.request.origin = "o";
  f.request.headers[0] = first;
  f.request.header_count[0] = 2;
  f.request.headers[1] = second;
  f.request.header_count[1] = 2;
  assert_request(&f, "GET /?q=%20 HTTP/1.1\r\nHost: [fe80::1]:8443\r\n" FIXED
                     "User-Agent: wsuv/0\r\nOrigin: o\r\n"
                     "Authorization: Basic dXNlcjpwQHNzOiU=\r\n"
                     "X-A: 1\r\nCookie: a=b; c=\"d\"\r\nX-A: \r\nX-B: \tv\x80\xff\r\n\r\n");
}

static void assert_authorization(const char *url, const char *line) {
  char expected[512];
  fixture f;
  fixture_open(&f, url);
  snprintf(expected, sizeof expected, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "%s\r\n", line);
  assert_request(&f, expected);
}

/* RFC 7617 2 */
TEST(test_handshake_request_sends_userinfo_as_basic_credentials) {
  assert_authorization("ws://Aladdin:open%20sesame@h",
                       "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n");
  assert_authorization("ws://u@h", "Authorization: Basic dTo=\r\n");
  assert_authorization("ws://:@h", "Authorization: Basic Og==\r\n");
  assert_authorization("ws://u:a:b@h", "Authorization: Basic dTphOmI=\r\n");
  assert_authorization("ws://%C3%BC:@h", "Authorization: Basic w7w6\r\n");
  assert_authorization("ws://@h", "");
}

/* F8: 256 bytes in user name and password. */
TEST(test_handshake_request_refuses_control_bytes_in_credentials) {
  for (unsigned c = 0; c < 256; c++) {
    for (int password = 0; password < 2; password++) {
      char url[32];
      snprintf(url, sizeof url, password ? "ws://u:%%%02x@h" : "ws://%%%02x:p@h", c);
      SCOPED(fixture, f, url);
      bool bad = c < ' ' || c == 0x7f || (c == ':' && !password);
      assert_int_equal(make(&f), bad ? WSUV_EINVAL_HEADER : 0);
    }
  }
}

static void use_header(fixture *f, const wsuv_header_t *header) {
  fixture_open(f, "ws://h");
  f->request.headers[1] = header;
  f->request.header_count[1] = 1;
}

static bool is_token_byte(int c) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != 0 && strchr(others, c) != NULL);
}

static bool is_value_byte(int c) {
  return c == '\t' || (c >= ' ' && c != 0x7f);
}

/* F8: 256 bytes × each field. NUL ends a string and cannot be in it. */
TEST(test_handshake_request_judges_every_byte_of_what_the_user_sets) {
  for (int c = 1; c < 256; c++) {
    const char text[] = {'a', (char) c, 'b', '\0'};
    const char *const subprotocols[] = {text};
    const wsuv_header_t name = {text, "v"}, value = {"X", text};
    fixture f;
    use_header(&f, &name);
    assert_int_equal(make(&f), is_token_byte(c) ? 0 : WSUV_EINVAL_HEADER);
    fixture_close(&f);
    use_header(&f, &value);
    assert_int_equal(make(&f), is_value_byte(c) ? 0 : WSUV_EINVAL_HEADER);
    fixture_close(&f);
    fixture_open(&f, "ws://h");
    f.request.origin = text;
    assert_int_equal(make(&f), is_value_byte(c) ? 0 : WSUV_EINVAL_HEADER);
    fixture_close(&f);
    fixture_open(&f, "ws://h");
    f.request.user_agent = text;
    assert_int_equal(make(&f), is_value_byte(c) ? 0 : WSUV_EINVAL_HEADER);
    fixture_close(&f);
    fixture_open(&f, "ws://h");
    f.request.subprotocols = subprotocols;
    f.request.subprotocol_count = 1;
    assert_int_equal(make(&f), is_token_byte(c) ? 0 : WSUV_EINVAL_HEADER);
    fixture_close(&f);
  }
}

TEST(test_handshake_request_refuses_fields_of_the_handshake) {
  static const wsuv_header_t bad[] = {
      {"Upgrade", "x"},
      {"upgrade", ""},
      {"CONNECTION", "x"},
      {"Content-Length", "0"},
      {"Transfer-encoding", "chunked"},
      {"Sec-WebSocket-Key", KEY},
      {"sec-websocket-", ""},
      {"Sec-WebSocket-Protocol", "chat"},
      {"Sec-WebSocket-Extensions", "permessage-deflate"},
      {"Sec-WebSocket-Anything", "x"},
      {"", "x"},
      {NULL, "x"},
      {"X", NULL},
      {"X:", "x"},
      {"X ", "x"},
      {"X", "a\r\nUpgrade: x"},
  };
  for (size_t i = 0; i < COUNT(bad); i++) {
    fixture f;
    use_header(&f, &bad[i]);
    assert_refused(&f);
    f.request.headers[0] = &bad[i];
    f.request.header_count[0] = 1;
    f.request.header_count[1] = 0;
    assert_refused(&f);
  }
}

TEST(test_handshake_request_allows_names_that_only_look_alike) {
  static const wsuv_header_t good[] = {
      {"Upgrade-Insecure-Requests", "1"}, {"Sec-WebSocket", "x"}, {"X-Upgrade", "x"}};
  for (size_t i = 0; i < COUNT(good); i++) {
    fixture f;
    use_header(&f, &good[i]);
    assert_int_equal(make(&f), 0);
    fixture_close(&f);
  }
}

TEST(test_handshake_request_puts_a_host_of_the_users_in_the_place_of_ours) {
  const wsuv_header_t host = {"host", "other:1"};
  fixture f;
  use_header(&f, &host);
  assert_request(&f, "GET / HTTP/1.1\r\nHost: other:1\r\n" FIXED "\r\n");
}

TEST(test_handshake_request_puts_an_agent_of_the_users_in_the_place_of_ours) {
  const wsuv_header_t agent = {"user-agent", "mine"};
  fixture f;
  use_header(&f, &agent);
  f.request.user_agent = "wsuv/0";
  assert_request(&f, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "user-agent: mine\r\n\r\n");
}

TEST(test_handshake_request_takes_origin_as_a_field_if_none_is_set) {
  const wsuv_header_t origin = {"Origin", "o"};
  fixture f;
  use_header(&f, &origin);
  assert_request(&f, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "Origin: o\r\n\r\n");
  f.request.origin = "o";
  assert_refused(&f);
}

TEST(test_handshake_request_refuses_single_fields_twice) {
  static const char *const names[] = {"Host", "Origin", "User-Agent", "Authorization"};
  for (size_t i = 0; i < COUNT(names); i++) {
    const wsuv_header_t field = {names[i], "x"}, both[] = {field, field};
    fixture f;
    use_header(&f, &field);
    assert_int_equal(make(&f), 0);
    fixture_close(&f);
    f.request.headers[0] = &field;
    f.request.header_count[0] = 1;
    assert_refused(&f);
    f.request.headers[0] = both;
    f.request.header_count[0] = 2;
    f.request.header_count[1] = 0;
    assert_refused(&f);
  }
}

TEST(test_handshake_request_refuses_authorization_beside_userinfo) {
  const wsuv_header_t field = {"authorization", "Bearer x"};
  fixture f;
  fixture_open(&f, "ws://u:p@h");
  f.request.headers[0] = &field;
  f.request.header_count[0] = 1;
  assert_refused(&f);
}

TEST(test_handshake_request_refuses_bad_subprotocols) {
  static const char *const bad[][2] = {
      {"a", "a"}, {"a", ""}, {"a", NULL}, {"a,b", "c"}, {"a b", "c"}};
  for (size_t i = 0; i < COUNT(bad); i++) {
    fixture f;
    fixture_open(&f, "ws://h");
    f.request.subprotocols = bad[i];
    f.request.subprotocol_count = 2;
    assert_refused(&f);
  }
}

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/handshake_request.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* RFC 6455 1.3 */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

#define WITH(...) ((handshake_request){__VA_ARGS__})
#define NOTHING WITH(.url = NULL)
/* In the second of the two lists. */
#define HEADER(FIELD) .headers = {NULL, FIELD}, .header_count = {0, 1}

static const char *const two_subprotocols[] = {"chat", "superchat"};

static int make(text_buf *text, const track_alloc *alloc, const handshake_request *request,
                ws_why *why) {
  text_buf offer;
  text_buf_init(&offer, &alloc->handle);
  int err = handshake_request_check(request, why);
  if (err == 0) err = handshake_request_offer(&offer, request);
  if (err == 0) err = handshake_request_write(text, request, text_buf_base(&offer), "", KEY);
  text_buf_clear(&offer);
  return err;
}

/* What becomes of the request for a URL; its text too, unless `expected` is NULL. */
static void assert_made(const char *target, handshake_request request, int result,
                        const char *expected) {
  track_alloc alloc;
  text_buf text;
  ws_url url;
  track_alloc_init(&alloc);
  text_buf_init(&text, &alloc.handle);
  assert_int_equal(url_parse(&url, target, strlen(target)), 0);
  request.url = &url;
  assert_int_equal(make(&text, &alloc, &request, NULL), result);
  size_t len = text_buf_len(&text);
  assert_that(expected == NULL ||
                  (len == strlen(expected) && memcmp(text_buf_base(&text), expected, len) == 0),
              "got:\n%.*s", (int) len, text_buf_base(&text));
  text_buf_clear(&text);
  assert_int_equal(alloc.live, 0);
}

static void assert_request(const char *url, handshake_request request, const char *expected) {
  assert_made(url, request, 0, expected);
}

static void assert_refused(const char *url, handshake_request request) {
  assert_made(url, request, WSUV_EINVAL_HEADER, NULL);
}

static void assert_judged(handshake_request request, bool good) {
  assert_made("ws://h", request, good ? 0 : WSUV_EINVAL_HEADER, NULL);
}

#define FIXED                                                            \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " KEY \
  "\r\nSec-WebSocket-Version: 13\r\n"

TEST(test_handshake_request_at_its_smallest) {
  assert_request("ws://h", NOTHING, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "\r\n");
}

/* RFC 6455 1.2 */
TEST(test_handshake_request_of_the_rfc) {
  assert_request("ws://server.example.com/chat",
                 WITH(.origin = "http://example.com", .subprotocols = two_subprotocols,
                      .subprotocol_count = 2),
                 "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n" FIXED
                 "Sec-WebSocket-Protocol: chat, superchat\r\n"
                 "Origin: http://example.com\r\n\r\n");
}

TEST(test_handshake_request_with_everything) {
  const wsuv_header_t first[] = {{"X-A", "1"}, {"Cookie", "a=b; c=\"d\""}};
  const wsuv_header_t second[] = {{"X-A", ""}, {"X-B", "\tv\x80\xff"}};
  assert_request("wss://[fe80::1%25eth0]:8443?q=%20",
                 WITH(.user_agent = "wsuv/0", .origin = "o",
                      .authorization = "Basic dXNlcjpwQHNzOiU=", .headers = {first, second},
                      .header_count = {2, 2}),
                 "GET /?q=%20 HTTP/1.1\r\nHost: [fe80::1]:8443\r\n" FIXED
                 "User-Agent: wsuv/0\r\nOrigin: o\r\n"
                 "Authorization: Basic dXNlcjpwQHNzOiU=\r\n"
                 "X-A: 1\r\nCookie: a=b; c=\"d\"\r\nX-A: \r\nX-B: \tv\x80\xff\r\n\r\n");
}

/* Who makes the request has read the credentials. */
TEST(test_handshake_request_sends_authorization_and_cookie_before_the_users_fields) {
  const wsuv_header_t field = {"X", "y"};
  assert_request("ws://u:p@h", WITH(.authorization = "Basic x", .cookie = "a=1", HEADER(&field)),
                 "GET / HTTP/1.1\r\nHost: h\r\n" FIXED
                 "Authorization: Basic x\r\nCookie: a=1\r\nX: y\r\n\r\n");
  assert_request("ws://u:p@h", NOTHING, "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "\r\n");
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
    assert_judged(WITH(HEADER(&name)), is_token_byte(c));
    assert_judged(WITH(HEADER(&value)), is_value_byte(c));
    assert_judged(WITH(.origin = text), is_value_byte(c));
    assert_judged(WITH(.user_agent = text), is_value_byte(c));
    assert_judged(WITH(.subprotocols = subprotocols, .subprotocol_count = 1), is_token_byte(c));
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
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    assert_refused("ws://h", WITH(HEADER(&bad[i])));
    assert_refused("ws://h", WITH(.headers = {&bad[i]}, .header_count = {1}));
  }
}

TEST(test_handshake_request_allows_names_that_only_look_alike) {
  static const wsuv_header_t good[] = {
      {"Upgrade-Insecure-Requests", "1"}, {"Sec-WebSocket", "x"}, {"X-Upgrade", "x"}};
  for (size_t i = 0; i < COUNT_OF(good); i++) assert_judged(WITH(HEADER(&good[i])), true);
}

TEST(test_handshake_request_puts_a_host_of_the_users_in_the_place_of_ours) {
  const wsuv_header_t host = {"host", "other:1"};
  assert_request("ws://h", WITH(HEADER(&host)), "GET / HTTP/1.1\r\nHost: other:1\r\n" FIXED "\r\n");
}

TEST(test_handshake_request_puts_an_agent_of_the_users_in_the_place_of_ours) {
  const wsuv_header_t agent = {"user-agent", "mine"};
  assert_request("ws://h", WITH(HEADER(&agent), .user_agent = "wsuv/0"),
                 "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "user-agent: mine\r\n\r\n");
}

TEST(test_handshake_request_takes_origin_as_a_field_if_none_is_set) {
  const wsuv_header_t origin = {"Origin", "o"};
  assert_request("ws://h", WITH(HEADER(&origin)),
                 "GET / HTTP/1.1\r\nHost: h\r\n" FIXED "Origin: o\r\n\r\n");
  assert_refused("ws://h", WITH(HEADER(&origin), .origin = "o"));
}

TEST(test_handshake_request_refuses_single_fields_twice) {
  static const char *const names[] = {"Host", "Origin", "User-Agent", "Authorization"};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const wsuv_header_t field = {names[i], "x"}, both[] = {field, field};
    assert_judged(WITH(HEADER(&field)), true);
    assert_refused("ws://h", WITH(.headers = {&field, &field}, .header_count = {1, 1}));
    assert_refused("ws://h", WITH(.headers = {both}, .header_count = {2}));
  }
}

TEST(test_handshake_request_refuses_authorization_and_cookie_twice) {
  const wsuv_header_t field = {"authorization", "Bearer x"}, cookie = {"cookie", "a=1"};
  assert_refused("ws://h", WITH(.authorization = "Basic x", HEADER(&field)));
  assert_refused("ws://h", WITH(.cookie = "b=2", HEADER(&cookie)));
  assert_refused("ws://h", WITH(.cookie = "b\r\n"));
  assert_refused("ws://h", WITH(.authorization = "b\r\n"));
}

TEST(test_handshake_request_refuses_bad_subprotocols) {
  static const char *const bad[][2] = {
      {"a", "a"}, {"a", ""}, {"a", NULL}, {"a,b", "c"}, {"a b", "c"}};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    assert_refused("ws://h", WITH(.subprotocols = bad[i], .subprotocol_count = 2));
  }
}

/* What is said names the field, and never its value. */
static void assert_says(const char *target, handshake_request request, const char *words) {
  track_alloc alloc;
  text_buf text;
  ws_url url;
  ws_why why = {""};
  track_alloc_init(&alloc);
  text_buf_init(&text, &alloc.handle);
  assert_int_equal(url_parse(&url, target, strlen(target)), 0);
  request.url = &url;
  assert_int_equal(make(&text, &alloc, &request, &why), WSUV_EINVAL_HEADER);
  assert_string_equal(why.text, words);
  text_buf_clear(&text);
}

static void assert_field_says(const char *name, const char *value, const char *words) {
  const wsuv_header_t field = {name, value};
  assert_says("ws://h", WITH(HEADER(&field)), words);
}

TEST(test_handshake_request_names_the_field) {
  static const wsuv_header_t hosts[] = {{"Host", "a"}, {"hOST", "b"}};
  static const char *const repeated[] = {"chat", "secret", "secret"};
  static const char *const spaced[] = {"chat", "se cret"};
  assert_field_says("Upgrade", "secret", "Upgrade: only the handshake itself sets it");
  assert_field_says("sec-websocket-key", "secret",
                    "sec-websocket-key: only the handshake itself sets it");
  assert_field_says("X-A", "sec\nret", "X-A: control character in the value");
  assert_field_says("X A", "secret", "X A: the name is not a token");
  assert_field_says("X\x1b[A", "secret", "X\\x1b[A: the name is not a token");
  assert_field_says("", "secret", ": the name is not a token");
  assert_field_says(NULL, "secret", "(NULL): no name or no value");
  assert_field_says("X-A", NULL, "X-A: no name or no value");
  assert_says("ws://h", WITH(.origin = "sec\rret"), "Origin: control character in the value");
  assert_says("ws://h", WITH(.user_agent = "\x7f"), "User-Agent: control character in the value");
  assert_says("ws://h", WITH(.headers = {hosts, NULL}, .header_count = {2, 0}),
              "Host: more than one value");
  assert_says("ws://h", WITH(.subprotocols = repeated, .subprotocol_count = 3),
              "subprotocol 3 is repeated");
  assert_says("ws://h", WITH(.subprotocols = spaced, .subprotocol_count = 2),
              "subprotocol 2 is not a token");
}

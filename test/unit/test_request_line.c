/* The first line of a request, exactly as RFC 9112 3 has it. */

#include <stdlib.h>
#include <string.h>

#include "proto/http/request_line.h"
#include "support/test.h"

/* A copy of the exact size, so that a read too far is seen. */
static bool parse(const char *text, size_t len, request_line *line, char method[32],
                  char target[32]) {
  char *copy = malloc(len > 0 ? len : 1);
  assert_non_null(copy);
  memcpy(copy, text, len);
  bool good = request_line_parse(line, (ws_text){copy, len});
  if (good) {
    assert_true(line->method.len < 32 && line->target.len < 32);
    memcpy(method, line->method.base, line->method.len);
    memcpy(target, line->target.base, line->target.len);
    method[line->method.len] = target[line->target.len] = '\0';
  }
  free(copy);
  return good;
}

TEST(test_request_line_has_three_parts) {
  static const struct {
    const char *text, *method, *target;
    unsigned version;
  } rows[] = {
      {"GET / HTTP/1.1", "GET", "/", 11},
      {"GET / HTTP/1.0", "GET", "/", 10},
      {"GET /a?b HTTP/2.0", "GET", "/a?b", 20},
      {"PRI * HTTP/2.0", "PRI", "*", 20},
      {"x y HTTP/0.9", "x", "y", 9},
      {"M-SEARCH * HTTP/1.1", "M-SEARCH", "*", 11},
      {"GET #a HTTP/9.9", "GET", "#a", 99},
      {"GET \x80\xff HTTP/1.1", "GET", "\x80\xff", 11},
      {"GET http://h/ HTTP/1.1", "GET", "http://h/", 11},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    request_line line;
    char method[32], target[32];
    assert_true(parse(rows[i].text, strlen(rows[i].text), &line, method, target));
    assert_string_equal(method, rows[i].method);
    assert_string_equal(target, rows[i].target);
    assert_int_equal(line.version, rows[i].version);
  }
}

TEST(test_request_line_is_nothing_else) {
  static const struct {
    const char *text;
    size_t len;
  } rows[] = {
#define TEXT(s) {s, sizeof(s) - 1}
      TEXT(""),
      TEXT(" "),
      TEXT("  "),
      TEXT("GET"),
      TEXT("GET "),
      TEXT("GET /"),
      TEXT("GET / "),
      TEXT("GET /  HTTP/1.1"),
      TEXT("GET  / HTTP/1.1"),
      TEXT("GET  HTTP/1.1"),
      TEXT(" GET / HTTP/1.1"),
      TEXT("/ HTTP/1.1"),
      TEXT(" / HTTP/1.1"),
      TEXT("GET / HTTP/1.1 "),
      TEXT("GET / x HTTP/1.1"),
      TEXT("GET\t/ HTTP/1.1"),
      TEXT("GET /\tHTTP/1.1"),
      TEXT("GET /\t HTTP/1.1"),
      TEXT("GET /\x01 HTTP/1.1"),
      TEXT("GET /\x7f HTTP/1.1"),
      TEXT("GET /\0 HTTP/1.1"),
      TEXT("GE(T / HTTP/1.1"),
      TEXT("G\0T / HTTP/1.1"),
      TEXT("G\xc3T / HTTP/1.1"),
      TEXT("GET / HTTP/1"),
      TEXT("GET / HTTP/1."),
      TEXT("GET / HTTP/.1"),
      TEXT("GET / HTTP/11"),
      TEXT("GET / HTTP/1,1"),
      TEXT("GET / HTTP/1.1.1"),
      TEXT("GET / HTTP/1.12"),
      TEXT("GET / HTTP/1.x"),
      TEXT("GET / HTTP/x.1"),
      TEXT("GET / HTTP 1.1"),
      TEXT("GET / HTTP"),
      TEXT("GET / http/1.1"),
      TEXT("GET / HTTPS/1.1"),
      TEXT("GET / RTSP/1.0"),
      TEXT("GET / HTTP/1.1\0"),
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    request_line line;
    char method[32], target[32];
    if (parse(rows[i].text, rows[i].len, &line, method, target)) fail_msg("'%s'", rows[i].text);
  }
}

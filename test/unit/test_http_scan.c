#include <string.h>

#include "base/error.h"
#include "proto/http/headers.h"
#include "proto/http/http_scan.h"
#include "support/pieces.h"
#include "support/test.h"

typedef struct scanned {
  http_scan scan;
  char text[2048];
  size_t len;
} scanned;

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  scanned *s = arg;
  int result = 0;
  for (*used = 0; result == 0 && *used < len;) {
    http_scan_text part;
    size_t n;
    result = http_scan_feed(&s->scan, data + *used, len - *used, &n, &part);
    *used += n;
    assert_true(s->len + part.len <= sizeof s->text);
    memcpy(s->text + s->len, part.bytes, part.len);
    s->len += part.len;
  }
  return result;
}

/* The same however it is cut. */
static void assert_scan(const char *text, size_t len, int result, size_t used) {
  for (size_t a = 0; a <= len; a++) {
    scanned s = {.scan = {.fields_left = 2}};
    pieces how = {PIECES_AT, 0, a, a + 1};
    size_t n;
    assert_int_equal(pieces_feed(how, text, len, take, &s, &n), result);
    assert_int_equal(n, used);
    assert_int_equal(s.scan.detail != NULL, result < 0);
  }
}

#define SCAN(text, result, used) assert_scan("" text, sizeof(text) - 1, result, used)

TEST(test_http_scan_finds_the_end_of_the_head) {
  SCAN("a\r\n\r\n", 1, 5);
  SCAN("a\r\nb: c\r\n\r\n", 1, 11);
  SCAN("a\r\nb: c\r\n\r\n \r\n\n\0", 1, 11);
  SCAN("\r\n\r\na\r\n\r\nx", 1, 9);
  SCAN("a\tb \x80\xff\r\n\r\n", 1, 10);
  SCAN("", 0, 0);
  SCAN("a\r\nb: c\r\n\r", 0, 10);
}

/* Eight bytes are looked at together, so each byte is tried in each of two groups of them. */
TEST(test_http_scan_finds_a_control_byte_at_every_place_of_a_value) {
  enum { AT = 6, PLACES = 17 };
  for (int c = 0; c < 256; c++) {
    const bool control = (c < ' ' && c != '\t') || c == 0x7f;
    if (c == '\r' || c == '\n') continue;
    for (size_t i = 0; i < PLACES; i++) {
      char text[] = "a\r\nb: 0123456789abcdef~\r\n\r\n";
      text[AT + i] = (char) c;
      assert_scan(text, sizeof text - 1, control ? WSUV_EHTTP : 1,
                  control ? AT + i : sizeof text - 1);
    }
  }
}

static void assert_first(const char *text, const char *first) {
  http_scan scan = {.response = true, .fields_left = 2};
  http_scan_text out;
  size_t used;
  assert_int_equal(http_scan_feed(&scan, (const uint8_t *) text, strlen(text), &used, &out), 1);
  assert_int_equal(scan.first_len, strlen(first));
  assert_memory_equal(scan.first, first, scan.first_len);
}

TEST(test_http_scan_remembers_how_the_first_line_begins) {
  assert_first("HTTP/1.1 101 Switching\r\nA: b\r\n\r\n", "HTTP/1.1 101 ");
  assert_first("HTTP/1.1 101\r\nA: b\r\n\r\n", "HTTP/1.1 101");
  assert_first("x\r\n\r\n", "x");
}

/* RFC 9112 2.2: before a request only. */
TEST(test_http_scan_rejects_an_empty_line_before_an_answer) {
  http_scan scan = {.response = true, .fields_left = 2};
  http_scan_text out;
  size_t used;
  const uint8_t text[] = "\r\na\r\n\r\n";
  assert_int_equal(http_scan_feed(&scan, text, sizeof text - 1, &used, &out), WSUV_EHTTP);
  assert_int_equal(used, 0);
}

/* F13 */
TEST(test_http_scan_rejects_folded_fields) {
  SCAN("a\r\nb: c\r\n d\r\n\r\n", WSUV_EHTTP, 9);
  SCAN("a\r\nb: c\r\n\td\r\n\r\n", WSUV_EHTTP, 9);
  SCAN("a\r\n b: c\r\n\r\n", WSUV_EHTTP, 3);
}

/* F13 */
TEST(test_http_scan_rejects_bare_cr_and_lf) {
  SCAN("a\n\n", WSUV_EHTTP, 1);
  SCAN("a\r\nb: c\n\r\n", WSUV_EHTTP, 7);
  SCAN("a\r\n\n", WSUV_EHTTP, 3);
  SCAN("a\rb\r\n\r\n", WSUV_EHTTP, 2);
  SCAN("a\r\r\n\r\n", WSUV_EHTTP, 2);
  SCAN("a\r\n\rb", WSUV_EHTTP, 4);
  SCAN("\ra", WSUV_EHTTP, 1);
  SCAN("\n", WSUV_EHTTP, 0);
}

TEST(test_http_scan_rejects_control_bytes) {
  for (int c = 0; c < 256; c++) {
    const char text[] = {'a', '\r', '\n', 'b', ':', (char) c, 'c', '\r', '\n', '\r', '\n'};
    if (c == '\r') {
      assert_scan(text, sizeof text, WSUV_EHTTP, 6);
    } else if ((c < ' ' && c != '\t') || c == 0x7f) {
      assert_scan(text, sizeof text, WSUV_EHTTP, 5);
    } else {
      assert_scan(text, sizeof text, 1, sizeof text);
    }
  }
}

/* RFC 9110 5.1 */
TEST(test_http_scan_takes_tokens_as_names) {
  for (int c = 0; c < 256; c++) {
    const char text[] = {'a', '\r', '\n', (char) c, (char) c, ':', '\r', '\n', '\r', '\n'};
    const char name = (char) c;
    if (c == ':' || c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    if (header_is_token(&name, 1)) {
      assert_scan(text, sizeof text, 1, sizeof text);
    } else {
      assert_scan(text, sizeof text, WSUV_EHTTP, 3);
    }
  }
  SCAN("a\r\n::\r\n\r\n", WSUV_EHTTP, 3);
  SCAN("a\r\nb c: d\r\n\r\n", WSUV_EHTTP, 4);
  SCAN("a\r\nb : d\r\n\r\n", WSUV_EHTTP, 4);
  SCAN("a\r\nb\r\n\r\n", WSUV_EHTTP, 4);
}

TEST(test_http_scan_counts_fields) {
  SCAN("a\r\nb:\r\nc:\r\n\r\n", 1, 13);
  SCAN("a\r\nb:\r\nc:\r\nd", WSUV_EHEADERS, 11);
  SCAN("a\r\nb:\r\nc:\r\n:", WSUV_EHEADERS, 11);
}

/* What llhttp gets of a head, however it is cut. */
static void assert_written(bool response, const char *text, const char *written) {
  size_t len = strlen(text);
  for (size_t a = 0; a <= len; a++) {
    for (size_t b = a; b <= len; b++) {
      scanned s = {.scan = {.response = response, .fields_left = 9}};
      size_t used;
      assert_int_equal(pieces_feed((pieces){PIECES_AT, 0, a, b}, text, len, take, &s, &used), 1);
      assert_int_equal(used, len);
      assert_int_equal(s.len, strlen(written));
      assert_memory_equal(s.text, written, s.len);
    }
  }
}

/* F13 */
TEST(test_http_scan_writes_good_heads_as_they_are) {
  for (int response = 0; response < 2; response++) {
    assert_written(response, "a\r\n\r\n", "a\r\n\r\n");
    assert_written(response, "a\r\nb:\r\nc:\t d  \r\n\r\n", "a\r\nb:\r\nc:\t d  \r\n\r\n");
  }
  assert_written(false, "\r\n\r\na\r\n\r\n", "a\r\n\r\n");
}

/* F13: RFC 9112 2.2, 5.2, and nothing else. */
TEST(test_http_scan_rewrites_folds_and_bare_lf_of_a_response) {
  assert_written(true, "a\r\nb: c\r\n \td\r\n\r\n", "a\r\nb: c d\r\n\r\n");
  assert_written(true, "a\r\nb:\r\n\tc \r\n  \r\n d\r\n\r\n", "a\r\nb: c   d\r\n\r\n");
  assert_written(true, "a\nb: c\n\n", "a\r\nb: c\r\n\r\n");
  assert_written(true, "a\n\n", "a\r\n\r\n");
  assert_written(true, "a\nb:\n \n\tc\nd: e\r\n\n", "a\r\nb:  c\r\nd: e\r\n\r\n");
}

/* A head that is longer than one text. */
TEST(test_http_scan_writes_long_heads_in_parts) {
  char text[1600], written[1600];
  memset(text, 'x', sizeof text);
  memcpy(text, "a\nb:", 4);
  memcpy(text + sizeof text - 2, "\n\n", 2);
  memset(written, 'x', sizeof written);
  memcpy(written, "a\r\nb:", 5);
  for (uint32_t seed = 0; seed < 40; seed++) {
    scanned s = {.scan = {.response = true, .fields_left = 1}};
    pieces how = {seed == 0 ? PIECES_WHOLE : PIECES_RANDOM, seed, 0, 0};
    size_t used;
    assert_int_equal(pieces_feed(how, text, sizeof text, take, &s, &used), 1);
    assert_int_equal(used, sizeof text);
    assert_int_equal(s.len, sizeof text + 3);
    assert_memory_equal(s.text, written, sizeof text - 1);
    assert_memory_equal(s.text + sizeof text - 1, "\r\n\r\n", 4);
  }
}

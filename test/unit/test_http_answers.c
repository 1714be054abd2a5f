/* Answers as real servers and proxies send them: values over several lines, lines that end with LF,
   a length where there is no body. And what is not taken from them: bodies without end. */

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "support/pieces.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* The nonce of RFC 6455 1.3, and the answer to it. */
static const uint8_t nonce[] = "the sample nonce";
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define STATUS "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPTED "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define GOOD STATUS UPGRADE CONNECTION ACCEPTED
#define FRAMES "\x81\x02hi \r\n\r\n\x88"

typedef struct fixture {
  track_alloc alloc;
  ws_url url;
  handshake_request request;
  h1_client *h;
} fixture;

static void set_up_with(fixture *f, size_t max_size, size_t max_headers) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  assert_int_equal(url_parse(&f->url, "ws://h", 6), 0);
  f->request.url = &f->url;
  f->request.max_size = max_size;
  f->request.max_headers = max_headers;
  assert_int_equal(h1_client_new(&f->h, &f->alloc.handle, &f->request, nonce, NULL), 0);
}

static void set_up(fixture *f) {
  set_up_with(f, 16384, 100);
}

static void tear_down(fixture *f) {
  h1_client_free(f->h);
  assert_int_equal(f->alloc.live, 0);
}

/* ---- heads that are rewritten ---- */

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_client_feed(arg, data, len, used);
}

/* Whole, byte by byte, and cut in two at any place. */
static pieces way(size_t n) {
  if (n == 0) return (pieces){PIECES_WHOLE, 0, 0, 0};
  if (n == 1) return (pieces){PIECES_BYTES, 0, 0, 0};
  return (pieces){PIECES_AT, 0, n - 1, n - 1};
}

/* The answer opens the connection, what is behind it is left, and X has this value (NULL: there is
   no X). */
static void assert_opens(const char *text, const char *value) {
  char all[512];
  size_t head = strlen(text), len = head + sizeof FRAMES - 1;
  assert_true(len < sizeof all);
  memcpy(all, text, head);
  memcpy(all + head, FRAMES, sizeof FRAMES - 1);
  for (size_t n = 0; n <= len; n++) {
    fixture f;
    size_t used;
    set_up(&f);
    int result = pieces_feed(way(n), all, len, take, f.h, &used);
    if (result != 1) fail_msg("%d (%s):\n%s", result, h1_client_detail(f.h), text);
    assert_int_equal(used, head);
    const char *got = header_store_get(h1_client_headers(f.h), "X", 0);
    if (value == NULL) assert_null(got);
    if (value != NULL) assert_string_equal(got, value);
    tear_down(&f);
  }
}

static void assert_fails(const char *text, size_t len, int error, const char *detail) {
  for (size_t n = 0; n <= len; n++) {
    fixture f;
    size_t used;
    set_up(&f);
    int result = pieces_feed(way(n), text, len, take, f.h, &used);
    if (result != error) fail_msg("%d (%s):\n%s", result, h1_client_detail(f.h), text);
    assert_string_equal(h1_client_detail(f.h), detail);
    tear_down(&f);
  }
}

#define FAILS(text, error, detail) assert_fails(text, sizeof(text) - 1, error, detail)

/* RFC 9112 5.2. nginx sends a value over two lines as it is configured. */
TEST(test_answer_with_a_folded_value) {
  assert_opens(GOOD "X: a\r\n b\r\n\r\n", "a b");
  assert_opens(GOOD "X: a\r\n\tb\r\n\r\n", "a b");
  assert_opens(GOOD "X: a\r\n \t  b\r\n\r\n", "a b");
  assert_opens(GOOD "X: a\r\n b\r\n  c: d\r\n\r\n", "a b c: d");
  assert_opens(GOOD "X:\r\n a\r\n\r\n", "a");
  assert_opens(GOOD "X: \r\n \r\n \r\n\ta \r\n\r\n", "a");
  assert_opens(GOOD "X: a\r\n \r\n\r\n", "a");
  assert_opens(GOOD "X:\r\n \r\n\r\n", "");
  assert_opens(STATUS "X: a\r\n b\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", "a b");
  assert_opens("HTTP/1.1 100 x\r\nY: a\r\n b\r\n\r\n" GOOD "X: c\r\n d\r\n\r\n", "c d");
  assert_opens(STATUS "Upgrade:\r\n websocket\r\nConnection: keep-alive,\r\n\tUpgrade\r\n"
                      "Sec-WebSocket-Accept:\r\n " ACCEPT "\r\n \r\n\r\n",
               NULL);
}

/* RFC 9112 2.2 */
TEST(test_answer_with_bare_lf) {
  assert_opens(GOOD "X: a\n\n", "a");
  assert_opens(GOOD "X: a\n\r\n", "a");
  assert_opens(GOOD "X: a\r\n\n", "a");
  assert_opens(GOOD "X:\n\n", "");
  assert_opens(GOOD "X: a\n b\n\tc\r\n d\n\n", "a b c d");
  assert_opens("HTTP/1.1 101\nUpgrade: websocket\nConnection: Upgrade\n"
               "Sec-WebSocket-Accept: " ACCEPT "\n\n",
               NULL);
  assert_opens("HTTP/1.1 100 x\n\n" GOOD "X: a\n\n", "a");
}

/* F13 */
TEST(test_answer_is_rewritten_no_further) {
  FAILS(STATUS " X: a\r\n\r\n", WSUV_EHTTP, "folded status line");
  FAILS(STATUS "\tX: a\r\n\r\n", WSUV_EHTTP, "folded status line");
  FAILS("HTTP/1.1 101 x\n X: a\n\n", WSUV_EHTTP, "folded status line");
  FAILS(STATUS " \r\n\r\n", WSUV_EHTTP, "folded status line");
  FAILS(STATUS "X: a\r b\r\n\r\n", WSUV_EHTTP, "CR without LF in the head");
  FAILS(STATUS "X: a\r\r\n\r\n", WSUV_EHTTP, "CR without LF in the head");
  FAILS(STATUS "X: a\n\rb", WSUV_EHTTP, "CR without LF in the head");
  FAILS(STATUS "X: a\r\n \rb\r\n\r\n", WSUV_EHTTP, "CR without LF in the head");
  FAILS(STATUS "X: a\r\n b\rc\r\n\r\n", WSUV_EHTTP, "CR without LF in the head");
  FAILS(STATUS "X: a\r\n \0\r\n\r\n", WSUV_EHTTP, "control byte in the head");
  FAILS(STATUS "X: a\n\0\n\n", WSUV_EHTTP, "field name is not a token");
  FAILS(STATUS "X: a\0\n\n", WSUV_EHTTP, "control byte in the head");
  FAILS(STATUS "X\r\n : a\r\n\r\n", WSUV_EHTTP, "header field without a colon");
  FAILS(STATUS "X\n: a\n\n", WSUV_EHTTP, "header field without a colon");
  FAILS("\nHTTP/1.1 101 x\n\n", WSUV_EHTTP, "empty line before the head");
  FAILS("HTTP/1.1 403 x\r\nContent-Length: 1\r\n 1\r\n\r\n", WSUV_ESTATUS, "HTTP 403");
}

/* The body of a refusal is found, and read, by what the rewritten fields say. */
TEST(test_answer_that_is_rewritten_has_a_body) {
  static const char *const refusals[] = {
      "HTTP/1.1 403 x\nContent-Length: 4\n\nnope\n",
      "HTTP/1.1 403 x\r\nContent-Length:\r\n 4\r\n\r\nnope\n",
      "HTTP/1.1 403 x\nTransfer-Encoding:\n chunked\n\n4\r\nnope\r\n0\r\n\r\n"};
  for (size_t i = 0; i < COUNT(refusals); i++) {
    size_t len = strlen(refusals[i]);
    for (size_t n = 0; n <= len; n++) {
      fixture f;
      size_t used, body_len;
      set_up(&f);
      assert_int_equal(pieces_feed(way(n), refusals[i], len, take, f.h, &used), WSUV_ESTATUS);
      const uint8_t *body = h1_client_body(f.h, &body_len);
      assert_int_equal(body_len, 4);
      assert_memory_equal(body, "nope", 4);
      tear_down(&f);
    }
  }
}

/* F1: bytes count as they came, lines that go on count for no field. */
TEST(test_answer_that_is_rewritten_has_the_same_limits) {
  static const char text[] = GOOD "X: a\n   b\n\tc\r\n  d\n\n";
  size_t len = sizeof text - 1;
  for (size_t n = 0; n <= len; n++) {
    for (size_t max = len - 12; max <= len; max++) {
      fixture f;
      size_t used;
      set_up_with(&f, max, 4);
      int result = pieces_feed(way(n), text, len, take, f.h, &used);
      assert_int_equal(result, max == len ? 1 : WSUV_EHEADERS);
      assert_int_equal(used, max);
      tear_down(&f);
    }
    fixture f;
    size_t used;
    set_up_with(&f, len, 3);
    assert_int_equal(pieces_feed(way(n), text, len, take, f.h, &used), WSUV_EHEADERS);
    assert_string_equal(h1_client_detail(f.h), "too many header fields");
    tear_down(&f);
  }
}

/* F1: line ends and spaces without end are bounded, and kept nowhere. */
TEST(test_answer_of_folds_without_end_is_bounded) {
  static const char *const parts[] = {"\r\n ", "\n\t", " ", "\n a"};
  for (size_t i = 0; i < COUNT(parts); i++) {
    fixture f;
    size_t used, fed = 0;
    int result;
    set_up(&f);
    result = h1_client_feed(f.h, (const uint8_t *) STATUS "X:", sizeof STATUS + 1, &used);
    for (; result == 0 && fed < 100000; fed += strlen(parts[i])) {
      result = h1_client_feed(f.h, (const uint8_t *) parts[i], strlen(parts[i]), &used);
    }
    assert_int_equal(result, WSUV_EHEADERS);
    assert_in_range(fed, 16384 - sizeof STATUS - 8, 16384);
    assert_in_range(f.alloc.peak_bytes, 1, 16384 * 3 + 2048);
    tear_down(&f);
  }
}

/* ---- 101 with the fields of a body ---- */

/* F6, RFC 9112 6.3: whatever they say, a 1xx ends at its empty line. */
TEST(test_answer_101_with_the_fields_of_a_body_opens) {
  static const char *const fields[] = {"Content-Length: 0\r\n",
                                       "Content-Length: 5\r\n",
                                       "content-length: 1000000\r\n",
                                       "Content-Length: 5\r\nContent-Length: 5\r\n",
                                       "Content-Length: 5\r\nContent-Length: 6\r\n",
                                       "Content-Length: 5, 5\r\n",
                                       "Content-Length:\r\n",
                                       "Content-Length: none\r\n",
                                       "Content-Length: -1\r\n",
                                       "Content-Length: 99999999999999999999\r\n",
                                       "Content-Length:\r\n 5\n",
                                       "Transfer-Encoding: chunked\r\n",
                                       "TRANSFER-ENCODING: CHUNKED\r\n",
                                       "Transfer-Encoding: identity\r\n",
                                       "Transfer-Encoding: gzip, chunked\r\n",
                                       "Transfer-Encoding: chunked, gzip\r\n",
                                       "Transfer-Encoding:\r\n",
                                       "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
                                       "Content-Length: x\r\nTransfer-Encoding: chunked\r\n"};
  for (size_t i = 0; i < COUNT(fields); i++) {
    char text[400];
    (void) snprintf(text, sizeof text, GOOD "%s\r\n", fields[i]);
    assert_opens(text, NULL);
    (void) snprintf(text, sizeof text, STATUS "%s" UPGRADE CONNECTION ACCEPTED "\r\n", fields[i]);
    assert_opens(text, NULL);
    (void) snprintf(text, sizeof text, "HTTP/1.1 103 x\r\n%s\r\n" GOOD "X: a\r\n\r\n", fields[i]);
    assert_opens(text, "a");
  }
}

TEST(test_answer_101_names_the_fields_that_are_ignored) {
  static const struct {
    const char *text, *first, *second;
  } answers[] = {{GOOD "\r\n", NULL, NULL},
                 {GOOD "content-length: 0\r\n\r\n", "Content-Length", NULL},
                 {GOOD "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding", NULL},
                 {GOOD "Transfer-Encoding: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
                  "Content-Length", "Transfer-Encoding"},
                 {STATUS "Content-Length: 0\r\n\r\n", "Content-Length", NULL},
                 {"HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n", NULL, NULL}};
  for (size_t i = 0; i < COUNT(answers); i++) {
    fixture f;
    size_t used;
    set_up(&f);
    const uint8_t *text = (const uint8_t *) answers[i].text;
    assert_int_not_equal(h1_client_feed(f.h, text, strlen(answers[i].text), &used), 0);
    const char *const expected[] = {answers[i].first, answers[i].second, NULL};
    for (size_t n = 0; n < COUNT(expected); n++) {
      const char *name = h1_client_ignored(f.h, n);
      if (expected[n] == NULL) assert_null(name);
      if (expected[n] != NULL) assert_string_equal(name, expected[n]);
    }
    tear_down(&f);
  }
}

/* ---- refusals ---- */

/* A head, and octets that may follow it for ever. None of them is payload. */
static const struct {
  const char *start, *part;
} endless[] = {{"1;", "a"},           {"1;a=\"", "\t"},
               {"0\r\n", "X: y\r\n"}, {"0\r\nX: ", "y"},
               {"", "00000000"},      {"", "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n"}};

#define REFUSAL "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What the start of `endless[i]` makes with its part, as often as there is room. */
static void fill(char *text, size_t size, size_t i) {
  size_t len = (size_t) snprintf(text, size, "%s", endless[i].start);
  for (; len < size; len++) {
    size_t at = (len - strlen(endless[i].start)) % strlen(endless[i].part);
    text[len] = endless[i].part[at];
  }
}

/* Feed the body in pieces of a size; returns how much it took until the end. */
static size_t until_refused(const char *text, size_t len, size_t piece, size_t *body_len) {
  fixture f;
  size_t used, fed = 0;
  set_up(&f);
  const uint8_t *head = (const uint8_t *) REFUSAL;
  int result = h1_client_feed(f.h, head, sizeof REFUSAL - 1, &used);
  size_t before = f.alloc.live_bytes;
  while (result == 0 && fed + piece <= len) {
    result = h1_client_feed(f.h, (const uint8_t *) text + fed, piece, &used);
    fed += piece;
  }
  assert_int_equal(result, WSUV_ESTATUS);
  assert_int_equal(h1_client_status(f.h), 500);
  (void) h1_client_body(f.h, body_len);
  assert_in_range(f.alloc.peak_bytes, before, before + 2 * 4096);
  tear_down(&f);
  return fed;
}

/* F12: chunk headers, extensions and trailers count. The same however it is cut. */
TEST(test_refusal_is_read_up_to_64_kib_from_the_wire) {
  static char text[4 * 65536];
  static const size_t sizes[] = {1, 7, 4096, 65536};
  for (size_t i = 0; i < COUNT(endless); i++) {
    size_t first = 0;
    fill(text, sizeof text, i);
    for (size_t k = 0; k < COUNT(sizes); k++) {
      size_t body_len, fed = until_refused(text, sizeof text, sizes[k], &body_len);
      assert_in_range(fed, 1, 65536 + sizes[k] - 1);
      if (k == 0) first = body_len;
      assert_int_equal(body_len, first);
    }
  }
}

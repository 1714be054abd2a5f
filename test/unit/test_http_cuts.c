/* What is said of a head never depends on where its bytes were cut: each of these is fed whole,
   byte by byte, and cut in two and in three, and the code, the words and what was used are
   compared. F2 F7 F13 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/h1_server.h"
#include "support/pieces.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

enum { MAX_SIZE = 400, MAX_FIELDS = 5, DETAIL_SIZE = 64 };

static const uint8_t nonce[] = "the sample nonce"; /* RFC 6455 1.3 */

typedef struct outcome {
  int result, status;
  size_t used; /* only if the result is no error */
  char detail[DETAIL_SIZE];
} outcome;

typedef outcome (*judge)(const char *text, size_t len, pieces how);

static int take_answer(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_client_feed(arg, data, len, used);
}

static outcome judge_answer(const char *text, size_t len, pieces how) {
  track_alloc alloc;
  ws_url url;
  h1_client *h;
  outcome o = {0};
  track_alloc_init(&alloc);
  assert_int_equal(url_parse(&url, "ws://h", 6), 0);
  handshake_request request = {.url = &url, .max_size = MAX_SIZE, .max_headers = MAX_FIELDS};
  assert_int_equal(h1_client_new(&h, &alloc.handle, &request, nonce, NULL), 0);
  o.result = pieces_feed(how, text, len, take_answer, h, &o.used);
  if (o.result < 0) o.used = 0;
  o.status = h1_client_status(h);
  snprintf(o.detail, sizeof o.detail, "%s", h1_client_detail(h));
  h1_client_free(h);
  assert_int_equal(alloc.live, 0);
  return o;
}

static int take_request(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_server_feed(arg, data, len, used);
}

static outcome judge_request(const char *text, size_t len, pieces how) {
  const h1_server_limits limits = {MAX_SIZE, MAX_FIELDS};
  track_alloc alloc;
  h1_server *h;
  outcome o = {0};
  track_alloc_init(&alloc);
  assert_int_equal(h1_server_new(&h, &alloc.handle, &limits), 0);
  o.result = pieces_feed(how, text, len, take_request, h, &o.used);
  if (o.result < 0) o.used = 0;
  o.status = (int) h1_server_cause(h);
  snprintf(o.detail, sizeof o.detail, "%s", h1_server_detail(h));
  h1_server_free(h);
  assert_int_equal(alloc.live, 0);
  return o;
}

static void assert_same(const char *text, size_t len, const outcome *a, const outcome *b) {
  if (a->result == b->result && a->status == b->status && a->used == b->used &&
      strcmp(a->detail, b->detail) == 0)
    return;
  fail_msg("%d %d %zu '%s', not %d %d %zu '%s':\n%.*s", b->result, b->status, b->used, b->detail,
           a->result, a->status, a->used, a->detail, (int) len, text);
}

static outcome judge_cut(judge f, const char *text, size_t len) {
  outcome whole = f(text, len, (pieces){PIECES_WHOLE, 0, 0, 0});
  outcome bytes = f(text, len, (pieces){PIECES_BYTES, 0, 0, 0});
  assert_same(text, len, &whole, &bytes);
  for (size_t a = 1; a < len; a++) {
    outcome two = f(text, len, (pieces){PIECES_AT, 0, a, a});
    outcome three = f(text, len, (pieces){PIECES_AT, 0, a, a + 1});
    assert_same(text, len, &whole, &two);
    assert_same(text, len, &whole, &three);
  }
  return whole;
}

typedef struct head {
  int result;
  const char *detail; /* NULL: llhttp's words */
  const char *text;
  size_t len;
} head;

#define HEAD(result, detail, text) \
  { result, detail, text, sizeof(text) - 1 }

static void assert_heads(judge f, const head *heads, size_t count) {
  for (size_t i = 0; i < count; i++) {
    outcome o = judge_cut(f, heads[i].text, heads[i].len);
    if (o.result != heads[i].result) {
      fail_msg("%d (%s), not %d:\n%s", o.result, o.detail, heads[i].result, heads[i].text);
    }
    if (heads[i].detail != NULL) assert_string_equal(o.detail, heads[i].detail);
  }
}

#define A80 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FIVE "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n"

/* Faults of the fields, after any first line. The sixth field is one too many, whatever it is. */
#define FIELDS_OF(line)                                                                  \
  HEAD(WSUV_EHTTP, "field name is not a token", line "X A: 1\r\n\r\n"),                  \
      HEAD(WSUV_EHTTP, "field name is not a token", line "X : 1\r\n\r\n"),               \
      HEAD(WSUV_EHTTP, "field name is not a token", line "X(y): 1\r\n\r\n"),             \
      HEAD(WSUV_EHTTP, "field name is not a token", line "(: 1\r\n\r\n"),                \
      HEAD(WSUV_EHTTP, "field name is not a token", line "A: 1\r\nB\x80: 1\r\n\r\n"),    \
      HEAD(WSUV_EHTTP, "field name is not a token", line "A: 1\r\n\xff: 1\r\n\r\n"),     \
      HEAD(WSUV_EHTTP, "field name is not a token", line "A\0: 1\r\n\r\n"),              \
      HEAD(WSUV_EHTTP, "field name is empty", line ": 1\r\n\r\n"),                       \
      HEAD(WSUV_EHTTP, "field name is empty", line "A: 1\r\n: 1\r\n\r\n"),               \
      HEAD(WSUV_EHTTP, "header field without a colon", line "A\r\n\r\n"),                \
      HEAD(WSUV_EHTTP, "control byte in the head", line "A: \0\r\n\r\n"),                \
      HEAD(WSUV_EHTTP, "control byte in the head", line "A: x\x7f\r\n\r\n"),             \
      HEAD(WSUV_EHTTP, "CR without LF in the head", line "A: x\ry\r\n\r\n"),             \
      HEAD(WSUV_EHTTP, "CR without LF in the head", line "A: x\r\n\ry"),                 \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE "F: 6\r\n\r\n"),           \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE "Bad name: 6\r\n\r\n"),    \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE "Bad(name: 6\r\n\r\n"),    \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE "(: 6\r\n\r\n"),           \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE ": 6\r\n\r\n"),            \
      HEAD(WSUV_EHEADERS, "too many header fields", line FIVE "No colon\r\n\r\n"),       \
      HEAD(WSUV_EHTTP, "field name is not a token", line "A: 1\r\nB: 2\r\nC c\r\n\r\n"), \
      HEAD(WSUV_EHEADERS, "head is too large", line "A: " A80 A80 A80 A80 A80),          \
      HEAD(WSUV_EHEADERS, "head is too large", line A80 A80 A80 A80 A80 " ")

static const head bad_answers[] = {
    FIELDS_OF("HTTP/1.1 101 x\r\n"),
    FIELDS_OF("HTTP/1.1 100 x\r\nA: 1\r\n\r\nHTTP/1.1 403 x\r\n"),
    HEAD(WSUV_EHTTP, "empty line before the head", "\r\nHTTP/1.1 101 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, "empty line before the head", "\nHTTP/1.1 101 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, "CR without LF in the head", "HTTP/1.1 101\rx\r\n\r\n"),
    HEAD(WSUV_EHTTP, "control byte in the head", "HTTP/1.1 101 \0\r\n\r\n"),
    HEAD(WSUV_EHTTP, "answer is not HTTP/1.1", "HTTP/1.0 101 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, NULL, "HTTP/1.1 0101 x\r\n\r\n"), /* llhttp 9 finds it itself */
    HEAD(WSUV_EHTTP, "status below 100", "HTTP/1.1 099 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, NULL, "HTTP/1.1 10 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, NULL, "HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_EHTTP, NULL, "HTTP/9.9 101 x\r\n\r\n"),
    HEAD(WSUV_EHTTP, NULL, "SSH-2.0-OpenSSH_9.2\r\n"),
    HEAD(WSUV_EHTTP, NULL, "GET / HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_ESTATUS, "HTTP 403", "HTTP/1.1 403 x\r\nContent-Length: x\r\n\r\n"),
    HEAD(WSUV_ESTATUS, "HTTP 403", "HTTP/1.1 403 x\r\nContent-Length:\r\n\r\n"),
    HEAD(WSUV_ESTATUS, "HTTP 403",
         "HTTP/1.1 403 x\r\nContent-Length: 0\r\nContent-Length: 2\r\n\r\n"),
    HEAD(WSUV_EUPGRADE, "Upgrade is missing", "HTTP/1.1 101 x\r\n" FIVE "\r\n"),
    HEAD(WSUV_EUPGRADE, "Connection is missing", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n"),
    HEAD(WSUV_ESTATUS, "HTTP 204", "HTTP/1.1 204 x\r\n" FIVE "\r\n"),
};

TEST(test_http_cuts_change_nothing_about_bad_answers) {
  assert_heads(judge_answer, bad_answers, COUNT(bad_answers));
}

#define LINE "GET / HTTP/1.1\r\n"

static const head bad_requests[] = {
    FIELDS_OF(LINE),
    FIELDS_OF("\r\n\r\n" LINE),
    HEAD(WSUV_EHTTP, "folded header field", LINE "A: 1\r\n 2\r\n\r\n"),
    HEAD(WSUV_EHTTP, "folded header field", LINE "A: 1\r\n\t2\r\n\r\n"),
    HEAD(WSUV_EHTTP, "folded header field", LINE " A: 1\r\n\r\n"),
    HEAD(WSUV_EHTTP, "folded header field", LINE FIVE " F\r\n\r\n"),
    HEAD(WSUV_EHTTP, "LF without CR in the head", LINE "A: 1\n\r\n"),
    HEAD(WSUV_EHTTP, "LF without CR in the head", LINE "A: 1\r\n\n"),
    HEAD(WSUV_EHTTP, "LF without CR in the head", "GET / HTTP/1.1\n\n"),
    HEAD(WSUV_EHTTP, "LF without CR in the head", "\n" LINE "\r\n"),
    HEAD(WSUV_EHTTP, "CR without LF in the head", "\rGET / HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_EHTTP, "control byte in the head", "GET /\0 HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_EHTTP, "malformed request line", "NON(SENSE / HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_EHTTP, "malformed request line", "GET /a b HTTP/1.1\r\n\r\n"),
    HEAD(WSUV_EHTTP, "request is neither HTTP/1.1 nor HTTP/1.0", "GET / HTTP/9.9\r\n\r\n"),
    HEAD(WSUV_EHTTP, "HTTP/2.0 is not spoken here", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    HEAD(WSUV_EHTTP, "HTTP/2.0 is not spoken here", "GET # HTTP/2.0\r\n: x\r\n"),
    HEAD(WSUV_EHTTP, "fragment in the target", "GET # HTTP/1.1\r\n: x\r\n"),
    HEAD(WSUV_EHTTP, "TLS on a port without TLS", "\x16\x03\x01\x02\x00\x01\x00\x01"),
    HEAD(WSUV_EHTTP, "request has a body", LINE "Content-Length: x\r\n\r\n"),
    HEAD(WSUV_EHTTP, "request has a body",
         LINE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    HEAD(WSUV_EHTTP, "Host is missing", LINE "\r\n"),
    HEAD(WSUV_EHTTP, "Host is missing", "POST / HTTP/1.1\r\n\r\n"),
    HEAD(1, "method is not GET", "POST / HTTP/1.1\r\nHost: h\r\n\r\n"),
    HEAD(1, "Upgrade does not say websocket", "GET / HTTP/1.0\r\n\r\n"),
};

TEST(test_http_cuts_change_nothing_about_bad_requests) {
  assert_heads(judge_request, bad_requests, COUNT(bad_requests));
}

/* Each byte of a head in the place of which each of these stands, and before which. */
static void assert_spoilt(judge f, const char *good) {
  static const char bytes[] = "\0\r\n\t :,;(aZ09/\x01\x7f\x80\xff";
  size_t len = strlen(good);
  char *text = malloc(len + 1);
  assert_non_null(text);
  for (size_t at = 0; at < len; at++) {
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
      for (size_t longer = 0; longer < 2; longer++) {
        memcpy(text, good, at);
        text[at] = bytes[i];
        memcpy(text + at + 1, good + at + 1 - longer, len - at - 1 + longer);
        outcome whole = f(text, len + longer, (pieces){PIECES_WHOLE, 0, 0, 0});
        outcome single = f(text, len + longer, (pieces){PIECES_BYTES, 0, 0, 0});
        outcome cut = f(text, len + longer, (pieces){PIECES_AT, 0, at, at + 1});
        assert_same(text, len + longer, &whole, &single);
        assert_same(text, len + longer, &whole, &cut);
      }
    }
  }
  free(text);
}

TEST(test_http_cuts_change_nothing_about_spoilt_answers) {
  assert_spoilt(judge_answer, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nContent-Length: 0\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                              "F:\r\n\r\n\x81\x01");
  assert_spoilt(judge_answer, "HTTP/1.1 403 No\r\nA:\r\nB: \r\n c\r\nContent-Length: 1\r\n"
                              "Transfer-Encoding: chunked\r\n\r\nx");
}

TEST(test_http_cuts_change_nothing_about_spoilt_requests) {
  assert_spoilt(judge_request, "\r\n" LINE "Host: h\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81\x80");
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "proto/handshake/h1_client.h"
#include "proto/http/http_message.h"
#include "support/alloc_failures.h"
#include "support/pieces.h"
#include "support/secret_alloc.h"
#include "support/test.h"
#include "testkit/track_alloc.h"

/* The nonce of RFC 6455 1.3, and what belongs to it. */
static const uint8_t nonce[] = "the sample nonce";
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define STATUS "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPTED "Sec-WebSocket-Accept: " ACCEPT "\r\n"
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define GOOD STATUS UPGRADE CONNECTION ACCEPTED

typedef struct fixture {
  track_alloc alloc;
  ws_url url;
  handshake_request request;
  ws_why why; /* why no request was made */
  h1_client *h;
} fixture;

static const char *const two_subprotocols[] = {"chat", "superchat"};

static void fixture_open(fixture *f, const char *url) {
  memset(f, 0, sizeof *f);
  track_alloc_init(&f->alloc);
  assert_int_equal(url_parse(&f->url, url, strlen(url)), 0);
  f->request.url = &f->url;
  f->request.max_size = 16384;
  f->request.max_headers = 100;
}

/* Anew, if there is one already. */
static int make(fixture *f) {
  h1_client_free(f->h);
  assert_int_equal(f->alloc.live, 0);
  f->h = NULL;
  return h1_client_new(&f->h, &f->alloc.handle, &f->request, nonce, &f->why);
}

static void fixture_close(fixture *f) {
  h1_client_free(f->h);
  assert_int_equal(f->alloc.live, 0);
}

/* ---- the answer ---- */

TEST(test_h1_client_refuses_what_may_not_be_sent) {
  const wsuv_header_t header = {"Upgrade", "x"};
  SCOPED(fixture, f, "ws://h");
  f.request.headers[0] = &header;
  f.request.header_count[0] = 1;
  assert_int_equal(make(&f), WSUV_EINVAL_HEADER);
  assert_null(f.h);
}

TEST(test_h1_client_copies_the_request) {
  char url[] = "ws://u:p@h/path", name[] = "X", value[] = "v", subprotocol[] = "chat";
  const char *subprotocols[] = {subprotocol};
  wsuv_header_t header = {name, value};
  const char answer[] = GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n";
  size_t len, used;
  SCOPED(fixture, f, url);
  f.request.headers[0] = &header;
  f.request.header_count[0] = 1;
  f.request.subprotocols = subprotocols;
  f.request.subprotocol_count = 1;
  assert_int_equal(make(&f), 0);
  memset(url, '#', sizeof url);
  memset(subprotocol, '#', sizeof subprotocol);
  memset(&f.url, 0xff, sizeof f.url);
  name[0] = value[0] = '#';
  const char *request = h1_client_request(f.h, &len);
  assert_null(memchr(request, '#', len));
  assert_int_equal(h1_client_feed(f.h, (const uint8_t *) answer, sizeof answer - 1, &used), 1);
  assert_string_equal(h1_client_subprotocol(f.h), "chat");
}

static int take(void *arg, const uint8_t *data, size_t len, size_t *used) {
  return h1_client_feed(arg, data, len, used);
}

/* What came of an answer. */
typedef struct outcome {
  int result;
  size_t used;
  int status;
  char detail[64];
  size_t body_len;
} outcome;

static void offer_two(fixture *f) {
  f->request.subprotocols = two_subprotocols;
  f->request.subprotocol_count = 2;
}

static outcome run(fixture *f, const char *text, size_t len, pieces how) {
  outcome o;
  assert_int_equal(make(f), 0);
  memset(&o, 0, sizeof o);
  o.result = pieces_feed(how, text, len, take, f->h, &o.used);
  o.status = h1_client_status(f->h);
  (void) h1_client_body(f->h, &o.body_len);
  snprintf(o.detail, sizeof o.detail, "%s", h1_client_detail(f->h));
  return o;
}

/* Whole, byte by byte and cut at random, the same comes of it. */
static outcome run_cut(fixture *f, const char *text, size_t len) {
  outcome whole = run(f, text, len, (pieces){PIECES_WHOLE, 0, 0, 0});
  for (uint32_t seed = 0; seed < 6; seed++) {
    pieces how = {seed == 0 ? PIECES_BYTES : PIECES_RANDOM, seed, 0, 0};
    outcome o = run(f, text, len, how);
    assert_int_equal(o.result, whole.result);
    assert_int_equal(o.status, whole.status);
    assert_string_equal(o.detail, whole.detail);
    if (o.result >= 0) assert_int_equal(o.used, whole.used);
    if (o.result == WSUV_ESTATUS) assert_int_equal(o.body_len, whole.body_len);
  }
  return whole;
}

/* `detail` is not compared if it is NULL. */
static void assert_judged(const char *text, size_t len, int result, const char *detail) {
  SCOPED(fixture, f, "ws://h");
  offer_two(&f);
  outcome o = run_cut(&f, text, len);
  assert_that(o.result == result, "%d, not %d (%s):\n%s", o.result, result, o.detail, text);
  assert_int_equal(o.detail[0] != '\0', result < 0);
  if (detail != NULL) assert_string_equal(o.detail, detail);
}

#define ANSWER(text, result) assert_judged("" text, sizeof(text) - 1, result, NULL)

static void assert_detail(const char *text, int result, const char *detail) {
  assert_judged(text, strlen(text), result, detail);
}

/* RFC 6455 1.2, 4.2.2 */
TEST(test_h1_client_opens_with_the_answer_of_the_rfc) {
  const char text[] = GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n";
  SCOPED(fixture, f, "ws://h");
  offer_two(&f);
  outcome o = run_cut(&f, text, strlen(text));
  assert_int_equal(o.result, 1);
  assert_int_equal(o.used, strlen(text));
  assert_int_equal(o.status, 101);
  assert_string_equal(o.detail, "");
  assert_string_equal(h1_client_subprotocol(f.h), "chat");
  header_store *headers = h1_client_headers(f.h);
  assert_int_equal(headers->count, 4);
  assert_string_equal(header_store_index(headers)[2].name, "Sec-WebSocket-Accept");
  assert_string_equal(header_store_get(headers, "sec-websocket-accept", 0), ACCEPT);
}

TEST(test_h1_client_takes_other_good_answers) {
  ANSWER(GOOD "\r\n", 1);
  ANSWER(GOOD "Server: x\r\nX-Empty:\r\nX-Spaces:   \r\nX: a b\t\r\n\r\n", 1);
  ANSWER("HTTP/1.1 101\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", 1);
  ANSWER("HTTP/1.1 101 \r\n" UPGRADE CONNECTION ACCEPTED "\r\n", 1);
  ANSWER("HTTP/1.1 101 Who \xc3\xbc\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", 1);
  ANSWER(STATUS ACCEPTED "connection:keep-alive\t,\tUPGRADE\r\nUPGRADE:WebSocket\r\n\r\n", 1);
  ANSWER(STATUS UPGRADE ACCEPTED "Connection: close\r\nConnection: upgrade\r\n\r\n", 1);
  ANSWER(STATUS CONNECTION "Upgrade: , websocket ,\r\n" ACCEPTED "\r\n", 1);
  ANSWER(STATUS UPGRADE CONNECTION "Sec-WebSocket-Accept:  " ACCEPT " \t\r\n\r\n", 1);
  ANSWER(GOOD "Sec-WebSocket-Protocol: superchat\r\n\r\n", 1);
}

/* F7: frames glued behind the answer, cut at every two bytes. */
TEST(test_h1_client_leaves_glued_frames_wherever_it_is_cut) {
  const char text[] = GOOD "\r\n\x81\n ";
  size_t len = sizeof text - 1;
  for (size_t a = 0; a <= len; a++) {
    for (size_t b = a; b <= len; b++) {
      SCOPED(fixture, f, "ws://h");
      outcome o = run(&f, text, len, (pieces){PIECES_AT, 0, a, b});
      assert_int_equal(o.result, 1);
      assert_int_equal(o.used, len - 3);
    }
  }
}

/* F7: whatever follows, HTTP included, is not looked at. */
TEST(test_h1_client_never_reads_behind_the_answer) {
  static const char *const behind[] = {" ",
                                       "\t",
                                       "\r",
                                       "\n",
                                       "\r\n\r\n",
                                       "HTTP/1.1 400 x\r\n\r\n",
                                       "\x88\x02\x03\xe8",
                                       "Upgrade: x\r\n"};
  for (size_t i = 0; i < COUNT_OF(behind); i++) {
    char text[256];
    int len = snprintf(text, sizeof text, GOOD "\r\n%s", behind[i]);
    SCOPED(fixture, f, "ws://h");
    outcome o = run_cut(&f, text, (size_t) len);
    assert_int_equal(o.result, 1);
    assert_int_equal(o.used, (size_t) len - strlen(behind[i]));
  }
}

/* F4 */
TEST(test_h1_client_rejects_upgrade_missing_wrong_or_doubled) {
  assert_detail(STATUS CONNECTION ACCEPTED "\r\n", WSUV_EUPGRADE, "Upgrade is missing");
  assert_detail(STATUS CONNECTION ACCEPTED "Upgrade:\r\n\r\n", WSUV_EUPGRADE, "Upgrade is missing");
  assert_detail(STATUS CONNECTION ACCEPTED "Upgrade: h2c\r\n\r\n", WSUV_EUPGRADE,
                "Upgrade is not websocket");
  assert_detail(GOOD UPGRADE "\r\n", WSUV_EUPGRADE, "Upgrade has more than one value");
  assert_detail(GOOD "Upgrade:\r\n\r\n", WSUV_EUPGRADE, "Upgrade has more than one value");
  ANSWER(STATUS CONNECTION ACCEPTED "Upgrade: websocket, websocket\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS CONNECTION ACCEPTED "Upgrade: websocket, h2c\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS CONNECTION ACCEPTED "Upgrade: websockets\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS CONNECTION ACCEPTED "Upgrade: web socket\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS CONNECTION ACCEPTED "Upgrade: websocket/13\r\n\r\n", WSUV_EUPGRADE);
}

/* F4 */
TEST(test_h1_client_rejects_connection_missing_or_wrong) {
  assert_detail(STATUS UPGRADE ACCEPTED "\r\n", WSUV_EUPGRADE, "Connection is missing");
  assert_detail(STATUS UPGRADE ACCEPTED "Connection: close\r\n\r\n", WSUV_EUPGRADE,
                "Connection does not say upgrade");
  ANSWER(STATUS UPGRADE ACCEPTED "Connection:\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS UPGRADE ACCEPTED "Connection: upgraded\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS UPGRADE ACCEPTED "Connection: keep-alive upgrade\r\n\r\n", WSUV_EUPGRADE);
  ANSWER(STATUS ACCEPTED "\r\n", WSUV_EUPGRADE);
}

/* F4 */
TEST(test_h1_client_rejects_accept_missing_wrong_or_doubled) {
#define REST STATUS UPGRADE CONNECTION
  assert_detail(REST "\r\n", WSUV_EACCEPT, "Sec-WebSocket-Accept is missing");
  assert_detail(GOOD ACCEPTED "\r\n", WSUV_EACCEPT, "Sec-WebSocket-Accept is repeated");
  assert_detail(REST "Sec-WebSocket-Accept: " KEY "\r\n\r\n", WSUV_EACCEPT,
                "Sec-WebSocket-Accept is wrong");
  ANSWER(REST "Sec-WebSocket-Accept:\r\n\r\n", WSUV_EACCEPT);
  ANSWER(REST "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", WSUV_EACCEPT);
  ANSWER(REST "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n\r\n", WSUV_EACCEPT);
  ANSWER(REST "Sec-WebSocket-Accept: " ACCEPT "=\r\n\r\n", WSUV_EACCEPT);
  ANSWER(REST "Sec-WebSocket-Accept: " ACCEPT ", " ACCEPT "\r\n\r\n", WSUV_EACCEPT);
  ANSWER(REST "Sec-WebSocket-Accept: \"" ACCEPT "\"\r\n\r\n", WSUV_EACCEPT);
#undef REST
}

/* F5 */
TEST(test_h1_client_rejects_subprotocols_not_offered_or_doubled) {
  assert_detail(GOOD "Sec-WebSocket-Protocol: mqtt\r\n\r\n", WSUV_ESUBPROTOCOL,
                "mqtt was not offered");
  assert_detail(GOOD "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
                WSUV_ESUBPROTOCOL, "Sec-WebSocket-Protocol is repeated");
  ANSWER(GOOD "Sec-WebSocket-Protocol: Chat\r\n\r\n", WSUV_ESUBPROTOCOL);
  ANSWER(GOOD "Sec-WebSocket-Protocol: chat, superchat\r\n\r\n", WSUV_ESUBPROTOCOL);
  ANSWER(GOOD "Sec-WebSocket-Protocol: super\r\n\r\n", WSUV_ESUBPROTOCOL);
  ANSWER(GOOD "Sec-WebSocket-Protocol:\r\n\r\n", WSUV_ESUBPROTOCOL);
}

/* F5 */
TEST(test_h1_client_rejects_a_subprotocol_when_none_was_offered) {
  const char text[] = GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n";
  SCOPED(fixture, f, "ws://h");
  assert_int_equal(run_cut(&f, text, strlen(text)).result, WSUV_ESUBPROTOCOL);
}

TEST(test_h1_client_goes_on_without_a_subprotocol) {
  const char text[] = GOOD "\r\n";
  SCOPED(fixture, f, "ws://h");
  offer_two(&f);
  assert_int_equal(run_cut(&f, text, strlen(text)).result, 1);
  assert_string_equal(h1_client_subprotocol(f.h), "");
}

/* F5 */
TEST(test_h1_client_rejects_extensions) {
  ANSWER(GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", WSUV_EEXTENSION);
  ANSWER(GOOD "Sec-WebSocket-Extensions:\r\n\r\n", WSUV_EEXTENSION);
}

TEST(test_h1_client_rejects_101_by_another_version) {
#define FIELDS " 101 Switching Protocols\r\n" UPGRADE CONNECTION ACCEPTED "\r\n"
  assert_detail("HTTP/1.0" FIELDS, WSUV_EHTTP, "answer is not HTTP/1.1");
  assert_detail("HTTP/2.0" FIELDS, WSUV_EHTTP, "answer is not HTTP/1.1");
  ANSWER("HTTP/0.9" FIELDS, WSUV_EHTTP);
  ANSWER("\r\n" GOOD "\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.2" FIELDS, WSUV_EHTTP);
  ANSWER("HTTP/3.1" FIELDS, WSUV_EHTTP);
  ANSWER("HTTP/11.1" FIELDS, WSUV_EHTTP);
  ANSWER("HTTP/2" FIELDS, WSUV_EHTTP);
  ANSWER("http/1.1" FIELDS, WSUV_EHTTP);
  ANSWER("ICY" FIELDS, WSUV_EHTTP);
#undef FIELDS
}

/* F13 */
TEST(test_h1_client_rejects_malformed_answers) {
  assert_detail(STATUS "X: a\rb\r\n\r\n", WSUV_EHTTP, "CR without LF in the head");
  ANSWER(STATUS " X: a\r\n\r\n", WSUV_EHTTP);
  ANSWER(STATUS "Upgrade : websocket\r\n" CONNECTION ACCEPTED "\r\n", WSUV_EHTTP);
  ANSWER(STATUS "Up grade: websocket\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD "X\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD ": x\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD "X\x80: x\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD "X(: x\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD "X: \0\r\n\r\n", WSUV_EHTTP);
  ANSWER(GOOD "X: \x7f\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 101 \0\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 1a1 x\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 10 x\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 1011 x\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 0101 x\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1  101 x\r\n" UPGRADE CONNECTION ACCEPTED "\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 0403\r\nContent-Length: 0\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 000 x\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 099 x\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1\r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1 \r\n\r\n", WSUV_EHTTP);
  ANSWER("HTTP/1.1101\r\n\r\n", WSUV_EHTTP);
  ANSWER("<html>", WSUV_EHTTP);
  ANSWER("GET / HTTP/1.1\r\n\r\n", WSUV_EHTTP);
  ANSWER("\x16\x03\x01\x02\x00", WSUV_EHTTP);
  ANSWER("\x15\x03\x03", WSUV_EHTTP);
}

static uint32_t next_random(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

/* One to three bytes put in, taken out or changed. */
static size_t mutate(char *text, size_t len, uint32_t *seed) {
  static const char bytes[] = "\r\n \t:,aZ09\0\x80\x7f=/";
  for (uint32_t n = next_random(seed) % 3 + 1; n > 0; n--) {
    size_t at = next_random(seed) % len;
    char c = bytes[next_random(seed) % sizeof bytes];
    switch (next_random(seed) % 3) {
    case 0: memmove(text + at, text + at + 1, --len - at); break;
    case 1: memmove(text + at + 1, text + at, len++ - at); /* fall through */
    default: text[at] = c;
    }
  }
  return len;
}

TEST(test_h1_client_judges_spoilt_answers_alike_however_cut) {
  static const char *const answers[] = {
      CONTINUE GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n",
      "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  uint32_t seed = 7;
  for (int round = 0; round < 4000; round++) {
    char text[512];
    size_t len = strlen(answers[round % 2]);
    memcpy(text, answers[round % 2], len);
    len = mutate(text, len, &seed);
    SCOPED(fixture, f, "ws://h");
    offer_two(&f);
    assert_true(run_cut(&f, text, len).result <= 1);
  }
}

TEST(test_h1_client_needs_the_whole_answer) {
  const char text[] = GOOD "\r\n";
  for (size_t len = 0; len < strlen(text); len++) {
    SCOPED(fixture, f, "ws://h");
    outcome o = run(&f, text, len, (pieces){PIECES_RANDOM, 1, 0, 0});
    assert_int_equal(o.result, 0);
    assert_int_equal(o.used, len);
    assert_int_equal(o.status, 0);
    assert_int_equal(h1_client_eof(f.h), WS_EOF);
    assert_string_equal(h1_client_detail(f.h), "stream ended before the answer");
  }
}

#define HINTS "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: close\r\n\r\n"

TEST(test_h1_client_passes_over_interim_answers) {
  const char text[] = CONTINUE HINTS "HTTP/1.1 102 x\r\nContent-Length: 9\r\n\r\n"
                                     "HTTP/1.1 199 x\r\n\r\n" GOOD "\r\n\x81";
  SCOPED(fixture, f, "ws://h");
  outcome o = run_cut(&f, text, sizeof text - 1);
  assert_int_equal(o.result, 1);
  assert_int_equal(o.used, sizeof text - 2);
  assert_int_equal(o.status, 101);
  assert_int_equal(h1_client_headers(f.h)->count, 3);
}

#define FOUR CONTINUE HINTS CONTINUE HINTS

/* F12 */
TEST(test_h1_client_takes_eight_interim_answers_and_no_more) {
  ANSWER(FOUR FOUR GOOD "\r\n", 1);
  ANSWER(FOUR FOUR "HTTP/1.1 403 x\r\nContent-Length: 0\r\n\r\n", WSUV_ESTATUS);
  assert_detail(FOUR FOUR CONTINUE GOOD "\r\n", WSUV_EHEADERS, "too many interim answers");
}

/* ---- limits ---- */

/* F1: by size. Interim answers count too. */
TEST(test_h1_client_bounds_the_size_of_the_head) {
  const char text[] = CONTINUE GOOD "X: 12345\r\n\r\n\x81\x81";
  size_t head = sizeof text - 3;
  SCOPED(fixture, f, "ws://h");
  f.request.max_size = head;
  outcome o = run_cut(&f, text, head + 2);
  assert_int_equal(o.result, 1);
  assert_int_equal(o.used, head);
  for (size_t max = 1; max < head; max++) {
    f.request.max_size = max;
    o = run_cut(&f, text, head + 2);
    assert_int_equal(o.result, WSUV_EHEADERS);
    assert_string_equal(o.detail, "head is too large");
  }
}

/* F1: by count, and of each answer for itself. */
TEST(test_h1_client_bounds_the_number_of_fields) {
  const char text[] = HINTS GOOD "X: 1\r\n\r\n";
  SCOPED(fixture, f, "ws://h");
  f.request.max_headers = 4;
  assert_int_equal(run_cut(&f, text, strlen(text)).result, 1);
  f.request.max_headers = 3;
  outcome o = run_cut(&f, text, strlen(text));
  assert_int_equal(o.result, WSUV_EHEADERS);
  assert_string_equal(o.detail, "too many header fields");
}

/* F1: no more is kept than the bound and a half-empty block. */
TEST(test_h1_client_keeps_a_header_bomb_small) {
  static const char *const lines[] = {"X: y\r\n", "Name-without-end", "X: value without end "};
  for (size_t i = 0; i < COUNT_OF(lines); i++) {
    size_t used;
    int result = 0;
    SCOPED(fixture, f, "ws://h");
    f.request.max_headers = 1000000;
    assert_int_equal(make(&f), 0);
    h1_client_feed(f.h, (const uint8_t *) STATUS, sizeof STATUS - 1, &used);
    for (int n = 0; n < 100000 && result == 0; n++) {
      result = h1_client_feed(f.h, (const uint8_t *) lines[i], strlen(lines[i]), &used);
    }
    assert_int_equal(result, WSUV_EHEADERS);
    assert_in_range(f.alloc.peak_bytes, 1, 16384 * 3 + 2048);
  }
}

/* F2: were the work more than linear, this would take minutes. */
TEST(test_h1_client_takes_single_bytes_in_linear_time) {
  enum { SIZE = 1 << 20 };
  char *text = malloc(SIZE);
  assert_non_null(text);
  memset(text, 'x', SIZE);
  memcpy(text, STATUS "X: ", sizeof STATUS + 2);
  SCOPED(fixture, f, "ws://h");
  f.request.max_size = SIZE;
  outcome o = run(&f, text, SIZE, (pieces){PIECES_BYTES, 0, 0, 0});
  assert_int_equal(o.result, 0);
  assert_int_equal(o.used, SIZE);
  assert_in_range(f.alloc.calls, 1, 40);
  free(text);
}

TEST(test_h1_client_object_is_small) {
  SCOPED(fixture, f, "ws://h");
  assert_int_equal(make(&f), 0);
  assert_in_range(f.alloc.live_bytes, 1, 1536);
}

/* ---- refusals ---- */

static void assert_refusal(const char *text, int status, const char *body) {
  SCOPED(fixture, f, "ws://h");
  outcome o = run_cut(&f, text, strlen(text));
  assert_int_equal(o.result, WSUV_ESTATUS);
  assert_int_equal(o.status, status);
  assert_int_equal(o.body_len, strlen(body));
  if (o.body_len > 0) {
    assert_memory_equal(h1_client_body(f.h, &o.body_len), body, o.body_len);
  }
}

TEST(test_h1_client_gives_status_and_body_of_a_refusal) {
  assert_refusal("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope", 403, "nope");
  assert_refusal("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403, "");
  assert_refusal("HTTP/1.1 204 x\r\n\r\n", 204, "");
  assert_refusal("HTTP/1.1 304 x\r\n\r\n", 304, "");
  assert_refusal("HTTP/1.1 301 x\r\nLocation: ws://o/\r\nContent-Length: 0\r\n\r\n", 301, "");
  assert_refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
                 200, "abcde");
  assert_refusal("HTTP/1.0 400 x\r\nContent-Length: 1\r\n\r\nx", 400, "x");
  assert_refusal("HTTP/1.1 426 x\r\n" UPGRADE CONNECTION "Content-Length: 1\r\n\r\nx", 426, "x");
  assert_refusal("HTTP/1.1 200 x\r\n" UPGRADE CONNECTION ACCEPTED "Content-Length: 1\r\n\r\nx", 200,
                 "x");
  assert_refusal("HTTP/1.1 999 x\r\nContent-Length: 1\r\n\r\nx", 999, "x");
  assert_refusal(CONTINUE "HTTP/1.1 503 x\r\nContent-Length: 1\r\n\r\nx", 503, "x");
}

TEST(test_h1_client_keeps_what_came_of_a_broken_body) {
  assert_refusal("HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 500,
                 "abc");
  assert_refusal("HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 500, "");
}

TEST(test_h1_client_keeps_the_fields_of_a_refusal_without_trailers) {
  const char text[] = "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n"
                      "\r\n1\r\na\r\n0\r\nLate: x\r\n\r\n";
  SCOPED(fixture, f, "ws://h");
  assert_int_equal(run_cut(&f, text, strlen(text)).result, WSUV_ESTATUS);
  assert_int_equal(h1_client_headers(f.h)->count, 2);
  assert_string_equal(header_store_get(h1_client_headers(f.h), "www-authenticate", 0), "Basic");
}

TEST(test_h1_client_takes_the_end_of_stream_as_the_end_of_a_body) {
  static const char *const heads[] = {"HTTP/1.1 500 x\r\n\r\n", "HTTP/1.0 500 x\r\n\r\n",
                                      "HTTP/1.1 500 x\r\nContent-Length: 100\r\n\r\n"};
  for (size_t i = 0; i < COUNT_OF(heads); i++) {
    char text[128];
    int len = snprintf(text, sizeof text, "%sbody", heads[i]);
    SCOPED(fixture, f, "ws://h");
    outcome o = run_cut(&f, text, (size_t) len);
    assert_int_equal(o.result, 0);
    assert_int_equal(o.used, len);
    assert_int_equal(o.body_len, 4);
    assert_int_equal(h1_client_eof(f.h), WSUV_ESTATUS);
    assert_int_equal(h1_client_status(f.h), 500);
  }
}

/* F12: of a body of 1 GiB, of one without end, or of one in pieces the first 4 KiB are taken. */
TEST(test_h1_client_bounds_the_body_of_a_refusal) {
  static const struct {
    const char *head, *part;
  } bodies[] = {{"Content-Length: 1073741824\r\n\r\n", "a"},
                {"\r\n", "aa"},
                {"Transfer-Encoding: chunked\r\n\r\n40000000\r\n", "aaaaaaa"},
                {"Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n"}};
  for (size_t i = 0; i < COUNT_OF(bodies); i++) {
    char head[128];
    size_t used, len;
    SCOPED(fixture, f, "ws://h");
    assert_int_equal(make(&f), 0);
    snprintf(head, sizeof head, "HTTP/1.1 500 x\r\n%s", bodies[i].head);
    int result = h1_client_feed(f.h, (const uint8_t *) head, strlen(head), &used);
    for (int n = 0; n < 5000 && result == 0; n++) {
      const uint8_t *part = (const uint8_t *) bodies[i].part;
      result = h1_client_feed(f.h, part, strlen(bodies[i].part), &used);
    }
    assert_int_equal(result, WSUV_ESTATUS);
    const uint8_t *body = h1_client_body(f.h, &len);
    assert_int_equal(len, HTTP_BODY_MAX);
    for (size_t k = 0; k < len; k++) assert_int_equal(body[k], 'a');
    assert_in_range(f.alloc.peak_bytes, HTTP_BODY_MAX, 4 * HTTP_BODY_MAX);
  }
}

/* F12: what is no payload is not kept, however much of it comes. */
TEST(test_h1_client_stores_no_chunk_extensions_and_trailers) {
  static const char *const starts[] = {"1;", "0\r\n", "0\r\nX: "};
  static uint8_t part[128];
  memset(part, 'a', sizeof part);
  for (size_t i = 0; i < COUNT_OF(starts); i++) {
    char head[128];
    size_t used;
    SCOPED(fixture, f, "ws://h");
    assert_int_equal(make(&f), 0);
    int len = snprintf(head, sizeof head, "HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                       starts[i]);
    assert_int_equal(h1_client_feed(f.h, (uint8_t *) head, (size_t) len, &used), 0);
    size_t before = f.alloc.live_bytes;
    for (int n = 0; n < 256; n++) {
      assert_int_equal(h1_client_feed(f.h, part, sizeof part, &used), 0);
    }
    assert_int_equal(f.alloc.peak_bytes, before);
  }
}

/* ---- memory ---- */

static int whole_scenario(fixture *f, const char *text, pieces how) {
  size_t used;
  int err = make(f);
  if (err == 0) err = pieces_feed(how, text, strlen(text), take, f->h, &used);
  if (err == WS_ENOMEM) return err;
  return header_store_index(h1_client_headers(f->h)) == NULL ? WS_ENOMEM : err;
}

static void assert_survives(const char *text, int result, pieces_kind kind) {
  const wsuv_header_t header = {"X-Long", "a value of some length"};
  for (alloc_failures n = {0}; alloc_failures_next(&n);) {
    SCOPED(fixture, f, "ws://user:password@h/a/path");
    offer_two(&f);
    f.request.user_agent = "wsuv/0";
    f.request.headers[0] = &header;
    f.request.header_count[0] = 1;
    alloc_failures_begin(&n, &f.alloc);
    int err = whole_scenario(&f, text, (pieces){kind, 0, 0, 0});
    assert_int_equal(err, alloc_failures_end(&n, &f.alloc) ? WS_ENOMEM : result);
    if (!n.failed) assert_in_range(f.alloc.calls, 6, 100);
  }
}

/* F46 */
TEST(test_h1_client_survives_every_failed_allocation) {
  char refusal[2048], opened[2048];
  snprintf(refusal, sizeof refusal,
           HINTS "HTTP/1.1 500 x\r\nX: %0500d\r\nContent-Length: 1000\r\n\r\n%01000d", 0, 0);
  snprintf(opened, sizeof opened, GOOD "Sec-WebSocket-Protocol: chat\r\nX: %01000d\r\n\r\n", 0);
  for (pieces_kind kind = PIECES_WHOLE; kind <= PIECES_BYTES; kind++) {
    assert_survives(opened, 1, kind);
    assert_survives(refusal, WSUV_ESTATUS, kind);
  }
}

TEST(test_h1_client_free_takes_null) {
  h1_client_free(NULL);
}

/* Browsers can send tokens as subprotocols only, so servers take them there. */
TEST(test_h1_client_leaves_no_secret_in_freed_memory) {
  static const char *const subprotocols[] = {"chat", "token.open-sesame"};
  secret_alloc alloc;
  ws_url url;
  h1_client *h;
  secret_alloc_init(&alloc, "open-sesame");
  assert_int_equal(url_parse(&url, "ws://h", 6), 0);
  const handshake_request request = {.url = &url,
                                     .authorization = "Bearer open-sesame",
                                     .cookie = "c=open-sesame",
                                     .subprotocols = subprotocols,
                                     .subprotocol_count = COUNT_OF(subprotocols),
                                     .max_size = 1024,
                                     .max_headers = 10};
  assert_int_equal(h1_client_new(&h, &alloc.handle, &request, nonce, NULL), 0);
  h1_client_free(h);
  assert_true(alloc.freed > 0);
  assert_int_equal(alloc.leaks, 0);
  assert_int_equal(alloc.below.live, 0);
}

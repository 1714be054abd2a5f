/* The server answers, and the answer is no: on_close is told what it said. */

#include <stdlib.h>
#include <string.h>

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KEPT = 4096 };

static void assert_refused(const session_user *u, int http_status) {
  assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  assert_int_equal(u->end.http_status, http_status);
}

static void assert_body(const session_user *u, const char *text) {
  assert_string_equal(bytes_text(&u->end.body), text);
  assert_int_equal(u->end.body.len, strlen(text));
}

SCENARIO_TEST(test_upgrade_refused_shows_status_headers_and_body, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                          "content-length: 10\r\nX-Empty:\r\n\r\nwho are you?\n\x81\x02hi"),
                PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 401);
  assert_string_equal(bytes_text(&u->end.headers), "WWW-Authenticate: Basic realm=\"x\"\n"
                                                   "content-length: 10\nX-Empty: \n");
  assert_body(u, "who are yo");
}

SCENARIO_TEST(test_upgrade_refused_without_a_body, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), PEER_EXPECT_GONE);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 204 No Content\r\n\r\n"),
                PEER_EXPECT_GONE);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 304\r\n\r\n"), PEER_EXPECT_GONE);
  static const int statuses[] = {403, 204, 304};
  for (size_t i = 0; i < 3; i++) {
    scenario_play(u);
    assert_refused(u, statuses[i]);
    assert_int_equal(u->end.header_count, i == 0);
    assert_false(u->end.has_body);
  }
}

/* What is wrong with the length of the body hides no status. */
SCENARIO_TEST(test_upgrade_refused_with_lengths_that_differ, w, p, u) {
  static const char *const fields[] = {
      "Content-Length: 4\r\nContent-Length: 9\r\n",
      "Content-Length: 9\r\nContent-Length: 4\r\n",
      "Content-Length: 4, 9\r\n",
      "Content-Length: none\r\nContent-Length: 4\r\n",
      "Content-Length: 99999999999999999999\r\nContent-Length: 4\r\n",
      "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n",
      "Content-Length: none\r\n",
  };
  enum { COUNT = sizeof fields / sizeof *fields };
  for (size_t i = 0; i < COUNT; i++) {
    bytes answer = {0};
    bool chunked = strstr(fields[i], "chunked") != NULL;
    bytes_print(&answer, "HTTP/1.1 403 Forbidden\r\n%s\r\n%s", fields[i],
                chunked ? "4\r\nnope\r\n0\r\n\r\n" : "nope");
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer.base, answer.len),
                  PEER_EXPECT_GONE);
    scenario_play(u);
    assert_refused(u, 403);
    assert_string_equal(u->end.detail, "HTTP 403");
    if (i < COUNT - 1) assert_body(u, "nope");
    if (i == COUNT - 1) assert_false(u->end.has_body);
    bytes_free(&answer);
  }
}

/* F10 */
SCENARIO_TEST(test_upgrade_refused_by_a_redirect_is_not_followed, w, p, u) {
  bytes answer = {0};
  raw_peer *elsewhere = raw_peer_new(w);
  bytes_print(&answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
              raw_peer_url(elsewhere, "/there"));
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer.base, answer.len),
                PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 302);
  assert_string_equal(u->end.detail, "HTTP 302, Location /there");
  assert_non_null(strstr(bytes_text(&u->end.headers), "Location: ws://"));
  world_run(w);
  assert_int_equal(p->raw->accepted, 1);
  assert_int_equal(elsewhere->accepted, 0);
  scenario_finish(u);
  bytes_free(&answer);
}

/* --- F12: the body is bounded --- */

static uint8_t *long_body(size_t n) {
  uint8_t *body = check_alloc(n);
  for (size_t i = 0; i < n; i++) body[i] = (uint8_t) ('a' + i % 26);
  return body;
}

static void assert_cut_body(const session_user *u, const uint8_t *body) {
  assert_int_equal(u->end.body.len, KEPT);
  assert_memory_equal(u->end.body.base, body, KEPT);
}

SCENARIO_TEST(test_upgrade_refused_keeps_4_kib_of_the_body, w, p, u) {
  static const char *const heads[] = {
      "HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n",
      "HTTP/1.1 500 Oh\r\n\r\n",
      "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
  };
  uint8_t *body = long_body(100000);
  for (size_t i = 0; i < 3; i++) {
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(heads[i], strlen(heads[i])),
                  PEER_SEND_BYTES(body, 100000), PEER_EXPECT_GONE);
  }
  (void) user_client(u);
  size_t idle = w->alloc->live_bytes;
  for (size_t i = 0; i < 3; i++) {
    scenario_play(u);
    assert_refused(u, 500);
    assert_cut_body(u, body);
    world_run(w);
    assert_in_range(w->alloc->peak_bytes - idle, 1, 32 * 1024);
  }
  scenario_finish(u);
  free(body);
}

static void play_body(session_user *u, uint8_t *body, size_t n) {
  static const char head[] = "HTTP/1.1 500 Oh\r\n\r\n";
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND(head), PEER_SEND_BYTES(body, n),
                PEER_END, PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 500);
  assert_int_equal(u->end.body.len, n < KEPT ? n : KEPT);
  assert_memory_equal(u->end.body.base, body, u->end.body.len);
}

SCENARIO_TEST(test_upgrade_refused_with_a_body_around_4_kib, w, p, u) {
  uint8_t *body = long_body(KEPT + 1);
  for (size_t n = KEPT - 1; n <= KEPT + 1; n++) {
    scenario_renew(u);
    play_body(u, body, n);
  }
  world_run(w);
  free(body);
}

SCENARIO_TEST(test_upgrade_refused_with_a_chunked_body, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "4\r\ncome\r\n6;x=y\r\n later\r\n0\r\nX-Behind: 1\r\n\r\n"),
                PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 503);
  assert_body(u, "come later");
  assert_string_equal(bytes_text(&u->end.headers), "Transfer-Encoding: chunked\n");
}

/* --- the body ends with the connection --- */

static void play_until_end(session_user *u, const char *answer, size_t n) {
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer, n), PEER_END,
                PEER_EXPECT_GONE);
  scenario_play(u);
}

/* Whatever was promised: what came is what there is. */
SCENARIO_TEST(test_upgrade_refused_with_a_body_up_to_the_end, w, p, u) {
  static const char *const answers[] = {
      "HTTP/1.1 400 Bad\r\n\r\nno such thing",
      "HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nno such thing",
      "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nno such thing",
  };
  for (size_t i = 0; i < 3; i++) {
    scenario_renew(u);
    play_until_end(u, answers[i], strlen(answers[i]));
    assert_refused(u, 400);
    assert_body(u, "no such thing");
  }
}

SCENARIO_TEST(test_upgrade_refused_and_cut_anywhere, w, p, u) {
  static const char answer[] = "HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n123456789";
  const size_t head = (size_t) (strstr(answer, "\r\n\r\n") + 4 - answer);
  for (size_t n = 1; n < sizeof answer; n++) {
    scenario_renew(u);
    play_until_end(u, answer, n);
    if (n < head) {
      assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_HANDSHAKE));
    } else {
      assert_refused(u, 400);
      assert_int_equal(u->end.body.len, n - head);
      assert_int_equal(strncmp(bytes_text(&u->end.body), answer + head, n - head), 0);
    }
  }
}

/* The status is known, whatever becomes of the body. */
SCENARIO_TEST(test_upgrade_refused_and_reset_in_the_body, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n123"), PEER_DELAY(20),
                PEER_RESET);
  scenario_play(u);
  assert_true(user_ended_by(u, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  assert_int_equal(u->end.http_status, 400);
}

/* By an older HTTP, too, it is a refusal with a status. */
SCENARIO_TEST(test_upgrade_refused_by_http_1_0, w, p, u) {
  static const char answer[] = "HTTP/1.0 404 Not Found\r\nServer: old\r\n\r\nnot here";
  play_until_end(u, answer, strlen(answer));
  assert_refused(u, 404);
  assert_string_equal(bytes_text(&u->end.headers), "Server: old\n");
  assert_body(u, "not here");
}

SCENARIO_TEST(test_upgrade_refused_after_interim_answers, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 103 Early\r\n"
                          "Link: x\r\n\r\nHTTP/1.1 403 No\r\nX-B: 2\r\nContent-Length: 1\r\n\r\n!"),
                PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 403);
  assert_string_equal(bytes_text(&u->end.headers), "X-B: 2\nContent-Length: 1\n");
  assert_body(u, "!");
}

/* All that 101 needs is there, but it is no 101. */
static void answer_200(raw_conn *c) {
  answer_write(c, "HTTP/1.1 200 OK\r\n" ANSWER_UPGRADE ANSWER_ACCEPT
                  "Content-Length: 4\r\n\r\n\x81\x02hi\x81\x02yo");
}

SCENARIO_TEST(test_upgrade_refused_by_any_status_but_101, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CALL(answer_200), PEER_EXPECT_GONE);
  scenario_play(u);
  assert_refused(u, 200);
  assert_int_equal(u->end.body.len, 4);
}

/* RFC 9110 10.2.3. The dates are compared with that of the response. All
   forms of the value are in unit/test_http_date.c. */
SCENARIO_TEST(test_upgrade_refused_until_later, w, p, u) {
  static const struct {
    int status;
    const char *fields;
    uint64_t ms;
  } rows[] = {
      {503, "Retry-After: 120\r\n", 120000},
      {429, "retry-after:7\r\n", 7000},
      {503, "Retry-After: 0\r\n", 0},
      {503, "", 0},
      {503, "Retry-After: soon\r\n", 0},
      {429, "Retry-After: 1.5\r\n", 0},
      {503, "Retry-After: -1\r\n", 0},
      {503, "Retry-After: 18446744073709551617\r\n", 2147483647000},
      {503, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\n",
       60000},
      {429, "Retry-After: Sunday, 06-Nov-94 08:49:38 GMT\r\nDate: Sun Nov  6 08:49:37 1994\r\n",
       1000},
      {503, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
       0},
      {503, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
       2147483647000},
      {500, "Retry-After: 120\r\n", 0},
      {408, "Retry-After: 120\r\n", 0},
      {301, "Retry-After: 120\r\n", 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bytes answer = {0};
    bytes_print(&answer, "HTTP/1.1 %d No\r\nContent-Length: 0\r\n%s\r\n", rows[i].status,
                rows[i].fields);
    raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer.base, answer.len),
                  PEER_EXPECT_GONE);
    scenario_play(u);
    assert_refused(u, rows[i].status);
    assert_that(u->end.retry_after_ms == rows[i].ms, "row %zu", i);
    scenario_renew(u);
    bytes_free(&answer);
  }
}

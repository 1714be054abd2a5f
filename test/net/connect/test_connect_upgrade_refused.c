/* The server answers, and the answer is no: on_close is told what it said. */

#include <stdlib.h>
#include <string.h>

#include "support/answer.h"
#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

enum { KEPT = 4096 };

static void assert_refused(const observer *o, int http_status) {
  assert_ended(o, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE);
  assert_never_open(o);
  assert_int_equal(o->http_status, http_status);
}

static void assert_body(const observer *o, const char *text) {
  assert_string_equal(bytes_text(&o->body), text);
  assert_int_equal(o->body.len, strlen(text));
}

WORLD_TEST(test_upgrade_refused_shows_status_headers_and_body, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                          "content-length: 10\r\nX-Empty:\r\n\r\nwho are you?\n\x81\x02hi"),
                PEER_EXPECT_GONE);
  scene_play(&s);
  assert_refused(&s.o, 401);
  assert_string_equal(bytes_text(&s.o.headers), "WWW-Authenticate: Basic realm=\"x\"\n"
                                                "content-length: 10\nX-Empty: \n");
  assert_body(&s.o, "who are yo");
  scene_end(&s);
}

WORLD_TEST(test_upgrade_refused_without_a_body, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), PEER_EXPECT_GONE);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 204 No Content\r\n\r\n"),
                PEER_EXPECT_GONE);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 304\r\n\r\n"), PEER_EXPECT_GONE);
  static const int statuses[] = {403, 204, 304};
  for (size_t i = 0; i < 3; i++) {
    scene_play(&s);
    assert_refused(&s.o, statuses[i]);
    assert_int_equal(s.o.header_count, i == 0);
    assert_false(s.o.has_body);
  }
  scene_end(&s);
}

/* F10 */
WORLD_TEST(test_upgrade_refused_by_a_redirect_is_not_followed, w) {
  bytes answer = {0};
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer *elsewhere = raw_peer_new(w);
  bytes_print(&answer, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
              raw_peer_url(elsewhere, "/there"));
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer.base, answer.len),
                PEER_EXPECT_GONE);
  scene_play(&s);
  assert_refused(&s.o, 302);
  assert_non_null(strstr(bytes_text(&s.o.headers), "Location: ws://"));
  world_run(w);
  assert_int_equal(s.peer->accepted, 1);
  assert_int_equal(elsewhere->accepted, 0);
  scene_end(&s);
  bytes_free(&answer);
}

/* --- F12: the body is bounded --- */

static uint8_t *long_body(size_t n) {
  uint8_t *body = check_alloc(n);
  for (size_t i = 0; i < n; i++) body[i] = (uint8_t) ('a' + i % 26);
  return body;
}

static void assert_cut_body(const observer *o, const uint8_t *body) {
  assert_int_equal(o->body.len, KEPT);
  assert_memory_equal(o->body.base, body, KEPT);
}

WORLD_TEST(test_upgrade_refused_keeps_4_kib_of_the_body, w) {
  static const char *const heads[] = {
      "HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n",
      "HTTP/1.1 500 Oh\r\n\r\n",
      "HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
  };
  uint8_t *body = long_body(100000);
  scene s;
  scene_begin(&s, w, NULL);
  for (size_t i = 0; i < 3; i++) {
    raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(heads[i], strlen(heads[i])),
                  PEER_SEND_BYTES(body, 100000), PEER_EXPECT_GONE);
  }
  size_t idle = w->alloc->live_bytes;
  for (size_t i = 0; i < 3; i++) {
    scene_play(&s);
    assert_refused(&s.o, 500);
    assert_cut_body(&s.o, body);
    world_run(w);
    assert_in_range(w->alloc->peak_bytes - idle, 1, 32 * 1024);
  }
  scene_end(&s);
  free(body);
}

static void play_body(scene *s, uint8_t *body, size_t n) {
  static const char head[] = "HTTP/1.1 500 Oh\r\n\r\n";
  raw_peer_play(s->peer, PEER_EXPECT_REQUEST, PEER_SEND(head), PEER_SEND_BYTES(body, n), PEER_END,
                PEER_EXPECT_GONE);
  scene_play(s);
  assert_refused(&s->o, 500);
  assert_int_equal(s->o.body.len, n < KEPT ? n : KEPT);
  assert_memory_equal(s->o.body.base, body, s->o.body.len);
}

WORLD_TEST(test_upgrade_refused_with_a_body_around_4_kib, w) {
  uint8_t *body = long_body(KEPT + 1);
  for (size_t n = KEPT - 1; n <= KEPT + 1; n++) {
    scene s;
    scene_begin(&s, w, NULL);
    play_body(&s, body, n);
    scene_end(&s);
  }
  world_run(w);
  free(body);
}

WORLD_TEST(test_upgrade_refused_with_a_chunked_body, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "4\r\ncome\r\n6;x=y\r\n later\r\n0\r\nX-Behind: 1\r\n\r\n"),
                PEER_EXPECT_GONE);
  scene_play(&s);
  assert_refused(&s.o, 503);
  assert_body(&s.o, "come later");
  assert_string_equal(bytes_text(&s.o.headers), "Transfer-Encoding: chunked\n");
  scene_end(&s);
}

/* --- the body ends with the connection --- */

static void play_until_end(scene *s, const char *answer, size_t n) {
  raw_peer_play(s->peer, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(answer, n), PEER_END,
                PEER_EXPECT_GONE);
  scene_play(s);
}

/* Whatever was promised: what came is what there is. */
WORLD_TEST(test_upgrade_refused_with_a_body_up_to_the_end, w) {
  static const char *const answers[] = {
      "HTTP/1.1 400 Bad\r\n\r\nno such thing",
      "HTTP/1.1 400 Bad\r\nContent-Length: 100\r\n\r\nno such thing",
      "HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nno such thing",
  };
  for (size_t i = 0; i < 3; i++) {
    scene s;
    scene_begin(&s, w, NULL);
    play_until_end(&s, answers[i], strlen(answers[i]));
    assert_refused(&s.o, 400);
    assert_body(&s.o, "no such thing");
    scene_end(&s);
  }
}

WORLD_TEST(test_upgrade_refused_and_cut_anywhere, w) {
  static const char answer[] = "HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n123456789";
  const size_t head = (size_t) (strstr(answer, "\r\n\r\n") + 4 - answer);
  for (size_t n = 1; n < sizeof answer; n++) {
    scene s;
    scene_begin(&s, w, NULL);
    play_until_end(&s, answer, n);
    if (n < head) {
      assert_ended(&s.o, UV_EOF, WSUV_STAGE_HANDSHAKE);
    } else {
      assert_refused(&s.o, 400);
      assert_int_equal(s.o.body.len, n - head);
      assert_int_equal(strncmp(bytes_text(&s.o.body), answer + head, n - head), 0);
    }
    scene_end(&s);
  }
}

/* The status is known, whatever becomes of the body. */
WORLD_TEST(test_upgrade_refused_and_reset_in_the_body, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n123"), PEER_DELAY(20),
                PEER_RESET);
  scene_play(&s);
  assert_ended(&s.o, WSUV_ESTATUS, WSUV_STAGE_HANDSHAKE);
  assert_never_open(&s.o);
  assert_int_equal(s.o.http_status, 400);
  scene_end(&s);
}

/* By an older HTTP, too, it is a refusal with a status. */
WORLD_TEST(test_upgrade_refused_by_http_1_0, w) {
  static const char answer[] = "HTTP/1.0 404 Not Found\r\nServer: old\r\n\r\nnot here";
  scene s;
  scene_begin(&s, w, NULL);
  play_until_end(&s, answer, strlen(answer));
  assert_refused(&s.o, 404);
  assert_string_equal(bytes_text(&s.o.headers), "Server: old\n");
  assert_body(&s.o, "not here");
  scene_end(&s);
}

WORLD_TEST(test_upgrade_refused_after_interim_answers, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 103 Early\r\n"
                          "Link: x\r\n\r\nHTTP/1.1 403 No\r\nX-B: 2\r\nContent-Length: 1\r\n\r\n!"),
                PEER_EXPECT_GONE);
  scene_play(&s);
  assert_refused(&s.o, 403);
  assert_string_equal(bytes_text(&s.o.headers), "X-B: 2\nContent-Length: 1\n");
  assert_body(&s.o, "!");
  scene_end(&s);
}

/* All that 101 needs is there, but it is no 101. */
static void answer_200(raw_conn *c) {
  answer_write(c, "HTTP/1.1 200 OK\r\n" ANSWER_UPGRADE ANSWER_ACCEPT
                  "Content-Length: 4\r\n\r\n\x81\x02hi\x81\x02yo");
}

WORLD_TEST(test_upgrade_refused_by_any_status_but_101, w) {
  scene s;
  scene_begin(&s, w, NULL);
  raw_peer_play(s.peer, PEER_EXPECT_REQUEST, PEER_CALL(answer_200), PEER_EXPECT_GONE);
  scene_play(&s);
  assert_refused(&s.o, 200);
  assert_int_equal(s.o.body.len, 4);
  scene_end(&s);
}

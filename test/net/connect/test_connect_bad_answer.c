/* Answers that are wrong in one place each. Frames are glued behind all of them, and none is looked
   at. F1 F4 F5 F12 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/answer.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

#define FRAMES "\x81\x05hello\x88\x02\x03\xe8"
#define SWITCH ANSWER_SWITCH
#define UPGRADE ANSWER_UPGRADE
#define ACCEPT ANSWER_ACCEPT
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"
#define INTERIM_8 INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM INTERIM

enum { ANY = -1 };

typedef struct bad_answer {
  int code;
  int http_status; /* or ANY, where the status line itself may be what is wrong */
  const char *text;
} bad_answer;

static const bad_answer bad_answers[] = {
    /* not HTTP/1.1, malformed */
    {WSUV_EHTTP, ANY, "HTTP/1.0 101 OK\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, "HTTP/2.0 101 OK\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, "HTTP/1.1 1010 OK\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, "HTTP/1.1 10 OK\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, "SSH-2.0-OpenSSH_9.2\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, "\x15\x03\x03\x02\x28\r\n\r\n"},
    {WSUV_EHTTP, ANY, SWITCH " folded\r\n" UPGRADE ACCEPT "\r\n"},
    {WSUV_EHTTP, ANY, SWITCH UPGRADE ACCEPT "no colon\r\n\r\n"},
    {WSUV_EHTTP, ANY, SWITCH UPGRADE ACCEPT "X A: 1\r\n\r\n"},
    {WSUV_EHTTP, ANY, SWITCH UPGRADE ACCEPT "X-A : 1\r\n\r\n"},
    {WSUV_EHTTP, ANY, SWITCH UPGRADE ACCEPT ": 1\r\n\r\n"},
    {WSUV_EHTTP, ANY, SWITCH UPGRADE ACCEPT "X-A: \x01\r\n\r\n"},
    /* Upgrade, Connection */
    {WSUV_EUPGRADE, 101, SWITCH "Connection: Upgrade\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH "Upgrade: \r\nConnection: Upgrade\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH "Upgrade: websocket2\r\nConnection: Upgrade\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH UPGRADE "Upgrade: h2c\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH "Upgrade: websocket\r\n" ACCEPT "\r\n"},
    {WSUV_EUPGRADE, 101, SWITCH "Upgrade: websocket\r\nConnection: keep-alive\r\n" ACCEPT "\r\n"},
    /* Sec-WebSocket-Accept */
    {WSUV_EACCEPT, 101, SWITCH UPGRADE "\r\n"},
    {WSUV_EACCEPT, 101, SWITCH UPGRADE "Sec-WebSocket-Accept:\r\n\r\n"},
    {WSUV_EACCEPT, 101, SWITCH UPGRADE ACCEPT ACCEPT "\r\n"},
    {WSUV_EACCEPT, 101, SWITCH UPGRADE "Sec-WebSocket-Accept: {accept}, {accept}\r\n\r\n"},
    {WSUV_EACCEPT, 101, SWITCH UPGRADE "Sec-WebSocket-Accept: {accept}=\r\n\r\n"},
    {WSUV_EACCEPT, 101,
     SWITCH UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"},
    /* Sec-WebSocket-Protocol: "chat" was offered */
    {WSUV_ESUBPROTOCOL, 101, ANSWER_HEAD "Sec-WebSocket-Protocol: other\r\n\r\n"},
    {WSUV_ESUBPROTOCOL, 101, ANSWER_HEAD "Sec-WebSocket-Protocol: Chat\r\n\r\n"},
    {WSUV_ESUBPROTOCOL, 101, ANSWER_HEAD "Sec-WebSocket-Protocol: \r\n\r\n"},
    {WSUV_ESUBPROTOCOL, 101, ANSWER_HEAD "Sec-WebSocket-Protocol: chat, talk\r\n\r\n"},
    {WSUV_ESUBPROTOCOL, 101,
     ANSWER_HEAD "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n"},
    /* Sec-WebSocket-Extensions: none was offered */
    {WSUV_EEXTENSION, 101, ANSWER_HEAD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"},
    /* more than 8 answers before */
    {WSUV_EHEADERS, 100, INTERIM_8 INTERIM ANSWER_101},
};

enum { BAD_ANSWERS = sizeof bad_answers / sizeof *bad_answers };

typedef struct answering {
  const char *text;
  size_t cut; /* the rest in a turn of its own */
  bytes all;
} answering;

static void write_first(raw_conn *c) {
  answering *a = c->peer->data;
  bytes_free(&a->all);
  answer_text(&a->all, c, a->text);
  bytes_add(&a->all, FRAMES, sizeof FRAMES - 1);
  if (a->cut > a->all.len) a->cut = a->all.len;
  raw_conn_write(c, a->all.base, a->cut);
}

static void write_rest(raw_conn *c) {
  const answering *a = c->peer->data;
  raw_conn_write(c, a->all.base + a->cut, a->all.len - a->cut);
}

static const char *const chat[] = {"chat"};

static void begin_answering(session_user *u, answering *a) {
  u->config.subprotocols = chat;
  u->config.subprotocol_count = 1;
  u->peer->raw->data = a;
  u->peer->raw->lenient = true; /* with those who leave because of the answer */
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_CALL(write_first), PEER_TURN,
                PEER_CALL(write_rest), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

static void end_answering(session_user *u, answering *a) {
  scenario_finish(u);
  bytes_free(&a->all);
}

static void assert_fails(session_user *u, const bad_answer *bad) {
  scenario_play(u);
  if (u->end.status != bad->code) print_message("answer: %s\n", bad->text);
  assert_true(user_ended_by(u, bad->code, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  if (bad->http_status != ANY) assert_int_equal(u->end.http_status, bad->http_status);
  assert_true(u->end.detail[0] != '\0');
  assert_int_equal(u->end.header_count, 0);
  assert_false(u->end.has_body);
}

SCENARIO_TEST(test_bad_answer_has_a_code_for_each_fault, w, p, u) {
  answering a = {0};
  begin_answering(u, &a);
  for (size_t i = 0; i < BAD_ANSWERS; i++) {
    a.text = bad_answers[i].text;
    a.cut = SIZE_MAX;
    assert_fails(u, &bad_answers[i]);
  }
  end_answering(u, &a);
}

SCENARIO_TEST(test_bad_answer_cut_in_two, w, p, u) {
  answering a = {0};
  begin_answering(u, &a);
  for (size_t i = 0; i < BAD_ANSWERS; i++) {
    a.text = bad_answers[i].text;
    a.cut = (size_t) (w->seed * 31 + i * 7) % strlen(a.text);
    assert_fails(u, &bad_answers[i]);
  }
  end_answering(u, &a);
}

/* What may be so, and is no fault. */
SCENARIO_TEST(test_good_answers_of_every_form, w, p, u) {
  static const char *const good[] = {
      ANSWER_101,
      INTERIM_8 ANSWER_101,
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" ANSWER_101,
      "HTTP/1.1 101\r\n" UPGRADE ACCEPT "\r\n",
      SWITCH
      "UPGRADE: WebSocket\r\nCONNECTION: keep-alive,\tupGrade \r\nSEC-WEBSOCKET-ACCEPT:{accept}"
      "\t\r\n\r\n",
      SWITCH "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n" ACCEPT
             "\r\n",
      ANSWER_HEAD "Sec-WebSocket-Protocol: chat\r\n\r\n",
  };
  answering a = {.cut = SIZE_MAX};
  begin_answering(u, &a);
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    a.text = good[i];
    scenario_play(u);
    assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
    assert_true(user_got(u, "TEXT \"hello\""));
    assert_true(u->end.clean);
  }
  end_answering(u, &a);
}

/* --- F1: as large, as many --- */

static void play_head(session_user *u, answering *a, const bytes *head) {
  a->text = bytes_text(head);
  a->cut = SIZE_MAX;
  scenario_play(u);
}

/* "{accept}" is made 28 characters. */
static void head_of_size(bytes *head, size_t size) {
  const size_t grows = 28 - strlen("{accept}");
  bytes_free(head);
  bytes_print(head, ANSWER_HEAD "X: ");
  while (head->len + grows < size - 4) bytes_add(head, "x", 1);
  bytes_add(head, "\r\n\r\n", 4);
}

SCENARIO_TEST(test_bad_answer_that_is_too_large, w, p, u) {
  bytes head = {0};
  answering a = {0};
  begin_answering(u, &a);
  head_of_size(&head, 16 * 1024);
  play_head(u, &a, &head);
  assert_int_equal(u->opens, 1);
  head_of_size(&head, 16 * 1024 + 1);
  play_head(u, &a, &head);
  assert_true(user_ended_by(u, WSUV_EHEADERS, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  bytes_free(&head);
  end_answering(u, &a);
}

static void head_of_fields(bytes *head, size_t count) {
  bytes_free(head);
  bytes_print(head, ANSWER_HEAD);
  for (size_t i = 3; i < count; i++) bytes_print(head, "X: \r\n");
  bytes_print(head, "\r\n");
}

SCENARIO_TEST(test_bad_answer_of_too_many_fields, w, p, u) {
  bytes head = {0};
  answering a = {0};
  begin_answering(u, &a);
  head_of_fields(&head, 100);
  play_head(u, &a, &head);
  assert_int_equal(u->opens, 1);
  head_of_fields(&head, 101);
  play_head(u, &a, &head);
  assert_true(user_ended_by(u, WSUV_EHEADERS, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  bytes_free(&head);
  end_answering(u, &a);
}

/* A line that never ends, and fields without end: what is kept is bounded. */
static void play_bomb(session_user *u, const char *start, const char *more) {
  enum { REPEATS = 50000 };
  size_t len = strlen(more);
  char *bomb = check_alloc(REPEATS * len);
  for (size_t i = 0; i < REPEATS; i++) memcpy(bomb + i * len, more, len);
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_SEND_BYTES(start, strlen(start)),
                PEER_SEND_BYTES(bomb, REPEATS * len), PEER_EXPECT_GONE);
  (void) user_client(u);
  size_t idle = u->w->alloc->live_bytes;
  scenario_play(u);
  assert_true(user_ended_by(u, WSUV_EHEADERS, WSUV_STAGE_HANDSHAKE));
  assert_true(u->w->alloc->peak_bytes - idle <= 96 * 1024);
  free(bomb);
}

SCENARIO_TEST(test_bad_answer_without_end, w, p, u) {
  static const char *const more[] = {"x", "X-Name: value\r\n", "X:\r\n"};
  for (size_t i = 0; i < 3; i++) {
    scenario_renew(u);
    play_bomb(u, ANSWER_SWITCH "X: ", more[i]);
  }
}

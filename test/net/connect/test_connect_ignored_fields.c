/* F6: a 101 with the fields of a body opens the session, its frames are read as frames, and the log
   names the field. Servers send these, and proxies pass them on. */

#include <stdio.h>
#include <string.h>

#include "support/answer.h"
#include "support/scenario.h"
#include "testkit/check.h"

#define FRAMES "\x81\x05hello\x88\x02\x03\xe8"

typedef struct ignored {
  const char *answer;
  char lines[256];
} ignored;

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  ignored *i = arg;
  size_t len = strlen(i->lines);
  (void) session;
  if (strstr(text, "ignored") == NULL) return;
  CHECK(level == WSUV_LOG_INFO);
  (void) snprintf(i->lines + len, sizeof i->lines - len, "%s\n", text);
}

static void write_answer(raw_conn *c) {
  const ignored *i = c->peer->data;
  bytes all = {0};
  answer_text(&all, c, i->answer);
  bytes_add(&all, FRAMES, sizeof FRAMES - 1);
  raw_conn_write(c, all.base, all.len);
  bytes_free(&all);
}

/* `name` of the field in the log; NULL: no field is ignored. */
static void play(session_user *u, const char *answer, const char *name) {
  ignored i = {.answer = answer};
  char expected[256] = "";
  scenario_renew(u);
  u->config.log = on_line;
  u->config.log_arg = &i;
  u->config.log_level = WSUV_LOG_INFO;
  u->peer->raw->data = &i;
  raw_peer_play(u->peer->raw, PEER_EXPECT_REQUEST, PEER_CALL(write_answer), PEER_EXPECT_CLOSE(1000),
                PEER_END, PEER_EXPECT_END);
  scenario_play(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(user_got(u, "TEXT \"hello\""));
  if (name != NULL) {
    (void) snprintf(expected, sizeof expected, "%s of the response is ignored\n", name);
  }
  assert_string_equal(i.lines, expected);
  scenario_finish(u);
}

SCENARIO_TEST(test_ignored_content_length, w, p, u) {
  play(u, ANSWER_HEAD "Content-Length: 0\r\n\r\n", "Content-Length");
  play(u, ANSWER_HEAD "Content-Length: 5\r\n\r\n", "Content-Length");
  play(u, ANSWER_HEAD "content-length: many\r\n\r\n", "Content-Length");
}

SCENARIO_TEST(test_ignored_transfer_encoding, w, p, u) {
  play(u, ANSWER_HEAD "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding");
}

SCENARIO_TEST(test_nothing_ignored_in_other_answers, w, p, u) {
  play(u, ANSWER_101, NULL);
  play(u, "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" ANSWER_101, NULL);
}

/* The scenarios of the suite of Ktor's plugin for servers, with its names: what routes and sessions
   promise to the program. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

enum {
  BIG = 20 * 1024 * 1024, /* bytes of a message */
  BOUND = 1000,           /* bytes of a frame or a message that may come */
  ROUNDS = 20             /* of a conversation */
};

SERVER_TLS_TEST(test_plugin_echo, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\" ; BIN 00ff");
  raw_client_run_to_frames(c, 2);
  raw_client_send_frames(c, "CLOSE #1000 \"done\"");
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "TEXT \"hello\" ; BIN 00ff ; CLOSE #1000"));
}

/* --- converters --- */

/* What `type` points to: the name of the one member that the values have. NULL: "number". */
typedef struct shape {
  const char *member;
} shape;

static const char *member_of(const void *type) {
  return type != NULL ? ((const shape *) type)->member : "number";
}

static int to_json(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  char *text = check_alloc(64);
  (void) arg;
  frame->len = (size_t) snprintf(text, 64, "{\"%s\": %d}", member_of(type), *(const int *) value);
  frame->data = text;
  return 0;
}

static void release_json(void *arg, wsuv_frame_t *frame) {
  (void) arg;
  free((void *) (uintptr_t) frame->data);
}

static int from_json(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  char text[64] = "", name[32];
  (void) arg;
  if (frame->len >= sizeof text) return -1;
  memcpy(text, frame->data, frame->len);
  if (sscanf(text, "{\"%31[a-z]\": %d}", name, (int *) value) != 2) return -1;
  return strcmp(name, member_of(type)) == 0 ? 0 : -1;
}

static void use_json(server_user *s, wsuv_converter_t *json) {
  wsuv_converter_init(json);
  json->serialize = to_json;
  json->release = release_json;
  json->deserialize = from_json;
  s->config.converter = json;
}

static void double_it(session_user *u, const wsuv_message_t *m, const shape *type) {
  int number;
  int err = user_deserialize(u, m, type, &number);
  if (err == 0) {
    number *= 2;
    CHECK(user_value(u, 'a', &number, type) == 0);
  } else {
    CHECK(err == WSUV_ECONVERT);
    CHECK(user_text(u, "no") == 0);
  }
}

static void double_number(session_user *u, const wsuv_message_t *m) {
  double_it(u, m, NULL);
}

static void double_price(session_user *u, const wsuv_message_t *m) {
  static const shape price = {"price"};
  double_it(u, m, &price);
}

SERVER_TEST(test_plugin_json_by_converter, w, s) {
  wsuv_converter_t json;
  use_json(s, &json);
  s->each.at_message = double_number;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"{\" 22 \"number\" 22 \": 21}\" ; TEXT \"{}\"");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"{\" 22 \"number\" 22 \": 42}\" ; TEXT \"no\""));
}

SERVER_TEST(test_plugin_json_with_an_explicit_type, w, s) {
  wsuv_converter_t json;
  use_json(s, &json);
  s->each.at_message = double_price;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"{\" 22 \"price\" 22 \": 21}\" ; "
                            "TEXT \"{\" 22 \"number\" 22 \": 21}\"");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"{\" 22 \"price\" 22 \": 42}\" ; TEXT \"no\""));
}

static void convert_in_vain(session_user *u, const wsuv_message_t *m) {
  int number = 7;
  CHECK(user_deserialize(u, m, NULL, &number) == WSUV_ENOCONVERTER);
  CHECK(number == 7);
  CHECK(user_value(u, 'a', &number, NULL) == WSUV_ENOCONVERTER);
  server_user_echo(u, m);
}

SERVER_TEST(test_plugin_no_converter, w, s) {
  s->each.at_message = convert_in_vain;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"a\" ; TEXT \"b\"");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"a\" ; TEXT \"b\""));
  assert_int_equal(wsuv_session_stage(server_user_session(s, 0)->session), WSUV_STAGE_OPEN);
}

/* --- conversations --- */

static void ask(session_user *u) {
  char text[32];
  (void) snprintf(text, sizeof text, "question %zu", u->messages);
  CHECK(user_text(u, text) == 0);
}

static void ask_next(session_user *u, const wsuv_message_t *m) {
  char wanted[32];
  int len = snprintf(wanted, sizeof wanted, "answer to question %zu", u->messages - 1);
  CHECK(m->len == (size_t) len && memcmp(m->data, wanted, m->len) == 0);
  if (u->messages < ROUNDS) {
    ask(u);
  } else {
    CHECK(user_close(u, 1000, "no more questions") == 0);
  }
}

static void answer(session_user *u, const wsuv_message_t *m) {
  char text[64];
  (void) snprintf(text, sizeof text, "answer to %.*s", (int) m->len, (const char *) m->data);
  CHECK(user_text(u, text) == 0);
}

SERVER_TLS_TEST(test_plugin_conversation, w, s) {
  session_user client;
  s->each.at_open = ask;
  s->each.at_message = ask_next;
  server_user_start(s);
  user_init(&client, w, NULL);
  client.at_message = answer;
  assert_int_equal(user_try_connect_url(&client, server_user_url(s, "/")), 0);
  user_run_to_close(&client);
  server_user_run_to_closes(s, 1);
  assert_int_equal(client.messages, ROUNDS);
  assert_true(user_ended_cleanly(&client, 1000, 1000));
  assert_string_equal(client.end.reason, "no more questions");
  assert_true(user_ended_cleanly(server_user_session(s, 0), 1000, 1000));
  user_finish(&client);
}

static void tell_parameters(session_user *u) {
  const wsuv_session_t *session = u->session;
  char text[128];
  const char *rest = wsuv_session_param(session, "rest");
  CHECK(wsuv_session_param(session, "other") == NULL);
  (void) snprintf(text, sizeof text, "%s|%s|%s", wsuv_session_param(session, "room"), rest,
                  wsuv_session_query(u->session, "token"));
  CHECK(user_text(u, text) == 0);
}

SERVER_TEST(test_plugin_path_parameters, w, s) {
  s->each.at_open = tell_parameters;
  server_user_route(s, "/rooms/{room}/{rest...}");
  server_user_listen(s);
  raw_client *c = server_user_connect(s, "/rooms/a%20b%2Fc/x/y?token=t%31+2&token=no");
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"a b/c|x/y|t1 2\""));
  c = server_user_connect(s, "/rooms/1/?token=");
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"1||\""));
}

/* --- sizes --- */

static void take_big(session_user *u, const wsuv_message_t *m) {
  const uint8_t *data = m->data;
  CHECK(m->type == WSUV_FRAME_BINARY && m->len == BIG);
  for (size_t i = 0; i < m->len; i += 4099) CHECK(data[i] == 'b');
  CHECK(user_close(u, 1000, NULL) == 0);
}

SERVER_TEST(test_plugin_big_frame, w, s) {
  session_user client;
  wsuv_config_t config;
  if (w->seed > 0) return;
  wsuv_client_config_init(&config);
  config.max_message_size = config.outgoing_max = s->config.max_message_size =
      s->config.outgoing_max = BIG;
  config.fragment_size = 0;
  s->each.forgets = true;
  server_user_start(s);
  user_init(&client, w, &config);
  client.forgets = true;
  client.at_message = take_big;
  assert_int_equal(user_try_connect_url(&client, server_user_url(s, "/")), 0);
  user_run_to_open(&client);
  uint8_t *data = check_alloc(BIG);
  memset(data, 'b', BIG);
  assert_int_equal(user_binary(&client, data, BIG), 0);
  free(data);
  user_run_to_close(&client);
  assert_true(user_ended_cleanly(&client, 1000, 1000));
  user_finish(&client);
}

SERVER_TEST(test_plugin_fragments, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT- \"one \" e282 ; PING 01 ; CONT- ; CONT- ac ; CONT \" two\" ; "
                            "BIN- 00 ; CONT ff");
  raw_client_run_to_frames(c, 3);
  session_user *u = server_user_session(s, 0);
  assert_true(user_got(u, "PING 01 ; TEXT \"one \" e282ac \" two\" ; BIN 00ff"));
  assert_true(raw_client_saw(c, "PONG 01 ; TEXT \"one \" e282ac \" two\" ; BIN 00ff"));
}

/* It ends with 1009, and what came before was delivered. */
static void check_too_big(server_user *s, raw_client *c, const char *detail) {
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  const session_user *u = server_user_session(s, 0);
  assert_true(user_ended_by(u, WSUV_ETOOBIG, WSUV_STAGE_OPEN));
  assert_string_equal(u->end.detail, detail);
  assert_int_equal(u->end.sent_code, 1009);
  assert_true(user_got(u, "TEXT \"before\""));
  assert_int_equal(c->frames, 2);
}

SERVER_TEST(test_plugin_frame_too_big, w, s) {
  s->config.max_frame_size = BOUND;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"before\" ; BIN 00~1001 ; TEXT \"behind\"");
  check_too_big(s, c, "frame too large");
}

SERVER_TEST(test_plugin_fragmented_message_too_big, w, s) {
  s->config.max_message_size = BOUND;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"before\" ; BIN- 00~500 ; CONT- 00~500 ; CONT 00");
  check_too_big(s, c, "message too large");
}

SERVER_TEST(test_plugin_exactly_at_the_bound, w, s) {
  s->config.max_frame_size = s->config.max_message_size = BOUND;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "BIN 00~1000 ; BIN- 01~500 ; CONT- 01~500 ; CONT");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "BIN 00~1000 ; BIN 01~1000"));
}

/* --- after closing --- */

SERVER_TEST(test_plugin_send_after_close, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  session_user *u = server_user_session(s, 0);
  assert_int_equal(user_text(u, "before"), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_text(u, "behind"), WSUV_ESTATE);
  raw_client_run_to_frames(c, 2);
  assert_int_equal(user_text(u, "behind"), WSUV_ESTATE);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "TEXT \"before\" ; CLOSE #1000"));
}

SERVER_TEST(test_plugin_flush_after_close, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  session_user *u = server_user_session(s, 0);
  assert_int_equal(user_text(u, "before"), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_flush(u, 'a'), 0);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  assert_int_equal(u->closes, 0);
  raw_client_send_frames(c, "CLOSE #1000");
  server_user_run_to_closes(s, 1);
}

/* The scenarios of the suite of Ktor's plugin for servers, with its names, as conversations.
   test/net/server/test_server_plugin.c has them over sockets, too. */

#include <stdio.h>
#include <string.h>

#include <wsuv/converter.h>

#include "support/kit_user.h"
#include "testkit/check.h"

enum {
  BIG = 20 * 1024 * 1024, /* bytes of a message */
  BOUND = 1000,           /* bytes of a frame or a message that may come */
  ROUNDS = 20             /* of a conversation */
};

TEST(test_plugin_echo) {
  kit_user u;
  kit_user_begin(&u, 1, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_text(talk, "hello"));
  assert_ok(wsuv_conversation_expect_text(talk, "hello"));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, "\0\xff", 2));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, "\0\xff", 2));
  assert_ok(wsuv_conversation_close(talk, 1000, "done"));
  kit_user_end(&u);
}

/* --- converters --- */

static const char *member_of(const void *type) {
  return type != NULL ? type : "number";
}

static int to_json(void *arg, const void *value, const void *type, wsuv_frame_t *frame) {
  char *text = arg;
  int len = snprintf(text, 64, "{\"%s\": %d}", member_of(type), *(const int *) value);
  frame->data = text;
  frame->len = (size_t) len;
  return 0;
}

static int from_json(void *arg, const wsuv_frame_t *frame, const void *type, void *value) {
  char text[64] = "", name[32];
  (void) arg;
  if (frame->len >= sizeof text) return -1;
  memcpy(text, frame->data, frame->len);
  if (sscanf(text, "{\"%31[a-z]\": %d}", name, (int *) value) != 2) return -1;
  return strcmp(name, member_of(type)) == 0 ? 0 : -1;
}

static void answer_double(wsuv_session_t *s, const wsuv_message_t *m, const char *type) {
  int number = 0;
  int err = wsuv_message_deserialize(s, m, type, &number);
  number *= 2;
  if (err == 0) CHECK(wsuv_send_serialized(s, &number, type, NULL, NULL) == 0);
  if (err < 0) CHECK(wsuv_send_text(s, wsuv_err_name(err), strlen(wsuv_err_name(err))) == 0);
}

static void double_number(wsuv_session_t *s, const wsuv_message_t *m) {
  answer_double(s, m, NULL);
}

static void double_price(wsuv_session_t *s, const wsuv_message_t *m) {
  answer_double(s, m, "price");
}

/* A server whose converter is this, and a conversation with a route that doubles. */
static wsuv_conversation_t *begin_double(kit_user *u, bool converts,
                                         void (*on_message)(wsuv_session_t *s,
                                                            const wsuv_message_t *m)) {
  static char text[64];
  wsuv_config_t config;
  wsuv_converter_t json;
  wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_message = on_message};
  wsuv_converter_init(&json);
  json.arg = text;
  json.serialize = to_json;
  json.deserialize = from_json;
  wsuv_server_config_init(&config);
  if (converts) config.converter = &json;
  kit_user_begin(u, 2, &config);
  kit_user_route(u, "/double", &callbacks);
  return kit_user_talk(u, "/double");
}

TEST(test_plugin_json_by_converter) {
  kit_user u;
  wsuv_conversation_t *talk = begin_double(&u, true, double_number);
  assert_ok(wsuv_conversation_send_text(talk, "{\"number\": 21}"));
  assert_ok(wsuv_conversation_expect_text(talk, "{\"number\": 42}"));
  assert_ok(wsuv_conversation_send_text(talk, "{}"));
  assert_ok(wsuv_conversation_expect_text(talk, "WSUV_ECONVERT"));
  kit_user_end(&u);
}

TEST(test_plugin_json_with_an_explicit_type) {
  kit_user u;
  wsuv_conversation_t *talk = begin_double(&u, true, double_price);
  assert_ok(wsuv_conversation_send_text(talk, "{\"price\": 21}"));
  assert_ok(wsuv_conversation_expect_text(talk, "{\"price\": 42}"));
  assert_ok(wsuv_conversation_send_text(talk, "{\"number\": 21}"));
  assert_ok(wsuv_conversation_expect_text(talk, "WSUV_ECONVERT"));
  kit_user_end(&u);
}

TEST(test_plugin_no_converter) {
  kit_user u;
  wsuv_conversation_t *talk = begin_double(&u, false, double_number);
  for (int i = 0; i < 2; i++) {
    assert_ok(wsuv_conversation_send_text(talk, "{\"number\": 21}"));
    assert_ok(wsuv_conversation_expect_text(talk, "WSUV_ENOCONVERTER"));
  }
  kit_user_end(&u);
}

/* --- conversations --- */

static void ask(wsuv_session_t *s) {
  size_t number = (size_t) (uintptr_t) wsuv_session_data(s);
  char text[32];
  int len = snprintf(text, sizeof text, "question %zu", number);
  wsuv_session_set_data(s, (void *) (uintptr_t) (number + 1));
  if (number < ROUNDS) CHECK(wsuv_send_text(s, text, (size_t) len) == 0);
  if (number == ROUNDS) CHECK(wsuv_session_close(s, 1000, "no more questions") == 0);
}

static void ask_next(wsuv_session_t *s, const wsuv_message_t *m) {
  CHECK(m->len > 7 && memcmp(m->data, "answer ", 7) == 0);
  ask(s);
}

TEST(test_plugin_conversation) {
  static const wsuv_callbacks_t askers = {WSUV_CALLBACKS_INIT, .on_open = ask,
                                          .on_message = ask_next};
  kit_user u;
  const wsuv_close_info_t *info;
  kit_user_begin(&u, 3, NULL);
  assert_ok(wsuv_server_route(u.server, "/ask", &askers, NULL));
  wsuv_conversation_t *talk = kit_user_talk(&u, "/ask");
  for (size_t i = 0; i < ROUNDS; i++) {
    char question[32], answer[32];
    (void) snprintf(question, sizeof question, "question %zu", i);
    (void) snprintf(answer, sizeof answer, "answer %zu", i);
    assert_ok(wsuv_conversation_expect_text(talk, question));
    assert_ok(wsuv_conversation_send_text(talk, answer));
  }
  assert_ok(wsuv_conversation_expect_close(talk, 1000));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_string_equal(info->reason, "no more questions");
  kit_user_end(&u);
}

static void tell_parameters(wsuv_session_t *s) {
  char text[128];
  CHECK(wsuv_session_param(s, "other") == NULL);
  int len = snprintf(text, sizeof text, "%s|%s|%s", wsuv_session_param(s, "room"),
                     wsuv_session_param(s, "rest"), wsuv_session_query(s, "token"));
  CHECK(wsuv_send_text(s, text, (size_t) len) == 0);
}

TEST(test_plugin_path_parameters) {
  static const wsuv_callbacks_t tellers = {WSUV_CALLBACKS_INIT, .on_open = tell_parameters};
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  kit_user_route(&u, "/rooms/{room}/{rest...}", &tellers);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/rooms/a%20b%2Fc/x/y?token=t%31+2&token=no");
  assert_ok(wsuv_conversation_expect_text(talk, "a b/c|x/y|t1 2"));
  talk = kit_user_talk(&u, "/rooms/1/?token=");
  assert_ok(wsuv_conversation_expect_text(talk, "1||"));
  kit_user_end(&u);
}

/* --- sizes --- */

/* A server that takes frames and messages of these sizes. */
static wsuv_conversation_t *begin_bounded(kit_user *u, size_t frame, size_t message) {
  wsuv_request_t request;
  wsuv_config_t ours, theirs;
  wsuv_server_config_init(&theirs);
  wsuv_client_config_init(&ours);
  theirs.max_frame_size = frame;
  theirs.max_message_size = message;
  ours.max_message_size = ours.outgoing_max = theirs.outgoing_max = BIG;
  ours.fragment_size = 0;
  kit_user_begin(u, 0, &theirs);
  wsuv_request_init(&request, NULL);
  request.config = &ours;
  return kit_user_ask(u, "/echo", &request);
}

TEST(test_plugin_big_frame) {
  static uint8_t data[BIG];
  kit_user u;
  wsuv_conversation_t *talk = begin_bounded(&u, BIG, BIG);
  memset(data, 'b', sizeof data);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, BIG));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, BIG));
  kit_user_end(&u);
}

/* One fragment of a binary message. */
static void send_part(wsuv_conversation_t *talk, const void *data, size_t len, bool fin) {
  wsuv_frame_t f;
  wsuv_frame_init(&f, WSUV_FRAME_BINARY, data, len);
  f.fin = fin;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
}

TEST(test_plugin_fragments) {
  kit_user u;
  wsuv_conversation_t *talk = begin_bounded(&u, BOUND, BOUND);
  send_part(talk, "one ", 4, false);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_PING, "?", 1));
  send_part(talk, "", 0, false);
  send_part(talk, "two", 3, true);
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, "one two", 7));
  kit_user_end(&u);
}

TEST(test_plugin_frame_too_big) {
  static const uint8_t data[BOUND + 1];
  kit_user u;
  wsuv_conversation_t *talk = begin_bounded(&u, BOUND, BIG);
  assert_ok(wsuv_conversation_send_text(talk, "before"));
  send_part(talk, data, sizeof data, true);
  assert_ok(wsuv_conversation_expect_text(talk, "before"));
  assert_ok(wsuv_conversation_expect_close(talk, 1009));
  kit_user_end(&u);
}

TEST(test_plugin_fragmented_message_too_big) {
  static const uint8_t data[BOUND];
  kit_user u;
  wsuv_conversation_t *talk = begin_bounded(&u, BIG, BOUND);
  send_part(talk, data, BOUND / 2, false);
  send_part(talk, data, BOUND / 2, false);
  send_part(talk, data, 1, true);
  assert_ok(wsuv_conversation_expect_close(talk, 1009));
  kit_user_end(&u);
}

TEST(test_plugin_exactly_at_the_bound) {
  static const uint8_t data[BOUND];
  kit_user u;
  wsuv_conversation_t *talk = begin_bounded(&u, BOUND, BOUND);
  send_part(talk, data, BOUND, true);
  send_part(talk, data, BOUND / 2, false);
  send_part(talk, data, BOUND / 2, false);
  send_part(talk, NULL, 0, true);
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, BOUND));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, BOUND));
  kit_user_end(&u);
}

/* --- after closing --- */

TEST(test_plugin_send_after_close) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/echo");
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_send_text(theirs, "before", 6));
  assert_ok(wsuv_session_close(theirs, 1000, NULL));
  assert_int_equal(wsuv_send_text(theirs, "behind", 6), WSUV_ESTATE);
  assert_ok(wsuv_conversation_expect_text(talk, "before"));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_CLOSE, "\x03\xe8", 2));
  assert_int_equal(wsuv_send_text(theirs, "behind", 6), WSUV_ESTATE);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_CLOSE, "\x03\xe8", 2));
  assert_ok(wsuv_conversation_expect_close(talk, 1000));
  kit_user_end(&u);
}

static void note_flush(wsuv_session_t *s, int status, void *arg) {
  CHECK(status == 0 && wsuv_session_stage(s) == WSUV_STAGE_CLOSING);
  *(bool *) arg = true;
}

static bool is_true(void *arg) {
  return *(bool *) arg;
}

TEST(test_plugin_flush_after_close) {
  kit_user u;
  bool flushed = false;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/echo");
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_send_text(theirs, "before", 6));
  assert_ok(wsuv_session_close(theirs, 1000, NULL));
  assert_ok(wsuv_flush(theirs, note_flush, &flushed));
  assert_ok(wsuv_testkit_run_until(u.kit, is_true, &flushed, 1000));
  assert_ok(wsuv_conversation_expect_text(talk, "before"));
  kit_user_end(&u);
}

/* What goes to and fro in a conversation: messages of all sizes, frames, pings, extensions. */

#include <stdlib.h>
#include <string.h>

#include <wsuv/deflate.h>
#include <wsuv/stats.h>

#include "support/kit_user.h"
#include "testkit/check.h"

TEST(test_messages_of_both_types_come_in_order) {
  static const uint8_t zeros[5] = {0, 255, 0, 1, 0};
  kit_user u;
  wsuv_message_t m;
  kit_user_begin(&u, 7, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_ok(wsuv_conversation_send_text(talk, "gr\xc3\xbc\xc3\x9f dich"));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, zeros, sizeof zeros));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_TEXT, "a\0b", 3));
  assert_ok(wsuv_conversation_send_text(talk, ""));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, NULL, 0));
  assert_ok(wsuv_conversation_expect_text(talk, "gr\xc3\xbc\xc3\x9f dich"));
  assert_ok(wsuv_conversation_receive(talk, &m));
  assert_int_equal(m.type, WSUV_FRAME_BINARY);
  assert_int_equal(m.len, sizeof zeros);
  assert_memory_equal(m.data, zeros, sizeof zeros);
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, "a\0b", 3));
  assert_ok(wsuv_conversation_expect_text(talk, ""));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, NULL, 0));
  kit_user_end(&u);
}

TEST(test_expectation_of_another_type_or_length_is_not_met) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  kit_user_expect_failures(&u);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  for (int i = 0; i < 3; i++) assert_ok(wsuv_conversation_send_text(talk, "abc"));
  assert_int_equal(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, "abc", 3), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, "abcd", 4), WSUV_ETEST);
  assert_int_equal(wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, "ab", 2), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "(seed 0)"));
  kit_user_end(&u);
}

TEST(test_sends_have_the_errors_of_sends) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  assert_int_equal(wsuv_conversation_send_text(talk, "\xff"), WSUV_EUTF8);
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "a", 1);
  frame.rsv1 = true;
  assert_int_equal(wsuv_conversation_send_frame(talk, &frame), UV_EINVAL);
  frame.size = 3;
  assert_int_equal(wsuv_conversation_send_frame(talk, &frame), WSUV_ESIZE);
  kit_user_end(&u);
}

/* --- sizes --- */

static void echo_large(size_t len) {
  kit_user u;
  wsuv_request_t request;
  wsuv_config_t ours, theirs;
  wsuv_client_config_init(&ours);
  wsuv_server_config_init(&theirs);
  ours.max_message_size = ours.outgoing_max = len;
  theirs.max_message_size = theirs.outgoing_max = len;
  kit_user_begin(&u, 0, &theirs);
  wsuv_request_init(&request, NULL);
  request.config = &ours;
  wsuv_conversation_t *talk = kit_user_ask(&u, "/echo", &request);
  uint8_t *data = check_alloc(len);
  for (size_t i = 0; i < len; i++) data[i] = (uint8_t) (i * 31 + i / 4099);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, len));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, len));
  check_free(data);
  kit_user_end(&u);
}

TEST(test_message_of_1_mib) {
  echo_large((size_t) 1 << 20);
}

TEST(test_message_of_20_mb) {
  echo_large(20 * 1000 * 1000);
}

/* --- waiting --- */

TEST(test_receive_waits_as_long_as_its_timeout) {
  kit_user u;
  wsuv_message_t m;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  uint64_t before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_conversation_receive(talk, &m), UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 60000, before + 60001);
  wsuv_conversation_set_timeout(talk, 250);
  before = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_conversation_receive(talk, &m), UV_ETIMEDOUT);
  assert_in_range(wsuv_testkit_now_ms(u.kit), before + 250, before + 251);
  assert_ok(wsuv_conversation_send_text(talk, "still open"));
  assert_ok(wsuv_conversation_expect_text(talk, "still open"));
  kit_user_end(&u);
}

static void send_twice_and_close(wsuv_session_t *s) {
  CHECK(wsuv_send_text(s, "one", 3) == 0);
  CHECK(wsuv_send_text(s, "two", 3) == 0);
  CHECK(wsuv_session_close(s, 4000, "enough") == 0);
}

TEST(test_messages_before_the_end_are_received_and_then_it_is_the_end) {
  static const wsuv_callbacks_t senders = {WSUV_CALLBACKS_INIT, .on_open = send_twice_and_close};
  kit_user u;
  wsuv_message_t m;
  wsuv_frame_t f;
  kit_user_begin(&u, 0, NULL);
  kit_user_route(&u, "/twice", &senders);
  kit_user_expect_failures(&u);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/twice");
  assert_ok(wsuv_conversation_closed(talk, NULL));
  assert_ok(wsuv_conversation_expect_text(talk, "one"));
  assert_ok(wsuv_conversation_receive(talk, &m));
  assert_memory_equal(m.data, "two", 3);
  assert_int_equal(wsuv_conversation_receive(talk, &m), UV_EOF);
  assert_int_equal(wsuv_conversation_receive_frame(talk, &f), UV_EOF);
  assert_int_equal(wsuv_conversation_expect_text(talk, "three"), WSUV_ETEST);
  assert_true(kit_user_failed_with(&u, "three"));
  kit_user_end(&u);
}

TEST(test_messages_that_come_while_closing_are_kept) {
  kit_user u;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  for (int i = 0; i < 10; i++) assert_ok(wsuv_conversation_send_text(talk, "kept"));
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  for (int i = 0; i < 10; i++) assert_ok(wsuv_conversation_expect_text(talk, "kept"));
  kit_user_end(&u);
}

/* --- frames --- */

static int send_part(wsuv_conversation_t *talk, wsuv_frame_type_t type, bool fin,
                     const char *text) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, type, text, strlen(text));
  frame.fin = fin;
  return wsuv_conversation_send_frame(talk, &frame);
}

static void send_fragments(wsuv_conversation_t *talk) {
  assert_ok(send_part(talk, WSUV_FRAME_TEXT, false, "one "));
  assert_ok(send_part(talk, WSUV_FRAME_PING, true, "?"));
  assert_ok(send_part(talk, WSUV_FRAME_TEXT, false, ""));
  assert_ok(send_part(talk, WSUV_FRAME_TEXT, true, "two"));
}

TEST(test_fragments_are_one_message_for_the_server) {
  kit_user u;
  wsuv_frame_t f;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  send_fragments(talk);
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PONG);
  assert_memory_equal(f.data, "?", f.len);
  assert_ok(wsuv_conversation_expect_text(talk, "one two"));
  kit_user_end(&u);
}

TEST(test_raw_conversation_receives_every_frame) {
  kit_user u;
  wsuv_message_t m;
  wsuv_frame_t f;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/echo");
  assert_int_equal(wsuv_conversation_receive(talk, &m), WSUV_ESTATE);
  send_fragments(talk);
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_PONG, "?", 1));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_TEXT);
  assert_true(f.fin && !f.continuation && !f.rsv1);
  assert_memory_equal(f.data, "one two", 7);
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_send_ping(theirs, "there?", 6));
  assert_ok(wsuv_session_close(theirs, 1000, NULL));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_PING, "there?", 6));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_CLOSE, "\x03\xe8", 2));
  assert_ok(wsuv_conversation_silent(talk, 1000));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_CLOSE, "\x03\xe8", 2));
  assert_ok(wsuv_conversation_closed(talk, NULL));
  kit_user_end(&u);
}

TEST(test_raw_conversation_can_break_the_rules) {
  kit_user u;
  wsuv_frame_t f;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/echo");
  wsuv_frame_init(&f, WSUV_FRAME_TEXT, "a", 1);
  f.rsv2 = true;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  uint16_t code;
  assert_ok(wsuv_frame_read_close(&f, &code, NULL, NULL));
  assert_int_equal(code, 1002);
  talk = kit_user_talk_raw(&u, "/echo");
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_TEXT, "\xff\xfe", 2));
  assert_ok(wsuv_conversation_expect_close(talk, 1007));
  kit_user_end(&u);
}

TEST(test_pings_and_pongs_are_received_as_frames) {
  kit_user u;
  wsuv_frame_t f;
  kit_user_begin(&u, 0, NULL);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_PING, "1", 1));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PONG);
  assert_int_equal(f.len, 1);
  assert_ok(wsuv_send_ping(theirs, "2", 1));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PING);
  assert_memory_equal(f.data, "2", 1);
  assert_ok(wsuv_conversation_send_text(talk, "3"));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_TEXT);
  assert_true(f.fin);
  assert_ok(wsuv_send_ping(theirs, "unseen", 6));
  assert_ok(wsuv_conversation_send_text(talk, "4"));
  assert_ok(wsuv_conversation_expect_text(talk, "4"));
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  assert_ok(wsuv_session_get_stats(theirs, &stats));
  assert_int_equal(stats.pongs_received, 2);
  kit_user_end(&u);
}

/* --- extensions --- */

TEST(test_permessage_deflate_by_the_configuration_of_the_request) {
  kit_user u;
  wsuv_extension_t deflate;
  wsuv_stats_t stats;
  char text[5000] = "";
  assert_ok(wsuv_permessage_deflate(&deflate, NULL));
  wsuv_conversation_t *talk = kit_user_extended(&u, &deflate);
  memset(text, 'a', sizeof text - 1);
  assert_ok(wsuv_conversation_send_text(talk, text));
  assert_ok(wsuv_conversation_expect_text(talk, text));
  assert_non_null(
      strstr(wsuv_conversation_header(talk, "Sec-WebSocket-Extensions"), "permessage-deflate"));
  wsuv_stats_init(&stats);
  assert_ok(wsuv_session_get_stats(wsuv_conversation_session(talk), &stats));
  assert_int_equal(stats.payload_received, sizeof text - 1);
  assert_true(stats.framed_received < 100 && stats.framed_sent < 100);
  kit_user_end(&u);
}

static int offer_flip(void *shared, size_t n, wsuv_extension_params_t *params) {
  (void) shared;
  (void) params;
  return n == 0;
}

static int accept_flip(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *params, size_t count, void **state,
                       const char **why) {
  (void) allocator;
  (void) params;
  (void) why;
  *state = shared;
  return count == 0 ? 0 : WSUV_EEXTENSION;
}

static int answer_flip(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *offered, size_t count,
                       wsuv_extension_params_t *answer, void **state) {
  (void) allocator;
  (void) offered;
  (void) answer;
  *state = shared;
  return count == 0;
}

static int flip(void *state, wsuv_extension_message_t *message, const wsuv_extension_chunk_t *chunk,
                wsuv_sink_t *sink) {
  size_t *flipped = state;
  for (size_t i = 0; i < chunk->len; i++) {
    const uint8_t byte = chunk->data[i] ^ 0xff;
    int err = wsuv_sink_write(sink, &byte, 1);
    if (err < 0) return err;
  }
  *flipped += chunk->len;
  message->rsv = WSUV_RSV2;
  return WSUV_EXTENSION_TAKEN;
}

TEST(test_extension_of_the_program_s_own) {
  kit_user u;
  size_t flipped = 0;
  wsuv_extension_t flipper;
  wsuv_extension_init(&flipper);
  flipper.key = "flip";
  flipper.rsv = WSUV_RSV2;
  flipper.data = &flipped;
  flipper.offer = offer_flip;
  flipper.accept = accept_flip;
  flipper.answer = answer_flip;
  flipper.incoming = flipper.outgoing = flip;
  wsuv_conversation_t *talk = kit_user_extended(&u, &flipper);
  assert_string_equal(wsuv_conversation_header(talk, "Sec-WebSocket-Extensions"), "flip");
  assert_ok(wsuv_conversation_send_text(talk, "hello"));
  assert_ok(wsuv_conversation_expect_text(talk, "hello"));
  assert_int_equal(flipped, 4 * 5);
  kit_user_end(&u);
}

/* Each ping may not give the message its whole time again. */
TEST(test_message_is_not_waited_for_longer_because_of_pings) {
  kit_user u;
  wsuv_config_t config;
  wsuv_message_t message;
  wsuv_server_config_init(&config);
  config.ping_interval_ms = 1000;
  kit_user_begin(&u, 0, &config);
  kit_user_expect_failures(&u);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
  wsuv_conversation_set_timeout(talk, 3500);
  const uint64_t begun = wsuv_testkit_now_ms(u.kit);
  assert_int_equal(wsuv_conversation_receive(talk, &message), UV_ETIMEDOUT);
  assert_int_equal(wsuv_testkit_now_ms(u.kit) - begun, 3500);
  assert_int_equal(wsuv_conversation_expect_text(talk, "more"), WSUV_ETEST);
  assert_int_equal(wsuv_testkit_now_ms(u.kit) - begun, 7000);
  kit_user_end(&u);
}

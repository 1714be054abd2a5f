/* The scenarios that Ktor plays on each of its engines, with its names, as conversations. "Raw" are
   its webSocketRaw routes. test/net/server/test_server_engine.c has them over sockets, too. */

#include <stdio.h>
#include <string.h>

#include "support/kit_user.h"
#include "testkit/check.h"

enum {
  BIG = 20 * 1024 * 1024, /* bytes of a frame */
  MANY = 100 * 1000,      /* frames */
  AT_ONCE = 1000,         /* of them under way */
  PRODUCED = 1000         /* messages, and bytes of the last one */
};

/* What the server's sessions have seen. */
typedef struct ends {
  size_t count;
  int status;
  bool by_peer;
  char reason[32];
  uint16_t code;
} ends;

static ends seen;

static void note_end(wsuv_session_t *s, const wsuv_close_info_t *info) {
  CHECK(wsuv_send_text(s, "late", 4) == WSUV_ESTATE);
  seen = (ends){.count = seen.count + 1,
                .status = info->status,
                .by_peer = info->by_peer,
                .code = info->code};
  (void) snprintf(seen.reason, sizeof seen.reason, "%s", info->reason);
}

static void echo(wsuv_session_t *s, const wsuv_message_t *m) {
  CHECK(wsuv_send_message(s, m->type, m->data, m->len) == 0);
}

/* Answers as the peer of a raw session has to: messages, pings, and the close frame. */
static void answer_frame(wsuv_session_t *s, const wsuv_frame_t *f) {
  wsuv_frame_t answer = *f;
  if (f->type == WSUV_FRAME_PONG) return;
  if (f->type == WSUV_FRAME_PING) answer.type = WSUV_FRAME_PONG;
  int err = wsuv_send(s, &answer, NULL, NULL);
  CHECK(err == 0 || (f->type == WSUV_FRAME_CLOSE && err == WSUV_ESTATE)); /* ours was first */
}

static const wsuv_callbacks_t echoes = {WSUV_CALLBACKS_INIT, .on_message = echo,
                                        .on_frame = answer_frame, .on_close = note_end};

/* A server with a route "/", which is raw or not, and a conversation with it. */
static wsuv_conversation_t *begin(kit_user *u, const wsuv_callbacks_t *callbacks, bool raw) {
  wsuv_route_t route;
  wsuv_config_t config;
  seen = (ends){.count = 0};
  wsuv_server_config_init(&config);
  config.max_message_size = config.outgoing_max = BIG;
  kit_user_begin(u, 11, &config);
  wsuv_route_init(&route, "/");
  route.callbacks = callbacks;
  route.raw = raw;
  assert_ok(wsuv_server_add_route(u->server, &route));
  return kit_user_talk(u, "/");
}

/* --- the peer disconnects --- */

static void expect_disconnected(kit_user *u, const char *path) {
  assert_ok(wsuv_testkit_run(u->kit));
  assert_int_equal(seen.count, 1);
  assert_true(seen.status < 0);
  assert_int_equal(seen.code, 1006);
  assert_int_equal(wsuv_server_session_count(u->server), 0);
  wsuv_conversation_t *next = kit_user_talk(u, path);
  assert_ok(wsuv_conversation_send_text(next, "still here"));
  assert_ok(wsuv_conversation_expect_text(next, "still here"));
  kit_user_end(u);
}

static void disconnect_during_consuming(bool raw) {
  static const uint8_t half_a_frame[] = {0x81, 0x85, 1, 2, 3, 4, 'h' ^ 1};
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  assert_ok(wsuv_conversation_send_bytes(talk, half_a_frame, sizeof half_a_frame));
  assert_ok(wsuv_conversation_drop(talk));
  expect_disconnected(&u, "/");
}

TEST(test_engine_disconnect_during_consuming) {
  disconnect_during_consuming(false);
}

TEST(test_engine_raw_disconnect_during_consuming) {
  disconnect_during_consuming(true);
}

static void disconnect_during_sending(bool raw) {
  static uint8_t data[BIG];
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_conversation_pause(talk, true));
  assert_ok(wsuv_send_binary(theirs, data, BIG));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_true(wsuv_buffered_amount(theirs) > 0);
  assert_int_equal(seen.count, 0);
  assert_ok(wsuv_conversation_reset(talk));
  expect_disconnected(&u, "/");
}

TEST(test_engine_disconnect_during_sending) {
  disconnect_during_sending(false);
}

TEST(test_engine_raw_disconnect_during_sending) {
  disconnect_during_sending(true);
}

static void disconnect_during_downtime(bool raw) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  assert_ok(wsuv_conversation_silent(talk, 60000));
  assert_int_equal(seen.count, 0);
  assert_ok(wsuv_conversation_drop(talk));
  expect_disconnected(&u, "/");
}

TEST(test_engine_disconnect_during_downtime) {
  disconnect_during_downtime(false);
}

TEST(test_engine_raw_disconnect_during_downtime) {
  disconnect_during_downtime(true);
}

/* --- messages --- */

static void generic_sequence(bool raw) {
  kit_user u;
  const wsuv_close_info_t *info;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  assert_ok(wsuv_conversation_send_text(talk, "hello"));
  assert_ok(wsuv_conversation_expect_text(talk, "hello"));
  assert_ok(wsuv_conversation_close(talk, 1000, NULL));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_true(info->clean);
  assert_int_equal(info->code, 1000);
  kit_user_end(&u);
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.status, 0);
}

TEST(test_engine_generic_sequence) {
  generic_sequence(false);
}

TEST(test_engine_raw_generic_sequence) {
  generic_sequence(true);
}

static void ping_pong(bool raw) {
  kit_user u;
  wsuv_frame_t f;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_PING, "there?", 6));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PONG);
  assert_memory_equal(f.data, "there?", 6);
  assert_ok(wsuv_send_ping(wsuv_conversation_server_session(talk), "and you?", 8));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_int_equal(f.type, WSUV_FRAME_PING);
  assert_memory_equal(f.data, "and you?", 8);
  kit_user_end(&u);
}

TEST(test_engine_ping_pong) {
  ping_pong(false);
}

TEST(test_engine_raw_ping_pong) {
  ping_pong(true);
}

TEST(test_engine_receive_messages) {
  static const size_t lengths[] = {2, 0, 126, 500, 65535, 65536, 70000};
  static uint8_t data[70000];
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, false);
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_BINARY, data, lengths[i]));
    assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_TEXT, data, lengths[i]));
  }
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, lengths[i]));
    assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_TEXT, data, lengths[i]));
  }
  kit_user_end(&u);
}

TEST(test_engine_request_with_a_content_type) {
  static const wsuv_header_t type = {"Content-Type", "application/json"};
  kit_user u;
  wsuv_request_t request;
  begin(&u, &echoes, false);
  wsuv_request_init(&request, NULL);
  request.headers = &type;
  request.header_count = 1;
  wsuv_conversation_t *talk = kit_user_ask(&u, "/", &request);
  assert_ok(wsuv_conversation_send_text(talk, "{}"));
  assert_ok(wsuv_conversation_expect_text(talk, "{}"));
  kit_user_end(&u);
}

static void produce(wsuv_session_t *s) {
  static const uint8_t data[PRODUCED];
  for (size_t len = 1; len <= PRODUCED; len++) CHECK(wsuv_send_binary(s, data, len) == 0);
}

TEST(test_engine_produce_messages) {
  static const wsuv_callbacks_t producers = {WSUV_CALLBACKS_INIT, .on_open = produce};
  static const uint8_t data[PRODUCED];
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &producers, false);
  for (size_t len = 1; len <= PRODUCED; len++) {
    assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, len));
  }
  kit_user_end(&u);
}

/* --- large, and many --- */

TEST(test_engine_big_frame) {
  static uint8_t data[BIG];
  kit_user u;
  wsuv_frame_t f;
  wsuv_request_t request;
  wsuv_config_t config;
  begin(&u, &echoes, false);
  wsuv_client_config_init(&config);
  config.max_message_size = config.outgoing_max = BIG;
  wsuv_request_init(&request, NULL);
  request.config = &config;
  wsuv_conversation_t *talk = kit_user_ask(&u, "/", &request);
  memset(data, 'b', sizeof data);
  wsuv_frame_init(&f, WSUV_FRAME_BINARY, data, BIG);
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_BINARY, data, BIG));
  kit_user_end(&u);
}

TEST(test_engine_lots_of_frames) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, false);
  for (int sent = 0, received = 0; received < MANY; received++) {
    char text[16];
    for (; sent < MANY && sent < received + AT_ONCE; sent++) {
      (void) snprintf(text, sizeof text, "%d", sent);
      assert_ok(wsuv_conversation_send_text(talk, text));
    }
    (void) snprintf(text, sizeof text, "%d", received);
    assert_ok(wsuv_conversation_expect_text(talk, text));
  }
  kit_user_end(&u);
}

/* --- closing --- */

TEST(test_engine_server_closes_first) {
  kit_user u;
  begin(&u, &echoes, false);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/");
  wsuv_session_t *theirs = wsuv_conversation_server_session(talk);
  assert_ok(wsuv_session_close(theirs, 1013, "try again later"));
  assert_ok(wsuv_conversation_expect(talk, WSUV_FRAME_CLOSE, "\x03\xf5try again later", 17));
  assert_ok(wsuv_conversation_send(talk, WSUV_FRAME_CLOSE, "\x03\xf5well", 6));
  wsuv_frame_t f;
  assert_int_equal(wsuv_conversation_receive_frame(talk, &f), UV_EOF);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.code, 1013);
  assert_string_equal(seen.reason, "well");
  assert_false(seen.by_peer);
  kit_user_end(&u);
}

TEST(test_engine_client_closes_first) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, false);
  assert_ok(wsuv_conversation_close(talk, 1001, "going away"));
  assert_int_equal(wsuv_conversation_send_text(talk, "late"), WSUV_ESTATE);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.code, 1001);
  assert_string_equal(seen.reason, "going away");
  assert_true(seen.by_peer);
  kit_user_end(&u);
}

static void session_ends_when_the_server_stops(bool raw) {
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, raw);
  assert_ok(wsuv_server_close(u.server, NULL, NULL));
  assert_ok(wsuv_conversation_expect_close(talk, 1001));
  u.server = NULL;
  kit_user_end(&u);
  assert_int_equal(seen.count, 1);
}

TEST(test_engine_session_ends_when_the_server_stops) {
  session_ends_when_the_server_stops(false);
}

TEST(test_engine_raw_session_ends_when_the_server_stops) {
  session_ends_when_the_server_stops(true);
}

TEST(test_engine_bad_opcode) {
  static const uint8_t bad[] = {0x85, 0x80, 1, 2, 3, 4};
  kit_user u;
  wsuv_conversation_t *talk = begin(&u, &echoes, false);
  assert_ok(wsuv_conversation_send_text(talk, "before"));
  assert_ok(wsuv_conversation_send_bytes(talk, bad, sizeof bad));
  assert_ok(wsuv_conversation_expect_close(talk, 1002));
  assert_ok(wsuv_conversation_expect_text(talk, "before"));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(seen.status, WSUV_EPROTOCOL);
  kit_user_end(&u);
}

/* --- reserved bits --- */

/* An extension of the program's own, which adds up the bits of messages, and leaves them. */
static int offer_seer(void *shared, size_t n, wsuv_extension_params_t *params) {
  (void) shared;
  (void) params;
  return n == 0;
}

static int accept_seer(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *params, size_t count, void **state,
                       const char **why) {
  (void) allocator;
  (void) params;
  (void) count;
  (void) why;
  *state = shared;
  return 0;
}

static int answer_seer(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *offered, size_t count,
                       wsuv_extension_params_t *answer, void **state) {
  (void) allocator;
  (void) offered;
  (void) count;
  (void) answer;
  *state = shared;
  return 1;
}

static int see(void *state, wsuv_extension_message_t *message, const wsuv_extension_chunk_t *chunk,
               wsuv_sink_t *sink) {
  unsigned *bits = state;
  if (chunk->first) *bits = *bits * 10 + message->rsv;
  return wsuv_sink_write(sink, chunk->data, chunk->len);
}

static int set_bits(void *state, wsuv_extension_message_t *message,
                    const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  (void) state;
  if (chunk->first) message->rsv = chunk->len > 1 ? WSUV_RSV2 | WSUV_RSV3 : WSUV_RSV2;
  return wsuv_sink_write(sink, chunk->data, chunk->len);
}

static wsuv_extension_t seer_of(unsigned *bits) {
  wsuv_extension_t seer;
  wsuv_extension_init(&seer);
  seer.key = "seer";
  seer.rsv = WSUV_RSV2 | WSUV_RSV3;
  seer.data = bits;
  seer.offer = offer_seer;
  seer.accept = accept_seer;
  seer.answer = answer_seer;
  seer.incoming = see;
  seer.outgoing = set_bits;
  return seer;
}

/* What the extension has seen of a message in fragments, and one in a frame. */
TEST(test_engine_fragments_with_rsv_from_the_first_frame) {
  kit_user u;
  unsigned bits = 0;
  wsuv_frame_t f;
  wsuv_extension_t seer = seer_of(&bits);
  wsuv_conversation_t *talk = kit_user_extended(&u, &seer);
  wsuv_frame_init(&f, WSUV_FRAME_TEXT, "a", 1);
  f.fin = false;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  f.fin = true;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  assert_ok(wsuv_conversation_send_text(talk, "bcd"));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(bits / 100, 23); /* the echoes follow */
  kit_user_end(&u);
}

TEST(test_engine_raw_fragments_with_rsv_from_the_first_frame) {
  kit_user u;
  wsuv_frame_t f;
  begin(&u, &echoes, true);
  wsuv_conversation_t *talk = kit_user_talk_raw(&u, "/");
  wsuv_frame_init(&f, WSUV_FRAME_TEXT, "a", 1);
  f.fin = false;
  f.rsv2 = true;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  f.fin = true;
  f.rsv2 = false;
  assert_ok(wsuv_conversation_send_frame(talk, &f));
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_true(f.rsv2 && !f.fin && !f.continuation);
  assert_ok(wsuv_conversation_receive_frame(talk, &f));
  assert_true(!f.rsv2 && f.fin && f.continuation);
  kit_user_end(&u);
}

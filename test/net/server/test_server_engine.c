/* The scenarios of the suite that Ktor plays on each of its engines, with its names: what a
   server's session has to do on whatever connection. "Raw" are its webSocketRaw routes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/server_user.h"
#include "testkit/check.h"

enum {
  BIG = 20 * 1024 * 1024, /* bytes of a frame */
  MANY = 100 * 1000,      /* frames */
  PIECE = 64 * 1024,      /* bytes of a message */
  PRODUCED = 1000,        /* messages, and bytes of the last one */
  QUIET_MS = 30           /* for something that must not happen */
};

/* --- raw sessions --- */

/* Answers as the peer of a raw session has to: messages, pings, and the close frame. */
static void answer_frame(session_user *u, const wsuv_frame_t *f) {
  if (f->type == WSUV_FRAME_CLOSE) {
    CHECK(user_close(u, 1000, NULL) == 0);
  } else if (f->type == WSUV_FRAME_PING) {
    CHECK(user_frame(u, 'p', WSUV_FRAME_PONG, true, f->data, f->len) == 0);
  } else if (f->type != WSUV_FRAME_PONG) {
    CHECK(user_send_frame(u, 'f', f) == 0);
  }
}

static void start_raw(server_user *s) {
  wsuv_route_t route;
  wsuv_route_init(&route, "/");
  route.raw = s->each.raw = true;
  if (s->each.at_frame == NULL) s->each.at_frame = answer_frame;
  assert_int_equal(server_user_add_route(s, &route), 0);
  server_user_listen(s);
}

static void start(server_user *s, bool raw) {
  if (raw) {
    start_raw(s);
  } else {
    server_user_start(s);
  }
}

/* --- the peer disconnects --- */

/* The server has noticed, the session has ended once, and others are served. */
static void check_disconnected(server_user *s) {
  server_user_run_to_closes(s, 1);
  const session_user *u = server_user_session(s, 0);
  assert_true(u->end.status < 0);
  assert_int_equal(u->end.stage, WSUV_STAGE_OPEN);
  assert_int_equal(u->end.code, 1006);
  assert_int_equal(u->end.sent_code, 0);
  assert_false(u->end.clean);
  assert_int_equal(wsuv_server_session_count(s->server), 0);
  s->each.at_open = s->each.at_drain = NULL;
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"still here\" ; CLOSE #1000");
  raw_client_run_to_frames(c, 2);
  assert_true(raw_client_saw(c, "TEXT \"still here\" ; CLOSE #1000"));
  server_user_run_to_closes(s, 2);
}

static void disconnect_during_consuming(server_user *s, bool raw) {
  start(s, raw);
  raw_client *c = server_user_connect(s, "/");
  bytes frame = frames_of("CONT 00~1000", true);
  raw_client_send_frames(c, "TEXT- \"a\"");
  raw_client_send(c, frame.base, frame.len / 2);
  raw_client_close(c);
  bytes_free(&frame);
  check_disconnected(s);
}

SERVER_TEST(test_engine_disconnect_during_consuming, w, s) {
  disconnect_during_consuming(s, false);
  assert_int_equal(server_user_session(s, 0)->end.status, UV_EOF);
}

SERVER_TEST(test_engine_raw_disconnect_during_consuming, w, s) {
  disconnect_during_consuming(s, true);
}

/* More than the buffers of a connection take, as far as the session takes it. */
static void produce(session_user *u) {
  static const uint8_t piece[PIECE];
  size_t *produced = u->data;
  int err = 0;
  while (err == 0 && *produced < user_too_much(u->w)) {
    err = user_binary(u, piece, sizeof piece);
    if (err == 0) *produced += sizeof piece;
  }
  CHECK(err == 0 || err == WSUV_EQUEUEFULL);
}

static void disconnect_during_sending(server_user *s, bool raw) {
  size_t produced = 0;
  s->config.outgoing_max = 4 * PIECE;
  s->each.at_open = s->each.at_drain = produce;
  s->each.data = &produced;
  start(s, raw);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  raw_client_run_to_frames(c, 1);
  raw_client_read(c, false);
  world_advance(s->w, QUIET_MS);
  assert_int_equal(s->close_count, 0);
  assert_true(wsuv_buffered_amount(server_user_session(s, 0)->session) > 0);
  raw_client_close(c);
  check_disconnected(s);
}

SERVER_TEST(test_engine_disconnect_during_sending, w, s) {
  disconnect_during_sending(s, false);
}

SERVER_TEST(test_engine_raw_disconnect_during_sending, w, s) {
  disconnect_during_sending(s, true);
}

static void disconnect_during_downtime(world *w, server_user *s, bool raw) {
  start(s, raw);
  raw_client *c = server_user_connect(s, "/");
  world_advance(w, QUIET_MS);
  assert_int_equal(s->close_count, 0);
  if (w->seed % 2 == 0) raw_client_close(c);
  if (w->seed % 2 == 1) raw_client_reset(c);
  check_disconnected(s);
}

SERVER_TEST(test_engine_disconnect_during_downtime, w, s) {
  disconnect_during_downtime(w, s, false);
}

SERVER_TEST(test_engine_raw_disconnect_during_downtime, w, s) {
  disconnect_during_downtime(w, s, true);
}

/* --- messages --- */

static void generic_sequence(server_user *s, bool raw) {
  start(s, raw);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"hello\"");
  raw_client_run_to_frames(c, 1);
  raw_client_send_frames(c, "CLOSE #1000");
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "TEXT \"hello\" ; CLOSE #1000"));
  server_user_run_to_closes(s, 1);
  assert_true(user_ended_cleanly(server_user_session(s, 0), 1000, 1000));
}

SERVER_TLS_TEST(test_engine_generic_sequence, w, s) {
  generic_sequence(s, false);
}

SERVER_TLS_TEST(test_engine_raw_generic_sequence, w, s) {
  generic_sequence(s, true);
}

static void ping_and_pong(server_user *s, bool raw) {
  start(s, raw);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "PING \"are you there\" ; TEXT- \"a\" ; PING ; CONT \"b\"");
  session_user *u = server_user_session(s, 0);
  assert_int_equal(user_ping(u, "and you"), 0);
  raw_client_run_to_frames(c, raw ? 5 : 4);
  raw_client_send_frames(c, "PONG \"and you\"");
  world_run_until_count(s->w, raw ? &u->frames : &u->pongs, raw ? 5 : 1);
}

SERVER_TEST(test_engine_ping_pong, w, s) {
  ping_and_pong(s, false);
  assert_true(user_got(server_user_session(s, 0),
                       "PING \"are you there\" ; PING ; TEXT \"ab\" ; PONG \"and you\""));
}

SERVER_TEST(test_engine_raw_ping_pong, w, s) {
  ping_and_pong(s, true);
  assert_true(
      user_got(server_user_session(s, 0),
               "PING \"are you there\" ; TEXT- \"a\" ; PING ; CONT \"b\" ; PONG \"and you\""));
}

SERVER_TEST(test_engine_receive_messages, w, s) {
  static const char frames[] =
      "TEXT \"hi\" ; BIN 00ff ; TEXT ; BIN ; BIN 00~70000 ; TEXT \"a\"~500";
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, frames);
  session_user *u = server_user_session(s, 0);
  world_run_until_count(w, &u->messages, 6);
  assert_true(user_got(u, frames));
}

SERVER_TEST(test_engine_request_with_a_content_type, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.more = "Content-Type: application/json\r\n"});
  raw_client_send_frames(c, "TEXT \"{}\"");
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"{}\""));
}

static void send_lengths(session_user *u) {
  char text[PRODUCED];
  memset(text, 'x', sizeof text);
  for (size_t len = 1; len <= PRODUCED; len++) CHECK(user_binary(u, text, len) == 0);
}

static void take_length(raw_client *c, const seen_frame *f) {
  CHECK(f->length == c->frames);
  CHECK(f->spec.fin && f->spec.opcode == 2);
  for (uint64_t i = 0; i < f->length; i++) CHECK(f->payload[i] == 'x');
}

SERVER_TEST(test_engine_produce_messages, w, s) {
  s->each.at_open = send_lengths;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  c->forgets = true;
  c->on_frame = take_length;
  raw_client_request(c, NULL);
  raw_client_run_to_frames(c, PRODUCED);
}

/* --- large, and many --- */

static void add_up(raw_client *c, const seen_frame *f) {
  uint64_t *total = c->data;
  for (uint64_t i = 0; i < f->length; i += 4099) CHECK(f->payload[i] == 'b');
  *total += f->length;
}

static bool has_all(void *arg) {
  return *(const uint64_t *) arg >= BIG;
}

SERVER_TEST(test_engine_big_frame, w, s) {
  uint64_t total = 0;
  SCOPED_BYTES frame = {0};
  if (w->seed > 0) return;
  s->config.max_message_size = s->config.outgoing_max = 2 * BIG;
  s->each.forgets = true;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  c->forgets = true;
  c->on_frame = add_up;
  c->data = &total;
  bytes_print(&frame, "BIN \"b\"~%d", (int) BIG);
  raw_client_send_frames(c, bytes_text(&frame));
  world_run_until(w, has_all, &total);
  assert_int_equal(total, BIG);
  assert_int_equal(server_user_session(s, 0)->messages, 1);
  c->on_frame = NULL;
}

static size_t number_in(const void *data, size_t len) {
  char text[16] = "";
  CHECK(len < sizeof text);
  memcpy(text, data, len);
  return strtoul(text, NULL, 10);
}

static void echo_in_order(session_user *u, const wsuv_message_t *m) {
  CHECK(number_in(m->data, m->len) == u->messages - 1);
  server_user_echo(u, m);
}

static void take_in_order(raw_client *c, const seen_frame *f) {
  CHECK(number_in(f->payload, (size_t) f->length) == c->frames - 1);
}

SERVER_TEST(test_engine_lots_of_frames, w, s) {
  static const frame_spec text = {.opcode = 1, .fin = true, .masked = true, .key = {1, 2, 3, 4}};
  SCOPED_BYTES frames = {0};
  if (w->seed > 0) return;
  s->each.forgets = true;
  s->each.at_message = echo_in_order;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  c->forgets = true;
  c->on_frame = take_in_order;
  for (int i = 0; i < MANY; i++) {
    char number[16];
    frames_build(&frames, &text, number, (size_t) snprintf(number, sizeof number, "%d", i));
  }
  raw_client_send(c, frames.base, frames.len);
  raw_client_run_to_frames(c, MANY);
  assert_int_equal(server_user_session(s, 0)->messages, MANY);
}

/* --- closing --- */

SERVER_TLS_TEST(test_engine_server_closes_first, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  session_user *u = server_user_session(s, 0);
  assert_int_equal(user_close(u, 1013, "try again later"), 0);
  raw_client_run_to_frames(c, 1);
  assert_int_equal(s->close_count, 0);
  raw_client_send_frames(c, "CLOSE #1013 \"well\"");
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "CLOSE #1013 \"try again later\""));
  assert_true(user_ended_cleanly(u, 1013, 1013));
  assert_string_equal(u->end.reason, "well");
  assert_false(u->end.by_peer);
}

static void send_late(session_user *u) {
  CHECK(user_text(u, "late") == WSUV_ESTATE);
  CHECK(user_ping(u, "late") == WSUV_ESTATE);
  CHECK(user_flush(u, 'f') == WSUV_ESTATE);
}

SERVER_TLS_TEST(test_engine_client_closes_first, w, s) {
  s->each.at_close = send_late;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "CLOSE #1001 \"going away\"");
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  assert_int_equal(c->frames, 1);
  const session_user *u = server_user_session(s, 0);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_string_equal(u->end.reason, "going away");
  assert_true(u->end.by_peer);
}

static void session_ends_when_the_server_stops(server_user *s, bool raw) {
  start(s, raw);
  raw_client *c = server_user_connect(s, "/");
  assert_int_equal(server_user_close(s), 0);
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "CLOSE #1001"));
  raw_client_send_frames(c, "CLOSE #1001");
  server_user_run_to_end(s);
  raw_client_run_to_end(c);
  assert_int_equal(c->frames, 1);
  assert_int_equal(s->close_count, 1);
  assert_int_equal(server_user_session(s, 0)->end.code, 1001);
}

SERVER_TEST(test_engine_session_ends_when_the_server_stops, w, s) {
  session_ends_when_the_server_stops(s, false);
}

SERVER_TEST(test_engine_raw_session_ends_when_the_server_stops, w, s) {
  s->each.at_frame = NULL;
  session_ends_when_the_server_stops(s, true);
}

SERVER_TEST(test_engine_bad_opcode, w, s) {
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"before\" ; OP5 \"bad\" ; TEXT \"behind\"");
  server_user_run_to_closes(s, 1);
  raw_client_run_to_end(c);
  assert_true(raw_client_saw(c, "TEXT \"before\" ; CLOSE #1002 \"unknown opcode\""));
  const session_user *u = server_user_session(s, 0);
  assert_true(user_ended_by(u, WSUV_EPROTOCOL, WSUV_STAGE_OPEN));
  assert_int_equal(u->end.sent_code, 1002);
  assert_int_equal(u->messages, 1);
}

/* --- reserved bits --- */

/* An extension of a program's own, which writes down the bits of each message and leaves it. */
typedef struct seer {
  wsuv_extension_t hooks;
  bytes saw;
  size_t states;
} seer;

static int seer_answer(void *shared, const wsuv_allocator_t *allocator,
                       const wsuv_extension_param_t *offer, size_t count,
                       wsuv_extension_params_t *answer, void **state) {
  seer *x = shared;
  (void) allocator;
  (void) offer;
  (void) answer;
  CHECK(count == 0);
  x->states++;
  *state = x;
  return 1;
}

static void seer_state_free(void *state) {
  seer *x = state;
  x->states--;
}

static int seer_incoming(void *state, wsuv_extension_message_t *message,
                         const wsuv_extension_chunk_t *chunk, wsuv_sink_t *sink) {
  seer *x = state;
  if (chunk->first) bytes_print(&x->saw, "%u ", message->rsv);
  int err = wsuv_sink_write(sink, chunk->data, chunk->len);
  return err < 0 ? err : WSUV_EXTENSION_TAKEN;
}

SERVER_TEST(test_engine_fragments_with_rsv_from_the_first_frame, w, s) {
  static const char frames[] =
      "TEXT-{2} \"a\" ; CONT- \"b\" ; PING ; CONT \"c\" ; TEXT \"d\" ; BIN-{3} 01 ; CONT 02";
  seer x = {.states = 0};
  const wsuv_extension_t *const list[] = {&x.hooks};
  wsuv_extension_init(&x.hooks);
  x.hooks.key = "seer";
  x.hooks.rsv = WSUV_RSV2 | WSUV_RSV3;
  x.hooks.data = &x;
  x.hooks.answer = seer_answer;
  x.hooks.state_free = seer_state_free;
  x.hooks.incoming = seer_incoming;
  s->config.extensions = list;
  s->config.extension_count = 1;
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_upgrade(c, &(upgrade_lines){.more = "Sec-WebSocket-Extensions: seer\r\n"});
  assert_true(raw_client_has_field(c, "Sec-WebSocket-Extensions", "seer"));
  raw_client_send_frames(c, frames);
  raw_client_run_to_frames(c, 4);
  assert_true(raw_client_saw(c, "PONG ; TEXT \"abc\" ; TEXT \"d\" ; BIN 0102"));
  assert_string_equal(bytes_text(&x.saw), "2 0 3 ");
  server_user_finish(s);
  assert_int_equal(x.states, 0);
  bytes_free(&x.saw);
}

/* Nobody is asked about them. */
SERVER_TEST(test_engine_raw_fragments_with_rsv_from_the_first_frame, w, s) {
  static const char frames[] = "TEXT-{2} \"a\" ; CONT- \"b\" ; CONT \"c\" ; BIN{7} 01";
  start_raw(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, frames);
  raw_client_run_to_frames(c, 4);
  assert_true(raw_client_saw(c, frames));
  assert_true(user_got(server_user_session(s, 0), frames));
}

/* fragment_size: which messages go out in fragments, and what a session can do in between. */

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/raw_zlib.h"
#include "support/scenario.h"
#include "support/server_peer.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, DEFAULT = 64 * KIB };

static void send_and_close(session_user *u, frame_peer *p, const char *script) {
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(frame_peer_saw(p, script));
}

SCENARIO_TLS_TEST(test_message_is_fragmented_by_default, w, p, u) {
  static const uint8_t data[3 * DEFAULT];
  scenario_open(u);
  assert_int_equal(u->config.fragment_size, DEFAULT);
  assert_int_equal(user_binary(u, data, DEFAULT), 0);
  assert_int_equal(user_binary(u, data, DEFAULT + 1), 0);
  assert_int_equal(user_binary(u, data, 3 * DEFAULT), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 5 * DEFAULT + 1);
  send_and_close(u, p,
                 "BIN 00*65536; BIN- 00*65536; CONT 00; "
                 "BIN- 00*65536; CONT- 00*65536; CONT 00*65536; CLOSE #1000");
}

SCENARIO_TEST(test_fragment_size_of_zero_fragments_nothing, w, p, u) {
  static const uint8_t data[3 * DEFAULT];
  u->config.fragment_size = 0;
  scenario_open(u);
  assert_int_equal(user_binary(u, data, 3 * DEFAULT), 0);
  send_and_close(u, p, "BIN 00*196608; CLOSE #1000");
}

/* Of one session, by its request. */
SCENARIO_TEST(test_fragment_size_of_a_request, w, p, u) {
  wsuv_config_t config;
  wsuv_client_get_config(user_client(u), &config);
  config.fragment_size = 3;
  assert_int_equal(user_try_connect_as(u, p, &config), 0);
  user_run_to_open(u);
  assert_int_equal(user_text(u, "abcdefg"), 0);
  send_and_close(u, p, "TEXT- \"abc\"; CONT- \"def\"; CONT \"g\"; CLOSE #1000");
}

/* Each call that sends a whole message; text is cut inside a character. */
SCENARIO_TEST(test_every_whole_message_is_fragmented, w, p, u) {
  char euro[] = "\xe2\x82", rest[] = "\xac!";
  const uv_buf_t bufs[] = {uv_buf_init(euro, 2), uv_buf_init(NULL, 0), uv_buf_init(rest, 2)};
  wsuv_prepared_t *prepared;
  u->config.fragment_size = 1;
  scenario_open(u);
  assert_int_equal(user_text(u, "\xc3\xbc"), 0);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_TEXT, bufs, 3), 0);
  assert_int_equal(wsuv_prepared_new(&prepared, WSUV_FRAME_TEXT, "one", 3, NULL), 0);
  assert_int_equal(wsuv_send_prepared(u->session, prepared, NULL, NULL), 0);
  wsuv_prepared_free(prepared);
  assert_int_equal(user_text(u, ""), 0);
  send_and_close(u, p,
                 "TEXT- c3; CONT bc; TEXT- e2; CONT- 82; CONT- ac; CONT \"!\"; "
                 "TEXT- \"o\"; CONT- \"n\"; CONT \"e\"; TEXT; CLOSE #1000");
  assert_string_equal(bytes_text(&u->done), "a=OK ");
}

SCENARIO_TEST(test_single_frames_and_control_frames_are_not_cut, w, p, u) {
  const uv_buf_t buf = uv_buf_init((char[]){'p', 'i'}, 2);
  u->config.fragment_size = 1;
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "abc", 3), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "def", 3), 0);
  assert_int_equal(wsuv_flush(u->session, NULL, NULL), 0);
  world_run_until_count(w, &p->frames, 2);
  assert_int_equal(user_ping(u, "ping"), 0);
  assert_int_equal(user_pong(u, "pong"), 0);
  assert_int_equal(user_bufs(u, 'c', WSUV_FRAME_PING, &buf, 1), 0);
  assert_int_equal(user_close(u, 1000, "reason"), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT- \"abc\"; CONT \"def\"; PING \"ping\"; PONG \"pong\"; "
                                "PING \"pi\"; CLOSE #1000 \"reason\""));
}

SCENARIO_TEST(test_raw_session_fragments_nothing, w, p, u) {
  u->config.fragment_size = 1;
  scenario_open_raw(u);
  assert_int_equal(user_text(u, "whole"), 0);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, '\0', "one", 3), 0);
  assert_int_equal(user_piece(u, '\0', "two", 3), 0);
  assert_int_equal(user_end_message(u, '\0'), 0);
  world_run_until_count(w, &p->frames, 4);
  assert_true(frame_peer_saw(p, "TEXT \"whole\"; TEXT- \"one\"; CONT- \"two\"; CONT"));
  user_terminate(u);
}

/* --- what goes between --- */

static void note_frame(frame_peer *p, const seen_frame *f) {
  bytes *order = p->data;
  char name = f->spec.opcode == 8 ? 'x' : f->spec.opcode >= 9 ? 'p' : f->spec.fin ? 'E' : 'd';
  bytes_add(order, &name, 1);
}

/* A pong and a ping leave while most of the message still waits. */
SCENARIO_TLS_TEST(test_pongs_and_pings_go_between_fragments, w, p, u) {
  bytes order = {0};
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  p->forgets = true;
  p->on_frame = note_frame;
  p->data = &order;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  free(data);
  world_advance(w, 20);
  assert_int_equal(user_ping(u, "mine"), 0);
  frame_peer_send(p, "PING \"yours\"");
  world_run_until_count(w, &u->pings, 1);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, 2 + (size + DEFAULT - 1) / DEFAULT);
  const char *text = bytes_text(&order), *ping = strrchr(text, 'p');
  assert_non_null(ping);
  assert_true(strchr(text, 'p') < ping && strchr(ping, 'E') != NULL);
  assert_true(strchr(text, 'E') == text + order.len - 1);
  scenario_close(u);
  bytes_free(&order);
}

/* The message stops at the border of a frame, and our close frame follows there. */
SCENARIO_TLS_TEST(test_close_by_the_peer_stops_a_message_between_fragments, w, p, u) {
  bytes order = {0};
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  const uv_buf_t buf = uv_buf_init((char *) data, (unsigned) size);
  p->forgets = true;
  p->on_frame = note_frame;
  p->data = &order;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_bufs(u, 'a', WSUV_FRAME_BINARY, &buf, 1), 0);
  world_advance(w, 20);
  frame_peer_send(p, "CLOSE #1001");
  world_advance(w, 20);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  free(data);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
  assert_null(strchr(bytes_text(&order), 'E'));
  assert_true(order.len < 1 + (size + DEFAULT - 1) / DEFAULT);
  assert_int_equal(order.base[order.len - 1], 'x');
  bytes_free(&order);
}

SCENARIO_TEST(test_statistics_count_messages_and_frames, w, p, u) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  u->config.fragment_size = 2;
  scenario_open(u);
  for (int i = 0; i < 3; i++) assert_int_equal(user_text(u, "abcde"), 0);
  assert_int_equal(wsuv_session_get_stats(u->session, &stats), 0);
  assert_int_equal(stats.messages_sent, 3);
  assert_int_equal(stats.frames_sent, 9);
  assert_int_equal(stats.payload_sent, 15);
  world_run_until_count(w, &p->frames, 9);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  scenario_close(u);
}

/* Without memory nothing of the message is queued. */
SCENARIO_TEST(test_fragments_need_all_their_memory, w, p, u) {
  static const uint8_t data[3 * DEFAULT];
  scenario_open(u);
  for (uint64_t n = 1; n <= 4; n++) {
    w->alloc->fail_at = w->alloc->calls + n;
    assert_int_equal(user_binary(u, data, sizeof data), UV_ENOMEM);
    assert_int_equal(wsuv_buffered_amount(u->session), 0);
    w->alloc->fail_at = 0;
  }
  assert_int_equal(user_text(u, "goes on"), 0);
  send_and_close(u, p, "TEXT \"goes on\"; CLOSE #1000");
}

/* --- with permessage-deflate --- */

enum { LEN = 3000, SIZE = 50 };

static void deflate_begin(server_peer *p, session_user *u, world *w, wsuv_extension_t *deflate) {
  const wsuv_extension_t *const list[] = {deflate};
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  CHECK(wsuv_permessage_deflate(deflate, NULL) == 0);
  config.extensions = list;
  config.extension_count = 1;
  config.fragment_size = SIZE;
  server_peer_start(p, w, list, 1);
  user_init(u, w, &config);
  CHECK(user_try_connect_url(u, raw_peer_url(p->raw, "/")) == 0);
  world_run_until_count(w, &u->opens, 1);
}

static uint64_t frames_sent(const session_user *u) {
  wsuv_stats_t stats;
  wsuv_stats_init(&stats);
  CHECK(wsuv_session_get_stats(u->session, &stats) == 0);
  return stats.frames_sent;
}

/* Text of which some repeats what was sent before, so that the window must be kept. */
static void make_text(char *text, uint64_t *seed) {
  for (size_t i = 0; i < LEN; i++) text[i] = (char) ('a' + seeded_below(seed, i % 3 == 0 ? 20 : 2));
  text[LEN] = '\0';
}

/* The length after compression decides, and the window goes on behind fragments. */
WORLD_TEST(test_compressed_messages_are_fragmented, w) {
  server_peer p;
  session_user u;
  wsuv_extension_t deflate;
  uint64_t seed = w->seed + 1;
  char text[LEN + 1], zeros[LEN + 1];
  wsuv_prepared_t *prepared;
  deflate_begin(&p, &u, w, &deflate);
  memset(zeros, '0', LEN);
  zeros[LEN] = '\0';
  make_text(text, &seed);
  assert_int_equal(wsuv_prepared_new(&prepared, WSUV_FRAME_TEXT, text, LEN, NULL), 0);
  for (size_t i = 1; i <= 30; i++) {
    const uint64_t before = frames_sent(&u);
    if (i % 3 == 0) {
      assert_int_equal(wsuv_send_prepared(u.session, prepared, NULL, NULL), 0);
      assert_true(frames_sent(&u) - before > 5);
    } else {
      assert_int_equal(user_text(&u, i % 3 == 1 ? text : zeros), 0);
    }
    if (i % 3 == 2) assert_int_equal(frames_sent(&u) - before, 1);
    world_run_until_count(w, &p.messages, i);
    assert_int_equal(p.compressed, i);
    assert_string_equal(bytes_text(&p.got), i % 3 == 2 ? zeros : text);
  }
  wsuv_prepared_free(prepared);
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  user_finish(&u);
  assert_int_equal(p.failed, 0);
  server_peer_free(&p);
}

/* A prepared message has the same frames each time, with fresh masks. */
SCENARIO_TEST(test_prepared_message_keeps_its_borders, w, p, u) {
  wsuv_prepared_t *prepared;
  u->config.fragment_size = 4;
  scenario_open(u);
  assert_int_equal(wsuv_prepared_new(&prepared, WSUV_FRAME_BINARY, "0123456789", 10, NULL), 0);
  for (int i = 0; i < 3; i++)
    assert_int_equal(wsuv_send_prepared(u->session, prepared, NULL, NULL), 0);
  wsuv_prepared_free(prepared);
  world_run_until_count(w, &p->frames, 9);
  for (size_t i = 0; i < 9; i++) {
    for (size_t k = 0; k < i; k++)
      assert_memory_not_equal(p->keys.base + 4 * i, p->keys.base + 4 * k, 4);
  }
#define ONCE "BIN- \"0123\"; CONT- \"4567\"; CONT \"89\"; "
  send_and_close(u, p, ONCE ONCE ONCE "CLOSE #1000");
}

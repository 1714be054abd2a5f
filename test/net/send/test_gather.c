/* Small pieces of a message are gathered, so that it does not have more frames than peers take. */

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/server_peer.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, FIRST_LIMIT = 16 * KIB, MANY = 1024 };

static const uint8_t zeros[2048 * KIB];

static void begin(session_user *u) {
  assert_int_equal(user_begin_message(u, WSUV_FRAME_BINARY), 0);
}

static void piece(session_user *u, size_t len) {
  assert_int_equal(user_piece(u, '\0', zeros, len), 0);
}

static size_t gathered(const session_user *u) {
  return gather_len(session_out(u->session)->gather);
}

/* Make frames until the message has so many. */
static void make_frames(session_user *u, uint64_t count) {
  while (session_out(u->session)->gather->frames < count) {
    piece(u, 1);
    assert_int_equal(wsuv_flush(u->session, NULL, NULL), 0);
  }
}

/* --- when a frame is made --- */

SCENARIO_TLS_TEST(test_pieces_of_a_turn_are_one_frame, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  for (int turn = 0; turn < 3; turn++) {
    for (int i = 0; i < 4; i++) assert_int_equal(user_piece(u, '\0', "abc", 3), 0);
    assert_int_equal(wsuv_buffered_amount(u->session), 12);
    assert_int_equal(p->frames, turn);
    world_run_until_count(w, &p->frames, (size_t) turn + 1);
    assert_int_equal(wsuv_buffered_amount(u->session), 0);
  }
  assert_int_equal(user_piece(u, '\0', "xyz", 3), 0);
  assert_int_equal(user_end_message(u, '\0'), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT- \"abc\"*4; CONT- \"abc\"*4; CONT- \"abc\"*4; CONT \"xyz\"; "
                                "CLOSE #1000"));
}

/* Wherever a piece ends, what comes to 16 KiB is a frame at once. */
SCENARIO_TEST(test_pieces_are_gathered_up_to_16_kib, w, p, u) {
  scenario_open(u);
  begin(u);
  piece(u, FIRST_LIMIT - 1);
  assert_int_equal(gathered(u), FIRST_LIMIT - 1);
  assert_int_equal(out_queue_len(&u->session->conn.work->out), 0);
  piece(u, 1);
  assert_int_equal(gathered(u), 0);
  piece(u, 10);
  piece(u, FIRST_LIMIT);
  assert_int_equal(gathered(u), 0);
  piece(u, FIRST_LIMIT);
  assert_int_equal(user_end_message(u, '\0'), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(
      frame_peer_saw(p, "BIN- 00*16384; CONT- 00*16394; CONT- 00*16384; CONT; CLOSE #1000"));
}

/* Behind queued data a piece waits, however many turns go by. */
SCENARIO_TLS_TEST(test_pieces_are_gathered_while_the_queue_is_not_empty, w, p, u) {
  const size_t much = user_too_much(w);
  uint8_t *data = check_alloc(much);
  p->forgets = true;
  scenario_open(u);
  begin(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_piece(u, '\0', data, much), 0);
  free(data);
  world_advance(w, 20);
  for (int i = 0; i < 100; i++) {
    piece(u, 10);
    world_advance(w, 1);
    assert_int_equal(gathered(u), 10 * ((size_t) i + 1));
  }
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, (much + 64 * KIB - 1) / (64 * KIB) + 1);
  assert_int_equal(gathered(u), 0);
  scenario_terminate(u);
}

/* --- a message of many frames --- */

static void expect_waits(session_user *u, size_t limit) {
  const size_t before = u->peer->frames;
  piece(u, limit - 1);
  world_advance(u->w, 900);
  assert_int_equal(u->peer->frames, before);
  assert_int_equal(gathered(u), limit - 1);
  const uint64_t from = world_now_ms(u->w);
  piece(u, 1);
  world_run_until_count(u->w, &u->peer->frames, before + 1);
  assert_true(world_now_ms(u->w) - from < 900);
  piece(u, 7); /* the time begins anew */
  world_advance(u->w, 900);
  assert_int_equal(u->peer->frames, before + 1);
  world_advance(u->w, 200);
  assert_int_equal(u->peer->frames, before + 2);
  assert_int_equal(gathered(u), 0);
}

SCENARIO_SIM_TLS_TEST(test_message_of_many_frames_makes_longer_ones, w, p, u) {
  static const struct {
    uint64_t frames;
    size_t limit;
  } steps[] = {{MANY, 64 * KIB}, {4 * MANY, 256 * KIB}, {8 * MANY, 1024 * KIB}};
  if (w->seed >= 3) return;
  p->forgets = true;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY - 1);
  piece(u, 1); /* and this becomes a frame when the turn ends */
  world_run_until_count(w, &p->frames, MANY);
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    make_frames(u, steps[i].frames);
    world_run_until_count(w, &p->frames, session_out(u->session)->gather->frames);
    expect_waits(u, steps[i].limit);
  }
  assert_int_equal(user_end_message(u, '\0'), 0);
  scenario_close(u);
}

/* One that is just longer than the limit is one frame, so that no short one follows. */
SCENARIO_SIM_TEST(test_frames_of_a_long_message_are_on_average_as_long_as_the_limit, w, p, u) {
  uint64_t seed = w->seed + 1, total = 0;
  if (w->seed >= 3) return;
  p->forgets = true;
  u->config.fragment_size = 1 * KIB;
  u->config.outgoing_max = SIZE_MAX;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY);
  raw_conn_read(p->conn, false);
  while (session_out(u->session)->gather->frames < 2 * MANY) {
    const size_t len = seeded_below(&seed, seeded_below(&seed, 2) == 0 ? 100 * KIB : 300 * KIB);
    piece(u, len);
    total += len;
  }
  assert_true((session_out(u->session)->gather->frames - MANY) * 64 * KIB <= total);
  scenario_terminate(u);
}

/* A program that sends the next piece when the last has left is not held up. */
static void send_another(session_user *u, char name, int status) {
  CHECK(name == 'n' && status == 0);
  if (u->dones < 50) CHECK(user_piece(u, 'n', zeros, 10) == 0);
}

SCENARIO_SIM_TEST(test_piece_with_a_completion_does_not_wait, w, p, u) {
  if (w->seed >= 5) return;
  p->forgets = true;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY);
  u->at_done = send_another;
  const uint64_t from = world_now_ms(w);
  assert_int_equal(user_piece(u, 'n', zeros, 10), 0);
  u->send_count = 0;
  world_run_until_count(w, &u->dones, 50);
  assert_true(world_now_ms(w) - from < 1000);
  scenario_terminate(u);
}

/* Nor is one that waits for on_drain, although what is gathered takes all the room. */
SCENARIO_SIM_TEST(test_what_is_gathered_does_not_hold_up_on_drain, w, p, u) {
  if (w->seed >= 5) return;
  p->forgets = true;
  u->config.outgoing_max = 32 * KIB;
  u->config.high_water = 16 * KIB;
  u->config.low_water = 1 * KIB;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY);
  world_run_until_count(w, &p->frames, MANY);
  for (int round = 0; round < 2; round++) {
    const size_t before = u->drains;
    const uint64_t from = world_now_ms(w);
    piece(u, round == 0 ? 16 * KIB + 1 : 10);
    if (round == 1) assert_int_equal(user_piece(u, 'x', zeros, 32 * KIB), WSUV_EQUEUEFULL);
    world_run_until_count(w, &u->drains, before + 1);
    assert_true(world_now_ms(w) - from < 900);
  }
  scenario_terminate(u);
}

/* The socket takes nothing for long, and pings are retained. What is gathered is sent later, and
   does not wake the loop until then. */
SCENARIO_SIM_TEST(test_full_socket_and_gathered_pieces_let_the_loop_sleep, w, p, u) {
  enum { PINGS = 60, TURNS_MAX = 20 };
  char ping[101];
  sim_profile link;
  size_t turns = 0;
  memset(ping, 'p', 100);
  ping[100] = '\0';
  sim_get_profile(world_sim(w), &link);
  link.send_buffer = link.recv_buffer = 1 * KIB;
  sim_set_profile(world_sim(w), &link);
  if (w->seed >= 5) return;
  p->forgets = true;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY);
  world_run_until_count(w, &p->frames, MANY);
  piece(u, 10);
  world_advance(w, 1);
  raw_conn_read(p->conn, false);
  for (int i = 0; i < PINGS; i++) assert_int_equal(user_ping(u, ping), 0);
  world_advance(w, 1500); /* the time of what is gathered has come */
  assert_true(out_queue_retained(&u->session->conn.work->out));
  assert_int_equal(gathered(u), 10);
  const uint64_t end_ns = sim_now_ns(world_sim(w)) + UINT64_C(1000000000);
  while (sim_turn(world_sim(w), end_ns)) turns++;
  assert_true(turns < TURNS_MAX);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, MANY + PINGS + 1);
  assert_int_equal(gathered(u), 0);
  scenario_terminate(u);
}

/* --- the end --- */

SCENARIO_TLS_TEST(test_flush_sends_what_is_gathered, w, p, u) {
  if (w->seed >= 10) return;
  p->forgets = true;
  scenario_open(u);
  begin(u);
  make_frames(u, MANY);
  piece(u, 5);
  world_advance(w, 20);
  assert_int_equal(gathered(u), 5);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(gathered(u), 0);
  world_run_until_count(w, &u->dones, 1);
  world_run_until_count(w, &p->frames, MANY + 1);
  piece(u, 6);
  assert_int_equal(wsuv_flush(u->session, NULL, NULL), 0);
  world_run_until_count(w, &p->frames, MANY + 2);
  scenario_terminate(u);
}

SCENARIO_TEST(test_close_sends_what_is_gathered, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_begin_message(u, WSUV_FRAME_TEXT), 0);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  assert_int_equal(user_piece(u, 'b', "b", 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_piece(u, 'x', "x", 1), WSUV_ESTATE);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_true(frame_peer_saw(p, "TEXT- \"ab\"; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK ");
}

SCENARIO_TEST(test_terminate_cancels_what_is_gathered, w, p, u) {
  scenario_open(u);
  begin(u);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  assert_int_equal(user_piece(u, 'b', "b", 1), 0);
  user_terminate(u);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED b=ECANCELED ");
  assert_int_equal(p->frames, 0);
}

/* What is gathered behind queued data is dropped with it. */
SCENARIO_TLS_TEST(test_close_by_the_peer_cancels_what_is_gathered, w, p, u) {
  const size_t much = user_too_much(w);
  uint8_t *data = check_alloc(much);
  p->forgets = true;
  scenario_open(u);
  begin(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_piece(u, 'a', data, much), 0);
  free(data);
  world_advance(w, 20);
  assert_int_equal(user_piece(u, 'b', "b", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(user_piece(u, 'c', "c", 1), 0);
  frame_peer_send(p, "CLOSE #1001");
  world_advance(w, 20);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1001, 1001));
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED b=ECANCELED f=ECANCELED c=ECANCELED ");
}

/* There is no memory for the frame when the turn ends: its pieces were accepted, so the session
   fails. */
SCENARIO_TEST(test_frame_without_memory_at_the_end_of_a_turn_ends_the_session, w, p, u) {
  scenario_open(u);
  begin(u);
  assert_int_equal(user_piece(u, 'a', "a", 1), 0);
  bufq_pool_free(&u->session->endpoint->shared.chunks);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  world_advance(w, 20);
  w->alloc->fail_at = 0;
  user_run_to_close(u);
  assert_int_equal(u->end.status, UV_ENOMEM);
  assert_string_equal(bytes_text(&u->done), "a=ECANCELED ");
}

/* --- at random --- */

/* What was sent and what has come, by sums. */
typedef struct flow {
  uint64_t seed, sent, came;
  size_t sent_bytes, came_bytes, frames;
  bool blocked, ended, all;
} flow;

static void add(uint64_t *sum, const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) *sum = *sum * 31 + data[i];
}

static void take_frame(frame_peer *p, const seen_frame *f) {
  flow *all = p->data;
  if (f->spec.opcode >= 8) return;
  CHECK(f->spec.opcode == (all->frames == 0 ? WSUV_FRAME_BINARY : 0));
  CHECK(!all->ended);
  all->frames++;
  all->ended = f->spec.fin;
  all->came_bytes += (size_t) f->length;
  add(&all->came, f->payload, (size_t) f->length);
}

static size_t random_length(uint64_t *seed) {
  static const size_t bounds[] = {2, 50, 5000, 20000, 200000};
  return seeded_below(seed, bounds[seeded_below(seed, 5)]);
}

static void random_piece(session_user *u, flow *f) {
  static uint8_t data[200000];
  const size_t len = random_length(&f->seed), before = wsuv_buffered_amount(u->session);
  for (size_t i = 0; i < len; i++) data[i] = (uint8_t) seeded(&f->seed);
  const bool named = seeded_below(&f->seed, 8) == 0;
  int err = user_piece(u, named ? 'a' : '\0', data, len);
  if (named) u->send_count = 0;
  CHECK(err == 0 || err == WSUV_EQUEUEFULL || err == WSUV_EMSGSIZE);
  CHECK(wsuv_buffered_amount(u->session) == before + (err == 0 ? len : 0));
  CHECK(wsuv_buffered_amount(u->session) <= u->config.outgoing_max);
  if (err < 0) return;
  f->sent_bytes += len;
  add(&f->sent, data, len);
}

static void random_step(world *w, frame_peer *p, session_user *u, flow *f) {
  switch (seeded_below(&f->seed, 12)) {
  case 0: world_advance(w, seeded_below(&f->seed, 4)); break;
  case 1:
    f->blocked = !f->blocked;
    raw_conn_read(p->conn, !f->blocked);
    break;
  case 2: (void) user_ping(u, "ping"); break;
  case 3: CHECK(wsuv_flush(u->session, NULL, NULL) == 0); break;
  case 4: frame_peer_send(p, "PING \"theirs\""); break;
  default: random_piece(u, f); break;
  }
}

SCENARIO_TLS_TEST(test_pieces_at_random_arrive_as_they_were_sent, w, p, u) {
  flow f = {.seed = w->seed + 1};
  p->forgets = u->forgets = true;
  p->on_frame = take_frame;
  p->data = &f;
  u->config.outgoing_max = 100 * KIB + seeded_below(&f.seed, 400 * KIB);
  u->config.high_water = u->config.low_water = u->config.outgoing_max / 2;
  u->config.fragment_size = seeded_below(&f.seed, 3) * 10000;
  scenario_open(u);
  begin(u);
  for (int i = 0; i < 400; i++) random_step(w, p, u, &f);
  raw_conn_read(p->conn, true);
  while (user_end_message(u, '\0') == WSUV_EQUEUEFULL) world_advance(w, 1);
  world_run_until_true(w, &f.ended);
  assert_int_equal(f.came_bytes, f.sent_bytes);
  assert_true(f.came == f.sent);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  world_advance(w, 5);
  assert_int_equal(u->owed, 0);
  scenario_close(u);
}

/* --- with permessage-deflate --- */

/* Pieces are gathered before they are compressed. */
WORLD_TEST(test_pieces_are_gathered_before_compression, w) {
  server_peer p;
  session_user u;
  wsuv_extension_t deflate;
  const wsuv_extension_t *const list[] = {&deflate};
  wsuv_config_t config;
  wsuv_stats_t stats;
  wsuv_client_config_init(&config);
  wsuv_stats_init(&stats);
  CHECK(wsuv_permessage_deflate(&deflate, NULL) == 0);
  config.extensions = list;
  config.extension_count = 1;
  server_peer_start(&p, w, list, 1);
  p.silent = true;
  user_init(&u, w, &config);
  assert_int_equal(user_try_connect_url(&u, raw_peer_url(p.raw, "/")), 0);
  world_run_until_count(w, &u.opens, 1);
  for (size_t i = 0; i < 2; i++) {
    begin(&u);
    for (int k = 0; k < 1000; k++) piece(&u, 100);
    assert_int_equal(user_end_message(&u, '\0'), 0);
    world_run_until_count(w, &p.messages, i + 1);
    assert_int_equal(p.got.len, 100000);
    assert_int_equal(p.compressed, i + 1);
  }
  assert_int_equal(wsuv_session_get_stats(u.session, &stats), 0);
  assert_int_equal(stats.frames_sent, 2 * (100000 / FIRST_LIMIT + 1));
  assert_int_equal(user_close(&u, 1000, NULL), 0);
  user_finish(&u);
  assert_int_equal(p.failed, 0);
  server_peer_free(&p);
}

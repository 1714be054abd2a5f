/* F44: a peer that reads slowly or not at all. The queue is bounded, and the sender is told. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { KIB = 1024, PIECE = 16 * KIB, BOUND = 256 * KIB, HIGH = 128 * KIB, LOW = 32 * KIB };

static const uint8_t piece[BOUND + 1];

static void open_blocked(frame_peer *p, session_user *u) {
  u->config.outgoing_max = BOUND;
  u->config.high_water = HIGH;
  u->config.low_water = LOW;
  p->forgets = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
}

/* Until a send of `last` bytes is refused, and stays so when the kernel has taken what it takes. */
static size_t fill(session_user *u, size_t last) {
  size_t sent = 0;
  for (int quiet = 0; quiet < 3; quiet++) {
    while (user_binary(u, piece, PIECE) == 0) sent++, quiet = 0;
    size_t rest = BOUND - wsuv_buffered_amount(u->session);
    if (rest > last - 1) (void) user_binary(u, piece, rest - (last - 1)), sent++;
    world_advance(u->w, 5);
  }
  return sent;
}

SCENARIO_TLS_TEST(test_queue_is_bounded, w, p, u) {
  open_blocked(p, u);
  raw_conn_read(p->conn, true);
  assert_int_equal(user_binary(u, piece, 1), 0); /* so that the pool has its first chunk */
  world_advance(w, 5);
  raw_conn_read(p->conn, false);
  size_t idle = w->alloc->live_bytes;
  w->alloc->peak_bytes = idle;
  (void) fill(u, 1);
  assert_true(wsuv_buffered_amount(u->session) <= BOUND);
  assert_int_equal(user_binary(u, piece, PIECE), WSUV_EQUEUEFULL);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, false, piece, PIECE), WSUV_EQUEUEFULL);
  assert_int_equal(user_frame(u, 'b', (wsuv_frame_type_t) 3, true, piece, PIECE), UV_EINVAL);
  for (int i = 0; i < 1000; i++) assert_true(user_binary(u, piece, PIECE) < 0);
  assert_true(w->alloc->peak_bytes - idle < BOUND + 64 * KIB);
  assert_int_equal(u->dones, 0);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_message_beyond_the_bound_is_never_taken, w, p, u) {
  open_blocked(p, u);
  assert_int_equal(user_binary(u, piece, BOUND + 1), WSUV_EMSGSIZE);
  assert_int_equal(user_binary(u, piece, BOUND), 0); /* an empty queue takes up to the bound */
  assert_int_equal(wsuv_buffered_amount(u->session), BOUND);
  assert_int_equal(user_binary(u, piece, 1), WSUV_EQUEUEFULL);
  assert_int_equal(user_binary(u, piece, 0), 0);
  assert_int_equal(user_ping(u, "control frames are not counted"), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), BOUND);
  assert_int_equal(user_binary(u, piece, BOUND + 1), WSUV_EMSGSIZE);
  scenario_terminate(u);
}

/* Two small messages, of which the second goes beyond a limit that the first was far from. */

SCENARIO_TLS_TEST(test_small_message_may_not_go_beyond_the_bound, w, p, u) {
  u->config.outgoing_max = 200;
  scenario_open(u);
  assert_int_equal(user_binary(u, piece, 90), 0);
  assert_int_equal(user_binary(u, piece, 125), WSUV_EQUEUEFULL);
  assert_int_equal(user_binary(u, piece, 110), 0);
  assert_int_equal(wsuv_buffered_amount(u->session), 200);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_drain_follows_small_messages_above_the_high_water_mark, w, p, u) {
  u->config.high_water = 200;
  u->config.low_water = 100;
  scenario_open(u);
  assert_int_equal(user_binary(u, piece, 90), 0);
  assert_int_equal(user_binary(u, piece, 125), 0);
  world_run_until_count(w, &u->drains, 1);
  scenario_terminate(u);
}

/* --- on_drain --- */

/* What was refused goes in on_drain, unless that is for the low water mark. */
static void send_refused(session_user *u) {
  const size_t *len = u->data;
  if (len == NULL) return;
  int err = user_binary(u, piece, *len);
  assert_true(err == 0 || err == WSUV_EQUEUEFULL);
  if (err == 0) u->data = NULL;
}

SCENARIO_TLS_TEST(test_drain_follows_a_refusal_as_soon_as_it_fits, w, p, u) {
  static const size_t lens[] = {1, PIECE, BOUND};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    size_t len = lens[i];
    scenario_renew(u);
    open_blocked(p, u);
    (void) fill(u, len);
    u->drains = 0;
    while (user_binary(u, piece, len) == 0) world_advance(w, 1);
    assert_int_equal(u->drains, 0);
    u->data = &len;
    u->at_drain = send_refused;
    raw_conn_read(p->conn, true);
    while (u->data != NULL) world_advance(w, 1);
    assert_true(u->drains > 0);
    scenario_terminate(u);
  }
}

typedef struct refusals {
  size_t len[3];
  bool told[3];
} refusals;

static bool would_fit(const session_user *u, size_t len) {
  return len <= BOUND - wsuv_buffered_amount(u->session);
}

static void note_told(session_user *u) {
  refusals *r = u->data;
  for (size_t i = 0; i < 3; i++) r->told[i] |= would_fit(u, r->len[i]);
}

/* One callback may be for several, but none waits for another that is larger. */
SCENARIO_TLS_TEST(test_drain_follows_every_refusal, w, p, u) {
  refusals r = {{2 * PIECE, 6 * PIECE, BOUND}, {false, false, false}};
  open_blocked(p, u);
  while (user_binary(u, piece, PIECE) == 0) continue;
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(user_binary(u, piece, r.len[i]), WSUV_EQUEUEFULL);
  }
  u->data = &r;
  u->at_drain = note_told;
  raw_conn_read(p->conn, true);
  while (wsuv_buffered_amount(u->session) > 0) {
    world_advance(w, 1);
    for (size_t i = 0; i < 3; i++) assert_int_equal(r.told[i], would_fit(u, r.len[i]));
  }
  scenario_terminate(u);
}

static void check_low(session_user *u) {
  CHECK(wsuv_buffered_amount(u->session) <= LOW);
}

/* Once, when the queue has fallen to it, and not again before it has risen anew. */
SCENARIO_TLS_TEST(test_drain_at_the_low_water_mark, w, p, u) {
  open_blocked(p, u);
  u->at_drain = check_low;
  for (int i = 0; i < BOUND / PIECE; i++) assert_int_equal(user_binary(u, piece, PIECE), 0);
  raw_conn_read(p->conn, true);
  while (wsuv_buffered_amount(u->session) > 0) {
    world_advance(w, 1);
    assert_int_equal(u->drains, wsuv_buffered_amount(u->session) <= LOW ? 1 : 0);
  }
  for (int i = 0; i < 20; i++) assert_int_equal(user_binary(u, piece, KIB), 0);
  while (wsuv_buffered_amount(u->session) > 0) world_advance(w, 1);
  assert_int_equal(u->drains, 1);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_no_drain_below_the_high_water_mark, w, p, u) {
  open_blocked(p, u);
  assert_int_equal(user_binary(u, piece, HIGH), 0);
  raw_conn_read(p->conn, true);
  while (wsuv_buffered_amount(u->session) > 0) world_advance(w, 1);
  assert_int_equal(u->drains, 0);
  assert_int_equal(user_binary(u, piece, HIGH + 1), 0);
  while (wsuv_buffered_amount(u->session) > 0) world_advance(w, 1);
  world_run_until_count(w, &u->drains, 1);
  assert_int_equal(u->drains, 1);
  scenario_terminate(u);
}

/* A sender that lives on on_drain alone gets everything through. */
typedef struct stream {
  size_t sent, total;
} stream;

static void pump(session_user *u) {
  stream *s = u->data;
  while (s->sent < s->total && user_binary(u, piece, PIECE) == 0) s->sent++;
}

SCENARIO_TLS_TEST(test_sender_driven_by_drain_gets_through, w, p, u) {
  stream s = {0, w->kind == WORLD_SIM ? 64 : 1024};
  open_blocked(p, u);
  u->data = &s;
  u->at_drain = pump;
  pump(u);
  world_advance(w, 5);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->frames, s.total);
  assert_int_equal(s.sent, s.total);
  assert_int_equal(p->opcodes[2], s.total);
  u->at_drain = NULL;
  scenario_terminate(u);
}

/* --- messages of no length --- */

static size_t send_empty(session_user *u, size_t most) {
  size_t n = 0;
  int err = 0;
  while (n < most && (err = user_text(u, "")) == 0) n++;
  if (n < most) assert_int_equal(err, WSUV_EQUEUEFULL);
  return n;
}

static void check_empty_fits(session_user *u) {
  assert_int_equal(user_text(u, ""), 0);
}

/* Their headers take room, too: as much again as payload may. */
SCENARIO_TLS_TEST(test_empty_messages_are_bounded, w, p, u) {
  enum { SMALL = 4 * KIB, HEADER = 2 + 4, MOST = 2 * SMALL / HEADER + 1 };
  u->config.outgoing_max = SMALL;
  p->forgets = true;
  scenario_open(u);
  assert_in_range(send_empty(u, 2 * MOST), MOST - 1, MOST);
  assert_int_equal(wsuv_buffered_amount(u->session), 0);
  assert_int_equal(user_binary(u, piece, 1), WSUV_EQUEUEFULL);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, false, "", 0), WSUV_EQUEUEFULL);
  assert_int_equal(user_ping(u, "control frames are not counted"), 0);
  assert_int_equal(u->drains, 0);
  u->at_drain = check_empty_fits;
  world_run_until_count(w, &u->drains, 1);
  assert_int_equal(u->drains, 1);
  world_run_until_count(w, &p->opcodes[1], MOST);
  scenario_terminate(u);
}

/* Whoever sends whenever there is room has little memory kept, and gets all of it through. */
SCENARIO_TLS_TEST(test_empty_messages_cost_little_memory, w, p, u) {
  enum { ROUNDS = 4 };
  size_t sent = 0;
  open_blocked(p, u);
  raw_conn_read(p->conn, true);
  assert_int_equal(user_binary(u, piece, 1), 0); /* so that the pool has its first chunk */
  world_advance(w, 5);
  raw_conn_read(p->conn, false);
  size_t idle = w->alloc->live_bytes;
  w->alloc->peak_bytes = idle;
  assert_int_equal(user_binary(u, piece, BOUND - 1), 0);
  for (int i = 0; i < ROUNDS; i++) {
    sent += send_empty(u, BOUND);
    world_advance(w, 5);
  }
  assert_true(w->alloc->peak_bytes - idle <= 2 * BOUND + 64 * KIB);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &u->drains, 1);
  world_run_until_count(w, &p->opcodes[1], sent);
  scenario_terminate(u);
}

/* --- control frames --- */

static void check_frame(frame_peer *p, const seen_frame *f) {
  size_t *before_ping = p->data;
  if (f->spec.opcode == 9) *before_ping = p->opcodes[2];
  if (f->spec.opcode != 2) return;
  CHECK(f->length == BOUND / 8);
  for (size_t i = 0; i < f->length; i++) CHECK(f->payload[i] == 0);
}

/* Ahead of what waits, never into the middle of a frame: the peer finds each frame whole. */
SCENARIO_TLS_TEST(test_control_frames_overtake_queued_data, w, p, u) {
  size_t before_ping = 0, sent = 0;
  open_blocked(p, u);
  p->data = &before_ping;
  p->on_frame = check_frame;
  for (int quiet = 0; quiet < 3; quiet++) {
    while (user_binary(u, piece, BOUND / 8) == 0) sent++, quiet = 0;
    world_advance(w, 5);
  }
  assert_int_equal(user_frame(u, 'p', WSUV_FRAME_PING, true, "now", 3), 0);
  size_t waiting = wsuv_buffered_amount(u->session) / (BOUND / 8);
  assert_true(waiting >= 7);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->opcodes[9], 1);
  /* At most 64 KiB had begun: a frame, and parts of two. */
  assert_in_range(before_ping, sent - waiting, sent - waiting + 3);
  world_run_until_count(w, &p->opcodes[2], sent);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_close_does_not_overtake_data, w, p, u) {
  open_blocked(p, u);
  size_t sent = fill(u, 1);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(p->opcodes[2], sent);
  assert_int_equal(p->opcodes[8], 1);
  scenario_terminate(u);
}

/* --- the policy to close --- */

static void open_that_closes(frame_peer *p, session_user *u) {
  u->config.outgoing_max = BOUND;
  u->config.high_water = HIGH;
  u->config.low_water = LOW;
  u->config.outgoing_policy = WSUV_OUTGOING_CLOSE;
  p->forgets = true;
  scenario_open(u);
}

static void assert_too_slow(session_user *u) {
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_EQUEUEFULL, WSUV_STAGE_OPEN));
  assert_int_equal(u->drains, 0);
}

/* A peer that begins to read again is told why, behind what was taken. */
SCENARIO_TLS_TEST(test_policy_to_close_ends_the_session_with_1008, w, p, u) {
  size_t sent = 0;
  open_that_closes(p, u);
  raw_conn_read(p->conn, false);
  while (user_binary(u, piece, PIECE) == 0) sent++;
  assert_int_equal(sent, BOUND / PIECE);
  assert_int_equal(user_binary(u, piece, 1), WSUV_ESTATE);
  raw_conn_read(p->conn, true);
  assert_too_slow(u);
  assert_int_equal(u->end.sent_code, 1008);
  assert_string_equal(u->end.detail, "outgoing queue is full");
  assert_int_equal(p->opcodes[2], sent);
  assert_int_equal(p->opcodes[8], 1);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_policy_to_close_gives_up_a_peer_that_does_not_read, w, p, u) {
  u->config.outgoing_max = BOUND;
  u->config.outgoing_policy = WSUV_OUTGOING_CLOSE;
  u->config.close_timeout_ms = 30;
  p->forgets = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  while (user_binary(u, piece, PIECE) == 0) {
    if (wsuv_buffered_amount(u->session) == BOUND) world_advance(w, 1); /* the kernel takes some */
  }
  assert_too_slow(u);
  scenario_terminate(u);
}

static void send_until_full(session_user *u, const wsuv_message_t *m) {
  int err = 0;
  CHECK(m->len == 4);
  while (err == 0) err = user_binary(u, piece, PIECE);
  CHECK(err == WSUV_EQUEUEFULL);
  CHECK(memcmp(m->data, "fill", 4) == 0); /* valid until we return */
}

/* From a callback, with more in the same read, and while paused. */
SCENARIO_TLS_TEST(test_policy_to_close_holds_in_a_callback, w, p, u) {
  open_that_closes(p, u);
  u->at_message = send_until_full;
  frame_peer_send(p, "TEXT- \"fi\"; CONT \"ll\"; TEXT \"lost\"");
  assert_too_slow(u);
  assert_int_equal(u->messages, 1);
  assert_int_equal(u->end.sent_code, 1008);
  scenario_terminate(u);
}

SCENARIO_TLS_TEST(test_policy_to_close_holds_while_paused, w, p, u) {
  open_that_closes(p, u);
  assert_int_equal(user_pause(u), 0);
  frame_peer_send(p, "TEXT \"lost\"");
  world_advance(w, 5);
  while (user_binary(u, piece, PIECE) == 0) continue;
  assert_too_slow(u);
  assert_int_equal(u->messages, 0);
  assert_int_equal(u->end.sent_code, 1008);
  scenario_terminate(u);
}

/* What could never be sent is a mistake of the sender's, not of the peer's. */
SCENARIO_TLS_TEST(test_policy_to_close_spares_a_message_beyond_the_bound, w, p, u) {
  open_that_closes(p, u);
  assert_int_equal(user_binary(u, piece, BOUND + 1), WSUV_EMSGSIZE);
  assert_int_equal(user_binary(u, piece, BOUND), 0);
  world_run_until_count(w, &p->frames, 1);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  scenario_terminate(u);
}

/* Pings and pongs: seen, answered in order, and bounded when nobody reads the answers. */

#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { PONGS_MAX = 64 };

SCENARIO_TLS_TEST(test_pings_are_seen_and_answered_in_order, w, p, u) {
  scenario_open(u);
  frame_peer_send(p, "PING 01; PING; PING 02~125; TEXT \"t\"; PING 03");
  world_run_until_count(w, &p->frames, 4);
  assert_true(user_got(u, "PING 01; PING; PING 02~125; TEXT \"t\"; PING 03"));
  assert_true(frame_peer_saw(p, "PONG 01; PONG; PONG 02~125; PONG 03"));
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_pongs_are_seen_asked_for_or_not, w, p, u) {
  p->pongs = true;
  scenario_open(u);
  frame_peer_send(p, "PONG \"unasked\"");
  world_run_until_count(w, &u->pongs, 1);
  assert_int_equal(user_ping(u, "asked"), 0);
  assert_int_equal(user_pong(u, "ours"), 0);
  world_run_until_count(w, &u->pongs, 2);
  assert_true(user_got(u, "PONG \"unasked\"; PONG \"asked\""));
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PING \"asked\"; PONG \"ours\""));
  scenario_close(u);
}

static void answer_ping(session_user *u) {
  assert_int_equal(user_text(u, "answer"), 0);
}

/* The pong is queued before on_ping is told. */
SCENARIO_TLS_TEST(test_pong_goes_before_what_on_ping_sends, w, p, u) {
  scenario_open(u);
  u->at_ping = answer_ping;
  frame_peer_send(p, "PING 01");
  world_run_until_count(w, &p->frames, 2);
  assert_true(frame_peer_saw(p, "PONG 01; TEXT \"answer\""));
  scenario_close(u);
}

/* --- F21: a flood of pings from a peer that reads no pong --- */

enum { FLOOD = 5000 };

typedef struct pong_list {
  uint32_t n[FLOOD + PONGS_MAX];
  size_t count;
} pong_list;

static void list_pong(frame_peer *p, const seen_frame *f) {
  pong_list *list = p->data;
  if (f->spec.opcode != 10) return;
  CHECK(f->length == 4 && list->count < FLOOD + PONGS_MAX);
  memcpy(&list->n[list->count++], f->payload, 4);
}

static void flood(frame_peer *p) {
  for (uint32_t i = 1; i <= FLOOD; i++) raw_conn_write_frame(p->conn, 9, &i, 4);
}

/* A frame that has begun keeps every pong waiting: then there are 64, and the latest. */
SCENARIO_TLS_TEST(test_flood_of_pings_costs_no_memory, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  pong_list *list = check_alloc(sizeof *list);
  p->forgets = true;
  p->data = list;
  p->on_frame = list_pong;
  scenario_open(u);
  u->forgets = true;
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  world_advance(w, 20);
  size_t before = w->alloc->live_bytes;
  w->alloc->peak_bytes = before;
  flood(p);
  world_run_until_count(w, &u->pings, FLOOD);
  assert_true(w->alloc->peak_bytes - before <= 64 * 1024);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->opcodes[10], PONGS_MAX + 1);
  for (size_t i = 0; i < PONGS_MAX; i++) assert_int_equal(list->n[i], i + 1);
  assert_int_equal(list->n[PONGS_MAX], FLOOD);
  frame_peer_send(p, "PING 00000000");
  world_run_until_count(w, &p->opcodes[10], PONGS_MAX + 2);
  assert_int_equal(list->n[PONGS_MAX + 1], 0);
  scenario_close(u);
  free(list);
  free(data);
}

static size_t control_bytes(const session_user *u) {
  return bufq_len(&u->session->conn.work->out.lanes[LANE_CONTROL].bytes);
}

/* Pings of our own among the pongs do not let more of them wait. */
SCENARIO_TLS_TEST(test_flood_of_pings_among_our_own, w, p, u) {
  enum { PONG_SIZE = 2 + 4 + 125, PING_SIZE = 2 + 4 + 8, ROUNDS = 100 };
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  u->config.ping_interval_ms = 1;
  u->config.ping_timeout_ms = 60 * 1000;
  p->forgets = true;
  scenario_open(u);
  u->forgets = true;
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  free(data);
  world_advance(w, 20);
  for (size_t i = 0; i < PONGS_MAX + ROUNDS; i++) {
    frame_peer_send(p, "PING 00~125");
    world_run_until_count(w, &u->pings, i + 1);
    world_advance(w, 2); /* and a ping of ours is due */
  }
  assert_in_range(control_bytes(u), PONGS_MAX * PONG_SIZE, (PONGS_MAX + 2) * PONG_SIZE + PING_SIZE);
  user_terminate(u);
}

/* A peer that reads has every one answered. */
SCENARIO_TLS_TEST(test_flood_of_pings_is_answered_in_order, w, p, u) {
  pong_list *list = check_alloc(sizeof *list);
  p->forgets = true;
  p->data = list;
  p->on_frame = list_pong;
  scenario_open(u);
  u->forgets = true;
  for (uint32_t i = 1; i <= PONGS_MAX; i++) raw_conn_write_frame(p->conn, 9, &i, 4);
  world_run_until_count(w, &p->opcodes[10], PONGS_MAX);
  for (size_t i = 0; i < PONGS_MAX; i++) assert_int_equal(list->n[i], i + 1);
  flood(p);
  world_run_until_count(w, &u->pings, PONGS_MAX + FLOOD);
  while (list->n[list->count - 1] != FLOOD) world_advance(w, 1);
  for (size_t i = PONGS_MAX + 1; i < list->count; i++) assert_true(list->n[i] > list->n[i - 1]);
  scenario_close(u);
  free(list);
}

/* Pings and pongs that the program sends: no more than 64 of each wait unsent, and the next one is
   refused with WSUV_EQUEUEFULL. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { UNSENT_MAX = 64 };

/* Sends one numbered ping or pong. */
typedef int (*send_fn)(session_user *u, int number);

static int send_ping(session_user *u, int number) {
  char payload[16];
  (void) snprintf(payload, sizeof payload, "%d", number);
  return user_ping(u, payload);
}

static int send_pong(session_user *u, int number) {
  char payload[16];
  (void) snprintf(payload, sizeof payload, "%d", number);
  return user_pong(u, payload);
}

/* An open session whose peer reads nothing. A large frame has begun to leave: everything that is
   sent now waits behind it, since it is not fragmented. Returns the size of its payload. */
static size_t open_and_block(session_user *u, frame_peer *p) {
  size_t size = user_too_much(u->w);
  uint8_t *data = check_alloc(size);
  u->config.fragment_size = 0;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  free(data);
  world_advance(u->w, 20);
  return size;
}

static size_t control_bytes(const session_user *u) {
  return bufq_len(&u->session->conn.work->out.lanes[LANE_CONTROL].bytes);
}

static void send_up_to_the_bound(session_user *u, send_fn send) {
  for (int i = 0; i < UNSENT_MAX; i++) assert_int_equal(send(u, i), 0);
}

/* Whichever function sends it, and nothing of it is queued. */
static void assert_refused(session_user *u, send_fn send, wsuv_frame_type_t type) {
  const uv_buf_t none = uv_buf_init(NULL, 0);
  size_t before = control_bytes(u);
  assert_int_equal(send(u, UNSENT_MAX), WSUV_EQUEUEFULL);
  assert_int_equal(user_frame(u, 'f', type, true, "", 0), WSUV_EQUEUEFULL);
  assert_int_equal(user_bufs(u, 'b', type, &none, 1), WSUV_EQUEUEFULL);
  assert_int_equal(control_bytes(u), before);
}

static void run_until_peer_saw(world *w, const frame_peer *p, uint8_t opcode, size_t count) {
  world_run_until_count(w, &p->opcodes[opcode], count);
  assert_int_equal(p->opcodes[opcode], count);
}

/* Those that were taken arrive, each once and in order; then there is room for others. */
static void check_bound(world *w, send_fn send, wsuv_frame_type_t type, const char *name) {
  frame_peer p;
  session_user u;
  bytes script = {0};
  uint8_t opcode = (uint8_t) type;
  scenario_begin(w, &p, &u);
  size_t size = open_and_block(&u, &p);
  send_up_to_the_bound(&u, send);
  assert_refused(&u, send, type);
  raw_conn_read(p.conn, true);
  run_until_peer_saw(w, &p, opcode, UNSENT_MAX);
  assert_int_equal(send(&u, UNSENT_MAX), 0);
  run_until_peer_saw(w, &p, opcode, UNSENT_MAX + 1);
  bytes_print(&script, "BIN 00*%zu", size);
  for (int i = 0; i <= UNSENT_MAX; i++) bytes_print(&script, "; %s \"%d\"", name, i);
  assert_true(frame_peer_saw(&p, bytes_text(&script)));
  bytes_free(&script);
  scenario_close(&u);
}

WORLD_TLS_TEST(test_pings_that_wait_are_bounded, w) {
  check_bound(w, send_ping, WSUV_FRAME_PING, "PING");
}

WORLD_TLS_TEST(test_pongs_that_wait_are_bounded, w) {
  check_bound(w, send_pong, WSUV_FRAME_PONG, "PONG");
}

SCENARIO_TLS_TEST(test_pings_and_pongs_are_counted_apart, w, p, u) {
  (void) open_and_block(u, p);
  send_up_to_the_bound(u, send_ping);
  send_up_to_the_bound(u, send_pong);
  assert_refused(u, send_ping, WSUV_FRAME_PING);
  assert_refused(u, send_pong, WSUV_FRAME_PONG);
  raw_conn_read(p->conn, true);
  run_until_peer_saw(w, p, 9, UNSENT_MAX);
  run_until_peer_saw(w, p, 10, UNSENT_MAX);
  scenario_close(u);
}

/* The policy to close, and on_drain, are for data. */
SCENARIO_TLS_TEST(test_refused_ping_neither_closes_nor_drains, w, p, u) {
  u->config.outgoing_policy = WSUV_OUTGOING_CLOSE;
  u->config.high_water = u->config.outgoing_max;
  (void) open_and_block(u, p);
  send_up_to_the_bound(u, send_ping);
  assert_refused(u, send_ping, WSUV_FRAME_PING);
  world_advance(w, 20);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_OPEN);
  raw_conn_read(p->conn, true);
  run_until_peer_saw(w, p, 9, UNSENT_MAX);
  assert_int_equal(u->drains, 0);
  scenario_close(u);
}

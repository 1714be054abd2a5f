/* What comes together in one turn of the loop, and that no turn lasts for ever. */

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"
#include "testkit/sim.h"

/* --- F42: timer, data and close in the same turn, in every order --- */

static void peer_closes(void *data) {
  frame_peer_send(data, "TEXT \"data\"; CLOSE #3000");
}

static void peer_resets(void *data) {
  frame_peer *p = data;
  raw_conn_reset(p->conn);
}

static void peer_ends(void *data) {
  frame_peer *p = data;
  raw_conn_end(p->conn);
}

static void user_closes(void *data) {
  session_user *u = data;
  if (u->session != NULL) (void) user_close(u, 1000, NULL);
}

static void user_terminates(void *data) {
  session_user *u = data;
  if (u->session != NULL) user_terminate(u);
}

static void user_sends(void *data) {
  session_user *u = data;
  if (u->session != NULL) (void) user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1);
}

static void assert_it_fits(const session_user *u) {
  const user_end *e = &u->end;
  switch (e->status) {
  case 0: assert_int_equal(e->code, 3000); break;
  case WSUV_EPINGTIMEOUT:
    assert_true(e->sent_code == 1011 || e->sent_code == 0);
    assert_int_equal(e->stage, WSUV_STAGE_OPEN);
    break;
  case WSUV_ECLOSETIMEOUT: assert_int_equal(e->stage, WSUV_STAGE_CLOSING); break;
  case UV_ECANCELED:
  case UV_EOF:
  case UV_EPIPE:
  case UV_ECONNRESET: break;
  default: CHECK_FAIL("ended by %s", wsuv_err_name(e->status));
  }
  if (e->status != 0) assert_int_equal(e->code, WSUV_CLOSE_ABNORMAL);
  if (e->clean) assert_true(e->sent_code == 1000 || e->sent_code == 3000);
}

static void run_together(world *w, void (*peer)(void *), uint64_t peer_ms, void (*user)(void *),
                         uint64_t user_ms) {
  frame_peer p;
  session_user u;
  scenario_begin(w, &p, &u);
  u.config.ping_interval_ms = u.config.ping_timeout_ms = u.config.close_timeout_ms = 2;
  p.silent = true;
  scenario_open(&u);
  world_after(w, 1, user_sends, &u);
  world_after(w, 1, peer_closes, &p);
  world_after(w, peer_ms, peer, &p);
  world_after(w, user_ms, user, &u);
  user_run_to_close(&u);
  assert_it_fits(&u);
  world_advance(w, 10);
  scenario_finish(&u);
}

WORLD_SIM_TEST(test_timer_data_and_close_in_one_turn, w) {
  static void (*const peers[])(void *) = {peer_closes, peer_resets, peer_ends};
  static void (*const users[])(void *) = {user_closes, user_terminates, user_sends};
  for (size_t i = 0; i < 9; i++) {
    for (uint64_t ms = 0; ms < 16; ms++) {
      run_together(w, peers[i / 3], 1 + ms / 4, users[i % 3], 1 + ms % 4);
    }
  }
}

/* --- F22: bounded work --- */

static void answer_twice(session_user *u, const wsuv_message_t *m) {
  for (int i = 0; i < 2 && u->messages < 20000; i++) {
    (void) wsuv_send_binary(u->session, m->data, m->len);
  }
}

static void set_true(void *data) {
  *(bool *) data = true;
}

/* A network that takes its time: else none passes, however many turns the loop has. */
static void calm(world *w) {
  if (world_sim(w) != NULL) sim_set_profile(world_sim(w), NULL);
}

/* Two who answer each other for ever leave the loop its turns: a timer comes. */
SCENARIO_TEST(test_answering_does_not_keep_the_loop, w, p, u) {
  bool fired = false;
  calm(w);
  p->echoes = p->forgets = true;
  scenario_open(u);
  u->forgets = true;
  u->at_message = answer_twice;
  assert_int_equal(user_binary(u, "ball", 4), 0);
  world_after(w, 20, set_true, &fired);
  world_run_until_true(w, &fired);
  assert_true(u->messages > 0);
  u->at_message = NULL;
  user_terminate(u);
}

static void ping_again(session_user *u) {
  if (wsuv_session_stage(u->session) == WSUV_STAGE_OPEN) (void) user_ping(u, "again");
}

SCENARIO_TEST(test_pinging_in_on_pong_does_not_keep_the_loop, w, p, u) {
  bool fired = false;
  calm(w);
  p->pongs = p->forgets = true;
  scenario_open(u);
  u->forgets = true;
  u->at_pong = ping_again;
  assert_int_equal(user_ping(u, "first"), 0);
  world_after(w, 20, set_true, &fired);
  world_run_until_true(w, &fired);
  assert_true(u->pongs > 0);
  user_terminate(u);
}

/* Sending from on_drain, which that brings about again. */
static void send_again(session_user *u) {
  static const uint8_t data[100];
  (void) user_binary(u, data, sizeof data);
}

SCENARIO_UV_TEST(test_sending_in_on_drain_does_not_keep_the_loop, w, p, u) {
  bool fired = false;
  u->config.high_water = 1;
  u->config.low_water = 0;
  p->forgets = true;
  scenario_open(u);
  u->at_drain = send_again;
  send_again(u);
  world_after(w, 20, set_true, &fired);
  world_run_until_true(w, &fired);
  assert_true(u->drains > 0);
  user_terminate(u);
}

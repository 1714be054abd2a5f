/* wsuv_flush: told once all that was sent before is in the kernel's hands. */

#include <stdlib.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

SCENARIO_TLS_TEST(test_flush_with_nothing_queued, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(u->dones, 0);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "f=OK ");
  assert_int_equal(wsuv_flush(u->session, NULL, NULL), 0);
  scenario_close(u);
}

SCENARIO_TLS_TEST(test_flush_comes_after_all_before_it, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(user_frame(u, 'c', WSUV_FRAME_TEXT, true, "c", 1), 0);
  assert_int_equal(user_flush(u, 'g'), 0);
  world_run_until_count(w, &u->dones, 5);
  assert_string_equal(bytes_text(&u->done), "a=OK b=OK f=OK c=OK g=OK ");
  scenario_close(u);
}

static bool before(const session_user *u, const char *first, const char *second) {
  const char *a = strstr(bytes_text(&u->done), first), *b = strstr(bytes_text(&u->done), second);
  return a != NULL && b != NULL && a < b;
}

/* Control frames have a queue of their own; a flush waits for both. */
SCENARIO_TLS_TEST(test_flush_waits_for_pings_queued_behind_data, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  world_advance(w, 5); /* it has begun, so pings have to wait for its end */
  assert_int_equal(user_frame(u, 'p', WSUV_FRAME_PING, true, "p", 1), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  assert_int_equal(user_frame(u, 'q', WSUV_FRAME_PING, true, "q", 1), 0);
  assert_int_equal(user_flush(u, 'g'), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_BINARY, true, "b", 1), 0);
  world_advance(w, 20);
  assert_int_equal(u->dones, 0);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &u->dones, 6);
  assert_true(before(u, "a=OK", "f=OK"));
  assert_true(before(u, "f=OK", "g=OK"));
  scenario_close(u);
  free(data);
}

SCENARIO_TLS_TEST(test_flush_while_closing_waits_for_the_close_frame, w, p, u) {
  scenario_open(u);
  p->silent = true;
  assert_int_equal(user_text(u, "last"), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "f=OK ");
  world_run_until_count(w, &p->frames, 2);
  frame_peer_send(p, "CLOSE #1000");
  raw_conn_end(p->conn);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* Beyond 64 pongs only the latest is kept: the one that the flush saw never leaves. */
SCENARIO_TLS_TEST(test_flush_does_not_wait_for_a_pong_that_was_replaced, w, p, u) {
  enum { PONGS = 66 };
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  free(data);
  world_advance(w, 20); /* it has begun, so pongs have to wait for its end */
  for (int i = 0; i < PONGS; i++) frame_peer_send(p, "PING 00~125");
  world_run_until_count(w, &u->pings, PONGS);
  assert_int_equal(user_flush(u, 'f'), 0);
  frame_peer_send(p, "PING");
  world_run_until_count(w, &u->pings, PONGS + 1);
  assert_int_equal(u->dones, 0);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &u->dones, 1);
  assert_string_equal(bytes_text(&u->done), "f=OK ");
  scenario_close(u);
}

static void close_and_flush(session_user *u, const wsuv_message_t *m) {
  (void) m;
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  assert_int_equal(user_flush(u, 'f'), 0);
}

/* The peer's close frame drops what has not begun. Here that is nothing. */
SCENARIO_TLS_TEST(test_flush_after_our_close_when_the_close_frames_cross, w, p, u) {
  scenario_open(u);
  u->at_message = close_and_flush;
  frame_peer_send(p, "TEXT \"m\"; CLOSE #1000");
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK f=OK ");
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* --- flush from its own completion --- */

enum { FLUSHES = 40 };

static void flush_again(session_user *u, char name, int status) {
  assert_int_equal(status, 0);
  if (u->dones < FLUSHES) assert_int_equal(user_flush(u, name), 0);
}

SCENARIO_TLS_TEST(test_flush_from_a_flush_waits_for_the_next_turn, w, p, u) {
  scenario_open(u);
  u->at_done = flush_again;
  assert_int_equal(user_flush(u, 'f'), 0);
  for (size_t turns = 1; u->dones < FLUSHES; turns++) {
    size_t so_far = u->dones;
    w->ops->watch(w, true);
    w->ops->turn(w, true);
    w->ops->unwatch(w);
    assert_true(u->dones <= so_far + 1);
  }
  scenario_close(u);
}

/* A user who flushes again at each completion does not keep a session from ending that the peer
   has closed. F22 */
static void flush_whatever_came(session_user *u, char name, int status) {
  (void) name;
  (void) status;
  CHECK(u->send_count < USER_SENDS);
  if (u->send_count < USER_SENDS / 2) (void) user_flush(u, 'f');
}

SCENARIO_TLS_TEST(test_flush_from_a_completion_that_is_cancelled, w, p, u) {
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  p->silent = p->ends = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_binary(u, data, size), 0);
  free(data);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "a", 1), 0);
  world_advance(w, 20);
  u->at_done = flush_whatever_came;
  frame_peer_send(p, "CLOSE #1000");
  world_advance(w, 20);
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_memory_equal(bytes_text(&u->done), "a=ECANCELED ", 12);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

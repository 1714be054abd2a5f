/* Both sides begin the closing handshake before they hear of the other's (RFC 6455 7.1.3). */

#include "support/scenario.h"
#include "support/world_test.h"

/* Each frame answers the other: there is one each way. */
SCENARIO_TLS_TEST(test_close_frames_that_cross_answer_each_other, w, p, u) {
  p->silent = p->ends = true;
  scenario_open(u);
  frame_peer_send(p, "CLOSE #3000 \"its\"");
  assert_int_equal(user_close(u, 1001, "ours"), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 3000, 1001));
  assert_false(u->end.by_peer); /* ours was made before its was seen */
  assert_string_equal(u->end.reason, "its");
  assert_string_equal(u->end.sent_reason, "ours");
  assert_true(frame_peer_saw(p, "CLOSE #1001 \"ours\""));
}

/* Our close frame was accepted, so the data before it is still sent. */
SCENARIO_TLS_TEST(test_data_before_our_close_is_not_dropped, w, p, u) {
  p->silent = p->ends = true;
  scenario_open(u);
  frame_peer_send(p, "CLOSE #3000");
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_TEXT, true, "data", 4), 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"data\"; CLOSE #1000"));
  assert_string_equal(bytes_text(&u->done), "a=OK ");
  assert_true(user_ended_cleanly(u, 3000, 1000));
}

static void peer_closes(void *data) {
  frame_peer *p = data;
  if (p->data == NULL) frame_peer_send(p, "CLOSE #3000");
  p->data = p; /* it has */
}

static void close_and_end(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 8) return;
  peer_closes(p);
  raw_conn_end(p->conn);
}

static void user_closes(void *data) {
  session_user *u = data;
  if (u->session != NULL) (void) user_close(u, 1001, NULL);
}

/* Whoever is first, by how much time ever: clean, and one close frame each way. */
SCENARIO_TLS_TEST(test_close_from_both_sides_in_any_order, w, p, u) {
  for (uint64_t i = 0; i < 9; i++) {
    scenario_renew(u);
    p->silent = true;
    p->on_frame = close_and_end;
    scenario_open(u);
    world_after(w, i / 3, peer_closes, p);
    world_after(w, i % 3, user_closes, u);
    user_run_to_close(u);
    assert_true(u->end.sent_code == 1001 || u->end.sent_code == 3000);
    assert_true(user_ended_cleanly(u, 3000, u->end.sent_code));
    assert_int_equal(u->end.by_peer, u->end.sent_code == 3000);
    assert_true(frame_peer_saw(p, u->end.sent_code == 1001 ? "CLOSE #1001" : "CLOSE #3000"));
    world_advance(w, 5);
  }
}

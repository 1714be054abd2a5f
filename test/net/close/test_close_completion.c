/* The completion of our own close frame, when the peer closes first and data before the frame is
   dropped. The frame itself is still sent. Completions come in the order of sending. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/client.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static int send_close(session_user *u, char name) {
  static const uint8_t payload[] = {0x03, 0xe9, 'h', 'i'}; /* 1001 */
  return user_frame(u, name, WSUV_FRAME_CLOSE, true, payload, sizeof payload);
}

/* 'a' has begun to leave and is finished, 'b' is dropped, 'c' is our close frame. */
SCENARIO_TLS_TEST(test_close_frame_behind_dropped_data_completes_with_0, w, p, u) {
  char frames[64];
  size_t size = user_too_much(w);
  uint8_t *data = check_alloc(size);
  p->silent = p->ends = true;
  scenario_open(u);
  raw_conn_read(p->conn, false);
  assert_int_equal(user_frame(u, 'a', WSUV_FRAME_BINARY, true, data, size), 0);
  assert_int_equal(user_frame(u, 'b', WSUV_FRAME_TEXT, true, "b", 1), 0);
  assert_int_equal(send_close(u, 'c'), 0);
  free(data);
  world_advance(w, 30);
  assert_int_equal(u->owed, 3);
  frame_peer_send(p, "CLOSE #1000");
  world_advance(w, 60);
  assert_string_equal(bytes_text(&u->done), "");
  raw_conn_read(p->conn, true);
  user_run_to_close(u);
  assert_string_equal(bytes_text(&u->done), "a=OK b=ECANCELED c=OK ");
  assert_true(user_ended_cleanly(u, 1000, 1001));
  assert_string_equal(u->end.sent_reason, "hi");
  (void) snprintf(frames, sizeof frames, "BIN 00*%zu; CLOSE #1001 \"hi\"", size);
  assert_true(frame_peer_saw(p, frames));
}

/* What wsuv_session_close takes and refuses, and that it is idempotent. */

#include <stdio.h>
#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"

/* The codes of RFC 6455 7.4 and of the registry that an endpoint may send. */
static bool may_be_sent(unsigned code) {
  if (code == 1004 || code == 1005 || code == 1006) return false;
  return (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
}

SCENARIO_TEST(test_close_refuses_what_may_not_be_sent, w, p, u) {
  char long_reason[WSUV_CLOSE_REASON_MAX + 2];
  memset(long_reason, 'r', sizeof long_reason);
  long_reason[sizeof long_reason - 1] = '\0';
  scenario_open(u);
  for (unsigned code = 0; code <= 70000; code++) {
    if (!may_be_sent(code)) assert_int_equal(user_close(u, code, NULL), WSUV_ECLOSECODE);
  }
  assert_int_equal(user_close(u, 65536 + 1000, NULL), WSUV_ECLOSECODE);
  assert_int_equal(user_close(u, (unsigned) -1, NULL), WSUV_ECLOSECODE);
  assert_int_equal(user_close(u, 1000, long_reason), WSUV_ECONTROL);
  assert_int_equal(user_close(u, 1000, "\xff"), WSUV_EUTF8);
  assert_int_equal(user_close(u, 1000, "\xed\xa0\x80"), WSUV_EUTF8);
  assert_int_equal(user_close(u, 1000, "cut \xe2\x82"), WSUV_EUTF8);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_OPEN);
  assert_int_equal(user_text(u, "still open"), 0);
  assert_int_equal(user_close(u, 1000, long_reason + 1), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "TEXT \"still open\"; CLOSE #1000 \"r\"*123"));
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_string_equal(u->end.sent_reason, long_reason + 1);
}

SCENARIO_TEST(test_close_sends_every_code_that_may_be_sent, w, p, u) {
  static const unsigned codes[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                   1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    char frame[64];
    (void) snprintf(frame, sizeof frame, "CLOSE #%u c3a4", codes[i]);
    scenario_renew(u);
    scenario_open(u);
    assert_int_equal(user_close(u, codes[i], "\xc3\xa4"), 0);
    user_run_to_close(u);
    assert_true(frame_peer_saw(p, frame));
    assert_true(user_ended_cleanly(u, codes[i], codes[i]));
  }
}

/* F41 */
SCENARIO_TEST(test_close_is_idempotent, w, p, u) {
  scenario_open(u);
  assert_int_equal(user_close(u, 1000, "first"), 0);
  assert_int_equal(user_close(u, 1001, "second"), 0);
  world_run_until_count(w, &p->frames, 1);
  assert_int_equal(user_close(u, 4000, NULL), 0);
  user_run_to_close(u);
  assert_true(frame_peer_saw(p, "CLOSE #1000 \"first\""));
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_string_equal(u->end.sent_reason, "first");
}

SCENARIO_TEST(test_close_before_open_cancels, w, p, u) {
  for (uint64_t ms = 0; ms < 3; ms++) {
    scenario_renew(u);
    scenario_connect(u);
    if (ms > 0) world_advance(w, ms - 1);
    bool opened = u->opens > 0;
    assert_int_equal(user_close(u, 1000, "never mind"), 0);
    assert_int_equal(u->closes, 0);
    user_run_to_close(u);
    if (!opened) {
      assert_int_equal(u->opens, 0);
      assert_int_equal(u->end.status, UV_ECANCELED);
      assert_true(u->end.stage < WSUV_STAGE_OPEN);
      assert_int_equal(u->end.code, 0);
      assert_int_equal(u->end.sent_code, 0);
      assert_string_equal(u->end.sent_reason, "");
    }
  }
}

/* Without random bytes for the mask there is no close frame, and no session (RFC 6455 10.3). */
SCENARIO_TEST(test_close_without_random_bytes_ends_the_session, w, p, u) {
  scenario_open(u);
  world_random_fails(w, true);
  int err = 0;
  while ((err = user_text(u, "")) == 0) continue; /* until the pool of them is empty */
  assert_int_equal(err, WSUV_ERANDOM);
  assert_int_equal(user_close(u, 1000, NULL), 0); /* the session has ended */
  user_run_to_close(u);
  assert_true(user_ended_by(u, WSUV_ERANDOM, WSUV_STAGE_OPEN));
  world_random_fails(w, false);
}

/* The program decides on upgrades: in the hook, later, or when the answer is of no use any more. */

#include "support/check.h"
#include "support/server_user.h"

static void accept_now(server_user *s, wsuv_upgrade_t *u) {
  CHECK(server_user_accept(s, u, NULL) == 0);
}

static void keep(server_user *s, wsuv_upgrade_t *u) {
  (void) s;
  (void) u; /* s->upgrade is it */
}

SERVER_TLS_TEST(test_upgrade_accepted_in_the_hook, w, s) {
  server_user_decide(s, accept_now);
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  raw_client_send_frames(c, "TEXT \"a\"");
  raw_client_run_to_frames(c, 1);
  assert_true(raw_client_saw(c, "TEXT \"a\""));
  assert_int_equal(s->upgrades, 1);
}

SERVER_TLS_TEST(test_upgrade_accepted_later, w, s) {
  server_user_decide(s, keep);
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, NULL);
  server_user_run_to_upgrades(s, 1);
  assert_int_equal(server_user_accept(s, s->upgrade, NULL), 0);
  server_user_run_to_sessions(s, 1);
  raw_client_run_to_head(c);
  assert_int_equal(c->status, 101);
}

/* Requests that get no session: the exact answer, one line of log, and the end of the connection.
 */

#include <string.h>

#include "support/server_user.h"

SERVER_TLS_TEST(test_server_refuses_without_a_route, w, s) {
  server_user_start(s);
  raw_client *c = server_user_client(s);
  raw_client_request(c, &(upgrade_lines){.target = "/nowhere"});
  raw_client_run_to_head(c);
  assert_int_equal(c->status, 404);
  assert_true(raw_client_has_field(c, "Connection", "close"));
  assert_true(server_user_refused(s, "NO_ROUTE 404\n"));
  raw_client_run_to_end(c);
  assert_int_equal(c->end_status, 0);
}

/* The request comes in two pieces, then the peer resets the connection. */
SERVER_TLS_TEST(test_server_whose_peer_goes_before_the_request_is_whole, w, s) {
  server_user_start(s);
  SCOPED_BYTES request = {0};
  raw_client *c = server_user_client(s);
  upgrade_request(&request, NULL);
  raw_client_send_pieces(c, request.base, request.len - 1, request.len / 2, 0);
  while (c->slow_at < request.len - 1) world_advance(w, 1);
  world_advance(w, 300);
  raw_client_reset(c);
  server_user_run_to_refusals(s, 1);
  assert_true(server_user_refused(s, "GONE 0\n"));
}

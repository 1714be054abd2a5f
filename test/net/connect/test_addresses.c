/* The addresses of both ends of a session's connection. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <uv.h>

#include "support/check.h"
#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"

static bool has_none(const wsuv_session_t *s) {
  struct sockaddr_storage addr;
  return wsuv_session_peer_address(s, &addr) == WSUV_ESTATE &&
         wsuv_session_local_address(s, &addr) == WSUV_ESTATE;
}

static void expect_none(session_user *u) {
  CHECK(has_none(u->session));
}

static unsigned port_of(const struct sockaddr_storage *addr) {
  return ntohs(((const struct sockaddr_in *) addr)->sin_port);
}

static bool is_loopback(const struct sockaddr_storage *addr) {
  return addr->ss_family == AF_INET &&
         ((const struct sockaddr_in *) addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

SCENARIO_TEST(test_addresses_are_those_of_the_connection, w, p, u) {
  struct sockaddr_storage peer, local;
  u->at_close = expect_none;
  scenario_connect(u);
  assert_true(has_none(u->session));
  user_run_to_open(u);
  assert_int_equal(wsuv_session_peer_address(u->session, &peer), 0);
  assert_int_equal(wsuv_session_local_address(u->session, &local), 0);
  assert_true(is_loopback(&peer));
  assert_int_equal(port_of(&peer), strtoul(strrchr(raw_peer_url(p->raw, ""), ':') + 1, NULL, 10));
  assert_true(is_loopback(&local) && port_of(&local) != 0);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

SCENARIO_TEST(test_peer_over_a_unix_socket_is_its_path, w, p, u) {
  char url[256];
  struct sockaddr_storage peer, local;
  const struct sockaddr_un *un = (const struct sockaddr_un *) &peer;
  frame_peer_start_at(p, w, socket_path());
  (void) snprintf(url, sizeof url, "ws+unix://%s", socket_path());
  assert_int_equal(user_try_connect_url(u, url), 0);
  user_run_to_open(u);
  assert_int_equal(wsuv_session_peer_address(u->session, &peer), 0);
  assert_int_equal(peer.ss_family, AF_UNIX);
  assert_string_equal(un->sun_path, socket_path());
  assert_int_equal(wsuv_session_local_address(u->session, &local), 0);
  assert_int_equal(local.ss_family, AF_UNIX);
  assert_int_equal(user_close(u, 1000, NULL), 0);
}

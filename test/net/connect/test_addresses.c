/* The addresses of both ends of a session's connection. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <uv.h>

#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

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

/* --- in on_close, of a session that never opened --- */

typedef struct tried {
  char address[INET6_ADDRSTRLEN]; /* "": there is none */
  unsigned port;
} tried;

static void note_tried(session_user *u) {
  struct sockaddr_storage addr, local;
  tried *t = u->data;
  int err = wsuv_session_peer_address(u->session, &addr);
  CHECK(err == 0 || err == WSUV_ESTATE);
  CHECK(wsuv_session_local_address(u->session, &local) == WSUV_ESTATE);
  *t = (tried){.port = 0};
  if (err < 0) return;
  CHECK(uv_ip_name((const struct sockaddr *) &addr, t->address, sizeof t->address) == 0);
  t->port = port_of(&addr);
}

static void assert_tried(session_user *u, const char *url, const char *address, unsigned port) {
  tried t;
  user_reset(u);
  u->at_close = note_tried;
  u->data = &t;
  assert_int_equal(user_try_connect_url(u, url), 0);
  user_run_to_close(u);
  assert_int_equal(u->opens, 0);
  assert_string_equal(t.address, address);
  assert_int_equal(t.port, port);
  u->at_close = NULL;
}

SCENARIO_TEST(test_address_that_refused_is_told, w, p, u) {
  p->raw->port = world_dead_port(w);
  assert_tried(u, raw_peer_url(p->raw, "/"), "127.0.0.1", p->raw->port);
}

SCENARIO_TEST(test_address_of_a_connection_that_did_not_open_is_told, w, p, u) {
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 404 Not Found\r\n\r\n"),
                PEER_CLOSE);
  assert_tried(u, raw_peer_url(p->raw, "/"), "127.0.0.1", p->raw->port);
  assert_int_equal(u->end.http_status, 404);
}

SCENARIO_TEST(test_no_address_is_told_without_one, w, p, u) {
  assert_tried(u, raw_peer_url_of(p->raw, world_bad_name(w), "/"), "", 0);
}

SCENARIO_SIM_TEST(test_address_that_was_tried_last_is_told, w, p, u) {
  static const char *const addrs[] = {"192.0.2.1", "2001:db8::2", "192.0.2.3"};
  enum { TWO_ATTEMPTS_MS = 400 };
  sim_name(world_sim(w), "three", &(sim_answer){.addrs = {addrs[0], addrs[1], addrs[2]}});
  p->raw->port = 80;
  for (size_t i = 0; i < 3; i++) {
    sim_route(world_sim(w), addrs[i], SIM_ROUTE_FAIL, UV_EHOSTUNREACH);
  }
  assert_tried(u, "ws://three/", addrs[2], 80);
  for (size_t i = 0; i < 3; i++) sim_route(world_sim(w), addrs[i], SIM_ROUTE_BLACKHOLE, 0);
  scenario_renew(u);
  u->config.handshake_timeout_ms = TWO_ATTEMPTS_MS;
  assert_tried(u, "ws://three/", addrs[1], 80);
}

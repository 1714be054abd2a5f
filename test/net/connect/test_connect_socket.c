/* What the configuration makes of a socket: tcp_nodelay, tcp_keepalive_s, local_address. */

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "net/uv/stream.h"
#include "session/session.h"
#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- as the kernel has it --- */

typedef struct socket_facts {
  int nodelay, keepalive, idle_s;
  char local[INET6_ADDRSTRLEN];
} socket_facts;

static int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

static void look(session_user *u) {
  socket_facts *facts = u->data;
  const stream *s = (const stream *) (const void *) u->session->filter;
  struct sockaddr_in addr;
  socklen_t len = sizeof addr;
  uv_os_fd_t fd;
  CHECK(uv_fileno(s->own.uv, &fd) == 0);
  facts->nodelay = option_of(fd, IPPROTO_TCP, TCP_NODELAY);
  facts->keepalive = option_of(fd, SOL_SOCKET, SO_KEEPALIVE);
  facts->idle_s = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  CHECK(getsockname(fd, (struct sockaddr *) &addr, &len) == 0);
  CHECK(inet_ntop(AF_INET, &addr.sin_addr, facts->local, sizeof facts->local) != NULL);
}

static socket_facts play_and_look(session_user *u) {
  socket_facts facts;
  raw_peer_greet_and_close(u->peer->raw);
  u->data = &facts;
  u->at_open = look;
  scenario_play(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  return facts;
}

SCENARIO_UV_TEST(test_socket_by_default, w, p, u) {
  const socket_facts facts = play_and_look(u);
  assert_true(facts.nodelay != 0);
  assert_int_equal(facts.keepalive, 0);
  assert_string_equal(facts.local, "127.0.0.1");
}

SCENARIO_UV_TEST(test_socket_without_nodelay, w, p, u) {
  u->config.tcp_nodelay = false;
  assert_int_equal(play_and_look(u).nodelay, 0);
}

SCENARIO_UV_TEST(test_socket_with_keepalive, w, p, u) {
  for (unsigned seconds = 1; seconds <= 32767; seconds += 32766) {
    scenario_renew(u);
    u->config.tcp_keepalive_s = seconds;
    const socket_facts facts = play_and_look(u);
    assert_true(facts.keepalive != 0);
    assert_int_equal(facts.idle_s, seconds);
  }
}

SCENARIO_UV_TEST(test_socket_bound_to_the_local_address, w, p, u) {
  u->config.local_address = "127.0.0.2";
  assert_string_equal(play_and_look(u).local, "127.0.0.2");
}

SCENARIO_UV_TEST(test_socket_bound_to_what_is_not_this_machine_s, w, p, u) {
  u->config.local_address = "192.0.2.1";
  scenario_play(u);
  assert_true(user_ended_by(u, UV_EADDRNOTAVAIL, WSUV_STAGE_CONNECT));
}

/* --- local_address and families --- */

SCENARIO_TEST(test_socket_local_address_of_the_other_family, w, p, u) {
  char local[] = "::1";
  u->config.local_address = local;
  (void) user_client(u);
  memset(local, 'x', sizeof local - 1); /* it was copied */
  scenario_play(u);
  assert_true(user_ended_by(u, UV_EAFNOSUPPORT, WSUV_STAGE_CONNECT));
  assert_true(user_never_opened(u));
  scenario_finish(u);
  assert_int_equal(p->raw->accepted, 0);
}

/* RFC 9844: a zone as users type it is for this machine only. */
SCENARIO_TEST(test_socket_zone_of_a_url_is_not_sent, w, p, u) {
  wsuv_request_t r;
  char host[64], expected[64];
  const char *url = raw_peer_url_of(p->raw, "[::1%lo]", "/");
  const char *port = strrchr(url, ':');
  (void) snprintf(expected, sizeof expected, "[::1]%.*s", (int) strcspn(port, "/"), port);
  raw_peer_greet_and_close(p->raw);
  (void) user_client(u);
  wsuv_request_init(&r, url);
  r.address = "127.0.0.1";
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Host", host, sizeof host));
  assert_string_equal(host, expected);
}

SCENARIO_TEST(test_socket_local_address_of_a_request, w, p, u) {
  wsuv_config_t config;
  raw_peer_greet_and_close(p->raw);
  wsuv_client_get_config(user_client(u), &config);
  config.local_address = "::1";
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url(p->raw, "/"));
  r.config = &config;
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_EAFNOSUPPORT, WSUV_STAGE_CONNECT));
  config.local_address = "127.0.0.1";
  user_reset(u);
  assert_int_equal(user_request(u, &r), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

SCENARIO_TEST(test_socket_local_address_is_nothing_to_a_unix_socket, w, p, u) {
  bytes url = {0};
  u->config.local_address = "::1";
  u->config.tcp_keepalive_s = 1;
  frame_peer_start_at(p, w, socket_path());
  raw_peer_greet_and_close(p->raw);
  bytes_print(&url, "ws+unix://%s", socket_path());
  assert_int_equal(user_try_connect_url(u, bytes_text(&url)), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
  bytes_free(&url);
}

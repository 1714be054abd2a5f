/* What the configuration makes of a socket: tcp_nodelay, tcp_keepalive_s, local_address. */

#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "net/uv/stream.h"
#include "session/session.h"
#include "support/check.h"
#include "support/scene.h"
#include "support/socket_path.h"
#include "support/world_test.h"

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

static void look(observer *o) {
  socket_facts *facts = o->data;
  const stream *s = (const stream *) (const void *) o->session->filter;
  struct sockaddr_in addr;
  socklen_t len = sizeof addr;
  uv_os_fd_t fd;
  CHECK(uv_fileno((const uv_handle_t *) s->handle, &fd) == 0);
  facts->nodelay = option_of(fd, IPPROTO_TCP, TCP_NODELAY);
  facts->keepalive = option_of(fd, SOL_SOCKET, SO_KEEPALIVE);
  facts->idle_s = option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE);
  CHECK(getsockname(fd, (struct sockaddr *) &addr, &len) == 0);
  CHECK(inet_ntop(AF_INET, &addr.sin_addr, facts->local, sizeof facts->local) != NULL);
}

static void greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

static socket_facts facts_with(world *w, const wsuv_config_t *config) {
  socket_facts facts;
  scene s;
  scene_begin(&s, w, config);
  greet_and_close(s.peer);
  s.o.data = &facts;
  s.o.at_open = look;
  scene_play(&s);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  scene_end(&s);
  return facts;
}

WORLD_UV_TEST(test_socket_by_default, w) {
  const socket_facts facts = facts_with(w, NULL);
  assert_true(facts.nodelay != 0);
  assert_int_equal(facts.keepalive, 0);
  assert_string_equal(facts.local, "127.0.0.1");
}

WORLD_UV_TEST(test_socket_without_nodelay, w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.tcp_nodelay = false;
  assert_int_equal(facts_with(w, &config).nodelay, 0);
}

WORLD_UV_TEST(test_socket_with_keepalive, w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  for (unsigned seconds = 1; seconds <= 32767; seconds += 32766) {
    config.tcp_keepalive_s = seconds;
    const socket_facts facts = facts_with(w, &config);
    assert_true(facts.keepalive != 0);
    assert_int_equal(facts.idle_s, seconds);
  }
}

WORLD_UV_TEST(test_socket_bound_to_the_local_address, w) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.local_address = "127.0.0.2";
  assert_string_equal(facts_with(w, &config).local, "127.0.0.2");
}

WORLD_UV_TEST(test_socket_bound_to_what_is_not_this_machine_s, w) {
  wsuv_config_t config;
  scene s;
  wsuv_client_config_init(&config);
  config.local_address = "192.0.2.1";
  scene_begin(&s, w, &config);
  scene_play(&s);
  assert_ended(&s.o, UV_EADDRNOTAVAIL, WSUV_STAGE_CONNECT);
  scene_end(&s);
}

/* --- local_address and families --- */

WORLD_TEST(test_socket_local_address_of_the_other_family, w) {
  wsuv_config_t config;
  char local[] = "::1";
  scene s;
  wsuv_client_config_init(&config);
  config.local_address = local;
  scene_begin(&s, w, &config);
  memset(local, 'x', sizeof local - 1); /* it was copied */
  scene_play(&s);
  assert_ended(&s.o, UV_EAFNOSUPPORT, WSUV_STAGE_CONNECT);
  assert_never_open(&s.o);
  scene_end(&s);
  assert_int_equal(s.peer->accepted, 0);
}

WORLD_TEST(test_socket_local_address_of_a_request, w) {
  wsuv_config_t config;
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  wsuv_client_get_config(s.client, &config);
  config.local_address = "::1";
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url(s.peer, "/"));
  r.config = &config;
  assert_int_equal(observer_request(&s.o, s.client, &r), 0);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, UV_EAFNOSUPPORT, WSUV_STAGE_CONNECT);
  config.local_address = "127.0.0.1";
  observer_reset(&s.o);
  assert_int_equal(observer_request(&s.o, s.client, &r), 0);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  scene_end(&s);
}

WORLD_TEST(test_socket_local_address_is_nothing_to_a_unix_socket, w) {
  wsuv_config_t config;
  bytes url = {0};
  scene s;
  wsuv_client_config_init(&config);
  config.local_address = "::1";
  config.tcp_keepalive_s = 1;
  scene_begin(&s, w, &config);
  s.peer = raw_peer_new_at(w, socket_path(), 0);
  greet_and_close(s.peer);
  bytes_print(&url, "ws+unix://%s", socket_path());
  assert_int_equal(observer_connect(&s.o, s.client, bytes_text(&url)), 0);
  world_run_until_true(w, &s.o.closed);
  assert_ended(&s.o, 0, WSUV_STAGE_CLOSING);
  bytes_free(&url);
  scene_end(&s);
}

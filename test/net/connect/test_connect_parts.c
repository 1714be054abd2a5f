/* Where to, in other ways than by a URL: by parts, and with an address beside the name. */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <uv.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

static void play(session_user *u, const wsuv_request_t *r) {
  user_reset(u);
  assert_int_equal(user_request(u, r), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

/* "PORT" at the end stands for the peer's. */
static void assert_sent(const session_user *u, const char *line, const char *host) {
  char value[300];
  bytes wanted = {0};
  const raw_conn *c = raw_peer_conn(u->peer->raw, u->peer->raw->accepted - 1);
  bytes_print(&wanted, "%s:%u", host, (unsigned) u->peer->raw->port);
  assert_true(raw_conn_header(c, "Host", value, sizeof value));
  assert_string_equal(value, bytes_text(&wanted));
  assert_memory_equal(c->request, line, strlen(line));
  bytes_free(&wanted);
}

static wsuv_request_t parts_of(const session_user *u, const char *host) {
  wsuv_request_t r;
  wsuv_request_init(&r, NULL);
  r.host = host;
  r.port = u->peer->raw->port;
  return r;
}

/* --- by parts --- */

SCENARIO_TEST(test_parts_host_and_port, w, p, u) {
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r = parts_of(u, "127.0.0.1");
  play(u, &r);
  assert_sent(u, "GET / HTTP/1.1\r\n", "127.0.0.1");
}

SCENARIO_TEST(test_parts_path_and_name, w, p, u) {
  char path[] = "/path/%7e?q=1", name[32];
  raw_peer_greet_and_close(p->raw);
  strcpy(name, world_good_name(w));
  wsuv_request_t r = parts_of(u, name);
  r.path = path;
  user_reset(u);
  assert_int_equal(user_request(u, &r), 0);
  memset(path, 'x', sizeof path - 1); /* all is copied */
  memset(name, 'x', sizeof name - 1);
  user_run_to_close(u);
  assert_sent(u, "GET /path/%7e?q=1 HTTP/1.1\r\n", world_good_name(w));
}

SCENARIO_SIM_TEST(test_parts_port_0_is_80, w, p, u) {
  char host[64];
  p->raw = raw_peer_new_at(w, "127.0.0.1", 80);
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r = parts_of(u, "localhost");
  r.port = 0;
  play(u, &r);
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Host", host, sizeof host));
  assert_string_equal(host, "localhost");
}

/* A machine may have no IPv6. */
static bool has_ipv6(const world *w) {
  const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  if (w->kind == WORLD_SIM) return true;
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (fd < 0) return false;
  bool has = bind(fd, (const struct sockaddr *) &any, sizeof any) == 0;
  close(fd);
  return has;
}

SCENARIO_TEST(test_parts_ipv6_without_brackets, w, p, u) {
  if (!has_ipv6(w)) return;
  p->raw = raw_peer_new_at(w, "::1", 0);
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r = parts_of(u, "::1");
  play(u, &r);
  assert_sent(u, "GET / HTTP/1.1\r\n", "[::1]");
  wsuv_request_init(&r, raw_peer_url_of(p->raw, "[::1]", "/"));
  play(u, &r);
  assert_sent(u, "GET / HTTP/1.1\r\n", "[::1]");
}

/* --- an address beside the name --- */

SCENARIO_TEST(test_address_takes_the_place_of_the_lookup, w, p, u) {
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url_of(p->raw, world_bad_name(w), "/p"));
  r.address = "127.0.0.1";
  play(u, &r);
  assert_sent(u, "GET /p HTTP/1.1\r\n", world_bad_name(w));
  r = parts_of(u, world_bad_name(w));
  r.address = "127.0.0.1";
  play(u, &r);
  assert_sent(u, "GET / HTTP/1.1\r\n", world_bad_name(w));
}

/* Nor is a literal gone to. */
SCENARIO_TEST(test_address_takes_the_place_of_a_literal, w, p, u) {
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url_of(p->raw, "[2001:db8::1]", "/"));
  r.address = "127.0.0.1";
  play(u, &r);
  assert_sent(u, "GET / HTTP/1.1\r\n", "[2001:db8::1]");
}

SCENARIO_TEST(test_address_of_ipv6, w, p, u) {
  if (!has_ipv6(w)) return;
  p->raw = raw_peer_new_at(w, "::1", 0);
  raw_peer_greet_and_close(p->raw);
  wsuv_request_t r = parts_of(u, world_bad_name(w));
  r.address = "::1";
  play(u, &r);
}

/* Where to, in other ways than by a URL: by parts, and with an address beside the name. */

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <uv.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/world_test.h"

static void greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_CLOSE(1000),
                PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

static void play(scene *s, const wsuv_request_t *r) {
  observer_reset(&s->o);
  assert_int_equal(observer_request(&s->o, s->client, r), 0);
  world_run_until_true(s->w, &s->o.closed);
  assert_ended(&s->o, 0, WSUV_STAGE_CLOSING);
}

/* "PORT" at the end stands for the peer's. */
static void assert_sent(const scene *s, const char *line, const char *host) {
  char value[300];
  bytes wanted = {0};
  const raw_conn *c = raw_peer_conn(s->peer, s->peer->accepted - 1);
  bytes_print(&wanted, "%s:%u", host, (unsigned) s->peer->port);
  assert_true(raw_conn_header(c, "Host", value, sizeof value));
  assert_string_equal(value, bytes_text(&wanted));
  assert_memory_equal(c->request, line, strlen(line));
  bytes_free(&wanted);
}

static wsuv_request_t parts_of(const scene *s, const char *host) {
  wsuv_request_t r;
  wsuv_request_init(&r, NULL);
  r.host = host;
  r.port = s->peer->port;
  return r;
}

/* --- by parts --- */

WORLD_TEST(test_parts_host_and_port, w) {
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  wsuv_request_t r = parts_of(&s, "127.0.0.1");
  play(&s, &r);
  assert_sent(&s, "GET / HTTP/1.1\r\n", "127.0.0.1");
  scene_end(&s);
}

WORLD_TEST(test_parts_path_and_name, w) {
  char path[] = "/path/%7e?q=1", name[32];
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  strcpy(name, world_good_name(w));
  wsuv_request_t r = parts_of(&s, name);
  r.path = path;
  observer_reset(&s.o);
  assert_int_equal(observer_request(&s.o, s.client, &r), 0);
  memset(path, 'x', sizeof path - 1); /* all is copied */
  memset(name, 'x', sizeof name - 1);
  world_run_until_true(s.w, &s.o.closed);
  assert_sent(&s, "GET /path/%7e?q=1 HTTP/1.1\r\n", world_good_name(w));
  scene_end(&s);
}

WORLD_SIM_TEST(test_parts_port_0_is_80, w) {
  char host[64];
  scene s;
  scene_begin(&s, w, NULL);
  s.peer = raw_peer_new_at(w, "127.0.0.1", 80);
  greet_and_close(s.peer);
  wsuv_request_t r = parts_of(&s, "localhost");
  r.port = 0;
  play(&s, &r);
  assert_true(raw_conn_header(raw_peer_conn(s.peer, 0), "Host", host, sizeof host));
  assert_string_equal(host, "localhost");
  scene_end(&s);
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

WORLD_TEST(test_parts_ipv6_without_brackets, w) {
  scene s;
  if (!has_ipv6(w)) return;
  scene_begin(&s, w, NULL);
  s.peer = raw_peer_new_at(w, "::1", 0);
  greet_and_close(s.peer);
  wsuv_request_t r = parts_of(&s, "::1");
  play(&s, &r);
  assert_sent(&s, "GET / HTTP/1.1\r\n", "[::1]");
  wsuv_request_init(&r, raw_peer_url_of(s.peer, "[::1]", "/"));
  play(&s, &r);
  assert_sent(&s, "GET / HTTP/1.1\r\n", "[::1]");
  scene_end(&s);
}

/* --- an address beside the name --- */

WORLD_TEST(test_address_takes_the_place_of_the_lookup, w) {
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url_of(s.peer, world_bad_name(w), "/p"));
  r.address = "127.0.0.1";
  play(&s, &r);
  assert_sent(&s, "GET /p HTTP/1.1\r\n", world_bad_name(w));
  r = parts_of(&s, world_bad_name(w));
  r.address = "127.0.0.1";
  play(&s, &r);
  assert_sent(&s, "GET / HTTP/1.1\r\n", world_bad_name(w));
  scene_end(&s);
}

/* Nor is a literal gone to. */
WORLD_TEST(test_address_takes_the_place_of_a_literal, w) {
  scene s;
  scene_begin(&s, w, NULL);
  greet_and_close(s.peer);
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url_of(s.peer, "[2001:db8::1]", "/"));
  r.address = "127.0.0.1";
  play(&s, &r);
  assert_sent(&s, "GET / HTTP/1.1\r\n", "[2001:db8::1]");
  scene_end(&s);
}

WORLD_TEST(test_address_of_ipv6, w) {
  scene s;
  if (!has_ipv6(w)) return;
  scene_begin(&s, w, NULL);
  s.peer = raw_peer_new_at(w, "::1", 0);
  greet_and_close(s.peer);
  wsuv_request_t r = parts_of(&s, world_bad_name(w));
  r.address = "::1";
  play(&s, &r);
  scene_end(&s);
}

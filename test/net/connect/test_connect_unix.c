/* Sessions over a Unix socket: ws+unix:///path/to/socket:/request/path. */

#include <string.h>

#include <uv.h>

#include "support/check.h"
#include "support/scene.h"
#include "support/socket_path.h"
#include "support/world_test.h"

enum { PATH_MOST = 107 };

typedef struct unix_scene {
  scene s;
  bytes url;
} unix_scene;

static void begin(unix_scene *u, world *w, const char *target) {
  scene_begin(&u->s, w, NULL);
  u->s.peer = raw_peer_new_at(w, socket_path(), 0);
  u->url = (bytes){0};
  bytes_print(&u->url, "ws+unix://%s%s", socket_path(), target);
}

static void start(unix_scene *u) {
  observer_reset(&u->s.o);
  assert_int_equal(observer_connect(&u->s.o, u->s.client, bytes_text(&u->url)), 0);
}

static void play(unix_scene *u) {
  start(u);
  world_run_until_true(u->s.w, &u->s.o.closed);
}

static void finish(unix_scene *u) {
  bytes_free(&u->url);
  scene_end(&u->s);
}

static void greet_and_close(raw_peer *p) {
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hello"),
                PEER_SEND_CLOSE(1000), PEER_EXPECT_CLOSE(1000), PEER_END, PEER_EXPECT_END);
}

WORLD_TEST(test_unix_sends_the_target_and_localhost_as_host, w) {
  static const char *const cases[][2] = {{"", "GET / HTTP/1.1\r\n"},
                                         {":", "GET / HTTP/1.1\r\n"},
                                         {":/", "GET / HTTP/1.1\r\n"},
                                         {":?q=1", "GET /?q=1 HTTP/1.1\r\n"},
                                         {":/a:b/%7e?q", "GET /a:b/%7e?q HTTP/1.1\r\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    unix_scene u;
    char host[32];
    begin(&u, w, cases[i][0]);
    greet_and_close(u.s.peer);
    play(&u);
    assert_ended(&u.s.o, 0, WSUV_STAGE_CLOSING);
    assert_string_equal(bytes_text(&u.s.o.text), "hello;");
    const raw_conn *c = raw_peer_conn(u.s.peer, 0);
    assert_memory_equal(c->request, cases[i][1], strlen(cases[i][1]));
    assert_true(raw_conn_header(c, "Host", host, sizeof host));
    assert_string_equal(host, "localhost");
    raw_peer_refuse(u.s.peer);
    finish(&u);
    while (world_sim(w) == NULL && uv_run(world_uv_loop(w), UV_RUN_NOWAIT) != 0) continue;
  }
}

WORLD_TEST(test_unix_socket_that_is_not_there, w) {
  unix_scene u;
  begin(&u, w, ":/");
  raw_peer_refuse(u.s.peer);
  play(&u);
  assert_ended(&u.s.o, UV_ENOENT, WSUV_STAGE_CONNECT);
  assert_never_open(&u.s.o);
  finish(&u);
}

static void terminate_it(scene *s) {
  observer_terminate(&s->o);
}

WORLD_TEST(test_unix_terminated_while_connecting, w) {
  unix_scene u;
  begin(&u, w, ":/");
  raw_peer_play(u.s.peer, PEER_EXPECT_GONE);
  u.s.peer->lenient = true;
  start(&u);
  scene_at_stage(&u.s, WSUV_STAGE_CONNECT, terminate_it);
  world_run_until_true(w, &u.s.o.closed);
  assert_ended(&u.s.o, UV_ECANCELED, WSUV_STAGE_CONNECT);
  finish(&u);
}

static void send_much(observer *o) {
  static char data[1 << 20];
  memset(data, 'x', sizeof data);
  CHECK(wsuv_send_text(o->session, data, sizeof data) == 0);
}

/* More than the socket takes at once. */
WORLD_TEST(test_unix_large_messages_go_both_ways, w) {
  unix_scene u;
  begin(&u, w, ":/");
  raw_peer_play(u.s.peer, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  u.s.o.at_open = send_much;
  start(&u);
  world_run_until_count(w, &u.s.o.messages, 1);
  assert_int_equal(u.s.o.text.len, (1 << 20) + 1);
  assert_int_equal(observer_close(&u.s.o, 1000), 0);
  world_run_until_true(w, &u.s.o.closed);
  assert_ended(&u.s.o, 0, WSUV_STAGE_CLOSING);
  finish(&u);
}

/* One byte more, and the path would be cut to that of another socket. */
WORLD_TEST(test_unix_path_over_107_bytes_is_refused, w) {
  for (size_t len = PATH_MOST; len <= PATH_MOST + 1; len++) {
    bytes url = {0};
    scene s;
    scene_begin(&s, w, NULL);
    bytes_print(&url, "ws+unix:///");
    while (url.len < strlen("ws+unix://") + len) bytes_add(&url, "n", 1);
    int err = observer_connect(&s.o, s.client, bytes_text(&url));
    assert_int_equal(err, len == PATH_MOST ? 0 : WSUV_EURL);
    if (err == 0) {
      world_run_until_true(w, &s.o.closed);
      assert_ended(&s.o, UV_ENOENT, WSUV_STAGE_CONNECT);
    }
    bytes_free(&url);
    scene_end(&s);
  }
}

WORLD_TEST(test_unix_socket_closed_during_the_handshake, w) {
  unix_scene u;
  begin(&u, w, ":/");
  raw_peer_play(u.s.peer, PEER_EXPECT_REQUEST, PEER_CLOSE);
  play(&u);
  assert_ended(&u.s.o, UV_EOF, WSUV_STAGE_HANDSHAKE);
  finish(&u);
}

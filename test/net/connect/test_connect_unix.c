/* Sessions over a Unix socket: ws+unix:///path/to/socket:/request/path. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <uv.h>

#include "support/scenario.h"
#include "support/socket_path.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { PATH_MOST = 107 };

static void connect_to(session_user *u, const char *target) {
  bytes url = {0};
  bytes_print(&url, "ws+unix://%s%s", socket_path(), target);
  assert_int_equal(user_try_connect_url(u, bytes_text(&url)), 0);
  bytes_free(&url);
}

SCENARIO_TEST(test_unix_sends_the_target_and_localhost_as_host, w, p, u) {
  static const char *const cases[][2] = {{"", "GET / HTTP/1.1\r\n"},
                                         {":", "GET / HTTP/1.1\r\n"},
                                         {":/", "GET / HTTP/1.1\r\n"},
                                         {":?q=1", "GET /?q=1 HTTP/1.1\r\n"},
                                         {":/a:b/%7e?q", "GET /a:b/%7e?q HTTP/1.1\r\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char host[32];
    scenario_renew(u);
    frame_peer_start_at(p, w, socket_path());
    raw_peer_greet_and_close(p->raw);
    connect_to(u, cases[i][0]);
    user_run_to_close(u);
    assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
    assert_true(user_got(u, "TEXT \"hello\""));
    const raw_conn *c = raw_peer_conn(p->raw, 0);
    assert_memory_equal(c->request, cases[i][1], strlen(cases[i][1]));
    assert_true(raw_conn_header(c, "Host", host, sizeof host));
    assert_string_equal(host, "localhost");
    raw_peer_refuse(p->raw);
    scenario_finish(u);
    while (world_sim(w) == NULL && uv_run(world_uv_loop(w), UV_RUN_NOWAIT) != 0) continue;
  }
}

SCENARIO_TEST(test_unix_socket_that_is_not_there, w, p, u) {
  frame_peer_start_at(p, w, socket_path());
  raw_peer_refuse(p->raw);
  connect_to(u, ":/");
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ENOENT, WSUV_STAGE_CONNECT));
  assert_true(user_never_opened(u));
}

/* Connections fill the backlog of a socket at socket_path, which nobody accepts from. */

enum { FILLERS_MOST = 8, TRIES = 400 };

typedef struct full_socket {
  int listening;
  int fillers[FILLERS_MOST];
  size_t count;
} full_socket;

static int unix_socket(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  return fd;
}

static void full_socket_open(full_socket *f) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  (void) snprintf(addr.sun_path, sizeof addr.sun_path, "%s", socket_path());
  *f = (full_socket){.listening = unix_socket()};
  assert_int_equal(bind(f->listening, (struct sockaddr *) &addr, sizeof addr), 0);
  assert_int_equal(listen(f->listening, 1), 0);
  for (;;) {
    int fd = unix_socket();
    bool fits = connect(fd, (struct sockaddr *) &addr, sizeof addr) == 0;
    if (!fits) {
      assert_int_equal(close(fd), 0);
      return;
    }
    assert_true(f->count < FILLERS_MOST);
    f->fillers[f->count++] = fd;
  }
}

static void full_socket_drain(full_socket *f) {
  for (size_t i = 0; i < f->count; i++) {
    assert_int_equal(close(f->fillers[i]), 0);
    int fd = accept(f->listening, NULL, NULL);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
  }
}

static void full_socket_close(full_socket *f) {
  assert_int_equal(close(f->listening), 0);
  assert_int_equal(unlink(socket_path()), 0);
}

/* TCP sends its SYN again; of a Unix socket Linux says EAGAIN at once. The session waits until its
   server accepts again. */
SCENARIO_UV_TEST(test_unix_socket_whose_backlog_is_full, w, p, u) {
  int fd = -1;
  raw_peer_refuse(p->raw);
  SCOPED(full_socket, full);
  connect_to(u, ":/");
  world_advance(w, 100);
  full_socket_drain(&full);
  for (int i = 0; fd < 0 && i < TRIES; i++) {
    world_advance(w, 5);
    fd = accept(full.listening, NULL, NULL);
  }
  assert_true(fd >= 0);
  assert_int_equal(close(fd), 0);
  user_run_to_close(u);
  assert_int_equal(u->end.stage, WSUV_STAGE_HANDSHAKE);
}

SCENARIO_TEST(test_unix_terminated_while_connecting, w, p, u) {
  frame_peer_start_at(p, w, socket_path());
  raw_peer_play(p->raw, PEER_EXPECT_GONE);
  p->raw->lenient = true;
  connect_to(u, ":/");
  scenario_at_stage(u, WSUV_STAGE_CONNECT, user_terminate);
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_ECANCELED, WSUV_STAGE_CONNECT));
}

static void send_much(session_user *u) {
  static char data[1 << 20];
  memset(data, 'x', sizeof data);
  CHECK(wsuv_send_text(u->session, data, sizeof data) == 0);
}

/* More than the socket takes at once. */
SCENARIO_TEST(test_unix_large_messages_go_both_ways, w, p, u) {
  frame_peer_start_at(p, w, socket_path());
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_ECHO);
  u->at_open = send_much;
  connect_to(u, ":/");
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "TEXT \"x\"*1048576"));
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_by(u, 0, WSUV_STAGE_CLOSING));
}

/* One byte more, and the path would be cut to that of another socket. */
SCENARIO_TEST(test_unix_path_over_107_bytes_is_refused, w, p, u) {
  for (size_t len = PATH_MOST; len <= PATH_MOST + 1; len++) {
    bytes url = {0};
    scenario_renew(u);
    bytes_print(&url, "ws+unix:///");
    while (url.len < strlen("ws+unix://") + len) bytes_add(&url, "n", 1);
    int err = user_try_connect_url(u, bytes_text(&url));
    assert_int_equal(err, len == PATH_MOST ? 0 : WSUV_EURL);
    if (err == 0) {
      user_run_to_close(u);
      assert_true(user_ended_by(u, UV_ENOENT, WSUV_STAGE_CONNECT));
    }
    bytes_free(&url);
  }
}

SCENARIO_TEST(test_unix_socket_closed_during_the_handshake, w, p, u) {
  frame_peer_start_at(p, w, socket_path());
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_CLOSE);
  connect_to(u, ":/");
  user_run_to_close(u);
  assert_true(user_ended_by(u, UV_EOF, WSUV_STAGE_HANDSHAKE));
}

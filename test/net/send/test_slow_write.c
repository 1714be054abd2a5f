/* F53: a write that waits for long makes the socket take less at once, so that a pong leaves soon;
   when the queue is empty, the socket is as it was. */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

#ifdef TCP_NOTSENT_LOWAT

enum {
  KIB = 1024,
  PART = 16 * KIB,
  PARTS = 640, /* 10 MiB, more than the buffers of both ends take */
  SLOW_MS = 200,
  UNSENT_MAX = 128 * KIB
};

/* The client's socket, under TLS as well: it is connected to the peer's port. */
typedef struct wanted {
  uint16_t port;
  int fd;
} wanted;

static void find_client(uv_handle_t *handle, void *arg) {
  wanted *found = arg;
  struct sockaddr_in addr;
  int len = sizeof addr;
  uv_os_fd_t fd;
  if (uv_handle_get_type(handle) != UV_TCP || uv_is_closing(handle)) return;
  if (uv_tcp_getpeername((uv_tcp_t *) handle, (struct sockaddr *) &addr, &len) < 0) return;
  if (ntohs(addr.sin_port) == found->port && uv_fileno(handle, &fd) == 0) found->fd = fd;
}

static int unsent_max(const session_user *u) {
  wanted found = {.port = u->peer->raw->port, .fd = -1};
  int value = -1;
  socklen_t len = sizeof value;
  uv_walk(world_uv_loop(u->w), find_client, &found);
  CHECK(getsockopt(found.fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len) == 0);
  return value;
}

/* Connections get this from the socket that listens. */
static void narrow_listener(uv_handle_t *handle, void *arg) {
  int listens = 0, window = PART;
  socklen_t len = sizeof listens;
  uv_os_fd_t fd;
  (void) arg;
  if (uv_handle_get_type(handle) != UV_TCP || uv_fileno(handle, &fd) < 0) return;
  CHECK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0);
  if (listens) CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window) == 0);
}

/* The peer reads nothing, so the kernel takes what it can, and then a write waits. */
static void send_and_wait(session_user *u) {
  static const uint8_t data[PART];
  const outflow *out;
  uint32_t since;
  uv_walk(world_uv_loop(u->w), narrow_listener, NULL);
  u->peer->forgets = true;
  scenario_open(u);
  raw_conn_read(u->peer->conn, false);
  for (size_t i = 0; i < PARTS; i++) assert_int_equal(user_binary(u, data, PART), 0);
  out = session_out(u->session);
  do {
    since = out->retained_ms;
    world_advance(u->w, SLOW_MS + 20);
  } while (out->retained_ms != since);
  assert_true(out_queue_retained(&u->session->conn.work->out));
}

static bool is_fast(void *arg) {
  const session_user *u = arg;
  return !session_out(u->session)->slow;
}

static void assert_takes_less(frame_peer *p, session_user *u) {
  world *w = u->w;
  send_and_wait(u);
  const int before = unsent_max(u);
  assert_true(before != UNSENT_MAX);
  raw_conn_read(p->conn, true);
  world_run_until_true(w, &session_out(u->session)->slow);
  assert_int_equal(unsent_max(u), UNSENT_MAX);
  world_run_until(w, is_fast, u);
  assert_int_equal(unsent_max(u), before);
  world_run_until_count(w, &p->opcodes[WSUV_FRAME_BINARY], PARTS);
  scenario_close(u);
}

SCENARIO_UV_TEST(test_socket_takes_less_while_writes_wait, w, p, u) {
  assert_takes_less(p, u);
}

SCENARIO_TEST_IN(test_socket_under_tls_takes_less_while_writes_wait, w, p, u, WORLD_IN_UV_TLS) {
  assert_takes_less(p, u);
}

SCENARIO_UV_TEST(test_socket_is_left_alone_while_writes_go_on, w, p, u) {
  scenario_open(u);
  p->echoes = p->forgets = true;
  const int before = unsent_max(u);
  assert_int_equal(user_binary(u, "0123456789", 10), 0);
  world_run_until_count(w, &u->messages, 1);
  assert_int_equal(unsent_max(u), before);
  assert_false(session_out(u->session)->slow);
  scenario_close(u);
}

/* The peer pings in the middle, when what the kernel took at first is gone. */
typedef struct asking {
  uint64_t asked, answered; /* bytes that the peer had received */
} asking;

static void go_on(void *data) {
  raw_conn_read(data, true);
}

static void ask_in_the_middle(frame_peer *p, const seen_frame *f) {
  asking *a = p->data;
  const raw_conn *c = p->conn;
  if (f->spec.opcode == WSUV_FRAME_PONG) a->answered = c->received;
  if (a->asked != 0 || p->opcodes[WSUV_FRAME_BINARY] < PARTS / 2) return;
  a->asked = c->received;
  frame_peer_send(p, "PING \"now\"");
  raw_conn_read(p->conn, false);
  world_after(p->raw->w, 50, go_on, p->conn);
}

SCENARIO_UV_TEST(test_pong_leaves_soon_on_a_slow_link, w, p, u) {
  asking a = {0};
  p->data = &a;
  p->on_frame = ask_in_the_middle;
  send_and_wait(u);
  raw_conn_read(p->conn, true);
  world_run_until_count(w, &p->opcodes[WSUV_FRAME_PONG], 1);
  assert_in_range(a.answered - a.asked, 1, 4 * UNSENT_MAX);
  world_run_until_count(w, &p->opcodes[WSUV_FRAME_BINARY], PARTS);
  scenario_close(u);
}

#endif

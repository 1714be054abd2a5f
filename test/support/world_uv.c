#include "support/world.h"

/* The real world: a loop of libuv and loopback sockets; and the same loop with links in memory,
   whose peers are those of the simulation. No handle of the peers' keeps the loop
   alive, so that it ends when the library has nothing left to do. */

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "net/uv/env_uv.h"
#include "support/sim_wires.h"
#include "testkit/check.h"
#include "testkit/loop_env.h"

enum { BOUND_MS = 20 * 1000, BACKLOG = 128, READ_SIZE = 64 * 1024, DEAD_PORT = 9 };
enum { RECEIVE_BUFFER = 64 * 1024 };

typedef struct world_of_uv {
  world head;
  uv_loop_t loop;
  uv_timer_t watchdog;
  uint64_t random;
  int dead;          /* a socket that is bound and does not listen, or -1 */
  loop_world *links; /* of a WORLD_LOOP */
  char read_buf[READ_SIZE];
} world_of_uv;

static world_of_uv *self(world *w) {
  return (world_of_uv *) (void *) w;
}

uv_loop_t *world_uv_loop(world *w) {
  return w->kind != WORLD_SIM ? &self(w)->loop : NULL;
}

loop_world *world_loop(world *w) {
  return w->kind == WORLD_LOOP ? self(w)->links : NULL;
}

/* --- a peer's end of a connection --- */

typedef union any_stream {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
} any_stream;

static void make_stream(any_stream *s, uv_loop_t *loop, bool pipe, void *data) {
  int err = pipe ? uv_pipe_init(loop, &s->pipe, 0) : uv_tcp_init(loop, &s->tcp);
  CHECK(err == 0);
  s->handle.data = data;
}

typedef struct uv_wire {
  wire head;
  any_stream socket;
  world_of_uv *w;
  uv_connect_t request;
  bool connecting, reading, fin; /* wanted while it connects */
} uv_wire;

typedef struct write_request {
  uv_write_t req;
  char data[];
} write_request;

static uv_wire *wire_self(wire *w) {
  return (uv_wire *) (void *) w;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  const uv_wire *w = handle->data;
  (void) suggested;
  *buf = uv_buf_init(w->w->read_buf, sizeof w->w->read_buf);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  uv_wire *w = stream->data;
  if (n > 0) {
    w->head.events->on_data(w->head.up, (const uint8_t *) buf->base, (size_t) n);
  } else if (n < 0) {
    uv_read_stop(stream);
    w->head.events->on_end(w->head.up, n == UV_EOF ? 0 : (int) n);
  }
}

static void wire_read(wire *w, bool on) {
  uv_stream_t *stream = &wire_self(w)->socket.stream;
  wire_self(w)->reading = on;
  if (wire_self(w)->connecting) return;
  if (!on) uv_read_stop(stream);
  if (on) CHECK(uv_read_start(stream, on_alloc, on_read) == 0);
}

/* Errors are left to the reading side, which hears of them, too. */
static void on_written(uv_write_t *req, int status) {
  (void) status;
  free(req->data);
}

static void wire_write(wire *w, const void *data, size_t len) {
  write_request *r = check_alloc(sizeof *r + len);
  uv_buf_t buf = uv_buf_init(r->data, (unsigned) len);
  if (len > 0) memcpy(r->data, data, len);
  r->req.data = r;
  if (uv_write(&r->req, &wire_self(w)->socket.stream, &buf, 1, on_written) < 0) free(r);
}

static void on_shut_down(uv_shutdown_t *req, int status) {
  (void) status;
  free(req);
}

static void wire_end(wire *w) {
  wire_self(w)->fin = true;
  if (wire_self(w)->connecting) return;
  uv_shutdown_t *req = check_alloc(sizeof *req);
  if (uv_shutdown(req, &wire_self(w)->socket.stream, on_shut_down) < 0) free(req);
}

static void on_wire_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void wire_close(wire *w) {
  uv_close(&wire_self(w)->socket.handle, on_wire_closed);
}

/* Closing a socket that does not linger sends a reset. libuv's own way to it refuses to after a
   shutdown. */
static void wire_reset(wire *w) {
  const struct linger now = {.l_onoff = 1, .l_linger = 0};
  uv_os_fd_t fd;
  CHECK(uv_fileno(&wire_self(w)->socket.handle, &fd) == 0);
  CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  wire_close(w);
}

static const wire_ops the_wire_ops = {wire_read, wire_write, wire_end, wire_close, wire_reset};

/* --- connecting --- */

static void on_connected(uv_connect_t *req, int status) {
  uv_wire *w = req->data;
  if (uv_is_closing(&w->socket.handle)) return;
  w->connecting = false;
  if (status < 0) {
    w->head.events->on_end(w->head.up, status);
    return;
  }
  if (w->socket.handle.type == UV_TCP) CHECK(uv_tcp_nodelay(&w->socket.tcp, 1) == 0);
  wire_read(&w->head, w->reading);
  if (w->fin) wire_end(&w->head);
}

static wire *start_connecting(world *w, const struct sockaddr *addr) {
  uv_wire *made = check_alloc(sizeof *made);
  const bool pipe = addr->sa_family == AF_UNIX;
  made->head.ops = &the_wire_ops;
  made->w = self(w);
  made->connecting = true;
  made->request.data = made;
  make_stream(&made->socket, &self(w)->loop, pipe, made);
  if (pipe) {
    const struct sockaddr_un *un = (const struct sockaddr_un *) (const void *) addr;
    uv_pipe_connect(&made->request, &made->socket.pipe, un->sun_path, on_connected);
  } else {
    CHECK(uv_tcp_connect(&made->request, &made->socket.tcp, addr, on_connected) == 0);
  }
  uv_unref(&made->socket.handle);
  return &made->head;
}

/* --- listening --- */

struct wire_listener {
  any_stream socket;
  world_of_uv *w;
  wire_accept_cb cb;
  void *up;
};

static void on_connection(uv_stream_t *server, int status) {
  const wire_listener *l = server->data;
  CHECK(status == 0);
  uv_wire *w = check_alloc(sizeof *w);
  w->head.ops = &the_wire_ops;
  w->w = l->w;
  make_stream(&w->socket, server->loop, server->type == UV_NAMED_PIPE, w);
  CHECK(uv_accept(server, &w->socket.stream) == 0);
  if (server->type == UV_TCP) CHECK(uv_tcp_nodelay(&w->socket.tcp, 1) == 0);
  uv_unref(&w->socket.handle);
  l->cb(l->up, &w->head);
}

static void bind_tcp(uv_tcp_t *tcp, const char *addr, uint16_t port) {
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
  } a;
  CHECK(uv_ip4_addr(addr, port, &a.in) == 0 || uv_ip6_addr(addr, port, &a.in6) == 0);
  CHECK(uv_tcp_bind(tcp, &a.any, 0) == 0);
  /* The kernel does not enlarge it, so a peer that does not read is full soon (user_too_much). */
  int room = RECEIVE_BUFFER;
  CHECK(uv_recv_buffer_size((uv_handle_t *) tcp, &room) == 0);
}

static uint16_t port_of(const uv_tcp_t *tcp) {
  struct sockaddr_in6 addr;
  int len = sizeof addr;
  CHECK(uv_tcp_getsockname(tcp, (struct sockaddr *) &addr, &len) == 0);
  return ntohs(addr.sin6_port); /* at the same place in both families */
}

static wire_listener *start_listening(world *w, const char *addr, uint16_t port, wire_accept_cb cb,
                                      void *up, uint16_t *bound) {
  wire_listener *l = check_alloc(sizeof *l);
  l->w = self(w);
  l->cb = cb;
  l->up = up;
  make_stream(&l->socket, &self(w)->loop, addr[0] == '/', l);
  if (addr[0] == '/') {
    CHECK(uv_pipe_bind(&l->socket.pipe, addr) == 0);
  } else {
    bind_tcp(&l->socket.tcp, addr, port);
  }
  CHECK(uv_listen(&l->socket.stream, BACKLOG, on_connection) == 0);
  uv_unref(&l->socket.handle);
  *bound = addr[0] == '/' ? 0 : port_of(&l->socket.tcp);
  return l;
}

static void on_listener_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void stop_listening(wire_listener *l) {
  uv_close(&l->socket.handle, on_listener_closed);
}

static uint16_t dead_port(world *w) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof addr;
  if (self(w)->dead < 0) {
    self(w)->dead = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(self(w)->dead, (struct sockaddr *) &addr, sizeof addr) == 0);
  }
  CHECK(getsockname(self(w)->dead, (struct sockaddr *) &addr, &len) == 0);
  return ntohs(addr.sin_port);
}

/* --- time --- */

struct world_timer {
  uv_timer_t timer;
  void (*cb)(void *data);
  void *data;
};

static void on_timer_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void cancel(world_timer *t) {
  uv_close((uv_handle_t *) &t->timer, on_timer_closed);
}

static void on_timer(uv_timer_t *timer) {
  world_timer *t = timer->data;
  cancel(t);
  t->cb(t->data);
}

static world_timer *after(world *w, uint64_t ms, void (*cb)(void *data), void *data) {
  world_timer *t = check_alloc(sizeof *t);
  t->cb = cb;
  t->data = data;
  CHECK(uv_timer_init(&self(w)->loop, &t->timer) == 0);
  t->timer.data = t;
  uv_update_time(&self(w)->loop);
  CHECK(uv_timer_start(&t->timer, on_timer, ms, 0) == 0);
  uv_unref((uv_handle_t *) &t->timer);
  return t;
}

static uint64_t now_ms(world *w) {
  (void) w;
  return uv_hrtime() / 1000000;
}

static void on_watchdog(uv_timer_t *timer) {
  (void) timer;
  CHECK_FAIL("twenty seconds, and it has not come to its end");
}

/* While something is waited for, the watchdog keeps the loop alive for the peers, too. */
static void watch(world *w, bool forever) {
  uv_handle_t *watchdog = (uv_handle_t *) &self(w)->watchdog;
  uv_update_time(&self(w)->loop);
  CHECK(uv_timer_start(&self(w)->watchdog, on_watchdog, BOUND_MS, 0) == 0);
  if (forever) uv_ref(watchdog);
  if (!forever) uv_unref(watchdog);
}

static bool turn(world *w, bool forever) {
  (void) forever;
  return uv_run(&self(w)->loop, UV_RUN_ONCE) != 0;
}

static void unwatch(world *w) {
  uv_timer_stop(&self(w)->watchdog);
}

static void set_true(void *data) {
  *(bool *) data = true;
}

static void advance_time(world *w, uint64_t ms) {
  bool over = false;
  world_after(w, ms, set_true, &over);
  world_run_until_true(w, &over);
}

static void lose_time(world *w, uint64_t ms) {
  uint64_t until = now_ms(w) + ms + 1;
  while (now_ms(w) < until) continue;
}

/* The loop polls this descriptor, so it is readable when any of the loop's sockets is. */
void world_await_input(world *w) {
  if (w->kind != WORLD_UV) return;
  struct pollfd loop = {.fd = uv_backend_fd(&self(w)->loop), .events = POLLIN};
  CHECK(poll(&loop, 1, BOUND_MS) == 1);
}

/* --- the world --- */

/* The library's random bytes come from the seed here, too. */
int world_uv_random(void *buf, size_t len, void *arg) {
  world_of_uv *w = arg;
  uint8_t *p = buf;
  if (w->head.random_fails) return -1;
  for (size_t i = 0; i < len; i++) {
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    p[i] = (uint8_t) (w->random >> 56);
  }
  return 0;
}

static int env_new(world *w, ws_env **out) {
  return env_uv_new(out, &self(w)->loop, &w->alloc->handle, world_uv_random, w, WSUV_RESOLVER_AUTO);
}

/* What is still under way comes to its end first. */
static void end(world *w) {
  world_run(w);
  uv_close((uv_handle_t *) &self(w)->watchdog, NULL);
  uv_run(&self(w)->loop, UV_RUN_DEFAULT);
  if (self(w)->dead >= 0) close(self(w)->dead);
  CHECK(uv_loop_close(&self(w)->loop) == 0);
  free(w);
}

static const world_ops ops = {
    .env_new = env_new,
    .now_ms = now_ms,
    .watch = watch,
    .turn = turn,
    .unwatch = unwatch,
    .advance = advance_time,
    .lose_time = lose_time,
    .listen = start_listening,
    .unlisten = stop_listening,
    .connect = start_connecting,
    .after = after,
    .cancel = cancel,
    .dead_port = dead_port,
    .end = end,
};

static world_of_uv *make(const world_ops *its_ops, uint64_t seed) {
  world_of_uv *w = check_alloc(sizeof *w);
  signal(SIGPIPE, SIG_IGN); /* as every program on libuv must */
  w->head.ops = its_ops;
  w->random = seed;
  w->dead = -1;
  CHECK(uv_loop_init(&w->loop) == 0);
  CHECK(uv_timer_init(&w->loop, &w->watchdog) == 0);
  return w;
}

world *world_uv_new(uint64_t seed) {
  return &make(&ops, seed)->head;
}

/* --- with links in memory --- */

static sim *links_machine(const world *w) {
  return ((const world_of_uv *) (const void *) w)->links->s;
}

static int links_env_new(world *w, ws_env **out) {
  return loop_env_new(out, self(w)->links, &w->alloc->handle);
}

static wire_listener *links_listen(world *w, const char *addr, uint16_t port, wire_accept_cb cb,
                                   void *up, uint16_t *bound) {
  return sim_wires_listen(links_machine(w), addr, port, cb, up, bound);
}

static wire *links_connect(world *w, const struct sockaddr *addr) {
  return sim_wires_connect(links_machine(w), addr);
}

static uint16_t links_dead_port(world *w) {
  (void) w;
  return DEAD_PORT;
}

static void links_end(world *w) {
  bool closed = false;
  world_run(w);
  loop_world_close(self(w)->links, set_true, &closed);
  world_run_until_true(w, &closed);
  end(w);
}

static const world_ops links_ops = {
    .machine = links_machine,
    .env_new = links_env_new,
    .now_ms = now_ms,
    .watch = watch,
    .turn = turn,
    .unwatch = unwatch,
    .advance = advance_time,
    .lose_time = lose_time,
    .listen = links_listen,
    .unlisten = sim_wires_unlisten,
    .connect = links_connect,
    .after = after,
    .cancel = cancel,
    .dead_port = links_dead_port,
    .end = links_end,
};

world *world_loop_new(uint64_t seed) {
  world_of_uv *w = make(&links_ops, seed);
  CHECK(loop_world_new(&w->links, &w->loop, seed) == 0);
  return &w->head;
}

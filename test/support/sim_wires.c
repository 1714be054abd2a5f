#include "support/sim_wires.h"

/* Peers' ends of simulated connections, over the sockets of sim_net.h. */

#include <stdlib.h>

#include <uv.h> /* the codes */

#include "testkit/check.h"
#include "testkit/fifo.h"
#include "testkit/sim_internal.h"
#include "testkit/sim_net.h"

/* --- a peer's end of a connection --- */

typedef struct sim_wire {
  wire head;
  sim_sock *sock;
  fifo out; /* what the socket has no room for */
  bool connecting, reading, ended, fin;
} sim_wire;

static sim_wire *self(wire *w) {
  return (sim_wire *) (void *) w;
}

static void want(sim_wire *w) {
  if (w->connecting) return;
  sim_sock_want(w->sock, w->reading && !w->ended, w->out.len > 0);
}

/* Errors are left to the reading side, which hears of them, too. */
static void send_some(sim_wire *w) {
  while (!w->connecting && w->out.len > 0) {
    ptrdiff_t n = sim_sock_send(w->sock, fifo_data(&w->out), w->out.len);
    if (n == UV_EAGAIN) break;
    fifo_consume(&w->out, n < 0 ? w->out.len : (size_t) n);
  }
  if (w->fin && !w->connecting && w->out.len == 0) {
    w->fin = false;
    sim_sock_shutdown(w->sock);
  }
  want(w);
}

static void read_some(sim_wire *w) {
  uint8_t buf[16 * 1024];
  ptrdiff_t n = sim_sock_recv(w->sock, buf, sizeof buf);
  if (n == UV_EAGAIN) return;
  if (n > 0) {
    w->head.events->on_data(w->head.up, buf, (size_t) n);
    return;
  }
  w->ended = true;
  want(w);
  w->head.events->on_end(w->head.up, (int) n);
}

static void on_ready(void *up, bool readable, bool writable) {
  if (writable) send_some(up);
  if (readable) read_some(up);
}

static void wire_read(wire *w, bool on) {
  self(w)->reading = on;
  want(self(w));
}

static void wire_write(wire *w, const void *data, size_t len) {
  fifo_append(&self(w)->out, data, len);
  send_some(self(w));
}

static void wire_end(wire *w) {
  self(w)->fin = true;
  send_some(self(w));
}

static void wire_free(sim_wire *w) {
  fifo_free(&w->out);
  free(w);
}

static void wire_close(wire *w) {
  sim_sock_close(self(w)->sock);
  wire_free(self(w));
}

static void wire_reset(wire *w) {
  sim_sock_reset(self(w)->sock);
  wire_free(self(w));
}

static const wire_ops the_wire_ops = {wire_read, wire_write, wire_end, wire_close, wire_reset};
static const sim_sock_events sock_events = {NULL, on_ready};

/* --- connecting --- */

static void on_connected(void *up, int status) {
  sim_wire *w = up;
  w->connecting = false;
  if (status == 0) {
    send_some(w);
  } else {
    w->ended = true;
    w->head.events->on_end(w->head.up, status);
  }
}

wire *sim_wires_connect(sim *s, const struct sockaddr *addr) {
  static const sim_sock_events connecting_events = {on_connected, on_ready};
  const struct sockaddr_storage any = {.ss_family = AF_UNSPEC};
  sim_wire *made = check_alloc(sizeof *made);
  made->head.ops = &the_wire_ops;
  made->connecting = true;
  CHECK(sim_sock_connect(s, addr, &any, &connecting_events, made, &made->sock) == 0);
  return &made->head;
}

/* --- listening --- */

struct wire_listener {
  sim_listener *listener;
  wire_accept_cb cb;
  void *up;
};

static void on_waiting(void *up) {
  const wire_listener *l = up;
  sim_wire *w = check_alloc(sizeof *w);
  w->head.ops = &the_wire_ops;
  w->sock = sim_listener_accept(l->listener);
  sim_sock_take_over(w->sock, &sock_events, w);
  l->cb(l->up, &w->head);
}

wire_listener *sim_wires_listen(sim *s, const char *addr, uint16_t port, wire_accept_cb cb,
                                void *up, uint16_t *bound) {
  wire_listener *l = check_alloc(sizeof *l);
  sim_listen_spec spec = {.backlog = SIZE_MAX};
  l->cb = cb;
  l->up = up;
  CHECK(sim_addr_parse(&spec.addr, addr, port));
  CHECK(sim_listen(s, &spec, on_waiting, l, &l->listener) == 0);
  *bound = sim_addr_port((const struct sockaddr *) sim_listener_address(l->listener));
  return l;
}

void sim_wires_unlisten(wire_listener *l) {
  sim_listener_free(l->listener);
  free(l);
}

#include "support/world.h"

/* The simulated world. */

#include <stdlib.h>

#include <uv.h> /* the codes */

#include "testkit/check.h"
#include "testkit/fifo.h"
#include "testkit/sim_internal.h"
#include "testkit/sim_net.h"

enum { NS_PER_MS = 1000 * 1000, BOUND_MS = 10 * 60 * 1000, DEAD_PORT = 9 };

typedef struct world_of_sim {
  world head;
  sim *s;
  uint64_t bound_ns;
} world_of_sim;

static sim *machine(const world *w) {
  return ((const world_of_sim *) (const void *) w)->s;
}

sim *world_sim(world *w) {
  return w->kind == WORLD_SIM ? machine(w) : NULL;
}

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

static wire *start_connecting(world *w, const struct sockaddr *addr) {
  static const sim_sock_events connecting_events = {on_connected, on_ready};
  const struct sockaddr_storage any = {.ss_family = AF_UNSPEC};
  sim_wire *made = check_alloc(sizeof *made);
  made->head.ops = &the_wire_ops;
  made->connecting = true;
  CHECK(sim_sock_connect(machine(w), addr, &any, &connecting_events, made, &made->sock) == 0);
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

static wire_listener *start_listening(world *w, const char *addr, uint16_t port, wire_accept_cb cb,
                                      void *up, uint16_t *bound) {
  wire_listener *l = check_alloc(sizeof *l);
  sim_listen_spec spec = {.backlog = SIZE_MAX};
  l->cb = cb;
  l->up = up;
  CHECK(sim_addr_parse(&spec.addr, addr, port));
  CHECK(sim_listen(machine(w), &spec, on_waiting, l, &l->listener) == 0);
  *bound = sim_addr_port((const struct sockaddr *) sim_listener_address(l->listener));
  return l;
}

static void stop_listening(wire_listener *l) {
  sim_listener_free(l->listener);
  free(l);
}

static uint16_t dead_port(world *w) {
  (void) w;
  return DEAD_PORT;
}

/* --- time --- */

struct world_timer {
  sim *s;
  sim_event event;
  void (*cb)(void *data);
  void *data;
};

static void cancel(world_timer *t) {
  sim_event_cancel(&t->s->timers, &t->event);
  free(t);
}

static void on_timer(void *data) {
  world_timer *t = data;
  void (*cb)(void *) = t->cb;
  void *cb_data = t->data;
  cancel(t);
  cb(cb_data);
}

static world_timer *after(world *w, uint64_t ms, void (*cb)(void *data), void *data) {
  world_timer *t = check_alloc(sizeof *t);
  t->s = machine(w);
  t->cb = cb;
  t->data = data;
  sim_event_init(&t->event, on_timer, t);
  sim_event_set(t->s, &t->s->timers, &t->event, t->s->now_ns + ms * NS_PER_MS);
  return t;
}

static uint64_t now_ms(world *w) {
  return sim_now_ms(machine(w));
}

static void watch(world *w, bool forever) {
  (void) forever;
  ((world_of_sim *) (void *) w)->bound_ns = machine(w)->now_ns + (uint64_t) BOUND_MS * NS_PER_MS;
}

static bool turn(world *w, bool forever) {
  sim *s = machine(w);
  if (s->now_ns > ((world_of_sim *) (void *) w)->bound_ns) CHECK_FAIL("ten simulated minutes");
  if (sim_turn(s, UINT64_MAX)) return true;
  if (!forever && sim_open(s) > 0) CHECK_FAIL("something is open, and nothing will ever happen");
  return false;
}

static void unwatch(world *w) {
  (void) w;
}

static void advance_time(world *w, uint64_t ms) {
  sim *s = machine(w);
  uint64_t until = s->now_ns + ms * NS_PER_MS;
  while (sim_turn(s, until)) continue;
}

static void lose_time(world *w, uint64_t ms) {
  sim_suspend(machine(w), ms);
}

/* --- the world --- */

static int env_new(world *w, ws_env **out) {
  return sim_env_new(out, machine(w), &w->alloc->handle);
}

void world_random_fails(world *w, bool fails) {
  w->random_fails = fails;
  if (w->kind == WORLD_SIM) sim_random_fails(machine(w), fails);
}

/* What is still under way comes to its end first. */
static void end(world *w) {
  while (sim_turn(machine(w), UINT64_MAX)) continue;
  sim_free(machine(w));
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

world *world_sim_new(uint64_t seed) {
  world_of_sim *w = check_alloc(sizeof *w);
  w->head.ops = &ops;
  w->s = sim_new(seed);
  return &w->head;
}

#include "testkit/sim_net.h"

/* Links of two sockets, and the segments that go between them. */

#include <string.h>

#include <uv.h> /* the codes */

#include "testkit/check.h"
#include "testkit/fifo.h"
#include "testkit/sim_internal.h"

enum {
  NS_PER_MS = 1000 * 1000,
  FIRST_PORT = 40000,
  FIRST_CLIENT_PORT = 49152, /* of those who are bound to none */
  CLIENT_PORTS = 16384,
  SYN_AGAIN_MS = 1000, /* RFC 6298 2.1 */
  COARSE_SEGMENT = 1460,
  SLOW_UNSENT_MAX = 128 * 1024
};

static const uint64_t connect_timeout_ns = (uint64_t) 127 * 1000 * NS_PER_MS;

typedef struct sim_link sim_link;

struct sim_sock {
  sim_link *link;
  ws_list waiting; /* sim_listener.waiting */
  const sim_sock_events *events;
  void *up;
  sim_event ready;
  bool connected, closed; /* closed: by its user */
  bool want_read, want_write;
  bool fin_wanted, fin_sent;     /* ours */
  bool fin_received;             /* the other's */
  bool reset_wanted, reset_sent; /* ours */
  bool dead;                     /* a reset has come or gone */
  int error;                     /* to be told once */
  bool stalled;
  bool slow;
  fifo out;       /* not sent yet */
  fifo in;        /* arrived, not read */
  size_t coming;  /* bytes on their way to us */
  uint64_t taken; /* bytes from our user, so far */
  uint64_t sent;  /* bytes, so far */
  uint64_t line_free_ns, last_arrival_ns;
};

struct sim_link {
  ws_list node;
  sim *s;
  sim_profile profile;
  sim_sock end[2]; /* [0] connects, [1] listens */
  sim_addr addr[2];
  sim_event opening;
  int verdict;
  ws_list segments;
  uint64_t number;
  sim_fault fault;      /* SIM_FAULTS: none */
  uint64_t fault_bytes; /* so many bytes may go over it until then */
};

typedef enum segment_kind { SEGMENT_DATA, SEGMENT_FIN, SEGMENT_RESET } segment_kind;

typedef struct segment {
  ws_list node;
  sim_event arrival;
  sim_sock *to;
  segment_kind kind;
  size_t len;
  uint8_t data[];
} segment;

struct sim_listener {
  ws_list node;
  sim *s;
  sim_listen_spec spec;
  ws_list waiting;
  size_t waiting_count;
  sim_waiting_cb cb;
  void *up;
};

typedef struct route {
  ws_list node;
  sim_addr addr;
  sim_route_kind kind;
  int code;
} route;

static void pump(sim_sock *from);

static void trace(const sim_sock *sock, const char *what, size_t len) {
  const sim_link *link = sock->link;
  const sim *s = link->s;
  if (s->trace == NULL) return;
  s->trace(s->trace_arg, s->now_ns, link->number, sock == &link->end[0], what, len);
}

static sim_sock *other(sim_sock *sock) {
  return sock == &sock->link->end[0] ? &sock->link->end[1] : &sock->link->end[0];
}

/* --- profiles --- */

static const sim_profile calm = {
    .latency_min_ns = 50 * 1000,
    .latency_max_ns = 50 * 1000,
    .segment_max = 65536,
    .send_buffer = 256 * 1024,
    .recv_buffer = 256 * 1024,
};

static sim_profile draw_profile(sim *s) {
  static const uint64_t latencies[] = {0, 50 * 1000, NS_PER_MS};
  static const uint64_t rates[] = {0, 0, 100 * 1000, 10 * 1000};
  static const size_t segments[] = {1, 3, 17, 536, 1460, 65536};
  static const size_t buffers[] = {4096, 16384, 65536, 262144};
  sim_profile p = {.latency_min_ns = latencies[sim_below(s, 3)]};
  p.latency_max_ns = p.latency_min_ns + latencies[sim_below(s, 3)];
  p.bytes_per_ms = rates[sim_below(s, 4)];
  p.segment_max = segments[sim_below(s, 6)];
  p.send_buffer = buffers[sim_below(s, 4)];
  p.recv_buffer = buffers[sim_below(s, 4)];
  p.cut_percent = (unsigned) sim_below(s, 50);
  p.hides_acks = sim_below(s, 4) == 0;
  return p;
}

void sim_set_profile(sim *s, const sim_profile *profile) {
  s->profile = profile != NULL ? *profile : calm;
}

void sim_get_profile(const sim *s, sim_profile *profile) {
  *profile = s->profile;
}

/* --- sockets as their user sees them --- */

static bool readable(const sim_sock *sock) {
  return sock->in.len > 0 || sock->fin_received || sock->dead || sock->error != 0;
}

/* The bytes that the socket may hold unsent. */
static size_t unsent_max(const sim_sock *sock) {
  size_t most = sock->link->profile.send_buffer;
  return sock->slow && most > SLOW_UNSENT_MAX ? SLOW_UNSENT_MAX : most;
}

/* A third of the buffer must be free, as on Linux, or all writes become small ones. */
static bool writable(const sim_sock *sock) {
  return sock->dead || sock->out.len <= unsent_max(sock) / 3 * 2;
}

/* Level-triggered: as long as it is so, it is told at each poll. */
static void arm(sim_sock *sock) {
  bool some = (sock->want_read && readable(sock)) || (sock->want_write && writable(sock));
  if (sock->closed || !sock->connected || !some) return;
  if (sock->ready.slot == 0) sim_event_soon(sock->link->s, &sock->ready);
}

static void on_ready(void *data) {
  sim_sock *sock = data;
  bool r = sock->want_read && readable(sock), w = sock->want_write && writable(sock);
  arm(sock);
  if (r || w) sock->events->on_ready(sock->up, r, w);
}

void sim_sock_take_over(sim_sock *sock, const sim_sock_events *events, void *up) {
  sock->events = events;
  sock->up = up;
}

void sim_sock_want(sim_sock *sock, bool read, bool write) {
  sock->want_read = read;
  sock->want_write = write;
  arm(sock);
}

/* The error of a connection is told once, then it is at its end (as Linux: sk_err). */
static int take_error(sim_sock *sock, int otherwise) {
  int error = sock->error != 0 ? sock->error : otherwise;
  sock->error = 0;
  return error;
}

static size_t cut(sim_sock *sock, size_t n) {
  sim *s = sock->link->s;
  return sim_chance(s, sock->link->profile.cut_percent) ? 1 + (size_t) sim_below(s, n) : n;
}

ptrdiff_t sim_sock_recv(sim_sock *sock, void *data, size_t len) {
  size_t n = sock->in.len < len ? sock->in.len : len;
  CHECK(len > 0 && !sock->closed && sock->connected);
  if (n == 0 && (sock->error != 0 || sock->dead)) return take_error(sock, 0);
  if (n == 0) return sock->fin_received ? 0 : UV_EAGAIN;
  n = cut(sock, n);
  memcpy(data, fifo_data(&sock->in), n);
  fifo_consume(&sock->in, n);
  pump(other(sock)); /* the window has opened */
  return (ptrdiff_t) n;
}

static uint16_t client_port(const sim_link *link) {
  return sim_addr_port((const struct sockaddr *) &link->addr[0]);
}

static void show(const sim_sock *sock, const uint8_t *data, size_t n) {
  const sim_link *link = sock->link;
  link->s->tap(link->s->tap_arg, client_port(link), sock == &link->end[0], data, n);
}

ptrdiff_t sim_sock_send(sim_sock *sock, const void *data, size_t len) {
  size_t most = unsent_max(sock), room = most > sock->out.len ? most - sock->out.len : 0;
  CHECK(!sock->closed && sock->connected);
  if (sock->dead || sock->fin_wanted) return take_error(sock, UV_EPIPE);
  if (len == 0) return 0;
  if (room == 0) return UV_EAGAIN;
  size_t n = cut(sock, len < room ? len : room);
  if (sock->link->s->tap != NULL) show(sock, data, n);
  fifo_append(&sock->out, data, n);
  sock->taken += n;
  pump(sock);
  return (ptrdiff_t) n;
}

int sim_sock_unacked(const sim_sock *sock, ws_unacked *out) {
  const sim_sock *to = &sock->link->end[sock == &sock->link->end[0] ? 1 : 0];
  if (sock->link->profile.hides_acks) return UV_ENOTSUP;
  out->written = sock->taken;
  out->unacked = sock->out.len + to->coming;
  return 0;
}

void sim_sock_set_slow(sim_sock *sock, bool slow) {
  sock->slow = slow;
}

void sim_sock_shutdown(sim_sock *sock) {
  sock->fin_wanted = true;
  pump(sock);
}

void sim_sock_stall(sim_sock *sock, bool stall) {
  sock->stalled = stall;
  pump(sock);
}

void sim_sock_stall_both(sim_sock *sock, bool stall) {
  sim_sock_stall(sock, stall);
  sim_sock_stall(other(sock), stall);
}

/* --- the end of sockets and links --- */

static void sock_clear(sim_sock *sock) {
  sim_event_cancel(&sock->link->s->net, &sock->ready);
  fifo_free(&sock->in);
  fifo_free(&sock->out);
}

static void link_free(sim_link *link) {
  sim_event_cancel(&link->s->wires, &link->opening);
  for (ws_list *node; (node = ws_list_pop(&link->segments)) != NULL;) {
    segment *g = ws_list_entry(node, segment, node);
    sim_event_cancel(&link->s->wires, &g->arrival);
    check_free(g);
  }
  sock_clear(&link->end[0]);
  sock_clear(&link->end[1]);
  ws_list_remove(&link->node);
  check_free(link);
}

/* Who does not wait for its SYN-ACK any more answers it by a reset. */
static void stop_opening(sim_sock *sock) {
  sim_event_cancel(&sock->link->s->wires, &sock->link->opening);
  sock->connected = true;
}

static void abandon(sim_sock *sock, bool reset) {
  CHECK(!sock->closed);
  sock->closed = true;
  sim_event_cancel(&sock->link->s->net, &sock->ready);
  if (other(sock)->closed) {
    link_free(sock->link);
    return;
  }
  if (!sock->connected) stop_opening(sock);
  if (reset) sock->reset_wanted = true;
  sock->fin_wanted = true;
  pump(sock);
}

void sim_sock_close(sim_sock *sock) {
  abandon(sock, sock->in.len > 0 || !sock->connected);
}

void sim_sock_reset(sim_sock *sock) {
  abandon(sock, true);
}

/* --- faults --- */

static void die(sim_sock *sock) {
  sock->dead = true;
  fifo_free(&sock->out);
}

static void fail_end(sim_sock *sock, sim_fault fault) {
  if (fault == SIM_FAULT_STALL) {
    sock->stalled = true;
  } else if (!sock->dead) {
    if (fault == SIM_FAULT_RESET) sock->error = UV_ECONNRESET;
    die(sock);
    arm(sock);
  }
}

static void fail_now(sim_link *link) {
  static const char *const what[SIM_FAULTS] = {"link ends", "link is reset", "link stalls"};
  const sim_fault fault = link->fault;
  link->fault = SIM_FAULTS;
  trace(&link->end[0], what[fault], 0);
  for (size_t i = 0; i < 2; i++) fail_end(&link->end[i], fault);
}

void sim_sock_fault(sim_sock *sock, sim_fault fault, uint64_t bytes) {
  sock->link->fault = fault;
  sock->link->fault_bytes = bytes;
  if (bytes == 0) fail_now(sock->link);
}

/* Nothing is drawn unless there may be one. */
static void draw_fault(sim_link *link) {
  sim *s = link->s;
  const sim_profile *p = &link->profile;
  unsigned sum = 0, drawn;
  link->fault = SIM_FAULTS;
  for (size_t i = 0; i < SIM_FAULTS; i++) sum += p->fault_percent[i];
  if (sum == 0) return;
  drawn = (unsigned) sim_below(s, 100);
  for (size_t i = 0; i < SIM_FAULTS; i++) {
    if (drawn < p->fault_percent[i]) {
      link->fault = (sim_fault) i;
      link->fault_bytes = 1 + sim_below(s, p->fault_bytes_max);
      return;
    }
    drawn -= p->fault_percent[i];
  }
}

/* --- segments --- */

static void take_reset(sim_sock *to) {
  if (to->dead) return;
  to->error = to->fin_received ? UV_EPIPE : UV_ECONNRESET; /* Linux: tcp_reset() */
  die(to);
}

static void take_data(sim_sock *to, const segment *g) {
  if (to->closed) {
    to->reset_wanted = true;
    pump(to);
  } else if (!to->dead) {
    fifo_append(&to->in, g->data, g->len);
  }
}

static void on_arrival(void *data) {
  static const char *const arrivals[] = {"receives", "receives a FIN", "receives a reset"};
  segment *g = data;
  sim_sock *to = g->to;
  ws_list_remove(&g->node);
  to->coming -= g->len;
  trace(to, arrivals[g->kind], g->len);
  switch (g->kind) {
  case SEGMENT_DATA: take_data(to, g); break;
  case SEGMENT_FIN: to->fin_received = true; break;
  case SEGMENT_RESET: take_reset(to); break;
  }
  check_free(g);
  arm(to);
}

static uint64_t latency(sim_link *link) {
  uint64_t spread = link->profile.latency_max_ns - link->profile.latency_min_ns;
  return link->profile.latency_min_ns + (spread == 0 ? 0 : sim_below(link->s, spread + 1));
}

/* When something that leaves now is there: never before what left earlier. */
static uint64_t arrival_ns(sim_sock *from, size_t len) {
  sim_link *link = from->link;
  uint64_t rate = link->profile.bytes_per_ms, at = sim_now(link->s);
  if (from->line_free_ns > at) at = from->line_free_ns;
  if (rate > 0) at += len * NS_PER_MS / rate;
  from->line_free_ns = at;
  at += latency(link);
  if (at < from->last_arrival_ns) at = from->last_arrival_ns;
  from->last_arrival_ns = at;
  return at;
}

static void depart(sim_sock *from, segment_kind kind, size_t len) {
  sim *s = from->link->s;
  segment *g = check_alloc(sizeof *g + len);
  g->to = other(from);
  g->kind = kind;
  g->len = len;
  if (len > 0) memcpy(g->data, fifo_data(&from->out), len);
  sim_event_init(&g->arrival, on_arrival, g);
  sim_event_set(s, &s->wires, &g->arrival, arrival_ns(from, len));
  ws_list_append(&from->link->segments, &g->node);
  g->to->coming += len;
}

static size_t window(const sim_sock *to) {
  size_t used = to->in.len + to->coming, most = to->link->profile.recv_buffer;
  if (to->closed) return most;
  return used < most ? most - used : 0;
}

/* Behind the first bytes a small window counts as none (RFC 9293 3.8.6.2), or every segment of a
   long transfer becomes as small as the smallest was. */
static size_t segment_size(sim_sock *from) {
  const sim_profile *p = &from->link->profile;
  bool fine = from->sent < SIM_FINE_BYTES;
  size_t most = fine || p->segment_max > COARSE_SEGMENT ? p->segment_max : COARSE_SEGMENT;
  size_t room = window(other(from)), n = from->out.len;
  if (n > room) n = room;
  if (!fine && n < from->out.len && n < COARSE_SEGMENT && n < p->recv_buffer / 2) return 0;
  if (n > most) n = most;
  return n > 1 && from->link->s->seed != 0 ? 1 + (size_t) sim_below(from->link->s, n) : n;
}

static void send_reset(sim_sock *from) {
  if (!from->reset_sent && !from->dead) depart(from, SEGMENT_RESET, 0);
  from->reset_sent = true;
  die(from);
}

static void send_data(sim_sock *from, size_t n) {
  sim_link *link = from->link;
  if (link->fault != SIM_FAULTS && n > link->fault_bytes) n = (size_t) link->fault_bytes;
  depart(from, SEGMENT_DATA, n);
  fifo_consume(&from->out, n);
  from->sent += n;
  if (link->fault == SIM_FAULTS) return;
  link->fault_bytes -= n;
  if (link->fault_bytes == 0) fail_now(link);
}

/* Let go what may go: bytes as far as the other has room, then the FIN. */
static void pump(sim_sock *from) {
  if (from->stalled || !from->connected) return;
  if (from->reset_wanted) {
    send_reset(from);
    return;
  }
  while (from->out.len > 0 && !from->dead && !from->stalled) {
    size_t n = segment_size(from);
    if (n == 0) break;
    send_data(from, n);
  }
  if (from->fin_wanted && !from->fin_sent && from->out.len == 0 && !from->dead) {
    from->fin_sent = true;
    depart(from, SEGMENT_FIN, 0);
  }
  arm(from);
}

/* --- connecting --- */

static const route *find_route(const sim *s, const struct sockaddr *addr) {
  for (const ws_list *n = s->routes.next; n != &s->routes; n = n->next) {
    const route *r = ws_list_entry(n, route, node);
    if (sim_addr_equal((const struct sockaddr *) &r->addr, addr, false)) return r;
  }
  return NULL;
}

/* An address of its own comes before a wildcard. */
static bool listens_at(const sim_listener *l, const sim_addr *addr, bool wildcard) {
  const struct sockaddr *own = (const struct sockaddr *) &l->spec.addr;
  const struct sockaddr *to = (const struct sockaddr *) addr;
  if (!wildcard) return sim_addr_equal(own, to, true);
  return sim_addr_is_any(own) && sim_addr_port(own) == sim_addr_port(to) &&
         (own->sa_family == to->sa_family || (l->spec.dual_stack && to->sa_family == AF_INET));
}

static size_t count_listeners(const sim *s, const sim_addr *addr, bool wildcard) {
  size_t count = 0;
  for (const ws_list *n = s->listeners.next; n != &s->listeners; n = n->next) {
    if (listens_at(ws_list_entry(n, sim_listener, node), addr, wildcard)) count++;
  }
  return count;
}

/* Nothing is drawn unless there is a choice. */
static sim_listener *find_listener(sim *s, const sim_addr *addr) {
  bool wildcard = count_listeners(s, addr, false) == 0;
  size_t count = count_listeners(s, addr, wildcard);
  size_t skip = count > 1 ? (size_t) sim_below(s, count) : 0;
  for (ws_list *n = s->listeners.next; n != &s->listeners; n = n->next) {
    sim_listener *l = ws_list_entry(n, sim_listener, node);
    if (listens_at(l, addr, wildcard) && skip-- == 0) return l;
  }
  return NULL;
}

static void on_opened(void *data) {
  sim_link *link = data;
  sim_sock *sock = &link->end[0];
  sock->connected = link->verdict == 0;
  trace(sock, sock->connected ? "is connected" : "is not connected", 0);
  sock->events->on_connected(sock->up, link->verdict);
}

/* The kernel's part: the connection is there, and is accepted by the program later. */
static void wait_at(sim_listener *l, sim_link *link) {
  sim_sock *sock = &link->end[1];
  sock->closed = false;
  sock->connected = true;
  if (l->spec.addr.ss_family != link->addr[1].ss_family) {
    sim_addr_map(&link->addr[0]);
    sim_addr_map(&link->addr[1]);
  }
  ws_list_append(&l->waiting, &sock->waiting);
  l->waiting_count++;
  l->cb(l->up);
}

static void on_syn(void *data) {
  sim_link *link = data;
  sim *s = link->s;
  sim_listener *l = link->verdict == 0 ? find_listener(s, &link->addr[1]) : NULL;
  if (l != NULL && l->waiting_count >= l->spec.backlog) {
    sim_event_set(s, &s->wires, &link->opening, s->now_ns + (uint64_t) SYN_AGAIN_MS * NS_PER_MS);
    return;
  }
  if (link->verdict == 0 && l == NULL) {
    link->verdict = link->addr[1].ss_family == AF_UNIX ? UV_ENOENT : UV_ECONNREFUSED;
  }
  sim_event_init(&link->opening, on_opened, link);
  sim_event_set(s, &s->wires, &link->opening, arrival_ns(&link->end[1], 0));
  if (l != NULL) wait_at(l, link);
}

/* Who is bound to no address has that of the peer, as on loopback. A Unix socket has none. */
static void choose_local(sim *s, sim_link *link, const sim_addr *local) {
  sim_addr *own = &link->addr[0];
  if (link->addr[1].ss_family == AF_UNIX) {
    own->ss_family = AF_UNIX;
    return;
  }
  *own = local->ss_family != AF_UNSPEC ? *local : link->addr[1];
  if (local->ss_family != AF_UNSPEC && sim_addr_port((const struct sockaddr *) own) != 0) return;
  sim_addr_set_port(own, (uint16_t) (FIRST_CLIENT_PORT + s->client_ports++ % CLIENT_PORTS));
}

static void link_init(sim_link *link, sim *s, const struct sockaddr *addr, const sim_addr *local) {
  link->s = s;
  link->number = ++s->links_made;
  link->profile = s->profile;
  draw_fault(link);
  memcpy(&link->addr[1], addr, sim_addr_len(addr));
  choose_local(s, link, local);
  ws_list_init(&link->segments);
  ws_list_append(&s->links, &link->node);
  for (size_t i = 0; i < 2; i++) {
    link->end[i].link = link;
    ws_list_init(&link->end[i].waiting);
    sim_event_init(&link->end[i].ready, on_ready, &link->end[i]);
  }
  link->end[1].closed = true; /* until it is accepted */
}

static bool is_known_family(sa_family_t family) {
  return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

int sim_sock_connect(sim *s, const struct sockaddr *addr, const struct sockaddr_storage *local,
                     const sim_sock_events *events, void *up, sim_sock **out) {
  if (!is_known_family(addr->sa_family)) return UV_EINVAL;
  const route *r = find_route(s, addr);
  if (r != NULL && r->kind == SIM_ROUTE_FAIL_NOW) return r->code;
  sim_link *link = check_alloc(sizeof *link);
  link_init(link, s, addr, local);
  sim_sock_take_over(&link->end[0], events, up);
  sim_event_init(&link->opening, on_syn, link);
  uint64_t at = sim_now(s) + latency(link);
  if (r != NULL && r->kind == SIM_ROUTE_FAIL) link->verdict = r->code;
  if (r != NULL && r->kind == SIM_ROUTE_BLACKHOLE) {
    link->verdict = UV_ETIMEDOUT;
    at = sim_now(s) + connect_timeout_ns;
  }
  sim_event_set(s, &s->wires, &link->opening, at);
  *out = &link->end[0];
  return 0;
}

void sim_route(sim *s, const char *addr, sim_route_kind kind, int code) {
  route *r = check_alloc(sizeof *r);
  CHECK(sim_addr_parse(&r->addr, addr, 0));
  r->kind = kind;
  r->code = code;
  r->node.prev = &s->routes; /* before those that were there: the latest counts */
  r->node.next = s->routes.next;
  s->routes.next->prev = &r->node;
  s->routes.next = &r->node;
}

/* --- listening --- */

int sim_listen(sim *s, const sim_listen_spec *spec, sim_waiting_cb cb, void *up,
               sim_listener **out) {
  sim_listener *l = check_alloc(sizeof *l);
  l->spec = *spec;
  if (spec->addr.ss_family != AF_UNIX &&
      sim_addr_port((const struct sockaddr *) &spec->addr) == 0) {
    sim_addr_set_port(&l->spec.addr, s->last_port++);
  }
  const sim_listener *other_one = find_listener(s, &l->spec.addr);
  if (other_one != NULL && listens_at(other_one, &l->spec.addr, false) &&
      !(spec->reuse_port && other_one->spec.reuse_port)) {
    check_free(l);
    return UV_EADDRINUSE;
  }
  l->s = s;
  l->cb = cb;
  l->up = up;
  ws_list_init(&l->waiting);
  ws_list_append(&s->listeners, &l->node);
  *out = l;
  return 0;
}

const struct sockaddr_storage *sim_listener_address(const sim_listener *l) {
  return &l->spec.addr;
}

bool sim_listener_has_waiting(const sim_listener *l) {
  return l->waiting_count > 0;
}

sim_sock *sim_listener_accept(sim_listener *l) {
  ws_list *node = ws_list_pop(&l->waiting);
  if (node == NULL) return NULL;
  l->waiting_count--;
  return ws_list_entry(node, sim_sock, waiting);
}

void sim_listener_free(sim_listener *l) {
  for (sim_sock *sock; (sock = sim_listener_accept(l)) != NULL;) sim_sock_reset(sock);
  ws_list_remove(&l->node);
  check_free(l);
}

static const sim_addr *address_of(const sim_sock *sock, size_t other_end) {
  size_t own = sock == &sock->link->end[0] ? 0 : 1;
  return &sock->link->addr[own ^ other_end];
}

const struct sockaddr_storage *sim_sock_local(const sim_sock *sock) {
  return address_of(sock, 0);
}

const struct sockaddr_storage *sim_sock_peer(const sim_sock *sock) {
  return address_of(sock, 1);
}

/* --- the network as a whole --- */

sim_sock *sim_sock_find(sim *s, uint16_t port) {
  for (ws_list *n = s->links.next; n != &s->links; n = n->next) {
    sim_link *link = ws_list_entry(n, sim_link, node);
    if (link->addr[0].ss_family == AF_INET && client_port(link) == port) {
      return link->end[0].closed ? NULL : &link->end[0];
    }
  }
  return NULL;
}

void sim_tap(sim *s, sim_tap_cb cb, void *arg) {
  s->tap = cb;
  s->tap_arg = arg;
}

void sim_net_init(sim *s) {
  ws_list_init(&s->routes);
  ws_list_init(&s->listeners);
  ws_list_init(&s->links);
  s->last_port = FIRST_PORT;
  s->profile = s->seed == 0 ? calm : draw_profile(s);
}

void sim_net_free(sim *s) {
  CHECK(ws_list_empty(&s->listeners));
  CHECK(ws_list_empty(&s->links));
  for (ws_list *node; (node = ws_list_pop(&s->routes)) != NULL;) {
    check_free(ws_list_entry(node, route, node));
  }
}

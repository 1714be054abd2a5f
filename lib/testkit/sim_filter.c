#include "testkit/sim_internal.h"

/* The filter over a simulated socket: what lib/net's bottom filter is, with every obligation of the
   caller checked. It does what libuv does with a real socket: reads only while asked to, and holds
   in the caller's memory what the socket did not take. */

#include <string.h>

#include <uv.h> /* the codes */

#include "base/error.h"
#include "net/filter.h"
#include "testkit/check.h"
#include "testkit/sim_net.h"

enum { IDLE_ALLOC_PERCENT = 5 };

typedef enum filter_state { CONNECTING, CONNECTED, FAILED, CLOSING } filter_state;

/* A piece of the caller's memory that is retained, and what it must still be. */
typedef struct held_piece {
  ws_list node;
  const uint8_t *theirs;
  size_t len, sent;
  uint8_t ours[];
} held_piece;

typedef struct sim_filter {
  ws_filter head;
  sim_env *env;
  sim_sock *sock;
  sim_addr addr[2]; /* ours and the peer's */
  filter_state state;
  bool reading, read_ended, shut, write_failed;
  ws_list retained;
  sim_event closed;
} sim_filter;

static sim_filter *self(ws_filter *f) {
  return (sim_filter *) (void *) f;
}

static sim *machine(const sim_filter *f) {
  return f->env->s;
}

static void want(sim_filter *f) {
  sim_sock_want(f->sock, f->reading && !f->read_ended, !ws_list_empty(&f->retained));
}

/* --- retained memory --- */

static void let_go(sim_filter *f, held_piece *p) {
  if (memcmp(p->theirs, p->ours, p->len) != 0) CHECK_FAIL("memory that is retained was changed");
  ws_list_remove(&p->node);
  check_free(p);
  if (ws_list_empty(&f->retained)) machine(f)->writing--;
}

static void drop_held(sim_filter *f) {
  while (!ws_list_empty(&f->retained)) let_go(f, ws_list_entry(f->retained.next, held_piece, node));
}

static void hold_piece(sim_filter *f, const uint8_t *data, size_t len) {
  held_piece *p = check_alloc(sizeof *p + len);
  p->theirs = data;
  p->len = len;
  memcpy(p->ours, data, len);
  ws_list_append(&f->retained, &p->node);
}

/* Hold what is behind the first `skip` bytes, as far as may be. */
static size_t hold(sim_filter *f, const ws_view *bufs, size_t count, size_t skip) {
  size_t retained = 0;
  for (size_t i = 0; i < count && retained < WS_FILTER_RETAIN_MAX; i++) {
    size_t off = skip < bufs[i].len ? skip : bufs[i].len;
    size_t n = bufs[i].len - off;
    skip -= off;
    if (n > WS_FILTER_RETAIN_MAX - retained) n = WS_FILTER_RETAIN_MAX - retained;
    if (n > 0) hold_piece(f, bufs[i].base + off, n);
    retained += n;
  }
  if (retained > 0) machine(f)->writing++;
  return retained;
}

/* Give the socket more of what is retained. 0: all is taken; 1: it is full; or a code. */
static int send_held(sim_filter *f) {
  while (!ws_list_empty(&f->retained)) {
    held_piece *p = ws_list_entry(f->retained.next, held_piece, node);
    ptrdiff_t n = sim_sock_send(f->sock, p->ours + p->sent, p->len - p->sent);
    if (n == UV_EAGAIN) return 1;
    if (n < 0) return (int) n;
    p->sent += (size_t) n;
    if (p->sent == p->len) let_go(f, p);
  }
  return 0;
}

/* --- events --- */

/* The program has closed the loop's handles: no event comes any more, but on_close. */
static bool is_lost(const sim_filter *f) {
  return ws_env_lost(&f->env->head);
}

static void on_connected(void *up, int status) {
  sim_filter *f = up;
  if (is_lost(f)) return;
  f->state = status == 0 ? CONNECTED : FAILED;
  f->head.events->on_connect(f->head.up, status);
}

static void end_reading(sim_filter *f, int status) {
  f->read_ended = true;
  want(f);
  f->head.events->on_read(f->head.up, NULL, status);
}

static ws_room ask_for_memory(sim_filter *f) {
  ws_room buf = {NULL, 0};
  f->head.events->on_alloc(f->head.up, &buf);
  CHECK(f->state == CONNECTED && f->reading);
  CHECK(buf.base != NULL && buf.len > 0);
  return buf;
}

/* Now and then memory is asked for in vain. */
static void read_some(sim_filter *f) {
  if (machine(f)->seed != 0 && sim_chance(machine(f), IDLE_ALLOC_PERCENT)) ask_for_memory(f);
  ws_room buf = ask_for_memory(f);
  ptrdiff_t n = sim_sock_recv(f->sock, buf.base, buf.len);
  if (n == UV_EAGAIN) return;
  if (n <= 0) {
    end_reading(f, n == 0 ? WS_EOF : (int) n);
  } else {
    f->head.events->on_read(f->head.up, buf.base, n);
  }
}

static void write_some(sim_filter *f) {
  int status = send_held(f);
  if (status == 1) return;
  if (status < 0) {
    f->write_failed = true;
    drop_held(f);
  }
  want(f);
  f->head.events->on_write(f->head.up, status);
}

/* One event for each poll: whatever is above may have closed the filter after it. */
static void on_ready(void *up, bool readable, bool writable) {
  sim_filter *f = up;
  if (is_lost(f)) {
    sim_sock_want(f->sock, false, false);
    return;
  }
  if (readable && writable) readable = sim_chance(machine(f), 50);
  if (readable) {
    read_some(f);
  } else {
    write_some(f);
  }
}

static const sim_sock_events sock_events = {on_connected, on_ready};

/* --- calls --- */

static int read_start(ws_filter *filter) {
  sim_filter *f = self(filter);
  CHECK(f->state == CONNECTED);
  f->reading = true;
  want(f);
  return 0;
}

static void read_stop(ws_filter *filter) {
  sim_filter *f = self(filter);
  CHECK(f->state == CONNECTED);
  f->reading = false;
  want(f);
}

/* What the socket takes at once: 0 or a code. */
static int send_now(sim_filter *f, const ws_view *bufs, size_t count, size_t *taken) {
  for (size_t i = 0; i < count; i++) {
    CHECK(bufs[i].len == 0 || bufs[i].base != NULL);
    if (bufs[i].len == 0) continue;
    ptrdiff_t n = sim_sock_send(f->sock, bufs[i].base, bufs[i].len);
    if (n == UV_EAGAIN) return 0;
    if (n < 0) return (int) n;
    *taken += (size_t) n;
    if ((size_t) n < bufs[i].len) return 0;
  }
  return 0;
}

static int write_now(ws_filter *filter, const ws_view *bufs, size_t count, size_t *taken,
                     size_t *retained) {
  sim_filter *f = self(filter);
  CHECK(f->state == CONNECTED);
  CHECK(ws_list_empty(&f->retained));
  CHECK(!f->shut);
  *taken = *retained = 0;
  if (f->write_failed) return UV_EPIPE;
  int err = send_now(f, bufs, count, taken);
  f->write_failed = err < 0;
  if (err < 0) return err;
  *retained = hold(f, bufs, count, *taken);
  want(f);
  sim_note_work(machine(f));
  return 0;
}

static void set_slow(ws_filter *filter, bool slow, ws_slowed *slowed) {
  sim_filter *f = self(filter);
  CHECK(f->state == CONNECTED);
  if (!slow) CHECK(slowed->changed);
  slowed->changed = slow;
  sim_sock_set_slow(f->sock, slow);
}

static void shut_down(ws_filter *filter) {
  sim_filter *f = self(filter);
  CHECK(f->state == CONNECTED);
  CHECK(ws_list_empty(&f->retained));
  CHECK(!f->shut);
  f->shut = true;
  sim_sock_shutdown(f->sock);
}

static void on_closed(void *data) {
  sim_filter *f = data;
  sim_env *env = f->env;
  drop_held(f);
  f->head.events->on_close(f->head.up);
  env->filters--;
  env->closing_filters--;
  env->s->filters--;
  ws_free(env->head.alloc, f);
  sim_env_settle(env);
}

static void filter_close(ws_filter *filter) {
  sim_filter *f = self(filter);
  CHECK(f->state != CLOSING);
  f->state = CLOSING;
  f->env->closing_filters++;
  if (f->env->socket == f->sock) f->env->socket = NULL;
  sim_sock_close(f->sock);
  sim_event_init(&f->closed, on_closed, f);
  sim_event_soon(machine(f), &f->closed);
}

static int address(const sim_filter *f, bool peer, struct sockaddr_storage *addr) {
  CHECK(f->state == CONNECTED || f->state == CLOSING);
  *addr = f->addr[peer ? 1 : 0];
  return 0;
}

static int query(const ws_filter *filter, ws_filter_query what, void *out) {
  const sim_filter *f = (const sim_filter *) (const void *) filter;
  switch (what) {
  case WS_QUERY_LOCAL_ADDRESS: return address(f, false, out);
  case WS_QUERY_PEER_ADDRESS: return address(f, true, out);
  case WS_QUERY_UNACKED: CHECK(f->state == CONNECTED); return sim_sock_unacked(f->sock, out);
  default: return WS_ENOTSUP;
  }
}

static const ws_filter_ops ops = {
    .read_start = read_start,
    .read_stop = read_stop,
    .write = write_now,
    .set_slow = set_slow,
    .shutdown = shut_down,
    .query = query,
    .close = filter_close,
};

static sim_filter *filter_new(sim_env *env, const struct ws_filter_events *events, void *up) {
  sim_filter *f = ws_calloc(env->head.alloc, sizeof *f);
  if (f == NULL) return NULL;
  f->env = env;
  f->head = (ws_filter){&ops, events, up};
  ws_list_init(&f->retained);
  return f;
}

static void filter_begin(sim_filter *f, filter_state state) {
  f->state = state;
  f->addr[0] = *sim_sock_local(f->sock);
  f->addr[1] = *sim_sock_peer(f->sock);
  f->env->filters++;
  f->env->s->filters++;
}

int sim_filter_connect(ws_env *head, const struct sockaddr *addr, const ws_socket_options *options,
                       const struct ws_filter_events *events, void *up, struct ws_filter **out) {
  sim_env *env = (sim_env *) (void *) head;
  CHECK(!env->closing && options != NULL && events != NULL);
  sim_filter *f = filter_new(env, events, up);
  if (f == NULL) return WS_ENOMEM;
  int err = sim_sock_connect(env->s, addr, &options->local, &sock_events, f, &f->sock);
  if (err < 0) {
    ws_free(head->alloc, f);
    return err;
  }
  filter_begin(f, CONNECTING);
  env->socket = f->sock;
  if (env->stalls) sim_sock_stall_both(f->sock, true);
  if (env->fault != SIM_FAULTS) sim_sock_fault(f->sock, env->fault, env->fault_bytes);
  env->fault = SIM_FAULTS;
  *out = &f->head;
  return 0;
}

/* Whoever accepts it sets its events. */
int sim_filter_accept(sim_env *env, sim_listener *l, struct ws_filter **out,
                      struct sockaddr_storage *peer) {
  if (!sim_listener_has_waiting(l)) return UV_EAGAIN;
  sim_filter *f = filter_new(env, NULL, NULL);
  if (f == NULL) return WS_ENOMEM;
  f->sock = sim_listener_accept(l);
  sim_sock_take_over(f->sock, &sock_events, f);
  filter_begin(f, CONNECTED);
  *peer = f->addr[1];
  *out = &f->head;
  return 0;
}

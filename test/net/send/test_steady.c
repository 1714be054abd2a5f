/* What messages cost when a session does nothing new: no allocation, and one write for all messages
   that a read has brought. So a message needs a small part of a system call. */

#include <string.h>

#include "session/session.h"
#include "support/scenario.h"
#include "support/server_user.h"
#include "testkit/check.h"

enum { BURST = 100, BURSTS = 20, WARM = 3 };

/* Counts the reads and writes of a session: of each, the system call. */
static struct meter {
  const ws_filter_ops *sound_ops;
  const ws_filter_events *sound_events;
  ws_filter_ops ops;
  ws_filter_events events;
  size_t reads, writes;
} meter;

static int count_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                       size_t *retained) {
  meter.writes++;
  return meter.sound_ops->write(f, bufs, count, taken, retained);
}

static ptrdiff_t count_try_write(ws_filter *f, const ws_view *bufs, size_t count) {
  meter.writes++;
  return meter.sound_ops->try_write(f, bufs, count);
}

static void count_read(void *up, uint8_t *data, ptrdiff_t n) {
  meter.reads++;
  meter.sound_events->on_read(up, data, n);
}

static void begin_counting(ws_filter *f) {
  memset(&meter, 0, sizeof meter);
  meter.sound_ops = f->ops;
  meter.ops = *f->ops;
  meter.ops.write = count_write;
  if (f->ops->try_write != NULL) meter.ops.try_write = count_try_write;
  f->ops = &meter.ops;
  meter.sound_events = f->events;
  meter.events = *f->events;
  meter.events.on_read = count_read;
  f->events = &meter.events;
}

static void end_counting(ws_filter *f) {
  f->ops = meter.sound_ops;
  f->events = meter.sound_events;
}

/* A simulated link that has a seed cuts what it carries anywhere. */
static void check_counts(const world *w) {
  assert_true(meter.reads > 0);
  assert_true(meter.writes <= meter.reads);
  if (w->seed == 0) assert_true((meter.reads + meter.writes) * 20 < (size_t) BURST * BURSTS);
}

static const char *burst(void) {
  static char script[BURST * sizeof "BIN 00~64; "];
  if (*script != '\0') return script;
  for (int i = 0; i < BURST; i++) strcat(script, "BIN 00~64; ");
  script[strlen(script) - 2] = '\0';
  return script;
}

static void echo_on(session_user *u, const wsuv_message_t *m) {
  CHECK(wsuv_send_binary(u->session, m->data, m->len) == 0);
}

static void send_from_server(void *peer) {
  frame_peer_send(peer, burst());
}

static void send_from_client(void *peer) {
  raw_client_send_frames(peer, burst());
}

/* The peer sends bursts, and gets as many frames. What happens after WARM bursts is counted. */
static void exchange(world *w, session_user *u, const size_t *echoed, void (*send)(void *peer),
                     void *peer) {
  uint64_t calls = 0;
  for (size_t i = 1; i <= WARM + BURSTS; i++) {
    send(peer);
    world_run_until_count(w, echoed, i * BURST);
    if (i != WARM) continue;
    calls = w->alloc->calls;
    begin_counting(u->session->filter);
  }
  assert_int_equal(w->alloc->calls, calls);
  check_counts(w);
  end_counting(u->session->filter);
}

SCENARIO_TEST(test_steady_client_allocates_nothing_and_writes_once_a_read, w, p, u) {
  u->at_message = echo_on;
  u->forgets = p->forgets = true;
  scenario_open(u);
  exchange(w, u, &p->frames, send_from_server, p);
  u->at_message = NULL;
  scenario_close(u);
}

SERVER_TEST(test_steady_server_allocates_nothing_and_writes_once_a_read, w, s) {
  s->each.forgets = true;
  server_user_start(s);
  raw_client *c = server_user_connect(s, "/");
  c->forgets = true;
  session_user *u = server_user_session(s, 0);
  exchange(w, u, &c->frames, send_from_client, c);
}

#include "support/world.h"

/* The simulated world. */

#include <stdlib.h>

#include "support/sim_wires.h"
#include "testkit/check.h"
#include "testkit/sim_internal.h"

enum { NS_PER_MS = 1000 * 1000, BOUND_MS = 10 * 60 * 1000, DEAD_PORT = 9 };

typedef struct world_of_sim {
  world head;
  sim *s;
  uint64_t bound_ns;
} world_of_sim;

static sim *machine(const world *w) {
  return ((const world_of_sim *) (const void *) w)->s;
}

/* --- the network --- */

static wire_listener *start_listening(world *w, const char *addr, uint16_t port, wire_accept_cb cb,
                                      void *up, uint16_t *bound) {
  return sim_wires_listen(machine(w), addr, port, cb, up, bound);
}

static wire *start_connecting(world *w, const struct sockaddr *addr) {
  return sim_wires_connect(machine(w), addr);
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

/* What is still under way comes to its end first. */
static void end(world *w) {
  while (sim_turn(machine(w), UINT64_MAX)) continue;
  sim_free(machine(w));
  free(w);
}

static const world_ops ops = {
    .machine = machine,
    .env_new = env_new,
    .now_ms = now_ms,
    .watch = watch,
    .turn = turn,
    .unwatch = unwatch,
    .advance = advance_time,
    .lose_time = lose_time,
    .listen = start_listening,
    .unlisten = sim_wires_unlisten,
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

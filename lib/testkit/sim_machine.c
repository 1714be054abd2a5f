#include "testkit/sim.h"

/* The simulated machine itself: its clock, its chance, and the turns of its loop. */

#include <stdlib.h>
#include <string.h>

#include "testkit/check.h"
#include "testkit/sim_internal.h"

enum { NS_PER_MS = 1000 * 1000, BUSY_TURNS = 4 * 1000 * 1000 };

/* SplitMix64: a good stream from every seed, 0 included. */
static uint64_t next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t sim_random(sim *s) {
  return next(&s->chance);
}

uint64_t sim_below(sim *s, uint64_t n) {
  return sim_random(s) % n;
}

bool sim_chance(sim *s, unsigned percent) {
  return percent > 0 && sim_below(s, 100) < percent;
}

void sim_random_bytes(sim *s, void *buf, size_t len) {
  uint8_t *p = buf;
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t) next(&s->bytes);
}

void sim_random_fails(sim *s, bool fails) {
  s->random_fails = fails;
}

sim *sim_new(uint64_t seed) {
  sim *s = check_alloc(sizeof *s);
  s->seed = s->chance = seed;
  s->bytes = ~seed;
  s->now_ns = (uint64_t) 1000 * NS_PER_MS + (seed == 0 ? 0 : sim_below(s, NS_PER_MS));
  ws_list_init(&s->deferred);
  sim_names_init(s);
  sim_net_init(s);
  return s;
}

void sim_free(sim *s) {
  CHECK(s->envs == 0 && s->filters == 0 && s->lookups == 0);
  CHECK(ws_list_empty(&s->deferred));
  sim_net_free(s);
  sim_names_free(s);
  CHECK(s->timers.count == 0 && s->net.count == 0 && s->wires.count == 0);
  check_free(s->timers.events);
  check_free(s->wires.events);
  check_free(s->net.events);
  check_free(s);
}

uint64_t sim_now_ns(const sim *s) {
  return sim_now(s);
}

uint64_t sim_now_ms(const sim *s) {
  return sim_now(s) / NS_PER_MS;
}

void sim_suspend(sim *s, uint64_t ms) {
  s->now_ns += ms * NS_PER_MS;
}

void sim_trace(sim *s, sim_trace_cb cb, void *arg) {
  s->trace = cb;
  s->trace_arg = arg;
}

bool sim_is_busy(const sim *s) {
  return !ws_list_empty(&s->deferred) || s->wires.count > 0 || s->net.count > 0;
}

size_t sim_open(const sim *s) {
  return s->filters + s->lookups;
}

/* --- a turn of the loop --- */

/* Events that are set while a queue runs wait for the next turn. */
static void run_queue(sim *s, sim_queue *q) {
  uint64_t limit = s->seq;
  for (;;) {
    sim_event *e = sim_queue_first(q);
    if (e == NULL || e->when_ns > s->now_ns || e->seq >= limit) return;
    if (e->after_poll > s->polls) return;
    sim_event_cancel(q, e);
    e->run(e->data);
  }
}

static void run_timers(sim *s) {
  run_queue(s, &s->timers);
}

/* What has arrived by now has arrived, before anybody is told of it. */
static void run_poll(sim *s) {
  s->polls++;
  run_queue(s, &s->wires);
  run_queue(s, &s->net);
}

static void run_deferred(sim *s) {
  ws_list due;
  ws_list_init(&due);
  ws_list_splice(&due, &s->deferred);
  for (ws_list *node; (node = ws_list_pop(&due)) != NULL;) {
    sim_call *call = ws_list_entry(node, sim_call, node);
    call->run(call->data);
  }
}

/* When the first of the three queues is due; UINT64_MAX: nothing is. */
static uint64_t next_due_ns(const sim *s) {
  const sim_event *first[] = {sim_queue_first(&s->timers), sim_queue_first(&s->net),
                              sim_queue_first(&s->wires)};
  uint64_t next_ns = UINT64_MAX;
  for (size_t i = 0; i < 3; i++) {
    if (first[i] != NULL && first[i]->when_ns < next_ns) next_ns = first[i]->when_ns;
  }
  return next_ns;
}

/* Time goes on only when nothing is owed now. */
static bool advance(sim *s, uint64_t limit_ns) {
  if (!ws_list_empty(&s->deferred)) return true;
  uint64_t next_ns = next_due_ns(s);
  bool something = next_ns != UINT64_MAX && next_ns <= limit_ns;
  uint64_t to = something ? next_ns : limit_ns;
  if (to == UINT64_MAX || to <= s->now_ns) return something;
  s->now_ns = to;
  s->turns_now = 0;
  return something;
}

/* What stands in a turn before what is the seed's choice: on a real machine a timer and bytes that
   are due together also come in either order. */
static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

static void run_phases(sim *s) {
  static void (*const phases[3])(sim * s) = {run_timers, run_deferred, run_poll};
  const uint8_t *order = orders[s->seed == 0 ? 0 : sim_below(s, 6)];
  for (size_t i = 0; i < 3; i++) phases[order[i]](s);
}

bool sim_turn(sim *s, uint64_t limit_ns) {
  if (!advance(s, limit_ns)) return false;
  if (++s->turns_now > BUSY_TURNS) CHECK_FAIL("the loop is busy and time does not go on");
  run_phases(s);
  return true;
}

/* --- a machine on a loop --- */

void sim_set_host(sim *s, sim_host *host) {
  s->host = host;
  s->now_ns = sim_now(s);
}

uint64_t sim_host_turn(sim *s) {
  const uint64_t now_ns = sim_now(s);
  if (now_ns > s->now_ns) s->now_ns = now_ns;
  run_poll(s);
  return next_due_ns(s);
}

bool sim_holds_loop(const sim *s) {
  return sim_is_busy(s) || s->lookups + s->writing > 0;
}

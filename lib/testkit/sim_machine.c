#include "testkit/sim.h"

/* The simulated machine itself: its clock, its events, and the turns of its loop. */

#include "testkit/check.h"
#include "testkit/sim_internal.h"

enum { NS_PER_MS = 1000 * 1000, BUSY_TURNS = 4 * 1000 * 1000 };

/* Events */

void sim_event_set(sim *s, sim_queue *q, sim_event *e, uint64_t when_ns) {
  sim_queue_put(q, e, when_ns < s->now_ns ? s->now_ns : when_ns, s->seq++);
  sim_note_work(s);
}

void sim_event_soon(sim *s, sim_event *e) {
  sim_event_set(s, &s->net, e, s->now_ns);
}

/* Time */

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

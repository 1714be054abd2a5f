#include "testkit/sim_queue.h"

/* The queue of events of the simulation: what comes next, at once even if there are many. */

#include "testkit/check.h"

static bool before(const sim_event *a, const sim_event *b) {
  return a->when_ns != b->when_ns ? a->when_ns < b->when_ns : a->seq < b->seq;
}

static void put(sim_queue *q, size_t slot, sim_event *e) {
  q->events[slot - 1] = e;
  e->slot = slot;
}

static void sift_up(sim_queue *q, sim_event *e, size_t slot) {
  for (; slot > 1 && before(e, q->events[slot / 2 - 1]); slot /= 2) {
    put(q, slot, q->events[slot / 2 - 1]);
  }
  put(q, slot, e);
}

static void sift_down(sim_queue *q, sim_event *e, size_t slot) {
  for (;;) {
    size_t child = 2 * slot;
    if (child > q->count) break;
    if (child < q->count && before(q->events[child], q->events[child - 1])) child++;
    if (!before(q->events[child - 1], e)) break;
    put(q, slot, q->events[child - 1]);
    slot = child;
  }
  put(q, slot, e);
}

static void make_room(sim_queue *q) {
  if (q->count < q->cap) return;
  q->cap = q->cap == 0 ? 64 : q->cap * 2;
  const size_t pointer = sizeof(sim_event *); /* NOLINT(bugprone-sizeof-expression) */
  q->events = check_realloc(q->events, q->cap * pointer);
}

void sim_event_cancel(sim_queue *q, sim_event *e) {
  size_t slot = e->slot;
  if (slot == 0) return;
  e->slot = 0;
  sim_event *last = q->events[--q->count];
  if (last == e) return;
  sift_down(q, last, slot);
  sift_up(q, last, last->slot);
}

void sim_queue_put(sim_queue *q, sim_event *e, uint64_t when_ns, uint64_t seq) {
  sim_event_cancel(q, e);
  make_room(q);
  e->when_ns = when_ns;
  e->seq = seq;
  sift_up(q, e, ++q->count);
}

sim_event *sim_queue_first(const sim_queue *q) {
  return q->count == 0 ? NULL : q->events[0];
}

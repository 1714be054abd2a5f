#ifndef WS_TESTKIT_SIM_QUEUE_H
#define WS_TESTKIT_SIM_QUEUE_H

/* What comes next, at once even if there are many. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that happens at a time, once. */
typedef struct sim_event {
  uint64_t when_ns, seq;
  uint64_t after_poll; /* not before so many polls for I/O are done */
  size_t slot;         /* in the queue, from 1; 0: not queued */
  void (*run)(void *data);
  void *data;
} sim_event;

/* Events by time, then by the order in which they were set: a binary heap. */
typedef struct sim_queue {
  sim_event **events;
  size_t count, cap;
} sim_queue;

static inline void sim_event_init(sim_event *e, void (*run)(void *data), void *data) {
  *e = (sim_event){.run = run, .data = data};
}

/* Queue an event, or move one that is queued. Of those of one time the smaller `seq` is first. */
void sim_queue_put(sim_queue *q, sim_event *e, uint64_t when_ns, uint64_t seq);
void sim_event_cancel(sim_queue *q, sim_event *e); /* idempotent */
sim_event *sim_queue_first(const sim_queue *q);    /* or NULL */

#endif

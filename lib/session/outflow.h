#ifndef WS_SESSION_OUTFLOW_H
#define WS_SESSION_OUTFLOW_H

/* From the queue to the filter: how much may be queued, what a round of writing has done, and who
   waits for what to leave. It answers; what follows from that is the business of the session. */

#include <stdbool.h>
#include <stddef.h>

#include "net/filter.h"
#include "proto/frame/conn.h"
#include "session/completions.h"

typedef struct outflow {
  completions completions;
  size_t outgoing_max, high_water, low_water;
  size_t refused_least, refused_most; /* Lengths that were refused since on_drain; the first is
                                         SIZE_MAX when none was. */
  bool above_high;                    /* The queue has passed high_water. */
} outflow;

void outflow_init(outflow *o, size_t outgoing_max, size_t high_water, size_t low_water);

/* Whether a data frame may be queued now. 0; WSUV_EQUEUEFULL, which is remembered, so that
   outflow_drained tells when it would fit; WSUV_EMSGSIZE: it never fits; WS_EINVAL: a type that is
   not to be sent here. */
int outflow_check(outflow *o, const out_queue *q, const conn_frame *frame);

/* A frame was queued. */
static inline void outflow_queued(outflow *o, const out_queue *q) {
  if (q->payload > o->high_water) o->above_high = true;
}

/* Whether on_drain is due, told once. */
bool outflow_drained(outflow *o, const out_queue *q);

/* What was done by a round of writing. */
typedef struct outflow_round {
  size_t taken;   /* Bytes that the kernel has taken. */
  int error;      /* Why nothing can be written any more, or 0. */
  bool ping_left; /* The last ping of the keepalive is among them. */
} outflow_round;

/* Write what is queued, as far as the filter takes it. Not while something is held. */
outflow_round outflow_write(outflow *o, out_queue *q, ws_filter *filter, completion_pool *pool);

/* What the filter held has been written. */
outflow_round outflow_released(outflow *o, out_queue *q, completion_pool *pool);

/* Have a completion become due when the last frame of a lane has left; or when all of both lanes
 * has. */
void outflow_wait(outflow *o, const out_queue *q, out_lane_id lane, completion *c);
void outflow_wait_for_all(outflow *o, const out_queue *q, completion *c);

#endif

#ifndef WS_SESSION_OUTFLOW_H
#define WS_SESSION_OUTFLOW_H

/* Limits the queue, writes it to the filter, and keeps the completions that wait for it. It returns
   what has happened, and the session acts. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/config.h>

#include "net/filter.h"
#include "proto/frame/conn.h"
#include "session/completions.h"
#include "session/gather.h"

/* These limits are bytes of payload: the most that may be queued, and the two marks that decide
   when on_drain is due. */
typedef struct outflow_limits {
  size_t outgoing_max, high_water, low_water;
  /* Longer payloads are sent in several frames; 0 stands for no limit, UINT32_MAX also for more. */
  uint32_t fragment_size;
  /* Messages of at most `small_max` bytes, which are small for conn_send_small, are never cut;
     while the queue has less than `small_room` bytes, none of the limits is near. */
  uint32_t small_max;
  size_t small_room;
} outflow_limits;

void outflow_limits_init(outflow_limits *l, const wsuv_config_t *config);

/* What is under way. */
typedef struct outflow {
  completions completions; /* These completions wait until bytes of the queue have left. */
  /* Every message that was refused and does not fit yet has at least this many bytes; SIZE_MAX if
     there is none. */
  size_t refused_least;
  /* Every message that was refused and does not fit yet has at most this many bytes; 0 if there is
     none. */
  size_t refused_most;
  /* The message that is being sent in pieces, which this owns; NULL if there is none. */
  gather *gather;
  /* The filter has retained bytes since this time, in milliseconds, of which the higher bits are
     left out. */
  uint32_t retained_ms;
  bool above_high;  /* The queue was above `high_water` and has not fallen to `low_water` since. */
  bool slow;        /* The filter was set to slow, and the queue was not empty since. */
  ws_slowed slowed; /* The filter keeps here what it has changed while `slow` is set. */
} outflow;

void outflow_init(outflow *o);

/* Whether something waits that the queue does not show. */
static inline bool outflow_waits(const outflow *o) {
  return (o->completions.count | (uintptr_t) o->gather | ~o->refused_least | o->above_high |
          o->slow) != 0;
}

/* Payload that was accepted and has not left: in the queue, or gathered for a frame. */
static inline uint64_t outflow_payload(const outflow *o, const out_queue *q) {
  return q->payload + gather_len(o->gather);
}

/* Get the length of the longest message that may be queued now, in `len`. An empty queue accepts
   every message up to the limit. Returns false if the payload is over the limit, or if the data
   lane has more than twice as many bytes: so the number of empty messages is limited, too. */
static inline bool outflow_room(const outflow *o, const outflow_limits *l, const out_queue *q,
                                size_t *len) {
  uint64_t queued = outflow_payload(o, q);
  size_t lane_len = bufq_len(&q->lanes[LANE_DATA].bytes);
  *len = queued < l->outgoing_max ? l->outgoing_max - (size_t) queued : 0;
  return queued <= l->outgoing_max && lane_len / 2 <= l->outgoing_max;
}

/* Fast path of outflow_room and outflow_queued: a message of `len` bytes may be queued, and no mark
   is reached. False: they decide. */
static inline bool outflow_takes_small(const outflow_limits *l, const out_queue *q, size_t len) {
  return len <= l->small_max && q->payload + bufq_len(&q->lanes[LANE_DATA].bytes) < l->small_room;
}

/* A frame does not fit into the queue now. Returns why: WSUV_EQUEUEFULL, and its length is kept, so
   that outflow_drained reports when it fits; WSUV_EMSGSIZE: it can never fit; WS_EINVAL: it is no
   text or binary frame. */
int outflow_refuse(outflow *o, const outflow_limits *l, const conn_frame *frame);

/* Check if a ping or pong of the program may be queued: 0, or WSUV_EQUEUEFULL if as many of its
   kind wait as may. No on_drain follows. */
int outflow_check_control(const out_queue *q, frame_opcode type);

/* A frame was queued. */
static inline void outflow_queued(outflow *o, const outflow_limits *l, const out_queue *q) {
  if (outflow_payload(o, q) > l->high_water) o->above_high = true;
}

/* Drop what is gathered of a message that is being sent in pieces, if there is one. */
void outflow_drop_gathered(outflow *o, conn *c);

/* Make a frame of what is gathered and of `frame`, the next piece of the message, as gather_send
   does. Its last frame ends the message. */
int outflow_send_gathered(outflow *o, const outflow_limits *l, conn *c, conn_frame *frame);

/* What to do with what is gathered when the turn ends. */
typedef enum outflow_gathered {
  OUTFLOW_KEEP, /* nothing: there is nothing, or other data waits before it */
  OUTFLOW_WAIT, /* wait for more pieces, or for the time */
  OUTFLOW_FRAME /* make a frame: the time has come, or the program waits for it */
} outflow_gathered;

outflow_gathered outflow_check_gathered(const outflow *o, const outflow_limits *l,
                                        const out_queue *q, uint64_t now_ms);

/* Get the time of the next check, in milliseconds. UINT64_MAX: no time is set, or it has come and
   the filter retains bytes. The check is then due when the filter has written them. */
uint64_t outflow_gathered_due_ms(const outflow *o, const out_queue *q, uint64_t now_ms);

/* Whether on_drain is due. The next call returns false, unless on_drain has become due again. */
bool outflow_drained(outflow *o, const outflow_limits *l, const out_queue *q);

/* What one call of outflow_write has done. */
typedef struct outflow_round {
  size_t taken;   /* The kernel has taken this many bytes. */
  int error;      /* Writing has failed with this error; 0 if it has not failed. */
  bool ping_left; /* The last ping of the keepalive is among the bytes that have left. */
} outflow_round;

/* Write as much of the queue as the filter takes. Do not call it while the filter retains bytes. */
outflow_round outflow_write(outflow *o, out_queue *q, ws_filter *filter, completion_pool *pool);

enum {
  OUTFLOW_DIRECT_MIN = 16 * 1024 /* copying so many bytes costs more than a system call does */
};

/* Writes the frames of one large payload from the program's memory, if the filter can do so. */
typedef struct outflow_direct {
  out_writer writer;   /* This is for conn_frame, and must be the first field. */
  ws_filter *filter;   /* The filter has a function `try_write`. */
  outflow_round round; /* This is what the write has done. */
} outflow_direct;

void outflow_direct_init(outflow_direct *d, ws_filter *filter);

/* The filter retains bytes from now on. */
static inline void outflow_retained(outflow *o, uint64_t now_ms) {
  o->retained_ms = (uint32_t) now_ms;
}

/* The filter has retained bytes until now. If it did so for long, it is set to slow. */
void outflow_waited(outflow *o, ws_filter *filter, uint64_t now_ms);

/* The queue is empty, so the filter is not slow any more. */
void outflow_emptied(outflow *o, ws_filter *filter);

/* The filter has written what it retained. */
outflow_round outflow_released(outflow *o, out_queue *q, completion_pool *pool);

/* Add a completion. It is due when all bytes that are now in the lane have left (outflow_wait), or
   all bytes that are now in both lanes (outflow_wait_for_all). What is gathered counts as bytes of
   the data lane (outflow_wait), or must be in a frame (outflow_wait_for_all). */
void outflow_wait(outflow *o, const out_queue *q, out_lane_id lane, completion *c);
void outflow_wait_for_all(outflow *o, const out_queue *q, completion *c);

#endif

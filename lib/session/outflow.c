#include "session/outflow.h"

#include <stdint.h>

#include "base/error.h"
#include "proto/frame/conn_small.h"

/* The limit of the queue, writing, and completions. */

enum {
  WRITE_PIECES = 128, /* pieces passed to the filter in one call */
  SLOW_MS = 200       /* a link that makes a write wait for so long is slow */
};

void outflow_limits_init(outflow_limits *l, const wsuv_config_t *config) {
  const size_t fragment_size = config->fragment_size;
  l->outgoing_max = config->outgoing_max;
  l->high_water = config->high_water;
  l->low_water = config->low_water;
  l->fragment_size = fragment_size < UINT32_MAX ? (uint32_t) fragment_size : UINT32_MAX;
  const bool cut = fragment_size > 0 && fragment_size < CONN_SMALL_MAX;
  l->small_max = cut ? l->fragment_size : CONN_SMALL_MAX;
  const size_t near = l->high_water < l->outgoing_max ? l->high_water : l->outgoing_max;
  l->small_room = near > CONN_SMALL_MAX ? near - CONN_SMALL_MAX : 0;
}

void outflow_init(outflow *o) {
  *o = (outflow){.refused_least = SIZE_MAX};
}

/* The limit */

/* A message that is longer than the limit is refused with WSUV_EMSGSIZE, because it can never
   fit. */
int outflow_refuse(outflow *o, const outflow_limits *l, const conn_frame *frame) {
  size_t len = frame->len;
  if (frame->type != OPCODE_TEXT && frame->type != OPCODE_BINARY) return WS_EINVAL;
  if (len > l->outgoing_max) return WSUV_EMSGSIZE;
  if (len < o->refused_least) o->refused_least = len;
  if (len > o->refused_most) o->refused_most = len;
  return WSUV_EQUEUEFULL;
}

int outflow_check_control(const out_queue *q, frame_opcode type) {
  bool room = type == OPCODE_PING ? q->pings < OUT_PINGS_MAX : q->pongs < OUT_PONGS_MAX;
  return room ? 0 : WSUV_EQUEUEFULL;
}

/* Only the smallest and the largest length of the refused messages are kept. If there is room for
   the smallest but not for the largest, a message of any length in between may still wait. So this
   returns true again as soon as there is more room. */
static bool refused_fits(outflow *o, const outflow_limits *l, const out_queue *q) {
  size_t room;
  bool refused = o->refused_least != SIZE_MAX;
  if (!refused || !outflow_room(o, l, q, &room) || o->refused_least > room) return false;
  bool more = o->refused_most > room;
  o->refused_least = more ? room + 1 : SIZE_MAX;
  if (!more) o->refused_most = 0;
  return true;
}

static bool fell_to_low_water(outflow *o, const outflow_limits *l, const out_queue *q) {
  if (!o->above_high || outflow_payload(o, q) > l->low_water) return false;
  o->above_high = false;
  return true;
}

bool outflow_drained(outflow *o, const outflow_limits *l, const out_queue *q) {
  bool fits = refused_fits(o, l, q);
  return fell_to_low_water(o, l, q) || fits;
}

/* Messages in pieces */

void outflow_drop_gathered(outflow *o, conn *c) {
  if (o->gather == NULL) return;
  gather_free(o->gather, c, &o->completions);
  o->gather = NULL;
}

int outflow_send_gathered(outflow *o, const outflow_limits *l, conn *c, conn_frame *frame) {
  frame->type = (frame_opcode) c->out_opcode;
  frame->checked = true;
  frame->fragment_size = l->fragment_size;
  int err = gather_send(o->gather, c, frame, &o->completions);
  if (err == 0 && frame->fin) outflow_drop_gathered(o, c);
  return err;
}

/* Whether on_drain is owed and does not become due before what is gathered leaves. */
static bool stops_drain(const outflow *o, const outflow_limits *l, const out_queue *q) {
  size_t room;
  bool refused =
      o->refused_least != SIZE_MAX && (!outflow_room(o, l, q, &room) || o->refused_least > room);
  return refused || (o->above_high && outflow_payload(o, q) > l->low_water);
}

outflow_gathered outflow_check_gathered(const outflow *o, const outflow_limits *l,
                                        const out_queue *q, uint64_t now_ms) {
  if (gather_len(o->gather) == 0 || bufq_len(&q->lanes[LANE_DATA].bytes) > 0) return OUTFLOW_KEEP;
  return gather_ready(o->gather, now_ms) || stops_drain(o, l, q) ? OUTFLOW_FRAME : OUTFLOW_WAIT;
}

uint64_t outflow_gathered_due_ms(const outflow *o, const out_queue *q, uint64_t now_ms) {
  const uint64_t due_ms = o->gather != NULL ? o->gather->due_ms : UINT64_MAX;
  return due_ms <= now_ms && out_queue_retained(q) ? UINT64_MAX : due_ms;
}

/* Writing */

/* Call the filter once, with up to WRITE_PIECES pieces, in `bufs`. Returns false if the filter
   retains bytes or writing has failed. */
static inline bool write_some(out_queue *q, ws_filter *filter, ws_view *bufs,
                              outflow_round *round) {
  size_t taken, retained, count = out_queue_peek(q, bufs, WRITE_PIECES);
  round->error = filter->ops->write(filter, bufs, count, &taken, &retained);
  if (round->error < 0) return false;
  round->taken += taken;
  out_queue_written(q, taken);
  if (retained > 0) out_queue_retain(q, retained);
  return retained == 0;
}

static bool own_ping_left(outflow *o, const out_queue *q, completion_pool *pool) {
  completion *c = completions_own(&o->completions, q);
  if (c != NULL) completion_release(pool, c);
  return c != NULL;
}

outflow_round outflow_write(outflow *o, out_queue *q, ws_filter *filter, completion_pool *pool) {
  outflow_round round = {0};
  ws_view bufs[WRITE_PIECES];
  while (out_queue_len(q) > 0 && write_some(q, filter, bufs, &round)) {
  }
  if (round.taken > 0) round.ping_left = own_ping_left(o, q, pool);
  return round;
}

/* An error leaves all of the frame in the queue; the session clears it then. */
static size_t write_directly(out_writer *w, const ws_view *bufs, size_t count) {
  outflow_direct *d = (outflow_direct *) (void *) w;
  ptrdiff_t r = d->filter->ops->try_write(d->filter, bufs, count);
  if (r < 0) {
    d->round.error = (int) r;
    return 0;
  }
  d->round.taken += (size_t) r;
  return (size_t) r;
}

void outflow_direct_init(outflow_direct *d, ws_filter *filter) {
  *d = (outflow_direct){.writer.write = write_directly, .filter = filter};
}

outflow_round outflow_released(outflow *o, out_queue *q, completion_pool *pool) {
  outflow_round round = {.taken = out_queue_held_len(q)};
  out_queue_release(q);
  round.ping_left = own_ping_left(o, q, pool);
  return round;
}

void outflow_waited(outflow *o, ws_filter *filter, uint64_t now_ms) {
  if (o->slow || (uint32_t) now_ms - o->retained_ms < SLOW_MS) return;
  o->slow = true;
  filter->ops->set_slow(filter, true, &o->slowed);
}

void outflow_emptied(outflow *o, ws_filter *filter) {
  o->slow = false;
  filter->ops->set_slow(filter, false, &o->slowed);
}

/* Completions */

void outflow_wait(outflow *o, const out_queue *q, out_lane_id lane, completion *c) {
  if (lane == LANE_DATA && gather_len(o->gather) > 0) {
    gather_wait(o->gather, c);
    return;
  }
  c->end = q->lanes[lane].queued;
  completions_add(&o->completions, lane, c);
}

void outflow_wait_for_all(outflow *o, const out_queue *q, completion *c) {
  c->control = q->lanes[LANE_CONTROL].queued;
  outflow_wait(o, q, LANE_DATA, c);
}

#ifndef WS_SESSION_INFLOW_H
#define WS_SESSION_INFLOW_H

/* Turns bytes from the filter into events, and stops while the program has paused the session, or
   when the budget of the turn is spent. It returns the next event, and the session delivers it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "proto/frame/conn.h"

/* What a session may cost the loop in one turn, before others get theirs: in bytes that are read.
   Frames and inflated bytes are counted as if they were more bytes. A read that has begun is
   finished if it can be, because what is left of it is copied. */
enum {
  INFLOW_BUDGET = 2 * 1024 * 1024,
  INFLOW_FRAME_COST = 64,
  INFLOW_INFLATED_COST = 4,
};

typedef struct inflow {
  uint32_t budget; /* This is left of the budget; 0: the rest waits for the next tick. */
  bool reading;    /* The filter is reading. */
  bool paused;     /* The program has paused the session. */
  /* Closing began while the session was paused, so the program gets no more events. */
  bool discard;
  /* Events are being delivered. Frames that the callbacks queue are flushed afterwards. */
  bool delivering;
} inflow;

/* Choose the memory that the filter reads into: the block of a message if many of its bytes are
   missing, otherwise the shared buffer. */
void inflow_room(conn *c, const ws_room *shared, ws_room *room);

/* A new turn. */
static inline void inflow_renew(inflow *in) {
  in->budget = INFLOW_BUDGET;
}

static inline void inflow_spend(inflow *in, uint64_t cost) {
  in->budget = cost < in->budget ? in->budget - (uint32_t) cost : 0;
}

/* A read of `len` bytes and so many frames is over. If most of the budget is spent, all of it is:
   the next read might have to be stopped. */
static inline void inflow_end_read(inflow *in, size_t len, uint64_t frames) {
  inflow_spend(in, len + frames * INFLOW_FRAME_COST);
  if (in->budget < INFLOW_BUDGET / 2) in->budget = 0;
}

static inline bool inflow_stopped(const inflow *in) {
  return in->paused || in->budget == 0;
}

/* How far the events of a turn may go. Only `frames` is compared for each of them. */
typedef struct inflow_end {
  uint64_t frames;   /* The end is looked at when conn has received this many frames. */
  uint64_t budget;   /* The budget is spent when conn has received this many frames. */
  uint64_t messages; /* No more is received when conn has received this many messages. */
} inflow_end;

/* Begin a turn in which so many messages may be received; UINT64_MAX: any number. */
static inline void inflow_begin(const inflow *in, const conn *c, uint64_t messages,
                                inflow_end *end) {
  const uint64_t frames = c->received.frames;
  end->budget = frames + in->budget / INFLOW_FRAME_COST;
  end->frames = messages == UINT64_MAX ? end->budget : frames;
  end->messages = messages == UINT64_MAX ? UINT64_MAX : c->received.messages + messages;
}

/* Whether the turn ends here. If so, the budget is spent. */
bool inflow_ends(inflow *in, const conn *c, inflow_end *end);

/* inflow_next with extensions: stop in the middle of a message if its output costs too much. */
int inflow_next_extended(inflow *in, conn *c, inflow_end *end, conn_event *ev);

/* Get the next event; *end is from inflow_begin. Returns as conn_next_event does; 0 while
   inflow_stopped. */
static inline int inflow_next(inflow *in, conn *c, inflow_end *end, conn_event *ev) {
  if (c->received.frames >= end->frames && inflow_ends(in, c, end)) return 0;
  if (in->paused) return 0;
  return c->extensions == NULL ? conn_next_event(c, ev) : inflow_next_extended(in, c, end, ev);
}

/* The bytes from the filter are in a buffer that the next read may overwrite. While inflow_stopped,
   copy the bytes that were not used yet. Returns 0 or WS_ENOMEM. */
int inflow_keep(const inflow *in, conn *c);

/* Whether the filter must start to read: it does not read yet, may read, and conn has used all
   bytes that it got. */
static inline bool inflow_must_read(const inflow *in, const conn *c) {
  return !inflow_stopped(in) && !in->reading && !conn_has_input(c);
}

/* Call it when the session begins to close. If the session was paused, the pause ends, because the
   peer's close frame must be read, and what comes before it is discarded: the program gets no more
   events. Returns true if the session was paused. */
bool inflow_discard_until_close(inflow *in);

#endif

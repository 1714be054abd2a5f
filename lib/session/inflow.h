#ifndef WS_SESSION_INFLOW_H
#define WS_SESSION_INFLOW_H

/* From the filter to events, and the pause between them. It answers what comes next; the session
   delivers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "proto/frame/conn.h"

typedef struct inflow {
  bool reading;    /* The filter reads. */
  bool paused;     /* By the program. */
  bool discard;    /* Closing began while paused: what arrives is not delivered any more. */
  bool delivering; /* Events are being delivered, and a flush follows. */
} inflow;

/* Where the next bytes go: into the message that they are part of, if that is worth it; else into
   the shared buffer. */
void inflow_room(conn *c, const ws_room *shared, ws_room *room);

/* The next event, as conn_next_event gives it; 0 while paused. */
int inflow_next(inflow *in, conn *c, conn_event *ev);

/* The bytes that were given lie in a buffer that others read into next: what a pause leaves over is
   kept. 0 or WS_ENOMEM. */
int inflow_keep(const inflow *in, conn *c);

/* Whether the filter must begin to read: not while paused, nor before what is here was used up. */
static inline bool inflow_must_read(const inflow *in, const conn *c) {
  return !in->paused && !in->reading && !conn_has_input(c);
}

/* Closing begins: the close frame of the peer is to be read, whatever comes before it. True: there
   was a pause. */
bool inflow_discard_until_close(inflow *in);

#endif

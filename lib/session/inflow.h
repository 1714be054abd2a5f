#ifndef WS_SESSION_INFLOW_H
#define WS_SESSION_INFLOW_H

/* From the filter to events, with the pause between them. It returns the next event; the session
   delivers it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "proto/frame/conn.h"

typedef struct inflow {
  bool reading; /* The filter is reading. */
  bool paused;  /* The program has paused the session. */
  /* Closing began while the session was paused, so the program gets no more events. */
  bool discard;
  bool delivering; /* Events are being delivered; what they queue is flushed afterwards. */
} inflow;

/* Where the filter should read to: into the block of a message that lacks many bytes, otherwise
   into the shared buffer. */
void inflow_room(conn *c, const ws_room *shared, ws_room *room);

/* The next event, as from conn_next_event; 0 while paused. */
int inflow_next(inflow *in, conn *c, conn_event *ev);

/* The filter's bytes lie in a shared buffer. Copy those that a pause has left unread. 0 or
   WS_ENOMEM. */
int inflow_keep(const inflow *in, conn *c);

/* Whether the filter must start to read: not while paused, and not before the bytes at hand are
   used up. */
static inline bool inflow_must_read(const inflow *in, const conn *c) {
  return !in->paused && !in->reading && !conn_has_input(c);
}

/* The session begins to close. The peer's close frame must be read, and the data before it with it.
   Returns true if the session was paused. */
bool inflow_discard_until_close(inflow *in);

#endif

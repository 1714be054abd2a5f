#ifndef WS_SESSION_PROGRESS_H
#define WS_SESSION_PROGRESS_H

/* How much of our output the peer has acknowledged. It takes a system call to find out, so it is
   looked at when a timer fires, and never for each message. Positions are counted by the filter at
   the bottom (ws_unacked). If that cannot tell, bytes count as acknowledged when the kernel has
   taken them. Acknowledged is not read: the peer's kernel does it. */

#include <stdbool.h>
#include <stdint.h>

#include "net/filter.h"

typedef struct progress {
  /* At the last look, at least this many bytes were acknowledged. It may be below 0: a Unix socket
     reports memory, which is more than the bytes in it. */
  int64_t acknowledged;
  /* A timeout waits until the bytes before this position are acknowledged; UINT64_MAX if its ping
     or close frame has not left the queue. */
  uint64_t target;
  uint64_t look_ms; /* The next look is due at this time, in milliseconds; 0: none is needed. */
} progress;

/* What a look has shown. */
typedef struct progress_seen {
  uint64_t written; /* This many bytes were written until now. */
  bool more;        /* The peer has acknowledged bytes since the look before. */
  bool all;         /* The peer has acknowledged all that was written. */
} progress_seen;

/* Look at the filter. `sent` is the number of bytes that it has taken from the session. */
progress_seen progress_look(progress *p, const ws_filter *filter, uint64_t sent);

/* Whether the bytes before the target were acknowledged at the last look. */
static inline bool progress_reached(const progress *p) {
  return p->target <= INT64_MAX && p->acknowledged >= (int64_t) p->target;
}

/* How long a timeout of so many milliseconds runs between two looks: an eighth, at least 1. */
uint64_t progress_part_ms(uint64_t timeout_ms);

/* The next look is due one such part from now, unless it is due earlier. */
void progress_plan(progress *p, uint64_t now_ms, uint64_t timeout_ms);

#endif

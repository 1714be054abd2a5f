#ifndef WS_SESSION_TIMEOUTS_H
#define WS_SESSION_TIMEOUTS_H

/* What the one timer of a session is for: the deadline of its state or, while it is open, pings,
   silence after a ping, and idleness. It is given the time, and answers what has passed and when to
   ask again. Values only: no timer, no session.

   Timers run before the loop polls: after a stall, what would have prevented the end may lie in the
   socket unread. So something has passed only when it is still so after one more poll. When another
   deadline takes its place meanwhile, that one needs a poll of its own. */

#include <stdbool.h>
#include <stdint.h>

#include "session/keepalive.h"

typedef struct timeouts {
  keepalive keepalive;
  uint64_t deadline_ms;     /* Of the state; while open, of what `last_poll` is for. */
  uint64_t idle_timeout_ms; /* 0: off. */
  uint64_t last_data_ms;    /* When some of a message was sent or received. */
  bool last_poll;           /* Something has passed, and counts after one more poll. */
} timeouts;

typedef enum timeouts_verdict {
  TIMEOUTS_NOTHING, /* nothing has passed that matters */
  TIMEOUTS_POLL,    /* something has passed, if it still has after one more poll */
  TIMEOUTS_OVER,    /* the state is over */
  TIMEOUTS_DEAD,    /* the peer has not answered a ping */
  TIMEOUTS_IDLE,    /* no message for too long */
  TIMEOUTS_PING     /* a ping is due */
} timeouts_verdict;

/* The present state is over `delay_ms` from now. */
void timeouts_set_deadline(timeouts *t, uint64_t now_ms, uint64_t delay_ms);

/* The session is open: pings and idleness begin to count. */
void timeouts_open(timeouts *t, uint64_t now_ms);

/* Some of a message was sent or received. */
static inline void timeouts_used(timeouts *t, uint64_t now_ms) {
  t->last_data_ms = now_ms;
}

/* What has passed in a session that is not open, or that is. */
timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms);
timeouts_verdict timeouts_check_open(timeouts *t, uint64_t now_ms, bool paused);

/* When to check next: in a session that is not open, or that is. UINT64_MAX: never. */
uint64_t timeouts_next_ms(const timeouts *t);
uint64_t timeouts_next_open_ms(const timeouts *t, bool paused);

#endif

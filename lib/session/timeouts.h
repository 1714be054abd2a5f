#ifndef WS_SESSION_TIMEOUTS_H
#define WS_SESSION_TIMEOUTS_H

/* The timeouts of an open session, which has one timer for all of them: pings, an unanswered ping,
   and the idle timeout. The caller passes the time. The functions return which timeout has passed
   and when to check again. They know no timer and no session. In its other states, a session has a
   deadline (state_deadline.h).

   The loop runs timers before it polls. After a stall, bytes that would have prevented the timeout
   may still be unread in the socket. So a timeout counts only if it still holds after one more
   poll. If another timeout takes its place meanwhile, that one needs a poll of its own.

   While output is under way, a session is no slower than its link: what the peer acknowledges
   starts the timeout again. Until the peer has the ping that the timeout waits for, that holds for
   all bytes, because it cannot answer a ping that is still on its way behind other data. So before
   each check, if one is due, the caller looks at the output (progress.h) and passes what it has
   seen. */

#include <stdbool.h>
#include <stdint.h>

#include "session/keepalive.h"
#include "session/progress.h"

typedef struct timeouts {
  keepalive keepalive;      /* This says when pings are due and answers are missed. */
  uint64_t idle_timeout_ms; /* It may be idle for this many milliseconds; 0: for any time. */
  uint64_t last_data_ms; /* A part of a message was last sent or received then, in milliseconds. */
  /* The data frames that had left at the last look end at this position, or before it; 0: the peer
     has acknowledged them. */
  uint64_t data_end;
  /* If `last_poll` is set, this is the time of the timeout that waits for one more poll, in
     milliseconds, of which the higher bits are left out. */
  uint32_t polled_ms;
  bool last_poll;      /* A timeout has passed, and counts if it still holds after one more poll. */
  bool data_queued;    /* Data frames were queued, or were in the queue, since the last look. */
  bool data_under_way; /* At the last look, the peer had not acknowledged all data frames. */
} timeouts;

typedef enum timeouts_verdict {
  TIMEOUTS_NOTHING, /* nothing has passed */
  TIMEOUTS_POLL,    /* a timeout was found; check again after one more poll */
  TIMEOUTS_DEAD,    /* the peer has not answered a ping in time */
  TIMEOUTS_IDLE,    /* no message was sent or received for too long */
  TIMEOUTS_PING     /* a ping is due */
} timeouts_verdict;

/* The session opens: ping and idle timeouts start. It has no idle timeout yet. */
void timeouts_open(timeouts *t, uint64_t now_ms, uint64_t ping_interval_ms,
                   uint64_t ping_timeout_ms);

/* A part of a message was received (timeouts_used), or was queued in a session that has an idle
   timeout (timeouts_queued). The latter returns true if the timer must be set again, for a look. */
static inline void timeouts_used(timeouts *t, uint64_t now_ms) {
  t->last_data_ms = now_ms;
}
bool timeouts_queued(timeouts *t, progress *p, uint64_t now_ms);

/* A ping is due, and the session sends one, or waits for the last one, which is still in the queue.
   `delayed`: the peer has not acknowledged all that goes before it. */
void timeouts_ping(timeouts *t, progress *p, uint64_t now_ms, bool delayed);

/* Whether a ping is waited for that the peer may not have acknowledged yet. */
static inline bool timeouts_watch_ping(const timeouts *t, const progress *p) {
  return keepalive_waits(&t->keepalive) && p->target != 0;
}

/* The peer has acknowledged bytes since the last look; `reached`: also the ping that is waited for.
   That happened after the look before, which was at `before_ms` or later. */
void timeouts_acknowledged(timeouts *t, progress *p, uint64_t now_ms, uint64_t before_ms,
                           bool reached);

/* Note what a look has shown. `data_queued`: data frames are in the queue. */
void timeouts_seen(timeouts *t, progress *p, uint64_t now_ms, const progress_seen *seen,
                   bool data_queued);

/* Plan the next look at the output, if one is needed. */
void timeouts_plan_look(const timeouts *t, progress *p, uint64_t now_ms);

/* Check which timeout has passed. */
timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms, bool paused);

/* Get the time of the next check, in milliseconds; UINT64_MAX: never. */
uint64_t timeouts_next_ms(const timeouts *t, const progress *p, bool paused);

#endif

#ifndef WS_SESSION_TIMEOUTS_H
#define WS_SESSION_TIMEOUTS_H

/* The timeouts of a session, which has one timer for all of them: the deadline of its state; and
   while it is open, pings, an unanswered ping, and the idle timeout. The caller passes the time.
   The functions return which timeout has passed and when to check again. They know no timer and no
   session.

   The loop runs timers before it polls. After a stall, bytes that would have prevented the timeout
   may still be unread in the socket. So a timeout counts only if it still holds after one more
   poll. If another timeout takes its place meanwhile, that one needs a poll of its own.

   Before a session is open, it needs several turns of the loop: for name lookup, connection, TLS
   and upgrade. If the loop was away at the end of the deadline's time, or just before, the deadline
   is put off by that time, so that each step has its turn. A timer that comes late shows that the
   loop was away.

   While output is under way, an open session and a closing one are no slower than their link: what
   the peer acknowledges starts the timeout again. So before each check, if one is due, the caller
   looks at the output (progress.h) and passes what it has seen. */

#include <stdbool.h>
#include <stdint.h>

#include "session/keepalive.h"
#include "session/progress.h"

typedef struct timeouts {
  keepalive keepalive; /* This is the state of the keepalive's pings. */
  progress progress;   /* This is what the peer has acknowledged. */
  /* The present state ends at this time, in milliseconds; in an open session, if `last_poll` is
     set, it is the time of the timeout that waits for one more poll. */
  uint64_t deadline_ms;
  union {
    /* Until the session is closing: it may be idle for this many milliseconds; 0 stands for no
       limit. */
    uint64_t idle_timeout_ms;
    /* While it is closing: the deadline is never later than this time, in milliseconds. */
    uint64_t final_ms;
  };
  union {
    struct { /* In an open session: */
      /* A part of a message was last sent or received at this time, in milliseconds. */
      uint64_t last_data_ms;
      /* The data frames that had left at the last look end at this position, or before it; 0: the
         peer has acknowledged them. */
      uint64_t data_end;
    };
    struct {               /* In the other states: */
      uint64_t timeout_ms; /* The deadline was set for this many milliseconds. */
      uint64_t check_ms;   /* The deadline is looked at next at this time, in milliseconds. */
    };
  };
  /* The closing handshake may take this many milliseconds, whatever the peer acknowledges;
     UINT32_MAX stands for that long or longer. */
  uint32_t close_deadline_ms;
  uint8_t put_offs;    /* The deadline was put off this often because the loop was away. */
  bool last_poll;      /* A timeout has passed, and counts if it still holds after one more poll. */
  bool data_queued;    /* Data frames were queued, or were in the queue, since the last look. */
  bool data_under_way; /* At the last look, the peer had not acknowledged all data frames. */
} timeouts;

typedef enum timeouts_verdict {
  TIMEOUTS_NOTHING, /* nothing has passed */
  TIMEOUTS_POLL,    /* a timeout was found; check again after one more poll */
  TIMEOUTS_OVER,    /* the deadline of the state has passed */
  TIMEOUTS_DEAD,    /* the peer has not answered a ping in time */
  TIMEOUTS_IDLE,    /* no message was sent or received for too long */
  TIMEOUTS_PING     /* a ping is due */
} timeouts_verdict;

/* The deadline of the present state is `delay_ms` from now, and no look at the output is due. */
void timeouts_set_deadline(timeouts *t, uint64_t now_ms, uint64_t delay_ms);

/* The session is open: ping and idle timeouts start. */
void timeouts_open(timeouts *t, uint64_t now_ms);

/* A part of a message was received (timeouts_used), or was queued in a session that has an idle
   timeout (timeouts_queued). The latter returns true if the timer must be set again, for a look. */
static inline void timeouts_used(timeouts *t, uint64_t now_ms) {
  t->last_data_ms = now_ms;
}
bool timeouts_queued(timeouts *t, uint64_t now_ms);

/* Note in an open session what a look has shown. `data_queued`: data frames are in the queue. */
void timeouts_seen(timeouts *t, uint64_t now_ms, const progress_seen *seen, bool data_queued);

/* Plan the next look at the output of an open session, if one is needed. */
void timeouts_plan_look(timeouts *t, uint64_t now_ms);

/* The session begins to close, and has `timeout_ms` for it. */
void timeouts_close(timeouts *t, uint64_t now_ms, uint64_t timeout_ms);

/* Note in a closing session what a look has shown: if the peer has acknowledged bytes, it has
   `timeout_ms` from now. No more looks are due when the target is reached. */
void timeouts_seen_closing(timeouts *t, uint64_t now_ms, const progress_seen *seen,
                           uint64_t timeout_ms);

/* The session is not open, and waits only because the loop does the work of others first. If the
   deadline is to be checked, it is put off, so that its last part is left after the wait. */
void timeouts_hold(timeouts *t, uint64_t now_ms);

/* Check which timeout has passed: timeouts_check for a session that is not open,
   timeouts_check_open for one that is open. */
timeouts_verdict timeouts_check(timeouts *t, uint64_t now_ms);
timeouts_verdict timeouts_check_open(timeouts *t, uint64_t now_ms, bool paused);

/* Get the time of the next check, in milliseconds: timeouts_next_ms for a session that is not open,
   timeouts_next_open_ms for one that is open. UINT64_MAX: never. */
uint64_t timeouts_next_ms(const timeouts *t);
uint64_t timeouts_next_open_ms(const timeouts *t, bool paused);

#endif

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
   loop was away. */

#include <stdbool.h>
#include <stdint.h>

#include "session/keepalive.h"

typedef struct timeouts {
  keepalive keepalive; /* This is the state of the keepalive's pings. */
  /* The present state ends at this time, in milliseconds; in an open session, if `last_poll` is
     set, it is the time of the timeout that waits for one more poll. */
  uint64_t deadline_ms;
  /* The session may be idle for this many milliseconds; 0 stands for no limit. */
  uint64_t idle_timeout_ms;
  /* A part of a message was last sent or received at this time, in milliseconds. */
  uint64_t last_data_ms;
  uint64_t timeout_ms; /* The deadline was set for this many milliseconds. */
  uint64_t check_ms;   /* The deadline is looked at next at this time, in milliseconds. */
  uint8_t put_offs;    /* The deadline was put off this often because the loop was away. */
  bool last_poll;      /* A timeout has passed, and counts if it still holds after one more poll. */
} timeouts;

typedef enum timeouts_verdict {
  TIMEOUTS_NOTHING, /* nothing has passed */
  TIMEOUTS_POLL,    /* a timeout was found; check again after one more poll */
  TIMEOUTS_OVER,    /* the deadline of the state has passed */
  TIMEOUTS_DEAD,    /* the peer has not answered a ping in time */
  TIMEOUTS_IDLE,    /* no message was sent or received for too long */
  TIMEOUTS_PING     /* a ping is due */
} timeouts_verdict;

/* The deadline of the present state is `delay_ms` from now. */
void timeouts_set_deadline(timeouts *t, uint64_t now_ms, uint64_t delay_ms);

/* The session is open: ping and idle timeouts start. */
void timeouts_open(timeouts *t, uint64_t now_ms);

/* A part of a message was sent or received. */
static inline void timeouts_used(timeouts *t, uint64_t now_ms) {
  t->last_data_ms = now_ms;
}

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

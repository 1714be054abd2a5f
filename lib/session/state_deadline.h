#ifndef WS_SESSION_STATE_DEADLINE_H
#define WS_SESSION_STATE_DEADLINE_H

/* The deadline of a session's state while the session is not open: before, and from its closing on;
   and that of a server's connection that has no session yet, which counts as one that is not open.
   The caller passes the time. The functions return whether it has passed and when to check again.
   They know no timer and no session.

   The loop runs timers before it polls. After a stall, what would have ended the state may still be
   unread in the socket. So the deadline counts only if it still holds after one more poll.

   Before a session is open, it needs several turns of the loop: for name lookup, connection, TLS
   and upgrade. If the loop was away at the end of the deadline's time, or just before, the deadline
   is put off by that time, so that each step has its turn. A timer that comes late shows that the
   loop was away.

   A closing session is no slower than its link: what the peer acknowledges starts the deadline
   again. So before each check, if one is due, the caller looks at the output (progress.h) and
   passes what it has seen. */

#include <stdbool.h>
#include <stdint.h>

#include "session/progress.h"

typedef struct state_deadline {
  uint64_t at_ms;    /* The present state ends at this time, in milliseconds. */
  uint64_t final_ms; /* Closing: it is never later than this time, in milliseconds. */
  /* It was set for this many milliseconds, of which parts are taken; UINT32_MAX stands for that
     long or longer. */
  uint32_t timeout_ms;
  uint8_t put_offs; /* It was put off this often because the loop was away. */
  bool early;       /* The next check is before the last part of its time, and not at its end. */
  bool last_poll;   /* It has passed, and counts if it still holds after one more poll. */
} state_deadline;

/* The present state ends `delay_ms` from now, and no look at the output is due. */
void state_deadline_set(state_deadline *d, progress *p, uint64_t now_ms, uint64_t delay_ms);

/* The session begins to close. It has `timeout_ms` for it, and whatever the peer acknowledges no
   more than `most_ms`. */
void state_deadline_close(state_deadline *d, progress *p, uint64_t now_ms, uint64_t timeout_ms,
                          uint64_t most_ms);

/* Note in a closing session what a look has shown: if the peer has acknowledged bytes, it has
   `timeout_ms` from now. No more looks are due when the target is reached. */
void state_deadline_seen(state_deadline *d, progress *p, uint64_t now_ms, const progress_seen *seen,
                         uint64_t timeout_ms);

/* The session waits only because the loop does the work of others first. If the deadline is to be
   checked, it is put off, so that its last part is left after the wait. */
void state_deadline_hold(state_deadline *d, uint64_t now_ms);

/* Check whether the deadline has passed. */
bool state_deadline_passed(state_deadline *d, uint64_t now_ms);

/* Get the time of the next check, in milliseconds. */
uint64_t state_deadline_next_ms(const state_deadline *d, const progress *p);

#endif

#ifndef WS_SESSION_DEADLINE_H
#define WS_SESSION_DEADLINE_H

/* What a session's one timer waits for. */

#include <stdint.h>

#include <wsuv/session.h>

/* The present state ends so long from now, unless it is left before. */
void deadline_set(wsuv_session_t *s, uint64_t delay_ms);

/* What an open session's timer waits for has changed. */
void deadline_rearm(wsuv_session_t *s);

/* The timer's callback; `data` is the session. */
void deadline_on_timer(void *data);

#endif

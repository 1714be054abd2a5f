#ifndef WS_SESSION_SEND_H
#define WS_SESSION_SEND_H

/* The outgoing queue's bound, for the session that tells the user about it. */

#include <stdbool.h>

#include <wsuv/session.h>

/* Whether on_drain is due: something that was refused fits now, or the queue has fallen from above
   the high water mark to the low one. Asked once for each time that it is told. */
bool send_drained(wsuv_session_t *s);

#endif

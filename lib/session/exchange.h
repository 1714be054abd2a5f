#ifndef WS_SESSION_EXCHANGE_H
#define WS_SESSION_EXCHANGE_H

/* Requests that are not for a WebSocket, on a server whose program answers them. */

#include "session/decision.h"

/* Give a complete request to the program, which owes its answer from now on. If it declines, the
   request is refused for this cause. */
void exchange_offer(decision *d, wsuv_refused_t verdict);

#endif

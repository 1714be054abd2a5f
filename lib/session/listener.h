#ifndef WS_SESSION_LISTENER_H
#define WS_SESSION_LISTENER_H

/* What a server accepts connections on. */

#include "session/server_state.h"

/* Close all listeners of a server. */
void listener_close_all(wsuv_server_t *server);

/* Close each listener that has accepted nothing in the last ticks: nothing waits in its backlog.
   Called once in a tick. Returns whether it is to be called again; for listeners without
   descriptors or memory, drain_task runs when there are some. */
bool listener_drain(wsuv_server_t *server);

#endif

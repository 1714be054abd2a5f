#ifndef WS_SESSION_CREDENTIALS_H
#define WS_SESSION_CREDENTIALS_H

/* Which process is at the other end of a connection. */

#include <wsuv/session.h>

#include "net/filter.h"
#include "session/log.h"

/* Fill in a caller's structure. A filter of NULL has no connection. Returns as
   wsuv_session_peer_credentials. */
int credentials_tell(wsuv_credentials_t *to, const ws_filter *filter, log_to log);

#endif

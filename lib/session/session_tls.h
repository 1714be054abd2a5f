#ifndef WS_SESSION_SESSION_TLS_H
#define WS_SESSION_SESSION_TLS_H

/* What is told of TLS: in the log, and when a session has ended. Asks the chain of filters. */

#include <wsuv/session.h>

#include "net/filter.h"
#include "net/tls/tls_failure.h"
#include "session/log.h"

/* What was agreed upon; nothing if there is no TLS in the chain. */
void session_tls_log(log_to to, const ws_filter *filter);

/* Fill in why TLS failed, if that is how it ended (info->status): what the chain knows, or, when
   there is no chain for want of a context, `failure`. Both may be NULL. */
void session_tls_describe(const ws_filter *filter, const tls_failure *failure,
                          wsuv_close_info_t *info);

#endif

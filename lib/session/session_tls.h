#ifndef WS_SESSION_SESSION_TLS_H
#define WS_SESSION_SESSION_TLS_H

/* Reports TLS: in the log, and when a session has ended. Asks the chain of filters. */

#include <wsuv/session.h>

#include "net/filter.h"
#include "net/tls/tls_failure.h"
#include "session/log.h"

/* Log what was negotiated. Nothing if the chain has no TLS. */
void session_tls_log(log_to to, const ws_filter *filter);

/* Describe the TLS error, if a session has ended with one (info->status): the filter's, or
   `failure` if there is no filter because there was no context. Both may be NULL. */
void session_tls_describe(const ws_filter *filter, const tls_failure *failure,
                          wsuv_close_info_t *info);

#endif

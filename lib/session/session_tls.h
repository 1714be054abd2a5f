#ifndef WS_SESSION_SESSION_TLS_H
#define WS_SESSION_SESSION_TLS_H

/* Reports TLS: tells the log and the program what was negotiated, and describes a TLS error for
   on_close. All are read from the chain of filters. */

#include <wsuv/session.h>

#include "net/filter.h"
#include "net/tls/tls_failure.h"
#include "session/log.h"

/* Log what was negotiated. If the chain has no TLS, nothing is logged. */
void session_tls_log(log_to to, const ws_filter *filter);

/* Fill in the program's structure. `filter` is NULL if there is no connection. If the session has
   ended, the certificate of a handshake that failed is told, too. Returns 0; WSUV_ESTATE: there is
   no TLS, or it has negotiated nothing yet; or WSUV_ESIZE, which is logged. */
int session_tls_read(const ws_filter *filter, bool ended, wsuv_tls_info_t *info, log_to log);

/* Whether the handshake of TLS waits only for its turn, because the loop does the work of others
   first. `filter` is NULL if there is no connection. */
bool session_tls_is_held(const ws_filter *filter);

/* Describe the TLS error, if a session has ended with one (info->status): the filter's error, or
   `failure` if no TLS context could be made, so that there is no TLS filter. Both may be NULL. */
void session_tls_describe(const ws_filter *filter, const tls_failure *failure,
                          wsuv_close_info_t *info);

#endif

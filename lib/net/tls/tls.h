#ifndef WS_NET_TLS_TLS_H
#define WS_NET_TLS_TLS_H

/* TLS as a filter over another one. */

#include <stdint.h>

#include "base/env.h"
#include "net/filter.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_info.h"

/* Put TLS over a filter that is connected, holds nothing, and is not reading, and begin the
   handshake with whom it was connected to; see tls_engine_new for host and port. 0: the lower
   filter is the new one's from now on, and on_connect tells how the handshake ends; or a code: the
   lower one is still the caller's, and good for closing only. WS_QUERY_TLS is answered at any time,
   before on_connect, too. */
int tls_start(ws_filter **out, ws_env *env, tls_context *ctx, const char *host, uint16_t port,
              ws_filter *lower, const ws_filter_events *events, void *up);

#endif

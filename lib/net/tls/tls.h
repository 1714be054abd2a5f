#ifndef WS_NET_TLS_TLS_H
#define WS_NET_TLS_TLS_H

/* TLS as a filter over another one. */

#include <stdint.h>

#include "base/env.h"
#include "net/filter.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_info.h"
#include "net/turn_list.h"

/* Units of work that the handshakes of an endpoint do in one turn of the loop: about 2
   milliseconds. What counts as work, tls_engine_handshake says; what it costs,
   tls_context_step_cost. */
enum { TLS_TURN_BUDGET = 12 };

/* Put TLS over a connected filter that retains nothing and does not read, and start the handshake
   with the host that it is connected to; host and port as in tls_engine_new. 0: the lower filter
   belongs to the new one, and on_connect reports how the handshake ends. A code: the lower filter
   is still the caller's, and can only be closed. WS_QUERY_TLS is answered at any time, also before
   on_connect. The handshake takes part in the budget of `turns`, which outlives the filter; NULL:
   it has none. */
int tls_start(ws_filter **out, ws_env *env, tls_context *ctx, turn_list *turns, const char *host,
              uint16_t port, ws_filter *lower, const ws_filter_events *events, void *up);

/* Answer no more queries about TLS, because the TLS of this filter is with a proxy. `f` was made by
   tls_start. */
void tls_hide(ws_filter *f);

#endif

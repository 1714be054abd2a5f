#ifndef WS_NET_DIAL_PREFIXED_H
#define WS_NET_DIAL_PREFIXED_H

/* A filter over another one, with bytes that were read from that one before: they are delivered
   first. The rest goes through unchanged. */

#include "base/env.h"
#include "net/filter.h"

/* Put it over a connected filter that retains nothing and does not read; `rest` is copied. It is
   connected, too, and calls no on_connect; its events and its `up` are not set yet. 0: the lower
   filter belongs to the new one. WS_ENOMEM, or an error of the environment: it is still the
   caller's. */
int prefixed_new(ws_filter **out, ws_env *env, ws_filter *lower, ws_view rest);

#endif

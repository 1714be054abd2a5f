#ifndef WS_NET_UV_CLOCK_H
#define WS_NET_UV_CLOCK_H

/* Monotonic time: ws_env_ops.now_ms, now_ns. Both are exact. The loop's own time is that of the
   start of its iteration, and a deadline counted from it would be too early after a slow
   callback. */

#include <stdint.h>

#include "base/env.h"

uint64_t clock_now_ms(ws_env *env);
uint64_t clock_now_ns(ws_env *env);

#endif

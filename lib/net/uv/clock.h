#ifndef WS_NET_UV_CLOCK_H
#define WS_NET_UV_CLOCK_H

/* Monotonic time: ws_env_ops.now_ms, now_ns. Both are exact. The loop's own time is older by
   all that callbacks have worked since it was updated. */

#include <stdint.h>

#include "base/env.h"

uint64_t clock_now_ms(ws_env *env);
uint64_t clock_now_ns(ws_env *env);
int64_t clock_seconds(ws_env *env); /* ws_env_ops.clock_s */

#endif

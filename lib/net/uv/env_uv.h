#ifndef WS_NET_UV_ENV_UV_H
#define WS_NET_UV_ENV_UV_H

/* The environment on libuv. */

#include <uv.h>

#include <wsuv/hooks.h>

#include "base/env.h"

/* Make an environment on `loop`, which outlives it. `alloc` is copied; `random` NULL: the system's
   source. 0 or WS_ENOMEM. The caller owns it until its `close`, which frees it before the callback
   runs. */
int env_uv_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc, wsuv_random_fn random,
               void *random_arg);

/* Free an environment that nothing was made with, at once; in place of its `close`. */
void env_uv_discard(ws_env *env);

#endif

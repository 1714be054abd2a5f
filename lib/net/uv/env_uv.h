#ifndef WS_NET_UV_ENV_UV_H
#define WS_NET_UV_ENV_UV_H

/* The environment on libuv. */

#include <stdbool.h>

#include <uv.h>

#include <wsuv/config.h>

#include "base/env.h"
#include "net/uv/name_service.h"

/* Make an environment on `loop`, which outlives it. `alloc` is copied; `random` NULL: the system's
   source. 0; WS_ENOMEM; WS_ENOTSUP: the library was built without c-ares, and `resolver` wants it.
   The caller owns it until its `close`, which frees it before the callback runs. */
int env_uv_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc, wsuv_random_fn random,
               void *random_arg, wsuv_resolver_t resolver);

/* Whether it is an environment of this file's. Those of a testkit have other links. */
bool env_uv_is(const ws_env *env);

/* For tests: read these files in place of the system's. They outlive the environment, which has
   looked up no name yet. */
void env_uv_set_name_files(ws_env *env, const name_files *files);

/* Free an environment all of whose users are gone, in place of its `close`, and tell nobody: at
   once if no handle was made, otherwise when the loop has closed the handles. `alloc` is used until
   then. */
void env_uv_discard(ws_env *env);

#endif

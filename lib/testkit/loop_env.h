#ifndef WS_TESTKIT_LOOP_ENV_H
#define WS_TESTKIT_LOOP_ENV_H

/* Environments of a world on a loop. */

#include "base/env.h"
#include "testkit/loop_world.h"

/* Make an environment whose clocks, timers and deferred calls are those of libuv on the world's
   loop, and whose lookups, connections, listeners and random bytes are those of the world's
   machine. Its memory, and that of what is made in it, is of `alloc`, which outlives it. The caller
   owns it until its `close`. Returns 0; WS_ENOMEM; WS_ECANCELED: the world is lost. */
int loop_env_new(ws_env **out, loop_world *w, const wsuv_allocator_t *alloc);

#endif

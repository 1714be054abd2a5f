#ifndef WS_NET_UV_RANDOM_H
#define WS_NET_UV_RANDOM_H

/* Random bytes, from the program's function if the environment was given one, else from the
   system. */

#include <stddef.h>

#include "base/env.h"

/* ws_env_ops.random: fills all of `buf`, which is the caller's. */
int random_bytes(ws_env *env, void *buf, size_t len);

#endif

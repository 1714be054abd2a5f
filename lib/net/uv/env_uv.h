#ifndef WS_NET_UV_ENV_UV_H
#define WS_NET_UV_ENV_UV_H

/* The environment on libuv. */

#include <uv.h>

#include <wsuv/hooks.h>

#include "base/env.h"

/* `alloc` is copied; `random` NULL: the system's. 0 or a code. */
int env_uv_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc, wsuv_random_fn random,
               void *random_arg);

/* Free one that nothing was made with: at once, unlike its `close`. */
void env_uv_discard(ws_env *env);

/* For lib/net itself: everything that has memory of its own while libuv works on it is counted,
   so that closing the environment can wait for it. */
typedef struct env_uv {
  ws_env env;
  wsuv_allocator_t alloc;
  uv_loop_t *loop;
  wsuv_random_fn random;
  void *random_arg;
  size_t live;         /* handles and requests that are not freed yet */
  uv_prepare_t keeper; /* active: the loop goes on; closed last, so that a callback comes from it */
  bool keeper_made;
  ws_env_cb close_cb; /* set by `close` */
  void *close_data;
} env_uv;

void *env_uv_alloc(env_uv *e, size_t size); /* zeroed and counted; NULL: no memory */
void env_uv_free(env_uv *e, void *p);

#endif

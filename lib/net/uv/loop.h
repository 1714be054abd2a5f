#ifndef WS_NET_UV_LOOP_H
#define WS_NET_UV_LOOP_H

/* The environment as the files of this folder know it: the loop it runs on, and its memory, which
   is counted so that closing can wait until libuv works on none of it. It knows nothing of what
   is made on the loop. */

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include <wsuv/hooks.h>

#include "base/env.h"

typedef struct env_uv {
  ws_env env;             /* First member: what the other layers see. */
  wsuv_allocator_t alloc; /* A copy; env.alloc points to it. */
  uv_loop_t *loop;        /* The program's, which outlives the environment. */
  wsuv_random_fn random;  /* The program's source of random bytes; NULL: the system's. */
  void *random_arg;       /* The last argument of `random`. */
  size_t live;            /* Blocks of env_uv_alloc that are not freed yet, and a closing keeper. */
  uv_prepare_t keeper;    /* Keeps the loop alive while it is active; closed last. */
  bool keeper_made;       /* Whether `keeper` is initialized. */
  ws_env_cb close_cb;     /* Called once the environment is freed; NULL until env_uv_close. */
  void *close_data;       /* The argument of `close_cb`. */
} env_uv;

static inline env_uv *env_uv_of(ws_env *env) {
  return (env_uv *) (void *) env;
}

/* Allocate an environment for `loop`; its operations and its source of random bytes are for the
   caller to fill in. NULL: no memory. Freed by env_uv_destroy, or by closing. */
env_uv *env_uv_create(uv_loop_t *loop, const wsuv_allocator_t *alloc);

/* Free an environment at once. Nothing made with it is left, and it was not closed. */
void env_uv_destroy(env_uv *e);

/* Zeroed memory for a handle or a request; NULL: no memory. The caller owns it, and frees it with
   env_uv_free when libuv is done with it: a handle in its close callback, a request in its
   callback. The environment is not freed before that. */
void *env_uv_alloc(env_uv *e, size_t size);

/* Free what env_uv_alloc gave. If the environment is being closed and this was the last block, the
   environment is freed too and its close callback runs: touch neither afterwards. */
void env_uv_free(env_uv *e, void *p);

/* ws_env_ops.keep_alive, ws_env_ops.close. */
void env_uv_keep_alive(ws_env *env, bool on);
void env_uv_close(ws_env *env, ws_env_cb cb, void *data);

#endif

#ifndef WS_NET_UV_LOOP_H
#define WS_NET_UV_LOOP_H

/* The environment as the files of this folder know it: the loop it runs on, and its memory, which
   is counted so that closing can wait until libuv works on none of it. It knows nothing of what
   is made on the loop. */

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include <wsuv/config.h>

#include "base/env.h"
#include "base/list.h"
#include "net/uv/handle.h"
#include "net/uv/name_service.h"

typedef struct env_uv {
  ws_env env; /* This must be the first field, because other layers have its address only. */
  /* This is a copy of the program's allocator, and `env.alloc` points to it. */
  wsuv_allocator_t alloc;
  uv_loop_t *loop; /* The loop is the program's, and outlives the environment. */
  /* This is the program's source of random bytes, or NULL for the system's. */
  wsuv_random_fn random;
  void *random_arg;         /* This is the last argument of `random`. */
  wsuv_resolver_t resolver; /* The program has chosen this resolver. */
  name_service names;       /* This says which names DNS alone decides. */
  ws_list dns_channels;     /* These are the channels of c-ares, the newest last. */
  /* This counts the blocks of env_uv_alloc that are not freed, and the keeper while it closes. */
  size_t live;
  uv_write_t *writes;    /* These spare requests are chained by their `data`. */
  unsigned writes_count; /* This is the number of them. */
  struct timers *timers; /* These are the timers, in timer.c; NULL: there was none. */
  handles handles; /* This closes the handles, and knows whether the program has closed them. */
  /* This handle counts polls, and keeps the loop alive while it is referenced. */
  uv_prepare_t keeper;
  own_handle own_keeper; /* This closes `keeper`; its `uv` is NULL until `keeper` is initialised. */
  /* This counts the polls that began since `keeper` is active, from 1. Timers run between polls. */
  uint64_t polls;
  /* This is called after the environment is freed; it is NULL until env_uv_close. */
  ws_env_cb close_cb;
  void *close_data; /* This is the argument of `close_cb`. */
} env_uv;

static inline env_uv *env_uv_of(ws_env *env) {
  return (env_uv *) (void *) env;
}

/* Allocate an environment for `loop`. The caller fills in its operations, its source of random
   bytes and its resolver. NULL: no memory. Freed by env_uv_destroy, or by closing. */
env_uv *env_uv_create(uv_loop_t *loop, const wsuv_allocator_t *alloc);

/* Free an environment at once. Nothing made with it is left, and it was not closed. */
void env_uv_destroy(env_uv *e);

/* Zeroed memory for a handle or a request; NULL: no memory. The caller owns it, and frees it with
   env_uv_free when libuv is done with it: a handle when handle_close says so, a request in
   its callback. The environment is not freed before that. */
void *env_uv_alloc(env_uv *e, size_t size);

/* Free what env_uv_alloc gave. If the environment is being closed and this was the last block, the
   environment is freed too and its close callback runs: touch neither afterwards. */
void env_uv_free(env_uv *e, void *p);

/* A request to write with, from a small pool, so that writes that wait allocate nothing in the
   steady state; NULL: no memory. The caller gives it back in its callback, or if it was not used;
   after that, what env_uv_free says holds. */
uv_write_t *env_uv_take_write(env_uv *e);
void env_uv_give_write(env_uv *e, uv_write_t *req);

/* Whether the program has closed the environment's handles. No handle may be made and no request
   begun then. */
static inline bool env_uv_is_lost(const env_uv *e) {
  return handles_lost(&e->handles);
}

/* Have the keeper, which shows whether the program has closed the handles; and begin to count polls
   with it. Idempotent. The environment is closed then, and not destroyed. */
void env_uv_have_keeper(env_uv *e);
void env_uv_count_polls(env_uv *e);

/* ws_env_ops.keep_alive, lost, recover; and ws_env_ops.close, after the channels of c-ares were
   closed. */
void env_uv_keep_alive(ws_env *env, bool on);
bool env_uv_lost(const ws_env *env);
int env_uv_recover(ws_env *env);
void env_uv_close(ws_env *env, ws_env_cb cb, void *data);

#endif

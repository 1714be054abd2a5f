#ifndef WS_TESTKIT_LOOP_WORLD_H
#define WS_TESTKIT_LOOP_WORLD_H

/* A simulated machine on a loop of libuv: its links are in memory, its time is that of the loop,
   and the loop turns it. Environments in it are made by loop_env.h. */

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/env.h"
#include "testkit/sim.h"

typedef struct loop_world {
  sim_host host;      /* This must be the first field, because the machine has its address only. */
  sim *s;             /* This is the machine. */
  uv_loop_t *loop;    /* The loop is the program's, and outlives the world. */
  ws_env *env;        /* The two below are made in this environment on libuv. */
  ws_timer *timer;    /* This runs when something is due in the machine, at least 1 ms later. */
  ws_deferred *soon;  /* This turns the machine. */
  bool turning;       /* A turn of the machine runs. */
  bool held;          /* The loop is kept alive, because something is under way. */
  ws_env_cb on_close; /* This is called at the end. */
  void *data;         /* This is the argument of `on_close`. */
} loop_world;

/* Create a world without anything in it. Its own memory is the C library's. It keeps the loop alive
   only while sim_holds_loop. Returns 0, or a code: libuv's, when a handle cannot be made. */
int loop_world_new(loop_world **out, uv_loop_t *loop, uint64_t seed);

/* Whether the program has closed the handles of the loop, with which the world is lost: nothing can
   be made in it any more (see ws_env_ops.lost). */
static inline bool loop_world_lost(const loop_world *w) {
  return ws_env_lost(w->env);
}

/* ws_env_ops.recover, for all environments of the world. */
int loop_world_recover(loop_world *w);

/* Free a world whose environments are closed, from the loop; then call `cb`. A world that is lost
   is recovered. */
void loop_world_close(loop_world *w, ws_env_cb cb, void *data);

#endif

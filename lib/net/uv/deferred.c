#include "net/uv/deferred.h"

#include "base/error.h"
#include "net/uv/loop.h"

/* An idle handle: the loop does not sleep while one is active, and it runs before the poll of the
   turn in which a timer started it. And an async handle for other threads, which does not keep the
   loop alive. */

struct ws_deferred {
  uv_idle_t handle;    /* This handle is active from deferred_schedule until the call runs. */
  uv_async_t wake;     /* This handle wakes the loop for deferred_wake. */
  own_handle own_idle; /* This closes `handle`. */
  own_handle own_wake; /* This closes `wake`. */
  unsigned open;       /* This many of the two handles are not closed yet. */
  env_uv *e;           /* This is the environment, which outlives the deferred call. */
  handle_call call;    /* This is the call, which waits here if the program has closed `handle`. */
};

static void on_idle(uv_idle_t *handle) {
  ws_deferred *d = handle->data;
  uv_idle_stop(handle);
  d->call.run(d->call.data);
}

static void on_wake(uv_async_t *handle) {
  ws_deferred *d = handle->data;
  on_idle(&d->handle);
}

/* The async handle comes first: it alone can fail, and then there is no handle to close. */
int deferred_new(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out) {
  env_uv *e = env_uv_of(env);
  if (env_uv_is_lost(e)) return WS_ECANCELED;
  ws_deferred *d = env_uv_alloc(e, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  int err = uv_async_init(e->loop, &d->wake, on_wake);
  if (err < 0) {
    env_uv_free(e, d);
    return err;
  }
  uv_unref((uv_handle_t *) &d->wake);
  uv_idle_init(e->loop, &d->handle);
  env_uv_have_keeper(e);
  d->e = e;
  d->own_idle.uv = (uv_handle_t *) &d->handle;
  d->own_wake.uv = (uv_handle_t *) &d->wake;
  d->call.run = cb;
  d->call.data = data;
  ws_list_init(&d->call.node);
  d->open = 2;
  d->handle.data = d->wake.data = d;
  *out = d;
  return 0;
}

void deferred_schedule(ws_deferred *d) {
  if (handle_lost(&d->own_idle)) {
    handles_call(&d->e->handles, &d->call);
  } else {
    uv_idle_start(&d->handle, on_idle);
  }
}

void deferred_wake(ws_deferred *d) {
  uv_async_send(&d->wake);
}

static void deferred_release(ws_deferred *d) {
  if (--d->open == 0) env_uv_free(d->e, d);
}

static void on_handle_closed(own_handle *h) {
  deferred_release(ws_list_entry(h, ws_deferred, own_idle));
}

static void on_wake_closed(own_handle *h) {
  deferred_release(ws_list_entry(h, ws_deferred, own_wake));
}

void deferred_free(ws_deferred *d) {
  if (d == NULL) return;
  ws_list_remove(&d->call.node);
  handle_close(&d->e->handles, &d->own_idle, on_handle_closed);
  handle_close(&d->e->handles, &d->own_wake, on_wake_closed);
}

#include "net/uv/timer.h"

#include "base/error.h"
#include "net/uv/clock.h"
#include "net/uv/loop.h"

/* libuv counts a delay from the loop's time, which is behind the clock. The difference is added, so
   that no timer fires early. */

struct ws_timer {
  uv_timer_t handle; /* This is libuv's timer; its close callback frees the block. */
  env_uv *e;         /* This is the environment, which outlives the timer. */
  ws_env_cb cb;      /* This is called when the timer fires. */
  void *data;        /* This is the argument of `cb`. */
};

static void on_timer(uv_timer_t *handle) {
  ws_timer *t = handle->data;
  t->cb(t->data);
}

int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  env_uv *e = env_uv_of(env);
  ws_timer *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  t->e = e;
  t->cb = cb;
  t->data = data;
  uv_timer_init(e->loop, &t->handle);
  uv_unref((uv_handle_t *) &t->handle);
  t->handle.data = t;
  *out = t;
  return 0;
}

void timer_start(ws_timer *t, uint64_t delay_ms) {
  uint64_t loop_ms = uv_now(t->e->loop), ms = clock_now_ms(&t->e->env);
  uint64_t late = ms > loop_ms ? ms - loop_ms : 0;
  uv_timer_start(&t->handle, on_timer, delay_ms > UINT64_MAX - late ? UINT64_MAX : delay_ms + late,
                 0);
}

void timer_stop(ws_timer *t) {
  uv_timer_stop(&t->handle);
}

static void on_timer_closed(uv_handle_t *handle) {
  ws_timer *t = handle->data;
  env_uv_free(t->e, t);
}

void timer_free(ws_timer *t) {
  if (t != NULL) uv_close((uv_handle_t *) &t->handle, on_timer_closed);
}

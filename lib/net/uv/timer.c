#include "net/uv/timer.h"

#include "base/error.h"
#include "net/uv/clock.h"
#include "net/uv/loop.h"

/* libuv counts a delay from the loop's time, which is older than the clock by all that callbacks
   have worked since. If no update comes before the poll, libuv computes its sleep from the same old
   time. If one comes, the timer is due too early by that work. So a timer is set by the loop's
   time, and when it is due, the clock decides: a timer that is early is set again.

   uv_update_time before uv_timer_start would help as well. But with libuv 1.44 it makes timers of
   the program due again in the pass that runs them, and if they work for longer than their
   interval, the loop never polls. */

struct ws_timer {
  uv_timer_t handle; /* This is libuv's timer; it is closed before the block is freed. */
  env_uv *e;         /* This is the environment, which outlives the timer. */
  union {
    struct {
      uint64_t due_ms; /* The timer does not fire before this time, in milliseconds. */
      uint64_t polls;  /* This was env_uv.polls when the timer fired; 0 if it never did. */
    };
    own_handle own; /* This closes `handle`, and is used from timer_free on. */
  };
  ws_env_cb cb; /* This is called when the timer fires. */
  void *data;   /* This is the argument of `cb`. */
};

static void on_timer(uv_timer_t *handle);

static void set(ws_timer *t, uint64_t delay_ms) {
  uv_timer_start(&t->handle, on_timer, delay_ms, 0);
}

static void on_timer(uv_timer_t *handle) {
  ws_timer *t = handle->data;
  uint64_t now_ms = clock_now_ms(&t->e->env);
  if (now_ms < t->due_ms) {
    set(t, t->due_ms - now_ms);
  } else if (t->polls == t->e->polls) {
    set(t, 1);
  } else {
    t->polls = t->e->polls;
    t->cb(t->data);
  }
}

int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  env_uv *e = env_uv_of(env);
  if (env_uv_is_lost(e)) return WS_ECANCELED;
  ws_timer *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  env_uv_count_polls(e);
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
  uint64_t now_ms = clock_now_ms(&t->e->env);
  t->due_ms = delay_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + delay_ms;
  set(t, delay_ms);
}

void timer_stop(ws_timer *t) {
  uv_timer_stop(&t->handle);
}

static void on_timer_closed(own_handle *h) {
  ws_timer *t = ws_list_entry(h, ws_timer, own);
  env_uv_free(t->e, t);
}

void timer_free(ws_timer *t) {
  if (t == NULL) return;
  t->own = (own_handle){.uv = (uv_handle_t *) &t->handle};
  handle_close(&t->e->handles, &t->own, on_timer_closed);
}

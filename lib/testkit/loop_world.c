#include "testkit/loop_world.h"

/* Turns the machine from the loop: by a timer until something is due, and by a deferred call in the
   last millisecond before, since delays of links are shorter than a timer's. */

#include "base/error.h"
#include "session/testkit_entry.h"
#include "testkit/check.h"

enum { NS_PER_MS = 1000 * 1000 };

static loop_world *self(sim_host *host) {
  return (loop_world *) (void *) host;
}

static uint64_t now_ns(sim_host *host) {
  ws_env *env = self(host)->env;
  return env->ops->now_ns(env);
}

static void on_work(sim_host *host) {
  const loop_world *w = self(host);
  if (!w->turning) w->env->ops->deferred_schedule(w->soon);
}

static void hold(loop_world *w, bool on) {
  if (w->held != on) w->env->ops->keep_alive(w->env, on);
  w->held = on;
}

static void wait_until(loop_world *w, uint64_t due_ns) {
  const uint64_t now = now_ns(&w->host);
  hold(w, sim_holds_loop(w->s));
  if (due_ns == UINT64_MAX) {
    w->env->ops->timer_stop(w->timer);
  } else if (due_ns < now + NS_PER_MS) {
    w->env->ops->deferred_schedule(w->soon);
  } else {
    w->env->ops->timer_start(w->timer, (due_ns - now) / NS_PER_MS);
  }
}

/* The program may close all handles in a callback. Then the timer and `hold` have no effect, and
   after loop_world_recover only what is due at once still comes: the closing of what was made. */
static void turn(void *data) {
  loop_world *w = data;
  w->turning = true;
  const uint64_t due_ns = sim_host_turn(w->s);
  w->turning = false;
  wait_until(w, due_ns);
}

static void on_closed(void *data) {
  loop_world *w = data;
  ws_env_cb cb = w->on_close;
  void *cb_data = w->data;
  sim_free(w->s);
  check_free(w);
  if (cb != NULL) cb(cb_data);
}

int loop_world_new(loop_world **out, uv_loop_t *loop, uint64_t seed) {
  loop_world *w = check_alloc(sizeof *w);
  int err = wsuv_internal_env_new(&w->env, loop, &ws_alloc_libc);
  CHECK(err == 0);
  w->loop = loop;
  w->host = (sim_host){now_ns, on_work};
  w->s = sim_new(seed);
  sim_set_host(w->s, &w->host);
  err = w->env->ops->timer_new(w->env, turn, w, &w->timer);
  if (err == 0) err = w->env->ops->deferred_new(w->env, turn, w, &w->soon);
  if (err < 0) {
    loop_world_close(w, NULL, NULL);
    return err;
  }
  *out = w;
  return 0;
}

int loop_world_recover(loop_world *w) {
  int err = w->env->ops->recover(w->env);
  if (err == 0 && loop_world_lost(w)) w->env->ops->deferred_schedule(w->soon);
  return err;
}

void loop_world_close(loop_world *w, ws_env_cb cb, void *data) {
  CHECK(!w->turning);
  CHECK(w->env->ops->recover(w->env) == 0);
  w->on_close = cb;
  w->data = data;
  if (w->held) w->env->ops->keep_alive(w->env, false);
  w->env->ops->timer_free(w->timer);
  w->env->ops->deferred_free(w->soon);
  w->env->ops->close(w->env, on_closed, w);
}

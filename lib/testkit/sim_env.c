#include "testkit/sim_internal.h"

/* The environment over the simulated machine: clock, random bytes, timers, deferred calls, and the
   end. Handles are memory of the environment's allocator, so they fail and leak as real ones. */

#include "base/error.h"
#include "net/acceptor.h"
#include "testkit/check.h"
#include "testkit/sim_net.h"

struct ws_timer {
  sim_env *env;
  sim_event event;
};

struct ws_deferred {
  sim_env *env;
  sim_call call;
};

/* Clock and random bytes */

static uint64_t now_ms(ws_env *env) {
  return sim_now_ms(sim_env_of(env)->s);
}

static uint64_t now_ns(ws_env *env) {
  return sim_now_ns(sim_env_of(env)->s);
}

/* The simulated time begins in 1970. */
int64_t sim_env_clock_s(ws_env *env) {
  return (int64_t) (env->ops->now_ms(env) / 1000);
}

/* Timers */

static int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  sim_env *e = sim_env_of(env);
  ws_timer *t = ws_malloc(env->alloc, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  t->env = e;
  sim_event_init(&t->event, cb, data);
  e->timers++;
  *out = t;
  return 0;
}

static void timer_start(ws_timer *t, uint64_t delay_ms) {
  sim *s = t->env->s;
  uint64_t most = UINT64_MAX / 1000000 - sim_now_ms(s) - 1;
  uint64_t due_ms = sim_now_ms(s) + (delay_ms < most ? delay_ms : most);
  sim_event_set(s, &s->timers, &t->event, due_ms * 1000000);
  t->event.after_poll = delay_ms > 0 ? s->polls + 1 : 0;
}

static void timer_stop(ws_timer *t) {
  sim_event_cancel(&t->env->s->timers, &t->event);
}

static void timer_free(ws_timer *t) {
  if (t == NULL) return;
  timer_stop(t);
  t->env->timers--;
  ws_free(t->env->head.alloc, t);
}

/* Deferred calls */

static int deferred_new(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out) {
  sim_env *e = sim_env_of(env);
  ws_deferred *d = ws_malloc(env->alloc, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  d->env = e;
  ws_list_init(&d->call.node);
  d->call.run = cb;
  d->call.data = data;
  e->deferred++;
  *out = d;
  return 0;
}

static void deferred_schedule(ws_deferred *d) {
  if (ws_list_empty(&d->call.node)) ws_list_append(&d->env->s->deferred, &d->call.node);
}

static void deferred_free(ws_deferred *d) {
  if (d == NULL) return;
  ws_list_remove(&d->call.node);
  d->env->deferred--;
  ws_free(d->env->head.alloc, d);
}

/* A simulation is run for as long as its test says. */
static void keep_alive(ws_env *env, bool on) {
  sim_env *e = sim_env_of(env);
  CHECK(e->held != on);
  e->held = on;
}

/* Nobody can close the handles of a simulation. */
static bool lost(const ws_env *env) {
  (void) env;
  return false;
}

static int recover(ws_env *env) {
  (void) env;
  return 0;
}

/* The end */

static void env_close(ws_env *env, ws_env_cb cb, void *data) {
  sim_env_end(sim_env_of(env), sim_env_free, cb, data);
}

static const ws_env_ops ops = {
    .now_ms = now_ms,
    .now_ns = now_ns,
    .clock_s = sim_env_clock_s,
    .random = sim_env_random,
    .timer_new = timer_new,
    .timer_start = timer_start,
    .timer_stop = timer_stop,
    .timer_free = timer_free,
    .deferred_new = deferred_new,
    .deferred_schedule = deferred_schedule,
    .deferred_wake = deferred_schedule, /* there is one thread only */
    .deferred_free = deferred_free,
    .keep_alive = keep_alive,
    .lost = lost,
    .recover = recover,
    .lookup = sim_lookup_start,
    .lookup_cancel = sim_lookup_cancel,
    .connect = sim_filter_connect,
    .listen = sim_listen_start,
    .listener_pause = acceptor_pause,
    .listener_address = sim_listen_address,
    .listener_fd = sim_listen_fd,
    .listener_free = sim_listen_free,
    .close = env_close,
};

int sim_env_new(ws_env **out, sim *s, const wsuv_allocator_t *alloc) {
  CHECK(s->host == NULL);
  sim_env *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return WS_ENOMEM;
  sim_env_init(e, &ops, s, alloc);
  *out = &e->head;
  return 0;
}

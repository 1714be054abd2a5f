#include "testkit/loop_env.h"

/* Puts an environment together: one on libuv, and a simulated one, each with a part of the
   operations. */

#include "base/error.h"
#include "net/acceptor.h"
#include "session/testkit_entry.h"
#include "testkit/sim_internal.h"

typedef struct loop_env {
  sim_env sim;    /* This must be the first field, because the simulation has its address only. */
  ws_env_ops ops; /* `sim.head.ops` points here. */
  loop_world *world; /* The environment is in this world. */
  ws_env *timing;    /* Timers, deferred calls and clocks are this environment's, on libuv. */
} loop_env;

static loop_env *self(ws_env *env) {
  return (loop_env *) (void *) env;
}

static ws_env *timing(ws_env *env) {
  return self(env)->timing;
}

static uint64_t now_ms(ws_env *env) {
  return timing(env)->ops->now_ms(timing(env));
}

static uint64_t now_ns(ws_env *env) {
  return timing(env)->ops->now_ns(timing(env));
}

static void keep_alive(ws_env *env, bool on) {
  timing(env)->ops->keep_alive(timing(env), on);
}

/* The program closes the handles of `timing` together with the world's. */
static bool lost(const ws_env *env) {
  return loop_world_lost(((const loop_env *) (const void *) env)->world);
}

static int recover(ws_env *env) {
  int err = timing(env)->ops->recover(timing(env));
  return err < 0 ? err : loop_world_recover(self(env)->world);
}

/* What is made */

static int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  return lost(env) ? WS_ECANCELED : timing(env)->ops->timer_new(timing(env), cb, data, out);
}

static int deferred_new(ws_env *env, ws_env_cb cb, void *data, ws_deferred **out) {
  return lost(env) ? WS_ECANCELED : timing(env)->ops->deferred_new(timing(env), cb, data, out);
}

static int lookup(ws_env *env, const char *host, uint16_t port, ws_lookup_cb cb, void *data,
                  ws_lookup **out) {
  return lost(env) ? WS_ECANCELED : sim_lookup_start(env, host, port, cb, data, out);
}

static int connect_link(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                        const struct ws_filter_events *events, void *up, struct ws_filter **out) {
  return lost(env) ? WS_ECANCELED : sim_filter_connect(env, addr, options, events, up, out);
}

static int listen_at(ws_env *env, const ws_listen_options *options,
                     const ws_listener_events *events, void *up, ws_listener **out) {
  return lost(env) ? WS_ECANCELED : sim_listen_start(env, options, events, up, out);
}

/* The simulated part ends first. */
static void on_sim_ended(void *env) {
  timing(env)->ops->close(timing(env), sim_env_free, env);
}

static void close_env(ws_env *env, ws_env_cb cb, void *data) {
  sim_env_end(&self(env)->sim, on_sim_ended, cb, data);
}

static ws_env_ops ops_with(const ws_env_ops *timing_ops) {
  return (ws_env_ops){
      .now_ms = now_ms,
      .now_ns = now_ns,
      .clock_s = sim_env_clock_s,
      .random = sim_env_random,
      .timer_new = timer_new,
      .timer_start = timing_ops->timer_start,
      .timer_stop = timing_ops->timer_stop,
      .timer_free = timing_ops->timer_free,
      .deferred_new = deferred_new,
      .deferred_schedule = timing_ops->deferred_schedule,
      .deferred_wake = timing_ops->deferred_wake,
      .deferred_free = timing_ops->deferred_free,
      .keep_alive = keep_alive,
      .lost = lost,
      .recover = recover,
      .lookup = lookup,
      .lookup_cancel = sim_lookup_cancel,
      .connect = connect_link,
      .listen = listen_at,
      .listener_pause = acceptor_pause,
      .listener_address = sim_listen_address,
      .listener_fd = sim_listen_fd,
      .listener_free = sim_listen_free,
      .close = close_env,
  };
}

int loop_env_new(ws_env **out, loop_world *w, const wsuv_allocator_t *alloc) {
  if (loop_world_lost(w)) return WS_ECANCELED;
  loop_env *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return WS_ENOMEM;
  int err = wsuv_internal_env_new(&e->timing, w->loop, alloc);
  if (err < 0) {
    ws_free(alloc, e);
    return err;
  }
  e->world = w;
  e->ops = ops_with(e->timing->ops);
  sim_env_init(&e->sim, &e->ops, w->s, alloc);
  e->sim.head.may_be_lost = w->env->may_be_lost;
  e->sim.head.witness = w->env->witness;
  *out = &e->sim.head;
  return 0;
}

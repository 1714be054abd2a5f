#include "testkit/sim_internal.h"

/* The environment over the simulated machine: clock, random bytes, timers, deferred calls, and the
   end. Handles are memory of the environment's allocator, so they fail and leak as real ones. */

#include <stdlib.h>

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

static sim_env *self(ws_env *env) {
  sim_env *e = (sim_env *) (void *) env;
  CHECK(!e->closing);
  return e;
}

/* Clock and random bytes */

static uint64_t now_ms(ws_env *env) {
  return sim_now_ms(self(env)->s);
}

static uint64_t now_ns(ws_env *env) {
  return sim_now_ns(self(env)->s);
}

int sim_env_random(ws_env *env, void *buf, size_t len) {
  sim *s = self(env)->s;
  if (s->random_fails) return WSUV_ERANDOM;
  sim_random_bytes(s, buf, len);
  return 0;
}

/* Timers */

static int timer_new(ws_env *env, ws_env_cb cb, void *data, ws_timer **out) {
  sim_env *e = self(env);
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
  sim_env *e = self(env);
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
  sim_env *e = self(env);
  CHECK(e->held != on);
  e->held = on;
}

/* Nobody can close the handles of a simulation. */
static bool lost(const ws_env *env) {
  (void) env;
  return false;
}

static int may_be_lost(const void *witness) {
  (void) witness;
  return 0;
}

static int recover(ws_env *env) {
  (void) env;
  return 0;
}

/* The end */

void sim_env_free(void *env) {
  sim_env *e = env;
  ws_env_cb cb = e->on_close;
  void *cb_data = e->data;
  e->s->envs--;
  ws_free(e->head.alloc, e);
  cb(cb_data);
}

void sim_env_settle(sim_env *e) {
  if (e->closing && e->lookups + e->filters + e->listeners == 0) sim_event_soon(e->s, &e->closed);
}

void sim_env_end(sim_env *e, void (*on_ended)(void *env), ws_env_cb cb, void *data) {
  CHECK(!e->closing);
  CHECK(!e->held);
  CHECK(e->timers == 0);
  CHECK(e->deferred == 0);
  CHECK(e->filters == e->closing_filters);
  CHECK(e->listeners == e->closing_listeners);
  e->closing = true;
  e->on_close = cb;
  e->data = data;
  sim_event_init(&e->closed, on_ended, e);
  sim_env_settle(e);
}

static void env_close(ws_env *env, ws_env_cb cb, void *data) {
  sim_env_end(self(env), sim_env_free, cb, data);
}

static const ws_env_ops ops = {
    .now_ms = now_ms,
    .now_ns = now_ns,
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

struct sim_sock *sim_env_socket(const ws_env *env) {
  return ((const sim_env *) (const void *) env)->socket;
}

void sim_env_stall(ws_env *env, bool stall) {
  sim_env *e = self(env);
  e->stalls = stall;
  if (e->socket != NULL) sim_sock_stall_both(e->socket, stall);
}

void sim_env_fault(ws_env *env, sim_fault fault, uint64_t bytes) {
  sim_env *e = self(env);
  if (e->socket != NULL) {
    sim_sock_fault(e->socket, fault, bytes);
  } else {
    e->fault = fault;
    e->fault_bytes = bytes;
  }
}

void sim_env_init(sim_env *e, const ws_env_ops *its_ops, sim *s, const wsuv_allocator_t *alloc) {
  e->head.ops = its_ops;
  e->head.alloc = alloc;
  e->head.may_be_lost = may_be_lost;
  e->s = s;
  e->fault = SIM_FAULTS;
  s->envs++;
}

int sim_env_new(ws_env **out, sim *s, const wsuv_allocator_t *alloc) {
  CHECK(s->host == NULL);
  sim_env *e = ws_calloc(alloc, sizeof *e);
  if (e == NULL) return WS_ENOMEM;
  sim_env_init(e, &ops, s, alloc);
  *out = &e->head;
  return 0;
}

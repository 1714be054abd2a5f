#include "testkit/sim_internal.h"

/* What an environment is in, and its end: for all that is made in it. */

#include "base/error.h"
#include "testkit/check.h"
#include "testkit/sim_net.h"

sim_env *sim_env_of(ws_env *env) {
  sim_env *e = (sim_env *) (void *) env;
  CHECK(!e->closing);
  return e;
}

/* Nobody can close the handles of a simulation. */
static int may_be_lost(const void *witness) {
  (void) witness;
  return 0;
}

void sim_env_init(sim_env *e, const ws_env_ops *its_ops, sim *s, const wsuv_allocator_t *alloc) {
  e->head.ops = its_ops;
  e->head.alloc = alloc;
  e->head.may_be_lost = may_be_lost;
  e->s = s;
  e->fault = SIM_FAULTS;
  s->envs++;
}

int sim_env_random(ws_env *env, void *buf, size_t len) {
  sim *s = sim_env_of(env)->s;
  if (s->random_fails) return WSUV_ERANDOM;
  sim_random_bytes(s, buf, len);
  return 0;
}

/* Its connection */

struct sim_sock *sim_env_socket(const ws_env *env) {
  return ((const sim_env *) (const void *) env)->socket;
}

void sim_env_stall(ws_env *env, bool stall) {
  sim_env *e = sim_env_of(env);
  e->stalls = stall;
  if (e->socket != NULL) sim_sock_stall_both(e->socket, stall);
}

void sim_env_fault(ws_env *env, sim_fault fault, uint64_t bytes) {
  sim_env *e = sim_env_of(env);
  if (e->socket != NULL) {
    sim_sock_fault(e->socket, fault, bytes);
  } else {
    e->fault = fault;
    e->fault_bytes = bytes;
  }
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

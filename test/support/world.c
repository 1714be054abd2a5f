#include "support/world.h"

/* What all worlds have in common: running with a bound, and the accounts at the end. */

#include "support/raw_client.h"
#include "support/raw_peer.h"
#include "support/world_tls.h"
#include "testkit/check.h"

world *world_new(world_kind kind, uint64_t seed, track_alloc *alloc) {
  static world *(*const makers[])(uint64_t) = {
      [WORLD_SIM] = world_sim_new, [WORLD_UV] = world_uv_new, [WORLD_LOOP] = world_loop_new};
  check_seed = seed;
  world *w = makers[kind](seed);
  w->kind = kind;
  w->seed = seed;
  w->alloc = alloc;
  ws_list_init(&w->peers);
  ws_list_init(&w->clients);
  return w;
}

void world_end(world *w) {
  const track_alloc *alloc = w->alloc;
  raw_peers_end(w);
  raw_clients_end(w);
  world_unsecure(w);
  w->ops->end(w);
  CHECK(alloc->live == 0);
  CHECK(alloc->live_bytes == 0);
}

int world_env_new(world *w, ws_env **out) {
  return w->ops->env_new(w, out);
}

static void set_true(void *data) {
  *(bool *) data = true;
}

void world_env_close(world *w, ws_env *env) {
  bool closed = false;
  env->ops->close(env, set_true, &closed);
  CHECK(!closed);
  world_run_until_true(w, &closed);
}

void world_run_until(world *w, bool (*done)(void *arg), void *arg) {
  w->ops->watch(w, true);
  while (!done(arg)) {
    if (!w->ops->turn(w, true)) CHECK_FAIL("what is waited for will never happen");
  }
  w->ops->unwatch(w);
}

static bool is_true(void *arg) {
  return *(const bool *) arg;
}

void world_run_until_true(world *w, const bool *flag) {
  world_run_until(w, is_true, (void *) (uintptr_t) flag);
}

typedef struct counting {
  const size_t *count;
  size_t target;
} counting;

static bool is_counted(void *arg) {
  const counting *c = arg;
  return *c->count >= c->target;
}

void world_run_until_count(world *w, const size_t *count, size_t target) {
  counting c = {count, target};
  world_run_until(w, is_counted, &c);
}

void world_run(world *w) {
  w->ops->watch(w, false);
  while (w->ops->turn(w, false)) continue;
  w->ops->unwatch(w);
}

void world_advance(world *w, uint64_t ms) {
  w->ops->advance(w, ms);
}

void world_lose_time(world *w, uint64_t ms) {
  w->ops->lose_time(w, ms);
}

uint64_t world_now_ms(world *w) {
  return w->ops->now_ms(w);
}

const char *world_good_name(const world *w) {
  (void) w;
  return "localhost";
}

const char *world_bad_name(const world *w) {
  (void) w;
  return "no-such-host.invalid"; /* RFC 6761 6.4 */
}

sim *world_sim(world *w) {
  return w->ops->machine != NULL ? w->ops->machine(w) : NULL;
}

void world_random_fails(world *w, bool fails) {
  w->random_fails = fails;
  if (world_sim(w) != NULL) sim_random_fails(world_sim(w), fails);
}

uint16_t world_dead_port(world *w) {
  return w->ops->dead_port(w);
}

wire_listener *world_listen(world *w, const char *addr, uint16_t port, wire_accept_cb cb, void *up,
                            uint16_t *bound) {
  return w->ops->listen(w, addr, port, cb, up, bound);
}

void world_unlisten(world *w, wire_listener *l) {
  w->ops->unlisten(l);
}

wire *world_connect(world *w, const struct sockaddr *addr) {
  return w->ops->connect(w, addr);
}

world_timer *world_after(world *w, uint64_t ms, void (*cb)(void *data), void *data) {
  return w->ops->after(w, ms, cb, data);
}

void world_cancel(world *w, world_timer *t) {
  w->ops->cancel(t);
}

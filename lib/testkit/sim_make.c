#include "testkit/sim_internal.h"

/* Makes and frees machines. */

#include "testkit/check.h"

enum { NS_PER_MS = 1000 * 1000 };

sim *sim_new(uint64_t seed) {
  sim *s = check_alloc(sizeof *s);
  s->seed = s->chance = seed;
  s->bytes = ~seed;
  s->now_ns = (uint64_t) 1000 * NS_PER_MS + (seed == 0 ? 0 : sim_below(s, NS_PER_MS));
  ws_list_init(&s->deferred);
  sim_names_init(s);
  sim_net_init(s);
  return s;
}

void sim_free(sim *s) {
  CHECK(s->envs == 0 && s->filters == 0 && s->lookups == 0);
  CHECK(ws_list_empty(&s->deferred));
  sim_net_free(s);
  sim_names_free(s);
  CHECK(s->timers.count == 0 && s->net.count == 0 && s->wires.count == 0);
  check_free(s->timers.events);
  check_free(s->wires.events);
  check_free(s->net.events);
  check_free(s);
}

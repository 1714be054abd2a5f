#include "testkit/kit.h"

/* The world on a loop of the program's: the links are in memory, and the loop is run. */

#include "session/testkit_entry.h"
#include "testkit/check.h"
#include "testkit/loop_env.h"

enum { NS_PER_MS = 1000 * 1000, RUN_MS = 10 * 1000 };

static int env_new(wsuv_testkit_t *kit, ws_env **out, const wsuv_allocator_t *alloc) {
  return loop_env_new(out, kit->world, alloc);
}

static uint64_t now_ms(const wsuv_testkit_t *kit) {
  return kit->clock->ops->now_ns(kit->clock) / NS_PER_MS;
}

static void do_nothing(void *data) {
  (void) data; /* the loop has been woken */
}

/* The loop waits for the next event even if nothing keeps it alive, but not beyond the limit. */
static bool turn(wsuv_testkit_t *kit, uint64_t limit_ms) {
  const uint64_t now = now_ms(kit);
  if (now >= limit_ms) return false;
  kit->clock->ops->timer_start(kit->limit, limit_ms - now);
  kit->clock->ops->keep_alive(kit->clock, true);
  uv_run(kit->loop, UV_RUN_ONCE);
  kit->clock->ops->keep_alive(kit->clock, false);
  kit->clock->ops->timer_stop(kit->limit);
  return true;
}

static bool ends(const kit_endpoint *e) {
  if (e->client != NULL) return wsuv_internal_client_ends(e->client);
  return e->server == NULL || wsuv_internal_server_ends(e->server);
}

/* Whether a client or a server was closed, or refused, and has not ended yet. */
static bool has_ending(const wsuv_testkit_t *kit) {
  for (ws_list *n = kit->endpoints.next; n != &kit->endpoints; n = n->next) {
    if (ends(ws_list_entry(n, kit_endpoint, node))) return true;
  }
  return false;
}

/* Nothing is left on the loop. Or the loop would wait, for what ends none of the endpoints: for the
   timer of pings, or because a server listens. */
static bool is_over(const wsuv_testkit_t *kit) {
  if (uv_loop_alive(kit->loop) == 0) return true;
  if (ws_list_empty(&kit->endpoints) || has_ending(kit)) return false;
  return !sim_is_busy(kit->sim) && uv_backend_timeout(kit->loop) != 0;
}

static void count_down(void *data) {
  --*(size_t *) data;
}

static int end(wsuv_testkit_t *kit) {
  size_t left = 2;
  kit->clock->ops->timer_free(kit->limit);
  kit->clock->ops->close(kit->clock, count_down, &left);
  loop_world_close(kit->world, count_down, &left);
  while (left > 0) uv_run(kit->loop, UV_RUN_ONCE);
  return 0;
}

const kit_world_ops kit_on_loop = {env_new, now_ms, turn, is_over, end, RUN_MS};

int wsuv_testkit_new_on_loop(wsuv_testkit_t **out, uv_loop_t *loop, uint64_t seed) {
  if (loop == NULL) return UV_EINVAL;
  wsuv_testkit_t *kit = kit_new(&kit_on_loop, seed);
  int err = loop_world_new(&kit->world, loop, kit->seed);
  if (err < 0) goto no_world;
  err = wsuv_internal_env_new(&kit->clock, loop, &ws_alloc_libc);
  CHECK(err == 0);
  err = kit->clock->ops->timer_new(kit->clock, do_nothing, NULL, &kit->limit);
  CHECK(err == 0);
  kit->loop = loop;
  kit->sim = kit->world->s;
  *out = kit;
  return 0;

no_world:
  kit_free(kit);
  return err;
}

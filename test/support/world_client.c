#include "support/world_client.h"

/* Makes clients: over an environment with simulated links by the library's inner entrance, over
   libuv by the public one. */

#include "session/client.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* The simulated environment is the client's as soon as there is one. */
static int client_in_sim(world *w, wsuv_client_t **out, const wsuv_config_t *config) {
  ws_env *env;
  int err = world_env_new(w, &env);
  if (err < 0) return err;
  err = client_new_in(out, env, config);
  if (err < 0) world_env_close(w, env);
  return err;
}

int world_client(world *w, wsuv_client_t **out, const wsuv_config_t *config) {
  wsuv_config_t copy;
  if (config != NULL) copy = *config;
  if (config == NULL) wsuv_client_config_init(&copy);
  copy.allocator = &w->alloc->handle;
  if (copy.tls == NULL) copy.tls = world_tls(w);
  if (w->kind != WORLD_UV) return client_in_sim(w, out, &copy);
  copy.random = world_uv_random;
  copy.random_arg = w;
  return wsuv_client_new(out, world_uv_loop(w), &copy);
}

static size_t clients_closed;

static void on_closed(wsuv_client_t *client) {
  (void) client;
  clients_closed++;
}

void world_client_close(world *w, wsuv_client_t *client) {
  size_t target = clients_closed + 1;
  CHECK(wsuv_client_close(client, on_closed) == 0);
  world_run_until_count(w, &clients_closed, target);
}

#include "support/world_server.h"

/* Makes servers: over an environment with simulated links by the library's inner entrance, over
   libuv by the public one. */

#include "session/server.h"
#include "support/world_tls.h"
#include "testkit/check.h"

/* The simulated environment is the server's as soon as there is one. */
static int server_in_sim(world *w, wsuv_server_t **out, const wsuv_config_t *config) {
  ws_env *env;
  int err = world_env_new(w, &env);
  if (err < 0) return err;
  err = server_new_in(out, env, config);
  if (err < 0) world_env_close(w, env);
  return err;
}

static wsuv_config_t in_world(world *w, const wsuv_config_t *config) {
  wsuv_config_t copy;
  if (config != NULL) copy = *config;
  if (config == NULL) wsuv_server_config_init(&copy);
  copy.allocator = &w->alloc->handle;
  if (copy.tls == NULL) copy.tls = world_server_tls(w);
  return copy;
}

int world_server_on(world *w, uv_loop_t *loop, wsuv_server_t **out, const wsuv_config_t *config) {
  wsuv_config_t copy = in_world(w, config);
  copy.random = world_uv_random;
  copy.random_arg = w;
  return wsuv_server_new(out, loop, &copy);
}

int world_server(world *w, wsuv_server_t **out, const wsuv_config_t *config) {
  if (w->kind == WORLD_UV) return world_server_on(w, world_uv_loop(w), out, config);
  const wsuv_config_t copy = in_world(w, config);
  return server_in_sim(w, out, &copy);
}

static size_t servers_closed;

static void on_closed(wsuv_server_t *server) {
  (void) server;
  servers_closed++;
}

void world_server_close(world *w, wsuv_server_t *server) {
  size_t target = servers_closed + 1;
  CHECK(wsuv_server_close(server, NULL, on_closed) == 0);
  world_run_until_count(w, &servers_closed, target);
}

#include "session/testkit_entry.h"

#include "net/uv/env_uv.h"
#include "session/client.h"
#include "session/server.h"

int wsuv_internal_client_new(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config) {
  return client_new_in(out, env, config);
}

int wsuv_internal_server_new(wsuv_server_t **out, ws_env *env, const wsuv_config_t *config) {
  return server_new_in(out, env, config);
}

int wsuv_internal_env_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc) {
  return env_uv_new(out, loop, alloc, NULL, NULL, WSUV_RESOLVER_AUTO);
}

#include "session/testkit_entry.h"

#include "base/error.h"
#include "net/uv/env_uv.h"
#include "session/attempt.h"
#include "session/client.h"
#include "session/config.h"
#include "session/log.h"
#include "session/server.h"
#include "session/session.h"

static int refuse(const config_input *read, int err, const ws_why *why) {
  return log_refusal((log_to){&read->config, NULL}, err, why);
}

/* The program's allocator and source of random bytes have no effect. */
static int read_config(config_input *read, ws_role role, const ws_env *env,
                       const wsuv_config_t *config) {
  ws_why why = {""};
  int err = config_read(read, role, config, &why);
  read->config.allocator = env->alloc;
  read->config.random = NULL;
  if (err == 0) err = config_check(&read->config, role, &why);
  return err < 0 ? refuse(read, err, &why) : 0;
}

int wsuv_internal_client_new(wsuv_client_t **out, ws_env *env, uv_loop_t *loop,
                             const wsuv_config_t *config) {
  config_input read;
  const ws_why none = {""};
  int err = read_config(&read, WS_CLIENT, env, config);
  if (err < 0) return err;
  err = client_new_in(out, env, &read.config);
  if (err < 0) return refuse(&read, err, &none);
  (*out)->endpoint.loop = loop;
  return 0;
}

int wsuv_internal_server_new(wsuv_server_t **out, ws_env *env, uv_loop_t *loop,
                             const wsuv_config_t *config) {
  config_input read;
  const ws_why none = {""};
  int err = read_config(&read, WS_SERVER, env, config);
  if (err < 0) return err;
  err = server_new_in(out, env, &read.config);
  if (err < 0) return refuse(&read, err, &none);
  (*out)->endpoint.loop = loop;
  return 0;
}

bool wsuv_internal_client_ends(const wsuv_client_t *client) {
  return client->endpoint.closing;
}

bool wsuv_internal_server_ends(const wsuv_server_t *server) {
  return server->endpoint.closing || server->draining;
}

size_t wsuv_internal_server_owed(const wsuv_server_t *server) {
  return server->owed;
}

int wsuv_internal_session_send_bytes(wsuv_session_t *s, const void *data, size_t len) {
  if (s->state != SESSION_OPEN) return WSUV_ESTATE;
  if (out_queue_len(session_queue(s)) > 0) return 1;
  if (!session_have_work(s)) return WS_ENOMEM;
  int err = len > 0 ? out_queue_raw(session_queue(s), data, len) : 0;
  if (err == 0) session_schedule(s);
  return err;
}

int wsuv_internal_session_set_request(wsuv_session_t *s, const char *text, size_t len) {
  return attempt_set_request(s->opening, text, len);
}

int wsuv_internal_env_new(ws_env **out, uv_loop_t *loop, const wsuv_allocator_t *alloc) {
  return env_uv_new(out, loop, alloc, NULL, NULL, WSUV_RESOLVER_AUTO);
}

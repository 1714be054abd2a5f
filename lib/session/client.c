#include "session/client.h"

#include "base/error.h"
#include "net/uv/env_uv.h"
#include "session/config.h"
#include "session/notify.h"
#include "session/session.h"

/* Creates, closes and queries the client. The parts that a server needs, too, are in the
   endpoint. */

static wsuv_client_t *client_of(endpoint *e) {
  return (wsuv_client_t *) (void *) ((char *) e - offsetof(wsuv_client_t, endpoint));
}

/* Closing */

static void on_gone(endpoint *e) {
  wsuv_client_t *client = client_of(e);
  const wsuv_allocator_t alloc = e->alloc;
  ending_function cb;
  while ((cb = ending_next_callback(&client->ending)) != NULL) {
    notify_client_closed((wsuv_client_close_cb) cb, client);
  }
  endpoint_free(e);
  ws_free(&alloc, client);
}

int wsuv_client_close(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return client != NULL ? ending_close(&client->ending, NULL, (ending_function) cb) : 0;
}

int wsuv_client_close_with(wsuv_client_t *client, const wsuv_end_t *how, wsuv_client_close_cb cb) {
  wsuv_end_t read;
  ws_why why = {""};
  if (client == NULL || how == NULL) return wsuv_client_close(client, cb);
  int err = ending_read(&read, how, &why);
  if (err < 0) return log_refusal(endpoint_log(&client->endpoint), err, &why);
  return ending_close(&client->ending, &read, (ending_function) cb);
}

int wsuv_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return client != NULL ? ending_terminate(&client->ending, (ending_function) cb) : 0;
}

/* Creating */

int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config) {
  wsuv_client_t *client = ws_calloc(env->alloc, sizeof *client);
  if (client == NULL) return WS_ENOMEM;
  int err = endpoint_init(&client->endpoint, WS_CLIENT, env, config, on_gone);
  if (err < 0) {
    ws_free(env->alloc, client);
    return err;
  }
  resolver_init(&client->resolver, env, &client->endpoint.dial_turns);
  ending_init(&client->ending, &client->endpoint);
  session_trace(&client->endpoint);
  *out = client;
  return 0;
}

int wsuv_client_new(wsuv_client_t **client, uv_loop_t *loop, const wsuv_config_t *config) {
  config_input read;
  ws_env *env;
  if (loop == NULL)
    return WS_EINVAL; /* uv_default_loop() returns NULL when the process has no descriptors left */
  ws_why why = {""};
  int err = config_read(&read, WS_CLIENT, config, &why);
  config = &read.config;
  if (err == 0) err = config_check(config, WS_CLIENT, &why);
  if (err < 0) return log_refusal((log_to){config, NULL}, err, &why);
  const wsuv_allocator_t *alloc = config->allocator != NULL ? config->allocator : &ws_alloc_libc;
  err = env_uv_new(&env, loop, alloc, config->random, config->random_arg, config->resolver);
  if (err < 0) return err;
  err = client_new_in(client, env, config);
  if (err < 0) {
    env_uv_discard(env);
    if (err == WSUV_ESIZE) ws_why_set(&why, err, "wsuv_extension_t");
    return log_refusal((log_to){config, NULL}, err, &why);
  }
  (*client)->endpoint.loop = loop;
  return 0;
}

/* Posts */

static void run_post(endpoint *e, void (*function)(void), void *arg) {
  notify_posted((wsuv_post_cb) function, client_of(e), arg);
}

int wsuv_client_post(wsuv_client_t *client, wsuv_post_cb cb, void *arg) {
  return endpoint_post(&client->endpoint, run_post, (void (*)(void)) cb, arg);
}

int wsuv_client_set_tls(wsuv_client_t *client, const wsuv_tls_config_t *tls) {
  return endpoint_set_tls(&client->endpoint, tls);
}

/* Getters */

void wsuv_client_copy_config(const wsuv_client_t *client, wsuv_config_t *config, size_t size) {
  endpoint_copy_config(&client->endpoint, config, size);
}

wsuv_client_t *wsuv_session_client(const wsuv_session_t *session) {
  return session->endpoint->role == WS_CLIENT ? client_of(session->endpoint) : NULL;
}

uv_loop_t *wsuv_client_loop(const wsuv_client_t *client) {
  return client->endpoint.loop;
}

size_t wsuv_client_session_count(const wsuv_client_t *client) {
  return client->endpoint.session_count;
}

void wsuv_client_each(wsuv_client_t *client, wsuv_client_each_cb cb, void *arg) {
  session_each(&client->endpoint, cb, arg);
}

void wsuv_client_set_data(wsuv_client_t *client, void *data) {
  client->data = data;
}

void *wsuv_client_data(const wsuv_client_t *client) {
  return client->data;
}

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
  ws_list *node;
  while ((node = ws_list_pop(&client->closers)) != NULL) {
    client_closer *c = ws_list_entry(node, client_closer, node);
    notify_client_closed(c->cb, client);
    if (c != &client->closer) ws_free(&alloc, c);
  }
  endpoint_free(e);
  ws_free(&alloc, client);
}

static int remember(wsuv_client_t *client, wsuv_client_close_cb cb) {
  if (cb == NULL) return 0;
  bool first = ws_list_empty(&client->closers);
  client_closer *c = first ? &client->closer : ws_malloc(&client->endpoint.alloc, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  c->cb = cb;
  ws_list_append(&client->closers, &c->node);
  return 0;
}

/* If no close frame can be made, the session is terminated. */
static void close_session(wsuv_session_t *s) {
  if (wsuv_session_close(s, WSUV_CLOSE_GOING_AWAY, NULL) < 0) wsuv_session_terminate(s);
}

/* If the program has closed the handles, there is no connection any more for a closing
   handshake. */
static int client_end(wsuv_client_t *client, wsuv_client_close_cb cb,
                      void (*each)(wsuv_session_t *)) {
  if (client == NULL) return 0;
  endpoint *e = &client->endpoint;
  if (endpoint_lost(e)) each = wsuv_session_terminate;
  int err = remember(client, cb), recovered = endpoint_close(e);
  for (ws_list *n = e->sessions.next; n != &e->sessions; n = n->next) {
    each(ws_list_entry(n, wsuv_session_t, node));
  }
  return err < 0 ? err : recovered;
}

int wsuv_client_close(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return client_end(client, cb, close_session);
}

int wsuv_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return client_end(client, cb, wsuv_session_terminate);
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
  resolver_init(&client->resolver, env);
  ws_list_init(&client->closers);
  session_trace(&client->endpoint);
  *out = client;
  return 0;
}

int wsuv_client_new(wsuv_client_t **client, uv_loop_t *loop, const wsuv_config_t *config) {
  config_input read;
  wsuv_config_t defaults;
  ws_env *env;
  wsuv_client_config_init(&defaults);
  if (loop == NULL)
    return WS_EINVAL; /* uv_default_loop() returns NULL when the process has no descriptors left */
  ws_why why = {""};
  int err = config_read(&read, WS_CLIENT, config != NULL ? config : &defaults, &why);
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

static void run_post(endpoint *e, void (*cb)(void), void *arg) {
  notify_posted((wsuv_post_cb) cb, client_of(e), arg);
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

void wsuv_client_walk(wsuv_client_t *client, wsuv_client_walk_cb cb, void *arg) {
  session_walk(&client->endpoint, cb, arg);
}

void wsuv_client_set_data(wsuv_client_t *client, void *data) {
  client->data = data;
}

void *wsuv_client_data(const wsuv_client_t *client) {
  return client->data;
}

#include "session/client.h"

#include <string.h>

#include "base/error.h"
#include "net/uv/env_uv.h"
#include "session/config.h"
#include "session/log.h"
#include "session/post.h"
#include "session/secure.h"
#include "session/session.h"

/* The client: made, turned, closed. What a session does is the session's business. */

/* The end */

/* One more who waits for it. */
typedef struct close_waiter {
  ws_list node;
  wsuv_client_close_cb cb;
} close_waiter;

static void on_env_closed(void *data) {
  wsuv_client_t *client = data;
  const wsuv_allocator_t alloc = client->alloc;
  ws_list *node;
  if (client->close_cb != NULL) client->close_cb(client);
  while ((node = ws_list_pop(&client->close_waiters)) != NULL) {
    close_waiter *w = ws_list_entry(node, close_waiter, node);
    w->cb(client);
    ws_free(&alloc, w);
  }
  posts_free(client);
  ws_free(&alloc, client);
}

/* Everything but the structure itself, which the last callbacks are still given. */
static void release(wsuv_client_t *client) {
  client->env->ops->deferred_free(client->turn);
  client->turn = NULL;
  secure_free(client);
  callback_set_unref(client->callbacks, &client->alloc);
  completion_pool_free(&client->completions);
  conn_shared_free(&client->shared);
  config_free(&client->config, &client->alloc);
  extension_list_unref(client->extensions);
  ws_free(&client->alloc, client->read_buf);
}

/* The turn */

static void on_turn(void *data) {
  wsuv_client_t *client = data;
  ws_list due, *node;
  posts_run(client);
  ws_list_init(&due);
  ws_list_splice(&due, &client->owed);
  while ((node = ws_list_pop(&due)) != NULL) {
    session_turn(ws_list_entry(node, wsuv_session_t, owed));
  }
  if (!client->closing || !ws_list_empty(&client->sessions)) return;
  posts_run(client); /* those that were taken just before it closed */
  release(client);
  client->env->ops->close(client->env, on_env_closed, client);
}

void client_owe(wsuv_client_t *client, ws_list *session_owed) {
  ws_list_remove(session_owed);
  ws_list_append(&client->owed, session_owed);
  client->env->ops->deferred_schedule(client->turn);
}

void client_hold(wsuv_client_t *client, bool on) {
  bool before = client->holding > 0;
  client->holding = on ? client->holding + 1 : client->holding - 1;
  bool after = client->holding > 0;
  if (after != before) client->env->ops->hold(client->env, after);
}

void client_session_gone(wsuv_client_t *client) {
  client->session_count--;
  if (client->closing) client->env->ops->deferred_schedule(client->turn);
}

/* Making one */

/* A copy of the configuration. What can be read of it later are the extensions that are installed,
   so that they can be installed again for a request. */
static int configure(wsuv_client_t *client, const wsuv_config_t *config) {
  const wsuv_allocator_t *alloc = &client->alloc;
  int err = config_copy(&client->config, alloc, config);
  if (err < 0) return err;
  client->config.allocator = alloc;
  err = extension_list_new(&client->extensions, alloc, config->extensions, config->extension_count);
  if (err < 0) config_free(&client->config, alloc);
  if (client->extensions != NULL) client->config.extensions = client->extensions->hooks;
  return err;
}

static int fill(wsuv_client_t *client, ws_env *env, const wsuv_config_t *config) {
  const wsuv_allocator_t *alloc = &client->alloc;
  int err = posts_init(client);
  if (err < 0) return err;
  err = configure(client, config);
  if (err < 0) {
    posts_free(client);
    return err;
  }
  client->read_buf = ws_malloc(alloc, CLIENT_READ_SIZE);
  err = client->read_buf == NULL ? WS_ENOMEM
                                 : env->ops->deferred_new(env, on_turn, client, &client->turn);
  if (err < 0) {
    posts_free(client);
    config_free(&client->config, alloc);
    extension_list_unref(client->extensions);
    ws_free(alloc, client->read_buf);
  }
  return err;
}

int client_new_in(wsuv_client_t **out, ws_env *env, const wsuv_config_t *config) {
  wsuv_client_t *client = ws_calloc(env->alloc, sizeof *client);
  if (client == NULL) return WS_ENOMEM;
  client->alloc = *env->alloc;
  int err = fill(client, env, config);
  if (err < 0) {
    ws_free(env->alloc, client);
    return err;
  }
  client->env = env;
  conn_shared_init(&client->shared, env);
  resolver_init(&client->resolver, env);
  completion_pool_init(&client->completions, &client->alloc);
  if (log_wants(client, WSUV_LOG_DEBUG)) client->shared.trace = log_frame;
  if (log_wants(client, WSUV_LOG_TRACE)) client->shared.dump = log_payload;
  ws_list_init(&client->sessions);
  ws_list_init(&client->owed);
  ws_list_init(&client->close_waiters);
  *out = client;
  return 0;
}

int wsuv_client_new(wsuv_client_t **client, uv_loop_t *loop, const wsuv_config_t *config) {
  wsuv_config_t defaults;
  ws_env *env;
  wsuv_client_config_init(&defaults);
  if (config == NULL) config = &defaults;
  if (loop == NULL) return WS_EINVAL; /* uv_default_loop() says so when there are no descriptors */
  int err = config_check(config);
  if (err < 0) return err;
  const wsuv_allocator_t *alloc = config->allocator != NULL ? config->allocator : &ws_alloc_libc;
  err = env_uv_new(&env, loop, alloc, config->random, config->random_arg);
  if (err < 0) return err;
  err = client_new_in(client, env, config);
  if (err < 0) {
    env_uv_discard(env);
    return err;
  }
  (*client)->loop = loop;
  return 0;
}

/* Closing */

static int remember(wsuv_client_t *client, wsuv_client_close_cb cb) {
  if (cb == NULL) return 0;
  if (client->close_cb == NULL) {
    client->close_cb = cb;
    return 0;
  }
  close_waiter *w = ws_malloc(&client->alloc, sizeof *w);
  if (w == NULL) return WS_ENOMEM;
  w->cb = cb;
  ws_list_append(&client->close_waiters, &w->node);
  return 0;
}

/* A close frame that cannot be made leaves only the hard way. */
static void close_session(wsuv_session_t *s) {
  if (wsuv_session_close(s, WSUV_CLOSE_GOING_AWAY, NULL) < 0) wsuv_session_terminate(s);
}

static int end(wsuv_client_t *client, wsuv_client_close_cb cb, void (*each)(wsuv_session_t *)) {
  if (client == NULL) return 0;
  int err = remember(client, cb);
  client->closing = true;
  posts_close(client);
  for (ws_list *n = client->sessions.next; n != &client->sessions; n = n->next) {
    each(ws_list_entry(n, wsuv_session_t, node));
  }
  bool over = client->turn == NULL;
  if (!over) client->env->ops->deferred_schedule(client->turn);
  return err;
}

int wsuv_client_close(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return end(client, cb, close_session);
}

int wsuv_client_terminate(wsuv_client_t *client, wsuv_client_close_cb cb) {
  return end(client, cb, wsuv_session_terminate);
}

void wsuv_client_copy_config(const wsuv_client_t *client, wsuv_config_t *config, size_t size) {
  size_t known = sizeof client->config;
  memset(config, 0, size);
  memcpy(config, &client->config, size < known ? size : known);
  config->size = size;
}

uv_loop_t *wsuv_client_loop(const wsuv_client_t *client) {
  return client->loop;
}

size_t wsuv_client_session_count(const wsuv_client_t *client) {
  return client->session_count;
}

void wsuv_client_set_data(wsuv_client_t *client, void *data) {
  client->data = data;
}

void *wsuv_client_data(const wsuv_client_t *client) {
  return client->data;
}

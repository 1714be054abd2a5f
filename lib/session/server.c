#include "session/server.h"

#include "base/error.h"
#include "net/uv/env_uv.h"
#include "session/config.h"
#include "session/incoming.h"
#include "session/listener.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/route.h"
#include "session/session.h"

/* Creates, closes and queries the server. The parts that a client needs, too, are in the
   endpoint. */

/* Ending */

static void on_gone(endpoint *e) {
  wsuv_server_t *server = server_of(e);
  ending_function cb;
  while ((cb = ending_next_callback(&server->ending)) != NULL) {
    notify_server_closed((wsuv_server_close_cb) cb, server);
  }
  endpoint_free(e);
  server_free(server);
}

/* Everything is over but the endpoint itself. */
static void on_release(endpoint *e) {
  wsuv_server_t *server = server_of(e);
  ws_list *node;
  handshakes_free(&server->handshakes);
  router_clear(&server->routes);
  while ((node = ws_list_pop(&server->route_list)) != NULL) {
    route_free(ws_list_entry(node, route, node), &e->alloc);
  }
  address_counts_free(&server->addresses);
  address_counts_free(&server->sessions);
  address_ranges_free(&server->proxies);
}

/* Listeners, and connections without a session. */
static void end_others(wsuv_server_t *server, bool now) {
  listener_close_all(server);
  incoming_end_all(&server->handshakes, now);
}

static void terminate_others(endpoint *e) {
  end_others(server_of(e), true);
}

static int server_close(wsuv_server_t *server, const wsuv_end_t *how, ending_function cb) {
  int err = ending_close(&server->ending, how, cb);
  end_others(server, endpoint_lost(&server->endpoint));
  return err;
}

int wsuv_server_close(wsuv_server_t *server, const wsuv_end_t *how, wsuv_server_close_cb cb) {
  wsuv_end_t read;
  ws_why why = {""};
  if (server == NULL) return 0;
  wsuv_end_init(&read);
  int err = how != NULL ? ending_read(&read, how, &why) : 0;
  if (err < 0) return log_refusal(endpoint_log(&server->endpoint), err, &why);
  return server_close(server, &read, (ending_function) cb);
}

int wsuv_server_terminate(wsuv_server_t *server, wsuv_server_close_cb cb) {
  return server != NULL ? ending_terminate(&server->ending, (ending_function) cb) : 0;
}

/* Draining */

static bool is_idle(const wsuv_server_t *server) {
  return server->endpoint.session_count == 0 && handshakes_all(&server->handshakes) == 0;
}

/* It runs in one tick after the other until the listeners have accepted what waited. */
static void on_drain_task(endpoint_task *task) {
  wsuv_server_t *server = ws_list_entry(task, wsuv_server_t, drain_task);
  endpoint *e = &server->endpoint;
  if (e->closing || endpoint_lost(e)) return;
  if (listener_drain(server)) {
    endpoint_schedule(e, task);
  } else if (ws_list_empty(&server->listeners) && is_idle(server)) {
    (void) server_close(server, NULL, NULL); /* it remembers no callback, and nothing is lost */
  }
}

int wsuv_server_drain(wsuv_server_t *server, wsuv_server_close_cb cb) {
  if (server == NULL) return 0;
  endpoint *e = &server->endpoint;
  if (endpoint_lost(e)) return WS_ECANCELED;
  int err = ending_remember(&server->ending, (ending_function) cb);
  server->draining = true;
  incoming_drain_all(&server->handshakes);
  if (!e->closing) endpoint_schedule(e, &server->drain_task); /* there may be no tick any more */
  return err;
}

/* A session, or a connection without one, is gone. */
static void on_removed(endpoint *e, const ws_list *session) {
  wsuv_server_t *server = server_of(e);
  if (session != NULL) server_uncount_session(server, session);
  if (server->draining && is_idle(server)) endpoint_schedule(e, &server->drain_task);
}

/* Creating */

static int fill(wsuv_server_t *server, ws_env *env, const wsuv_config_t *config) {
  endpoint *e = &server->endpoint;
  uint64_t seed;
  int err = env->ops->random(env, &seed, sizeof seed);
  if (err == 0) {
    err = address_ranges_init(&server->proxies, env->alloc, config->trusted_proxies,
                              config->trusted_proxy_count);
  }
  if (err < 0) return err;
  err = endpoint_init(e, WS_SERVER, env, config, on_gone);
  if (err < 0) goto no_endpoint;
  err = handshakes_init(&server->handshakes, env);
  if (err < 0) goto no_handshakes;
  e->on_release = on_release;
  e->on_removed = on_removed;
  address_counts_init(&server->addresses, &e->alloc, seed);
  address_counts_init(&server->sessions, &e->alloc, seed);
  router_init(&server->routes, &e->alloc);
  ending_init(&server->ending, e);
  server->ending.terminate_others = terminate_others;
  return 0;

no_handshakes:
  endpoint_discard(e);
no_endpoint:
  address_ranges_free(&server->proxies);
  return err;
}

int server_new_in(wsuv_server_t **out, ws_env *env, const wsuv_config_t *config) {
  wsuv_server_t *server = ws_calloc(env->alloc, sizeof *server);
  if (server == NULL) return WS_ENOMEM;
  ws_list_init(&server->route_list);
  ws_list_init(&server->listeners);
  ws_list_init(&server->drain_task.node);
  server->drain_task.run = on_drain_task;
  int err = fill(server, env, config);
  if (err < 0) {
    ws_free(env->alloc, server);
    return err;
  }
  session_trace(&server->endpoint);
  *out = server;
  return 0;
}

int wsuv_server_new(wsuv_server_t **server, uv_loop_t *loop, const wsuv_config_t *config) {
  config_input read;
  ws_env *env;
  ws_why why = {""};
  if (loop == NULL) return WS_EINVAL;
  int err = config_read(&read, WS_SERVER, config, &why);
  config = &read.config;
  if (err == 0) err = config_check(config, WS_SERVER, &why);
  if (err < 0) return log_refusal((log_to){config, NULL}, err, &why);
  const wsuv_allocator_t *alloc = config->allocator != NULL ? config->allocator : &ws_alloc_libc;
  err = env_uv_new(&env, loop, alloc, config->random, config->random_arg, config->resolver);
  if (err < 0) return err;
  err = server_new_in(server, env, config);
  if (err < 0) {
    env_uv_discard(env);
    if (err == WSUV_ESIZE) ws_why_set(&why, err, "wsuv_extension_t");
    return log_refusal((log_to){config, NULL}, err, &why);
  }
  (*server)->endpoint.loop = loop;
  return 0;
}

/* Routes and hooks */

int wsuv_server_add_route(wsuv_server_t *server, const wsuv_route_t *from) {
  const char *path, *subprotocol;
  route *r;
  ws_why why = {""};
  endpoint *e = &server->endpoint;
  if (endpoint_lost(e)) return WS_ECANCELED;
  if (e->closing) return WSUV_ESTATE;
  int err = route_new(&r, e, from, &path, &subprotocol, &why);
  if (err < 0) return log_refusal(endpoint_log(&server->endpoint), err, &why);
  err = router_add(&server->routes, path, subprotocol, r, &why);
  if (err < 0) {
    route_free(r, &e->alloc);
    return log_refusal(endpoint_log(&server->endpoint), err, &why);
  }
  ws_list_append(&server->route_list, &r->node);
  return 0;
}

int wsuv_server_route(wsuv_server_t *server, const char *path, const wsuv_callbacks_t *callbacks,
                      void *data) {
  wsuv_route_t from;
  wsuv_route_init(&from, path);
  from.callbacks = callbacks;
  from.data = data;
  return wsuv_server_add_route(server, &from);
}

void wsuv_server_on_upgrade(wsuv_server_t *server, wsuv_upgrade_cb cb) {
  server->upgrade_cb = cb;
}

void wsuv_server_on_request(wsuv_server_t *server, wsuv_exchange_cb cb) {
  server->request_cb = cb;
}

void wsuv_server_on_refused(wsuv_server_t *server, wsuv_refused_cb cb) {
  server->refused_cb = cb;
}

/* Properties */

static void run_post(endpoint *e, void (*function)(void), void *arg) {
  notify_server_posted((wsuv_server_post_cb) function, server_of(e), arg);
}

int wsuv_server_post(wsuv_server_t *server, wsuv_server_post_cb cb, void *arg) {
  return endpoint_post(&server->endpoint, run_post, (void (*)(void)) cb, arg);
}

int wsuv_server_set_tls(wsuv_server_t *server, const wsuv_tls_config_t *tls) {
  return endpoint_set_tls(&server->endpoint, tls);
}

void wsuv_server_copy_config(const wsuv_server_t *server, wsuv_config_t *config, size_t size) {
  endpoint_copy_config(&server->endpoint, config, size);
}

wsuv_server_t *wsuv_session_server(const wsuv_session_t *session) {
  return session->endpoint->role == WS_SERVER ? server_of(session->endpoint) : NULL;
}

uv_loop_t *wsuv_server_loop(const wsuv_server_t *server) {
  return server->endpoint.loop;
}

size_t wsuv_server_session_count(const wsuv_server_t *server) {
  return server->endpoint.session_count;
}

void wsuv_server_each(wsuv_server_t *server, wsuv_server_each_cb cb, void *arg) {
  session_each(&server->endpoint, cb, arg);
}

void wsuv_server_set_data(wsuv_server_t *server, void *data) {
  server->data = data;
}

void *wsuv_server_data(const wsuv_server_t *server) {
  return server->data;
}

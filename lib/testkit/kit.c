#include "testkit/kit.h"

/* Makes and frees worlds, and the program's clients and servers in them. */

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "session/testkit_entry.h"
#include "testkit/check.h"

/* Worlds */

/* WSUV_TEST_SEED replaces the seed, if it is a number. */
uint64_t kit_choose_seed(uint64_t seed) {
  const char *text = getenv("WSUV_TEST_SEED");
  char *end;
  if (text == NULL || *text == '\0') return seed;
  errno = 0;
  unsigned long long number = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0' ? number : seed;
}

wsuv_testkit_t *kit_new(const kit_world_ops *ops, uint64_t seed) {
  wsuv_testkit_t *kit = check_alloc(sizeof *kit);
  kit->ops = ops;
  kit->seed = check_seed = kit_choose_seed(seed);
  track_alloc_init(&kit->memory);
  ws_list_init(&kit->endpoints);
  ws_list_init(&kit->conversations);
  return kit;
}

void kit_free(wsuv_testkit_t *kit) {
  check_free(kit);
}

uint64_t wsuv_testkit_seed(const wsuv_testkit_t *kit) {
  return kit->seed;
}

uv_loop_t *wsuv_testkit_loop(wsuv_testkit_t *kit) {
  return kit->loop;
}

/* Clients and servers */

kit_endpoint *kit_find_server(const wsuv_testkit_t *kit, const wsuv_server_t *server) {
  for (ws_list *n = kit->endpoints.next; n != &kit->endpoints; n = n->next) {
    kit_endpoint *e = ws_list_entry(n, kit_endpoint, node);
    if (e->server == server && server != NULL) return e;
  }
  return NULL;
}

static void on_env_closed(void *data) {
  kit_endpoint *e = data;
  ws_env_cb cb = e->on_close;
  void *cb_data = e->on_close_data;
  ws_list_remove(&e->node);
  check_free(e);
  cb(cb_data);
}

/* The table of operations begins the record. */
static void close_env(ws_env *env, ws_env_cb cb, void *data) {
  kit_endpoint *e =
      (kit_endpoint *) (void *) ((char *) (uintptr_t) env->ops - offsetof(kit_endpoint, ops));
  if (e->server != NULL) e->kit->owed += wsuv_internal_server_owed(e->server);
  e->on_close = cb;
  e->on_close_data = data;
  e->close(env, on_env_closed, e);
}

static int endpoint_new(wsuv_testkit_t *kit, kit_endpoint **out) {
  ws_env *env;
  int err = kit->ops->env_new(kit, &env, &kit->memory.handle);
  if (err < 0) return err;
  kit_endpoint *e = check_alloc(sizeof *e);
  e->kit = kit;
  e->env = env;
  e->ops = *env->ops;
  e->close = env->ops->close;
  e->ops.close = close_env;
  env->ops = &e->ops;
  ws_list_append(&kit->endpoints, &e->node);
  *out = e;
  return 0;
}

static void do_nothing(void *data) {
  (void) data;
}

/* 0, or the endpoint is gone. */
static int endpoint_made(kit_endpoint *e, int err) {
  if (err < 0) e->ops.close(e->env, do_nothing, NULL);
  return err;
}

int wsuv_testkit_client(wsuv_testkit_t *kit, wsuv_client_t **client, const wsuv_config_t *config) {
  kit_endpoint *e;
  int err = endpoint_new(kit, &e);
  if (err < 0) return err;
  err = wsuv_internal_client_new(&e->client, e->env, kit->loop, config);
  if (err == 0) *client = e->client;
  return endpoint_made(e, err);
}

int wsuv_testkit_server(wsuv_testkit_t *kit, wsuv_server_t **server, const wsuv_config_t *config) {
  kit_endpoint *e;
  int err = endpoint_new(kit, &e);
  if (err < 0) return err;
  err = wsuv_internal_server_new(&e->server, e->env, kit->loop, config);
  if (err == 0) *server = e->server;
  return endpoint_made(e, err);
}

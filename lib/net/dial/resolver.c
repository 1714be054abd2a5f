#include "net/dial/resolver.h"

#include <string.h>

#include "base/error.h"

/* A list of lookups under way, each with a list of those who wait for it. */

typedef struct resolver_name {
  ws_list node; /* of resolver.names, until there is an answer */
  const wsuv_allocator_t *alloc;
  const ws_env_ops *ops;
  ws_list waiters;
  ws_lookup *lookup; /* NULL: the answer is being given */
  uint16_t port;
  char host[];
} resolver_name;

void resolver_init(resolver *r, ws_env *env) {
  r->env = env;
  ws_list_init(&r->names);
}

static resolver_name *find(resolver *r, const char *host, uint16_t port) {
  for (ws_list *n = r->names.next; n != &r->names; n = n->next) {
    resolver_name *name = ws_list_entry(n, resolver_name, node);
    if (name->port == port && strcmp(name->host, host) == 0) return name;
  }
  return NULL;
}

static void forget(resolver_name *name) {
  ws_list_remove(&name->node);
  ws_free(name->alloc, name);
}

/* Whoever asks again while the answer is given begins anew, and whoever is told may cancel
   others. */
static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  resolver_name *name = data;
  ws_list *node;
  ws_list_remove(&name->node);
  name->lookup = NULL;
  while ((node = ws_list_pop(&name->waiters)) != NULL) {
    resolver_waiter *w = ws_list_entry(node, resolver_waiter, node);
    w->cb(w->data, status, addrs, count);
  }
  forget(name);
}

static int begin(resolver *r, const char *host, uint16_t port, resolver_name **out) {
  size_t size = strlen(host) + 1;
  resolver_name *name = ws_calloc(r->env->alloc, sizeof *name + size);
  if (name == NULL) return WS_ENOMEM;
  ws_list_init(&name->node);
  ws_list_init(&name->waiters);
  name->alloc = r->env->alloc;
  name->ops = r->env->ops;
  name->port = port;
  memcpy(name->host, host, size);
  int err = name->ops->lookup(r->env, host, port, on_lookup, name, &name->lookup);
  if (err < 0) {
    forget(name);
    return err;
  }
  ws_list_append(&r->names, &name->node);
  *out = name;
  return 0;
}

int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data) {
  resolver_name *name = find(r, host, port);
  int err = name == NULL ? begin(r, host, port, &name) : 0;
  if (err < 0) return err;
  w->name = name;
  w->cb = cb;
  w->data = data;
  ws_list_append(&name->waiters, &w->node);
  return 0;
}

void resolver_cancel(resolver_waiter *w) {
  resolver_name *name = w->name;
  ws_list_remove(&w->node);
  if (name->lookup == NULL || !ws_list_empty(&name->waiters)) return;
  name->ops->lookup_cancel(name->lookup);
  forget(name);
}

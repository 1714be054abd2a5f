#include "net/dial/resolver.h"

#include <string.h>

#include "base/error.h"

/* A list of running lookups. Each has a list of waiters. */

typedef struct resolver_query {
  ws_list node; /* This links the query into resolver.queries, until it is answered. */
  const wsuv_allocator_t *alloc; /* This is the environment's allocator, which frees the query. */
  const ws_env_ops *ops;         /* These are the environment's functions. */
  ws_list waiters;               /* These resolver_waiters of the callers wait for the addresses. */
  ws_lookup *lookup; /* The query owns this lookup; it is NULL once its callback runs. */
  uint16_t port;     /* The addresses have this port. */
  char host[];       /* This is the name to be looked up, terminated. */
} resolver_query;

void resolver_init(resolver *r, ws_env *env) {
  r->env = env;
  ws_list_init(&r->queries);
}

static resolver_query *resolver_find(resolver *r, const char *host, uint16_t port) {
  for (ws_list *n = r->queries.next; n != &r->queries; n = n->next) {
    resolver_query *query = ws_list_entry(n, resolver_query, node);
    if (query->port == port && strcmp(query->host, host) == 0) return query;
  }
  return NULL;
}

static void resolver_drop(resolver_query *query) {
  ws_list_remove(&query->node);
  ws_free(query->alloc, query);
}

/* A waiter's callback may ask for the same name, which starts a new lookup, and may cancel other
   waiters. */
static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  resolver_query *query = data;
  ws_list *node;
  ws_list_remove(&query->node);
  query->lookup = NULL;
  while ((node = ws_list_pop(&query->waiters)) != NULL) {
    resolver_waiter *w = ws_list_entry(node, resolver_waiter, node);
    w->cb(w->data, status, addrs, count);
  }
  resolver_drop(query);
}

static int resolver_begin(resolver *r, const char *host, uint16_t port, resolver_query **out) {
  size_t size = strlen(host) + 1;
  resolver_query *query = ws_calloc(r->env->alloc, sizeof *query + size);
  if (query == NULL) return WS_ENOMEM;
  ws_list_init(&query->node);
  ws_list_init(&query->waiters);
  query->alloc = r->env->alloc;
  query->ops = r->env->ops;
  query->port = port;
  memcpy(query->host, host, size);
  int err = query->ops->lookup(r->env, host, port, on_lookup, query, &query->lookup);
  if (err < 0) {
    resolver_drop(query);
    return err;
  }
  ws_list_append(&r->queries, &query->node);
  *out = query;
  return 0;
}

bool resolver_is_looking_up(resolver *r, const char *host, uint16_t port) {
  return resolver_find(r, host, port) != NULL;
}

int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data) {
  resolver_query *query = resolver_find(r, host, port);
  int err = query == NULL ? resolver_begin(r, host, port, &query) : 0;
  if (err < 0) return err;
  w->query = query;
  w->cb = cb;
  w->data = data;
  ws_list_append(&query->waiters, &w->node);
  return 0;
}

void resolver_cancel(resolver_waiter *w) {
  resolver_query *query = w->query;
  ws_list_remove(&w->node);
  if (query->lookup == NULL || !ws_list_empty(&query->waiters)) return;
  query->ops->lookup_cancel(query->lookup);
  resolver_drop(query);
}

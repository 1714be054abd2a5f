#include "net/dial/resolver.h"

#include <string.h>

#include "base/error.h"
#include "base/fnv.h"

/* A hash table of lookups without a result. Each has a list of waiters, and a place in the list of
   turns: first until the lookup may begin, then while some waiters have not got the result. */

typedef struct resolver_query {
  ws_list node;      /* This links the query into resolver.queries, until it has a result. */
  ws_env *env;       /* This is the resolver's environment, whose allocator frees the query. */
  turn_list *turns;  /* This is the resolver's budget. */
  turn_place turn;   /* The query waits with this for its turn. */
  ws_list waiters;   /* These resolver_waiters of the callers wait for the addresses. */
  ws_lookup *lookup; /* The query owns this lookup while that is running; otherwise it is NULL. */
  bool has_result;   /* `status`, `addrs` and `count` are set. */
  bool telling;      /* A waiter's callback may be running. */
  int status;        /* The lookup has ended with 0, or with this error. */
  struct sockaddr_storage *addrs; /* The query owns these addresses, or this is NULL. */
  size_t count;                   /* This is the number of addresses. */
  uint16_t port;                  /* The addresses have this port. */
  char host[];                    /* This is the name to be looked up, terminated. */
} resolver_query;

void resolver_init(resolver *r, ws_env *env, turn_list *turns) {
  r->env = env;
  r->turns = turns;
  for (size_t i = 0; i < RESOLVER_BUCKETS; i++) ws_list_init(&r->queries[i]);
}

static ws_list *bucket_of(resolver *r, const char *host, uint16_t port) {
  uint32_t hash = fnv_begin(port);
  for (const char *c = host; *c != '\0'; c++) hash = fnv_add(hash, (uint8_t) *c);
  return &r->queries[fnv_end(hash) % RESOLVER_BUCKETS];
}

static resolver_query *resolver_find(const ws_list *bucket, const char *host, uint16_t port) {
  for (ws_list *n = bucket->next; n != bucket; n = n->next) {
    resolver_query *query = ws_list_entry(n, resolver_query, node);
    if (query->port == port && strcmp(query->host, host) == 0) return query;
  }
  return NULL;
}

static void resolver_drop(resolver_query *query) {
  const wsuv_allocator_t *alloc = query->env->alloc;
  ws_list_remove(&query->node);
  turn_place_leave(&query->turn);
  ws_free(alloc, query->addrs);
  ws_free(alloc, query);
}

/* Give the result to as many waiters as the budget of this turn allows. A waiter's callback may ask
   for the same name, which starts a new lookup, and may cancel other waiters. */
static void resolver_tell(resolver_query *query) {
  query->telling = true;
  while (!ws_list_empty(&query->waiters) && turn_list_take(query->turns, &query->turn)) {
    resolver_waiter *w = ws_list_entry(ws_list_pop(&query->waiters), resolver_waiter, node);
    if (query->status < 0) turn_list_spend(query->turns, 1);
    w->cb(w->data, query->status, query->addrs, query->count);
  }
  query->telling = false;
  if (ws_list_empty(&query->waiters)) resolver_drop(query);
}

static int keep_addresses(resolver_query *query, const struct sockaddr_storage *addrs,
                          size_t count) {
  if (count == 0) return 0;
  query->addrs = ws_malloc(query->env->alloc, count * sizeof *addrs);
  if (query->addrs == NULL) return WS_ENOMEM;
  memcpy(query->addrs, addrs, count * sizeof *addrs);
  query->count = count;
  return 0;
}

static void on_lookup(void *data, int status, const struct sockaddr_storage *addrs, size_t count) {
  resolver_query *query = data;
  ws_list_remove(&query->node);
  query->lookup = NULL;
  query->has_result = true;
  query->status = status == 0 ? keep_addresses(query, addrs, count) : status;
  resolver_tell(query);
}

static int resolver_begin(resolver_query *query) {
  int err = query->env->ops->lookup(query->env, query->host, query->port, on_lookup, query,
                                    &query->lookup);
  turn_list_spend(query->turns, 1);
  return err;
}

static void resolver_on_turn(turn_place *turn) {
  resolver_query *query = ws_list_entry(turn, resolver_query, turn);
  if (query->has_result) {
    resolver_tell(query);
    return;
  }
  int err = resolver_begin(query);
  if (err < 0) on_lookup(query, err, NULL, 0);
}

static int query_new(resolver *r, ws_list *bucket, const char *host, uint16_t port,
                     resolver_query **out) {
  size_t size = strlen(host) + 1;
  resolver_query *query = ws_calloc(r->env->alloc, sizeof *query + size);
  if (query == NULL) return WS_ENOMEM;
  query->env = r->env;
  query->turns = r->turns;
  query->turn.run = resolver_on_turn;
  ws_list_init(&query->turn.node);
  ws_list_init(&query->waiters);
  query->port = port;
  memcpy(query->host, host, size);
  ws_list_append(bucket, &query->node);
  int err = turn_list_take(r->turns, &query->turn) ? resolver_begin(query) : 0;
  if (err < 0) {
    resolver_drop(query);
    return err;
  }
  *out = query;
  return 0;
}

/* To join a lookup that has no result yet costs nothing. */
int resolver_lookup(resolver *r, resolver_waiter *w, const char *host, uint16_t port,
                    ws_lookup_cb cb, void *data) {
  ws_list *bucket = bucket_of(r, host, port);
  resolver_query *query = resolver_find(bucket, host, port);
  int err = query == NULL ? query_new(r, bucket, host, port, &query) : 0;
  if (err < 0) return err;
  w->query = query;
  w->cb = cb;
  w->data = data;
  ws_list_append(&query->waiters, &w->node);
  return 0;
}

bool resolver_is_held(const resolver_waiter *w) {
  return turn_place_waits(&w->query->turn);
}

void resolver_cancel(resolver_waiter *w) {
  resolver_query *query = w->query;
  ws_list_remove(&w->node);
  if (query->telling || !ws_list_empty(&query->waiters)) return;
  if (query->lookup != NULL) query->env->ops->lookup_cancel(query->lookup);
  resolver_drop(query);
}

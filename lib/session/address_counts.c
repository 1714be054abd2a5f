#include "session/address_counts.h"

#include "base/error.h"
#include "net/address.h"

/* A hash table that grows. IPv4 addresses are kept as they would be mapped into IPv6, but in 64
   bits: the prefix ::ffff is no one's /64. */

enum { BUCKETS_MIN = 64 };

void address_counts_init(address_counts *t, const wsuv_allocator_t *alloc, uint64_t seed) {
  *t = (address_counts){.alloc = alloc, .seed = seed};
}

void address_counts_free(address_counts *t) {
  ws_free(t->alloc, t->buckets);
  ws_free(t->alloc, t->spare);
  t->buckets = NULL;
  t->spare = NULL;
}

/* Multiply and fold, with a random seed. */
static ws_list *bucket_of(const address_counts *t, uint64_t key) {
  uint64_t hash = (key ^ t->seed) * UINT64_C(0x9e3779b97f4a7c15);
  hash = (hash ^ (hash >> 32)) * (t->seed | 1);
  return &t->buckets[(hash >> 32) & (t->bucket_count - 1)];
}

static int grow(address_counts *t) {
  const size_t old_count = t->bucket_count, count = old_count > 0 ? old_count * 2 : BUCKETS_MIN;
  ws_list *old = t->buckets, *fresh, *node;
  if (count > SIZE_MAX / sizeof *fresh) return WS_ENOMEM;
  fresh = ws_malloc(t->alloc, count * sizeof *fresh);
  if (fresh == NULL) return WS_ENOMEM;
  for (size_t i = 0; i < count; i++) ws_list_init(&fresh[i]);
  t->buckets = fresh;
  t->bucket_count = count;
  for (size_t i = 0; i < old_count; i++) {
    while ((node = ws_list_pop(&old[i])) != NULL) {
      ws_list_append(bucket_of(t, ws_list_entry(node, address_count, node)->key), node);
    }
  }
  ws_free(t->alloc, old);
  return 0;
}

address_count *address_counts_find(const address_counts *t, uint64_t key) {
  if (t->count == 0) return NULL;
  const ws_list *bucket = bucket_of(t, key);
  for (ws_list *n = bucket->next; n != bucket; n = n->next) {
    address_count *c = ws_list_entry(n, address_count, node);
    if (c->key == key) return c;
  }
  return NULL;
}

address_count *address_counts_find_address(const address_counts *t,
                                           const struct sockaddr_storage *addr) {
  uint64_t key;
  return address_host(addr, &key) ? address_counts_find(t, key) : NULL;
}

/* A table that cannot grow only becomes slower. */
address_count *address_counts_at(address_counts *t, uint64_t key) {
  address_count *c = address_counts_find(t, key);
  if (c != NULL) return c;
  if (t->count >= t->bucket_count && grow(t) < 0 && t->bucket_count == 0) return NULL;
  c = t->spare != NULL ? t->spare : ws_malloc(t->alloc, sizeof *c);
  if (c == NULL) return NULL;
  t->spare = NULL;
  *c = (address_count){.key = key};
  ws_list_append(bucket_of(t, key), &c->node);
  t->count++;
  return c;
}

address_count *address_counts_get(address_counts *t, const struct sockaddr_storage *addr,
                                  int *err) {
  uint64_t key;
  *err = 0;
  if (!address_host(addr, &key)) return NULL;
  address_count *c = address_counts_at(t, key);
  if (c == NULL) *err = WS_ENOMEM;
  return c;
}

void address_counts_drop(address_counts *t, address_count *c) {
  if (c->handshakes > 0 || c->requests > 0 || c->sessions > 0) return;
  ws_list_remove(&c->node);
  ws_free(t->alloc, t->spare);
  t->spare = c;
  t->count--;
}

/* The pairing heap, against an array of what is in it. */

#include <stdlib.h>

#include "base/heap.h"
#include "support/test.h"

enum { NODES = 300, STEPS = 30000 };

static uint64_t least(const heap_node *nodes) {
  uint64_t key = UINT64_MAX;
  for (size_t i = 0; i < NODES; i++) {
    if (heap_has(&nodes[i]) && nodes[i].key < key) key = nodes[i].key;
  }
  return key;
}

/* Every node is reached once, with a key that is not less than its parent's. */
static void check_order(const heap *h, const heap_node *nodes) {
  const heap_node *stack[NODES];
  size_t depth = 0, reached = 0, present = 0;
  for (size_t i = 0; i < NODES; i++) present += heap_has(&nodes[i]);
  if (h->root != NULL) stack[depth++] = h->root;
  while (depth > 0) {
    const heap_node *n = stack[--depth];
    reached++;
    for (const heap_node *c = n->child; c != NULL; c = c->next) {
      assert_true(c->key >= n->key && depth < NODES);
      stack[depth++] = c;
    }
  }
  assert_int_equal(reached, present);
}

static void check_least(const heap *h, const heap_node *nodes) {
  if (h->root == NULL) {
    assert_int_equal(least(nodes), UINT64_MAX);
  } else {
    assert_int_equal(h->root->key, least(nodes));
  }
}

TEST(test_heap_is_empty_at_first) {
  heap h = {NULL};
  heap_node n = {.key = 1};
  assert_false(heap_has(&n));
  heap_remove(&h, &n); /* nothing happens */
  assert_null(h.root);
}

TEST(test_heap_gives_nodes_in_order_of_their_keys) {
  static heap_node nodes[NODES];
  heap h = {NULL};
  uint64_t before = 0;
  for (size_t i = 0; i < NODES; i++) {
    nodes[i] = (heap_node){.key = i * 7919 % 101};
    heap_add(&h, &nodes[i]);
  }
  check_order(&h, nodes);
  for (size_t i = 0; i < NODES; i++) {
    heap_node *n = h.root;
    assert_true(n->key >= before);
    before = n->key;
    heap_remove(&h, n);
    assert_false(heap_has(n));
  }
  assert_null(h.root);
}

/* Any node is added, taken out, or moved, wherever it is. */
TEST(test_heap_of_nodes_that_come_and_go) {
  static heap_node nodes[NODES];
  heap h = {NULL};
  uint32_t random = 1;
  for (size_t i = 0; i < NODES; i++) nodes[i] = (heap_node){.key = 0};
  for (size_t step = 0; step < STEPS; step++) {
    random = random * 1664525 + 1013904223;
    heap_node *n = &nodes[(random >> 8) % NODES];
    bool was_in = heap_has(n);
    heap_remove(&h, n);
    if (!was_in || (random >> 28) % 2 == 0) {
      n->key = (random >> 12) % 1000;
      heap_add(&h, n);
    }
    check_least(&h, nodes);
    if (step % 100 == 0) check_order(&h, nodes);
  }
}

#ifndef WS_BASE_HEAP_H
#define WS_BASE_HEAP_H

/* Intrusive pairing heap: the node with the least key is found at once, adding is O(1), removing
   O(log n) on average. It allocates nothing. Nodes with the same key are in no order. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct heap_node {
  uint64_t key; /* The node's place is by this; it does not change while the node is in a heap. */
  struct heap_node *child; /* This is the first child; its key is not less. NULL: none. */
  struct heap_node *next;  /* This is the next child of the same parent, or NULL. */
  /* This is the child before it, or for the first child the parent. The root points to itself.
     NULL: the node is in no heap. */
  struct heap_node *prev;
} heap_node;

typedef struct heap {
  heap_node *root; /* This node has the least key; NULL: the heap is empty. */
} heap;

static inline bool heap_has(const heap_node *n) {
  return n->prev != NULL;
}

/* Add a node that is in no heap. Its other fields are set here, and `key` by the caller. */
void heap_add(heap *h, heap_node *n);

/* Take a node out. If it is in no heap, nothing happens. */
void heap_remove(heap *h, heap_node *n);

#endif

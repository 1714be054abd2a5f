#include "base/heap.h"

/* Nodes are linked without recursion, because a heap may be as deep as it has nodes. */

/* Put the tree with the greater key below the other, whose `prev` and `next` the caller sets. */
static heap_node *link_trees(heap_node *a, heap_node *b) {
  heap_node *low = b->key < a->key ? b : a, *high = low == a ? b : a;
  high->next = low->child;
  high->prev = low;
  if (low->child != NULL) low->child->prev = high;
  low->child = high;
  return low;
}

/* Make one tree of a list of trees: of each two of them one, and then of these, from the last to
   the first. */
static heap_node *link_all(heap_node *list) {
  heap_node *pairs = NULL, *root = NULL, *next;
  while (list != NULL) {
    heap_node *a = list, *b = a->next;
    list = b != NULL ? b->next : NULL;
    if (b != NULL) a = link_trees(a, b);
    a->next = pairs;
    pairs = a;
  }
  for (; pairs != NULL; pairs = next) {
    next = pairs->next;
    root = root != NULL ? link_trees(root, pairs) : pairs;
  }
  return root;
}

static void set_root(heap *h, heap_node *root) {
  h->root = root;
  if (root == NULL) return;
  root->prev = root;
  root->next = NULL;
}

void heap_add(heap *h, heap_node *n) {
  n->child = NULL;
  set_root(h, h->root != NULL ? link_trees(h->root, n) : n);
}

/* Take a node that is not the root, and what is below it, out of its parent's list. */
static void cut(heap_node *n) {
  if (n->prev->child == n) {
    n->prev->child = n->next;
  } else {
    n->prev->next = n->next;
  }
  if (n->next != NULL) n->next->prev = n->prev;
}

void heap_remove(heap *h, heap_node *n) {
  if (!heap_has(n)) return;
  heap_node *below = link_all(n->child);
  if (n == h->root) {
    set_root(h, below);
  } else {
    cut(n);
    if (below != NULL) set_root(h, link_trees(h->root, below));
  }
  n->prev = NULL;
}

#ifndef WS_BASE_LIST_H
#define WS_BASE_LIST_H

/* Intrusive doubly linked list, circular, with the list itself as head. A node that is in no list
   points at itself, so removing it twice is harmless. */

#include <stdbool.h>
#include <stddef.h>

typedef struct ws_list {
  /* These are the neighbours in the circle; a node in no list points to itself. */
  struct ws_list *next, *prev;
} ws_list;

/* The structure that `node` is the member `member` of. */
#define ws_list_entry(node, type, member) \
  ((type *) (void *) ((char *) (node) -offsetof(type, member)))

static inline void ws_list_init(ws_list *l) {
  l->next = l->prev = l;
}

static inline bool ws_list_empty(const ws_list *l) {
  return l->next == l;
}

static inline void ws_list_append(ws_list *l, ws_list *node) {
  node->next = l;
  node->prev = l->prev;
  l->prev->next = node;
  l->prev = node;
}

static inline void ws_list_remove(ws_list *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  ws_list_init(node);
}

/* Take the first node out; NULL when there is none. */
static inline ws_list *ws_list_pop(ws_list *l) {
  ws_list *node = l->next;
  if (node == l) return NULL;
  ws_list_remove(node);
  return node;
}

/* Move all of `from` to the end of `to`; `from` is empty afterwards. */
static inline void ws_list_splice(ws_list *to, ws_list *from) {
  if (ws_list_empty(from)) return;
  from->next->prev = to->prev;
  from->prev->next = to;
  to->prev->next = from->next;
  to->prev = from->prev;
  ws_list_init(from);
}

#endif

#ifndef WS_NET_TURN_LIST_H
#define WS_NET_TURN_LIST_H

/* A budget of work that many connections share, so that one turn of the loop does not do all of it.
   Those for whom nothing is left wait in a list, in order, and go on in the next turn. Knows no
   connection and no loop. */

#include <stdbool.h>

#include "base/list.h"

/* The place of a connection in the list. The owner provides its memory, and calls ws_list_init for
   the node before anything else. */
typedef struct turn_place {
  ws_list node;                          /* This links the place into turn_list.waiting. */
  void (*run)(struct turn_place *place); /* Its turn has come; this may free the place. */
} turn_place;

typedef struct turn_list {
  ws_list waiting; /* These places wait, in the order in which they came. */
  unsigned budget; /* A turn of the loop has so many units of work. */
  unsigned spent;  /* This many units were done in this turn of the loop. */
  /* Asks for a call of turn_list_renew in the next turn of the loop. It may be called again before
     that has run. */
  void (*wake)(void *up);
  void *up; /* This is the argument of `wake`. */
} turn_list;

void turn_list_init(turn_list *l, unsigned budget, void (*wake)(void *up), void *up);

/* Whether the owner of the place, which does not wait, may do a piece of work now. false: it is in
   the list, and `run` will be called. NULL for `l`: there is no budget. */
bool turn_list_take(turn_list *l, turn_place *place);

/* A piece of work of so many units was done. What goes beyond the budget of a turn is not taken off
   that of the next one. NULL for `l` is allowed. */
void turn_list_spend(turn_list *l, unsigned units);

/* A new turn of the loop has begun: those that wait go on, as far as the budget goes. */
void turn_list_renew(turn_list *l);

/* The place does not wait any more. It has no effect on one that does not wait. */
static inline void turn_place_leave(turn_place *place) {
  ws_list_remove(&place->node);
}

static inline bool turn_place_waits(const turn_place *place) {
  return !ws_list_empty(&place->node);
}

#endif

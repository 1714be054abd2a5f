#include "net/turn_list.h"

#include <stddef.h>

/* Counts the work of a turn. Those that come later do not overtake those that wait. */

void turn_list_init(turn_list *l, unsigned budget, void (*wake)(void *up), void *up) {
  ws_list_init(&l->waiting);
  l->budget = budget;
  l->spent = 0;
  l->wake = wake;
  l->up = up;
}

bool turn_list_take(turn_list *l, turn_place *place) {
  if (l == NULL || (l->spent < l->budget && ws_list_empty(&l->waiting))) return true;
  ws_list_append(&l->waiting, &place->node);
  return false;
}

void turn_list_spend(turn_list *l, unsigned units) {
  if (l == NULL || units == 0) return;
  l->spent += units;
  l->wake(l->up);
}

/* One that waits again stays in front of those that have waited behind it, so that it is done
   before they begin. */
void turn_list_renew(turn_list *l) {
  ws_list due, *node;
  l->spent = 0;
  ws_list_init(&due);
  ws_list_splice(&due, &l->waiting);
  while (l->spent < l->budget && (node = ws_list_pop(&due)) != NULL) {
    turn_place *place = ws_list_entry(node, turn_place, node);
    place->run(place);
  }
  ws_list_splice(&l->waiting, &due);
  if (!ws_list_empty(&l->waiting)) l->wake(l->up);
}

#include "net/tls/tls_turns.h"

#include <stddef.h>

/* Counts the work of a turn. A handshake that comes later does not overtake those that wait. */

void tls_turns_init(tls_turns *ts, void (*wake)(void *up), void *up) {
  ws_list_init(&ts->waiting);
  ts->spent = 0;
  ts->wake = wake;
  ts->up = up;
}

bool tls_turns_take(tls_turns *ts, tls_turn *turn) {
  if (ts == NULL || (ts->spent < TLS_TURNS_BUDGET && ws_list_empty(&ts->waiting))) return true;
  ws_list_append(&ts->waiting, &turn->node);
  return false;
}

void tls_turns_spend(tls_turns *ts, unsigned units) {
  if (ts == NULL) return;
  ts->spent += units;
  ts->wake(ts->up);
}

/* A handshake that waits again stays in front of those that have waited behind it, so that it is
   done before they begin. */
void tls_turns_renew(tls_turns *ts) {
  ws_list due, *node;
  ts->spent = 0;
  ws_list_init(&due);
  ws_list_splice(&due, &ts->waiting);
  while (ts->spent < TLS_TURNS_BUDGET && (node = ws_list_pop(&due)) != NULL) {
    tls_turn *turn = ws_list_entry(node, tls_turn, node);
    turn->run(turn);
  }
  ws_list_splice(&ts->waiting, &due);
  if (!ws_list_empty(&ts->waiting)) ts->wake(ts->up);
}

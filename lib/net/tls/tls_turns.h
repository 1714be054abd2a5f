#ifndef WS_NET_TLS_TLS_TURNS_H
#define WS_NET_TLS_TLS_TURNS_H

/* The budget that the TLS handshakes of an endpoint share: a step with public key work takes up to
   a millisecond or more, so only a few of them are done in one turn of the loop. The handshakes
   that are left wait in a list, in order, and go on in the next turn. Knows no TLS and no loop. */

#include <stdbool.h>

#include "base/list.h"

enum { TLS_TURNS_BUDGET = 12 }; /* units of public key work in one turn: about 2 milliseconds */

/* The place of a handshake in the list. The owner provides its memory, and calls ws_list_init for
   the node before anything else. */
typedef struct tls_turn {
  ws_list node;                       /* This links the handshake into tls_turns.waiting. */
  void (*run)(struct tls_turn *turn); /* The handshake goes on; this may free the turn. */
} tls_turn;

typedef struct tls_turns {
  ws_list waiting; /* These handshakes wait, in the order in which they came. */
  unsigned spent;  /* This many units of work were done in this turn of the loop. */
  /* Asks for a call of tls_turns_renew in the next turn of the loop. It may be called again before
     that has run. */
  void (*wake)(void *up);
  void *up; /* This is the argument of `wake`. */
} tls_turns;

void tls_turns_init(tls_turns *ts, void (*wake)(void *up), void *up);

/* Whether the handshake may do a step now. false: it is in the list, and `run` will be called. NULL
   for `ts`: there is no budget. */
bool tls_turns_take(tls_turns *ts, tls_turn *turn);

/* A step has done so many units of work. What goes beyond the budget of a turn is not taken off
   that of the next one. NULL for `ts` is allowed. */
void tls_turns_spend(tls_turns *ts, unsigned units);

/* A new turn of the loop has begun: handshakes that wait go on, as far as the budget goes. */
void tls_turns_renew(tls_turns *ts);

/* The handshake does not wait any more. It has no effect on one that does not wait. */
static inline void tls_turns_leave(tls_turn *turn) {
  ws_list_remove(&turn->node);
}

static inline bool tls_turns_waits(const tls_turn *turn) {
  return !ws_list_empty(&turn->node);
}

#endif

#ifndef WS_SESSION_HANDSHAKES_H
#define WS_SESSION_HANDSHAKES_H

/* The connections of a server that have no session yet, by what they wait for. All of one kind have
   the same time, so each kind is a list in the order of the deadlines, and one timer serves them
   all. Knows no connection: the owner of a place provides its memory and acts on the deadline. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/list.h"

typedef enum handshake_kind {
  /* its request is not complete: TLS or bytes of it are awaited; or the peer has to take a
     response, after which the next request may come */
  HANDSHAKE_READING,
  HANDSHAKE_DECIDING, /* its request is complete, and the answer is owed by the program */
  HANDSHAKE_PLAIN,    /* the same, but the request is not for a WebSocket */
  HANDSHAKE_ENDING,   /* it has its answer, and waits for the peer to take it and to end */
  HANDSHAKE_KINDS
} handshake_kind;

/* The place of a connection in the lists. The owner calls ws_list_init for the node before anything
   else. */
typedef struct handshake_place {
  ws_list node;         /* This links the place into handshakes.lists, or into no list. */
  uint64_t deadline_ms; /* At this time `expire` is called. */
  handshake_kind kind;  /* The place is in the list of this kind. */
  /* The deadline has passed. The place has left its list, and may be freed. */
  void (*expire)(struct handshake_place *place);
  /* The room is needed for another connection. As `expire`. */
  void (*evict)(struct handshake_place *place);
} handshake_place;

typedef struct handshakes {
  ws_env *env;                    /* The endpoint's environment gives the time and the timer. */
  ws_timer *timer;                /* This timer waits for the earliest deadline. */
  uint64_t timer_ms;              /* The timer fires at this time; UINT64_MAX: it is stopped. */
  uint64_t polled_ms;             /* The loop has polled after this time; 0: it need not. */
  ws_list lists[HANDSHAKE_KINDS]; /* Each list is in the order of its deadlines. */
  size_t counts[HANDSHAKE_KINDS]; /* Each list has this many places. */
} handshakes;

/* 0, WS_ENOMEM or an error of the environment. */
int handshakes_init(handshakes *h, ws_env *env);
void handshakes_free(handshakes *h); /* no place may be left */

/* Put a place into the list of a kind, out of the list that it may be in. */
void handshakes_enter(handshakes *h, handshake_place *place, handshake_kind kind,
                      uint64_t deadline_ms);

/* Take a place out of its list. It has no effect on one that is in no list. */
void handshakes_leave(handshakes *h, handshake_place *place);

/* Evict the oldest place that is ending: it has its answer, so those that are refused again and
   again displace no one else. Or else evict the oldest without a complete request. false: there is
   none, since the program decides on all of them. */
bool handshakes_evict(handshakes *h);

/* The connections that count as handshakes under way, those on which the program decides left
   out. */
static inline size_t handshakes_count(const handshakes *h) {
  return h->counts[HANDSHAKE_READING] + h->counts[HANDSHAKE_ENDING];
}

/* The connections that have no session yet. */
static inline size_t handshakes_all(const handshakes *h) {
  return handshakes_count(h) + h->counts[HANDSHAKE_DECIDING] + h->counts[HANDSHAKE_PLAIN];
}

/* The first place of a kind, or NULL. */
handshake_place *handshakes_first(const handshakes *h, handshake_kind kind);

#endif

#ifndef WS_SESSION_HANDSHAKES_H
#define WS_SESSION_HANDSHAKES_H

/* The connections of a server that have no session yet, by what they wait for: each kind is a list
   in the order in which they came to it. Each has a deadline, which is held and put off as that of
   a session that is not open (state_deadline.h). Knows no connection: the owner of a place provides
   its memory and acts on the deadline. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/heap.h"
#include "base/list.h"
#include "session/deadlines.h"
#include "session/progress.h"
#include "session/state_deadline.h"

typedef enum handshake_kind {
  /* its request is not complete: TLS or bytes of it are awaited; or the peer has to take a
     response, after which the next request may come */
  HANDSHAKE_READING,
  HANDSHAKE_GIVEN,    /* the program has parsed its request, which is not checked yet */
  HANDSHAKE_DECIDING, /* its request is complete, and the answer is owed by the program */
  HANDSHAKE_PLAIN,    /* the same, but the request is not for a WebSocket */
  HANDSHAKE_ENDING,   /* it has its answer, and waits for the peer to take it and to end */
  HANDSHAKE_KINDS
} handshake_kind;

/* The place of a connection in the lists. The owner zeroes it, and calls ws_list_init for the node
   before anything else. */
typedef struct handshake_place {
  ws_list node;                  /* This links the place into handshakes.lists, or into no list. */
  heap_node waiting;             /* While the place is in a list, its deadline runs with this. */
  state_deadline deadline;       /* When this has passed, `expire` is called. */
  struct handshakes *handshakes; /* The place is here, or was; NULL: it was not entered yet. */
  handshake_kind kind;           /* The place is in the list of this kind. */
  /* Whether the connection waits only because the loop does the work of others first. */
  bool (*is_held)(const struct handshake_place *place);
  /* The deadline has passed. The place has left its list, and may be freed. */
  void (*expire)(struct handshake_place *place);
  /* The room is needed for another connection. As `expire`. */
  void (*evict)(struct handshake_place *place);
} handshake_place;

typedef struct handshakes {
  ws_env *env;                    /* The endpoint's environment gives the time. */
  deadlines deadlines;            /* The deadlines of all places run here. */
  progress progress;              /* No output is looked at, so this has no look that is due. */
  ws_list lists[HANDSHAKE_KINDS]; /* Each list has its oldest place first. */
  size_t counts[HANDSHAKE_KINDS]; /* Each list has this many places. */
} handshakes;

/* 0, WS_ENOMEM or an error of the environment. */
int handshakes_init(handshakes *h, ws_env *env);
void handshakes_free(handshakes *h); /* no place may be left */

/* Put a place at the end of the list of a kind, out of the list that it may be in. It has so many
   milliseconds from now. */
void handshakes_enter(handshakes *h, handshake_place *place, handshake_kind kind,
                      uint64_t timeout_ms);

/* Put a place that is in a list at the end of that of another kind. Its deadline stays. */
void handshakes_move(handshake_place *place, handshake_kind kind);

/* Take a place out of its list. It has no effect on one that is in no list. */
void handshakes_leave(handshake_place *place);

/* Evict the oldest place that is ending: it has its answer, so those that are refused again and
   again displace no one else. Or else evict the oldest without a complete request. false: there is
   none, since the program decides on all of them. */
bool handshakes_evict(handshakes *h);

/* The connections that count as handshakes under way, those whose request is complete and has no
   answer left out. */
static inline size_t handshakes_count(const handshakes *h) {
  return h->counts[HANDSHAKE_READING] + h->counts[HANDSHAKE_ENDING];
}

/* The connections that have no session yet. */
static inline size_t handshakes_all(const handshakes *h) {
  return handshakes_count(h) + h->counts[HANDSHAKE_GIVEN] + h->counts[HANDSHAKE_DECIDING] +
         h->counts[HANDSHAKE_PLAIN];
}

/* The oldest place of a kind, or NULL. */
handshake_place *handshakes_first(const handshakes *h, handshake_kind kind);

#endif

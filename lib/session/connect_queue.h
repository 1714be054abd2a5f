#ifndef WS_SESSION_CONNECT_QUEUE_H
#define WS_SESSION_CONNECT_QUEUE_H

/* Which of the attempts to one host may connect now, and which wait for their turn (RFC 6455 4.1).
   It knows hosts and places, and answers questions; it starts nothing.

     connect_queue_enter -> has its turn, or waits -> connect_queue_next returns it: has its turn
     connect_queue_leave at any time

   A place may demand that its host gives a TLS session which the places behind it can resume. The
   first such place of a burst goes alone until it has left: those behind it that could use the
   session wait, and then go with or without one. Nobody waits for a host that has given no session
   before, which is remembered. A burst ends when a host has no place left. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/list.h"
#include "base/view.h"

enum {
  CONNECT_QUEUE_BUCKETS = 64,    /* lists of hosts, by hash */
  CONNECT_QUEUE_REMEMBERED = 64, /* hosts without places that are remembered */
};

struct endpoint_task;
typedef struct connect_host connect_host;

typedef enum connect_session {
  CONNECT_NO_SESSION,   /* the attempt cannot use a TLS session */
  CONNECT_HAS_SESSION,  /* it has one to resume, or others have */
  CONNECT_NEEDS_SESSION /* it does a full handshake unless another place has got a session before */
} connect_session;

/* The place of one attempt. Its owner provides the memory, zeroed before connect_queue_enter. */
typedef struct connect_place {
  ws_list node;       /* This links a place that waits into the list of its host. */
  connect_host *host; /* The place is counted for this host; NULL: it is not in the queue. */
  /* The owner's task runs when its turn has come; it is not used here. */
  struct endpoint_task *task;
  uint64_t number; /* The places of a host are numbered, in the order in which they came. */
  unsigned max;    /* The place has its turn when fewer attempts than this connect to the host. */
  uint8_t session; /* This is a connect_session. */
  bool waits;      /* The turn of the place has not come yet. */
} connect_place;

typedef struct connect_queue {
  const wsuv_allocator_t *alloc;        /* The endpoint's allocator outlives the queue. */
  ws_list hosts[CONNECT_QUEUE_BUCKETS]; /* These are the hosts, by the hash of name and port. */
  /* In these hosts a place may have its turn now, because one has left. */
  ws_list changed;
  /* These hosts have no place, and are remembered because they give no session; the one that was
     used last is at the end. */
  ws_list remembered;
  size_t remembered_count; /* This is the number of hosts in `remembered`. */
} connect_queue;

void connect_queue_init(connect_queue *q, const wsuv_allocator_t *alloc);
void connect_queue_free(connect_queue *q); /* all places have left */

/* Take a place for host and port; a Unix socket has its path as `host`, and port 0. The fields
   `task`, `max` (at least 1) and `session` of the place are set. Returns 0, and `waits` tells
   whether it must wait; or WS_ENOMEM, and it is not in the queue. */
int connect_queue_enter(connect_queue *q, connect_place *p, ws_text host, uint16_t port);

/* The host of the place has given a session, or none although it could have. */
void connect_queue_note(connect_place *p, bool gives);

/* Leave: the attempt is ready, has failed, was abandoned, or needs its place no longer. It has no
   effect on a place that is not in the queue. */
void connect_queue_leave(connect_queue *q, connect_place *p);

/* Get a place whose turn has come, after others have left; NULL: there is none. */
connect_place *connect_queue_next(connect_queue *q);

/* Whether the place goes alone, so that others wait for its host's session. */
bool connect_queue_is_first(const connect_place *p);

#endif

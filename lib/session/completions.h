#ifndef WS_SESSION_COMPLETIONS_H
#define WS_SESSION_COMPLETIONS_H

/* Completions report that the kernel has taken what was sent. A completion is due when the bytes of
   its lane up to a position have left the queue. Its record comes from a pool that the endpoint's
   sessions share. The functions return the completions that are due, and call no callback. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/out_queue.h"

typedef struct completion {
  struct completion *next; /* This is the next record in the same queue, chain or pool, or NULL. */
  /* This is the program's callback; it is NULL for the completion of a keepalive's ping. */
  wsuv_send_cb cb;
  void *arg; /* This pointer is the last argument of `cb`, and belongs to the program. */
  /* The completion is due when all bytes of its lane before this position, as in out_lane.queued,
     have left. */
  uint64_t end;
  /* After `end`, a flush in the data lane waits for this position of the control lane. It is 0 in
     every other completion. */
  uint64_t control;
  bool dropped; /* The bytes were dropped, so the status will be UV_ECANCELED. */
} completion;

typedef struct completion_pool {
  const wsuv_allocator_t *alloc; /* This is the endpoint's allocator, which outlives the pool. */
  completion *spare; /* The pool owns this list of records that are not used, or NULL. */
  size_t spares;     /* This is the number of records in `spare`. */
} completion_pool;

void completion_pool_init(completion_pool *pool, const wsuv_allocator_t *alloc);
void completion_pool_free(completion_pool *pool);

/* completion_new takes a record from the pool, or allocates one; it returns NULL if there is no
   memory. completion_release gives the record back. */
completion *completion_new(completion_pool *pool, wsuv_send_cb cb, void *arg);
void completion_release(completion_pool *pool, completion *c);

/* Two queues, in the order of `end`, one for each lane. */
typedef struct completions {
  /* Each lane has a queue: its first record, or NULL, and its last, which is valid only if there is
     a first. */
  completion *first[LANE_COUNT], *last[LANE_COUNT];
  /* This flush, or a completion that was due behind one, is the last that went on to the control
     lane; NULL if it is not there any more. */
  completion *flush;
  size_t count; /* This is the number of completions in both queues. */
} completions;

void completions_add(completions *cs, out_lane_id lane, completion *c);

/* Take out the next completion that is due. NULL: none is. */
completion *completions_due(completions *cs, const out_queue *out);

/* Take out the completion of the keepalive's ping if it is due. Otherwise return NULL. */
completion *completions_own(completions *cs, const out_queue *out);

/* The n bytes after position `kept` of the data lane were dropped, and positions after them are
   counted anew. Completions of dropped bytes are due after those before them. */
void completions_drop(completions *cs, uint64_t kept, uint64_t n);

/* Take out the next completion, due or not. NULL: there is none. */
completion *completions_any(completions *cs);

#endif

#ifndef WS_SESSION_COMPLETIONS_H
#define WS_SESSION_COMPLETIONS_H

/* Who wants to know when something sent is in the kernel's hands. Each waits until so many bytes
   of a lane are gone. Records come from a pool that sessions share. Calls nobody: it hands out
   what is due. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/out_queue.h"

typedef struct completion {
  struct completion *next;
  wsuv_send_cb cb; /* NULL: of the session itself, which waits for a ping of its own to leave */
  void *arg;
  uint64_t end;     /* bytes of the lane that must be gone */
  uint64_t control; /* for a flush: bytes of the control lane that must be gone after that */
} completion;

typedef struct completion_pool {
  const wsuv_allocator_t *alloc;
  completion *spare;
  size_t spares;
} completion_pool;

void completion_pool_init(completion_pool *pool, const wsuv_allocator_t *alloc);
void completion_pool_free(completion_pool *pool);

/* A record, and back. NULL: no memory. */
completion *completion_new(completion_pool *pool, wsuv_send_cb cb, void *arg);
void completion_release(completion_pool *pool, completion *c);

/* Two queues, in the order of `end`: one for each lane. */
typedef struct completions {
  completion *first[LANE_COUNT], *last[LANE_COUNT];
  size_t count; /* in both */
} completions;

void completions_add(completions *cs, out_lane_id lane, completion *c);

/* The next one that is due, taken out; NULL if none is. */
completion *completions_due(completions *cs, const out_queue *out);

/* The session's own in the control lane, if it is due, taken out; else NULL. */
completion *completions_own(completions *cs, const out_queue *out);

/* All of the data lane that wait for bytes beyond `kept`, which are not sent any more: taken out,
   as a chain by `next`; NULL if there is none. */
completion *completions_beyond(completions *cs, uint64_t kept);

/* The next one, due or not, taken out; NULL if there is none. */
completion *completions_any(completions *cs);

#endif

#ifndef WS_SESSION_CAUSE_H
#define WS_SESSION_CAUSE_H

/* Decides why a session ended. Nothing else does. Values only. */

#include <stdbool.h>

#include <wsuv/session.h>

/* What is known so far, or the decision. Starts with status 0 and the detail "". */
typedef struct cause {
  const char *detail; /* What exactly was wrong: static text or "". */
  int status;         /* The failure that was noted first, or 0. */
  int write_error;    /* Why nothing can be written any more, or 0. */
  uint8_t stage;      /* wsuv_stage_t: the stage when the first of the two came up. */
} cause;

/* Note a failure. The first one counts. */
void cause_set(cause *c, wsuv_stage_t stage, int status, const char *detail);

/* Note that writing has failed. What the peer has sent is still read: if a close frame is found
   there, it decides. */
void cause_set_write_error(cause *c, wsuv_stage_t stage, int status);

/* Decide, when a session ends at `stage` with `status` and `detail`. `close_received`: the peer's
   close frame has come. The first of these that applies is the cause: a failure that was noted; the
   peer's close frame (status 0); the error of writing; `status`. */
cause cause_resolve(cause noted, bool close_received, wsuv_stage_t stage, int status,
                    const char *detail);

#endif

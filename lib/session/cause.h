#ifndef WS_SESSION_CAUSE_H
#define WS_SESSION_CAUSE_H

/* Why a session ended: decided here and nowhere else. Values only. */

#include <stdbool.h>

#include <wsuv/session.h>

/* What is known so far, or the decision. Begins with no error and the detail "". */
typedef struct cause {
  const char *detail; /* What exactly was wrong: static text or "". */
  int status;         /* The failure that was noted first, or 0. */
  int write_error;    /* Why nothing can be written any more, or 0. */
  uint8_t stage;      /* wsuv_stage_t: the stage when the first of the two came up. */
} cause;

/* A failure is certain: it counts unless another was noted before. */
void cause_set(cause *c, wsuv_stage_t stage, int status, const char *detail);

/* Writing has failed. What the peer has sent is still read, and a close frame found there decides.
 */
void cause_set_write_error(cause *c, wsuv_stage_t stage, int status);

/* The decision when a session ends at `stage` with `status` and `detail`, given what was noted
   before and whether the close frame of the peer has come. In this order: a failure that was noted;
   the close frame (status 0); the error of writing; `status`. */
cause cause_resolve(cause noted, bool close_received, wsuv_stage_t stage, int status,
                    const char *detail);

#endif

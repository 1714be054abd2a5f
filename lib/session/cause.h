#ifndef WS_SESSION_CAUSE_H
#define WS_SESSION_CAUSE_H

/* Decides why a session ended; no other file decides this. The functions work on values only and
   call nothing. */

#include <stdbool.h>

#include <wsuv/session.h>

/* What is known so far, or the decision. Starts with status 0 and the detail "". */
typedef struct cause {
  const char *detail; /* This static text says exactly what was wrong, or is "". */
  int status;         /* This is the failure that was noted first, or 0. */
  int write_error;    /* Writing has failed with this error; 0 if it has not failed. */
  /* This wsuv_stage_t is the stage in which the first error was noted or the session ended. */
  uint8_t stage;
} cause;

/* Note a failure. The first one counts. */
void cause_set(cause *c, wsuv_stage_t stage, int status, const char *detail);

/* Note that writing has failed. The session still reads what the peer has sent. If it reads a close
   frame, that is the cause, and not the error of writing. */
void cause_set_write_error(cause *c, wsuv_stage_t stage, int status);

/* Decide the cause when a session ends at `stage` with `status` and `detail`. `close_received` is
   true if the peer's close frame was received. The first of these that applies is the cause: a
   failure that was noted; the peer's close frame (status 0); the error of writing; `status`. */
cause cause_resolve(cause noted, bool close_received, wsuv_stage_t stage, int status,
                    const char *detail);

#endif

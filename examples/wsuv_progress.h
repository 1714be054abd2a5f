#ifndef EXAMPLES_WSUV_PROGRESS_H
#define EXAMPLES_WSUV_PROGRESS_H

/* How far a message is, on a terminal, while it takes longer than a second. */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include <wsuv.h>

/* Whether a message is being sent; *left: bytes of it that have still to be read, or
   UINT64_MAX. */
typedef bool (*progress_sending)(void *up, uint64_t *left);

typedef struct progress_transfer {
  uint64_t begun_ms; /* when it was noticed; 0: there is none */
  uint64_t base;     /* bytes before it */
} progress_transfer;

typedef struct progress {
  uv_timer_t timer;
  wsuv_session_t *session;
  progress_sending is_sending;
  void *up;
  uint64_t messages; /* that had arrived at the last look */
  uint64_t last;     /* bytes that had arrived at the last look */
  progress_transfer sent, received;
} progress;

/* Look at the session from now on, if standard error is a terminal. The structure stays where it is
   until the loop has run out. */
void progress_start(progress *p, uv_loop_t *loop, wsuv_session_t *session,
                    progress_sending is_sending, void *up);

/* Look no more, and erase. Allowed at any time, also before progress_start() if the structure is
   zeroed. */
void progress_stop(progress *p);

#endif

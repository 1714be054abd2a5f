#ifndef CLICKER_H
#define CLICKER_H

/* A client of counters: it adds 1 to a counter at each tick of a timer, so many times, and waits
   for the value each time. Then it closes the session. */

#include <stdbool.h>

#include <wsuv.h>

typedef struct clicker {
  wsuv_session_t *session;
  uv_timer_t timer;
  uint64_t interval_ms;
  unsigned ticks; /* So many are left. */
  long value;     /* This was heard last. */
  int status;     /* As of wsuv_close_info, at the end. */
  bool ended;     /* The memory can be used again. */
} clicker;

/* Begin. Returns 0, or an error of wsuv_connect_url(), and then nothing is to be ended. */
int clicker_start(clicker *c, wsuv_client_t *client, const char *url, uint64_t interval_ms,
                  unsigned ticks);

#endif

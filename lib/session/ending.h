#ifndef WS_SESSION_ENDING_H
#define WS_SESSION_ENDING_H

/* The end of a client or a server: who is told of it, which session is closed when, and when those
   that are left are terminated. It may be called again until everything has ended: then the earlier
   end of both holds. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/end.h>
#include <wsuv/frame.h>

#include "base/why.h"
#include "session/endpoint.h"

/* A callback of the program. Its own type has an argument; the owner of the ending converts it. */
typedef void (*ending_function)(void);

/* A callback that runs when everything has ended. */
typedef struct ending_closer {
  ws_list node;       /* This links the record into ending.closers. */
  ending_function cb; /* The program's callback is not NULL. */
} ending_closer;

typedef struct ending {
  endpoint *endpoint; /* The ending is that of this endpoint, whose timer it uses. */
  /* This is the record of the first callback, so that no memory is allocated for it. */
  ending_closer first;
  ws_list closers; /* These are the records of all callbacks, in the order of the calls. */
  /* This ends at once what is no session, when the sessions are terminated; NULL: nothing. */
  void (*terminate_others)(endpoint *e);
  unsigned code;                          /* Sessions are closed with this code. */
  char reason[WSUV_CLOSE_REASON_MAX + 1]; /* Sessions are closed with this reason, terminated. */
  /* By this time, in milliseconds, all sessions are closed; UINT64_MAX: no end was asked for. */
  uint64_t spread_end_ms;
  uint64_t next_us; /* The next session is closed at this time, in microseconds. */
  size_t left;      /* At most this many sessions were not closed yet. */
  /* At this time, in milliseconds, all that are left are terminated; UINT64_MAX: never. */
  uint64_t deadline_ms;
  bool polled; /* The deadline has passed, and the loop has polled once more. */
} ending;

void ending_init(ending *n, endpoint *e);

/* Remember a callback for the end; NULL: none. Returns 0 or WS_ENOMEM. */
int ending_remember(ending *n, ending_function cb);

/* Close everything: sessions that are not open are cancelled at once, open ones are closed as
   `how` says, which was read; NULL: with 1001 at once, and nothing is terminated. If the program
   has closed the handles, sessions are terminated. Returns 0; WS_ENOMEM: the callback is not
   called, or as endpoint_close. */
int ending_close(ending *n, const wsuv_end_t *how, ending_function cb);

/* The same, but terminate every session. */
int ending_terminate(ending *n, ending_function cb);

/* Read a caller's structure into one of the current size, and check it. Returns 0; WSUV_ESIZE;
   WSUV_ECLOSECODE, WSUV_ECONTROL, WSUV_EUTF8 as wsuv_session_close; WS_EINVAL: the timeout is less
   than the spread; *why says what is wrong. */
int ending_read(wsuv_end_t *to, const wsuv_end_t *from, ws_why *why);

/* When everything has ended: get the next callback, and forget it. NULL: that was the last one. */
ending_function ending_next_callback(ending *n);

#endif

#ifndef WS_SESSION_KIND_H
#define WS_SESSION_KIND_H

/* What a session has from the program: callbacks, converter, limits, and the timeouts that it
   starts with. Sessions of the same kind, of which there may be many thousands, share one copy. */

#include <stddef.h>

#include <wsuv/config.h>
#include <wsuv/converter.h>
#include <wsuv/session.h>

#include "base/alloc.h"
#include "proto/frame/message.h"
#include "session/outflow.h"

/* Kinds are compared byte by byte, so all bytes of a kind are set. */
typedef struct session_kind {
  /* Received frames and messages must keep these limits. conn.limits points to them. */
  message_limits incoming;
  /* This is a copy of the program's callbacks, each of which may be NULL. */
  wsuv_callbacks_t callbacks;
  /* This is a copy of the program's converter; without one, its functions are NULL. */
  wsuv_converter_t converter;
  outflow_limits outgoing; /* These are the limits of the queue. */
  /* These are the timeouts of the configuration, in milliseconds. An open session has its own of
     the first three, which the program may change. */
  uint64_t ping_interval_ms, ping_timeout_ms, idle_timeout_ms;
  uint64_t close_timeout_ms, close_deadline_ms;
  size_t refs; /* The kind has this many references, and is freed when it has none. */
} session_kind;

enum { KINDS_KEPT = 4 /* so that a session may change its kind when it opens, as all do */ };

/* The kinds that were used last. */
typedef struct session_kinds {
  const wsuv_allocator_t *alloc;    /* This allocator outlives the kinds. */
  session_kind *recent[KINDS_KEPT]; /* Each is a reference, or NULL. */
  unsigned next;                    /* The next new kind takes the place of this one. */
} session_kinds;

void session_kinds_init(session_kinds *kinds, const wsuv_allocator_t *alloc);
void session_kinds_free(session_kinds *kinds);

/* Describe a kind: the program's callbacks (NULL: none), and the configuration, which was checked.
   `raw`: messages are never cut into frames here. */
void session_kind_fill(session_kind *kind, const wsuv_callbacks_t *callbacks,
                       const wsuv_config_t *config, bool raw);

/* Get a kind like this one and take a reference to it. NULL: no memory. */
session_kind *session_kind_get(session_kinds *kinds, const session_kind *like);
void session_kind_unref(session_kinds *kinds, session_kind *kind); /* NULL is allowed */

#endif

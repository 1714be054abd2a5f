#ifndef EXAMPLES_WSUV_PUMP_H
#define EXAMPLES_WSUV_PUMP_H

/* Carries bytes between a session and the streams of a process or a connection, both ways. Neither
   way holds more than a message and what is read at once: while the session has no room the source
   is not read, and while the sink takes nothing the session is not read. */

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>
#include <wsuv.h>

#include "wsuv_items.h"

/* pump_start() and pump_end() may call them, too. */
typedef struct pump_events {
  /* Nothing more comes of the source, and everything that came was sent: 0, or why not. Once. */
  void (*on_source_end)(void *up, int status);
  /* The session has ended, and all that came of it is written, or cannot be. Once. */
  void (*on_sink_done)(void *up);
} pump_events;

/* Zeroed, but for the first four and the unit of the items. The streams' `data` is the pump's. */
typedef struct pump {
  const pump_events *events;
  void *up;
  items items;     /* what was read of the source, in units of one message */
  bool binary;     /* the messages that are sent */
  const char *eol; /* written behind each message, eol_len bytes */
  size_t eol_len;
  wsuv_session_t *session; /* of which there is none when `over` */
  uv_stream_t *source, *sink;
  bool reading;      /* the source is read */
  bool source_ended; /* and was to its end */
  int source_status; /* of that */
  bool reported;     /* on_source_end() was called */
  bool cut;          /* what comes of it is thrown away */
  bool deaf;         /* the sink takes nothing more */
  bool held;         /* the session is not read, until the sink has taken all */
  bool over;         /* the session has ended */
  bool done;         /* on_sink_done() was called */
} pump;

/* Fill in on_message and on_drain, and change the configuration to what they need. Of each session
   `data` is the pump. */
void pump_set_callbacks(wsuv_callbacks_t *callbacks, wsuv_config_t *config);

/* The session is open: begin. */
void pump_start(pump *p, wsuv_session_t *session, uv_stream_t *source, uv_stream_t *sink);

/* The session has ended, opened or not: what still comes of the source is thrown away, and the sink
   gets what was received. The streams are as in pump_start(). */
void pump_end(pump *p, uv_stream_t *source, uv_stream_t *sink);

/* The session has ended, and what is not written is lost: the streams are going to be closed. No
   event follows, and the session is not touched any more. */
void pump_drop(pump *p);

/* The streams are closed: free the memory. */
void pump_free(pump *p);

#endif

#ifndef WS_SESSION_GATHER_H
#define WS_SESSION_GATHER_H

/* A message that is sent in pieces. Small pieces are gathered until they are long enough for a
   frame, because many peers limit the frames of a message; the longer the message has become, the
   longer its frames. Frames are made by conn. The session decides when a turn has ended, and acts
   on errors.

   This limit grows with the frames of the message so far:

       frames     gathered at most     a message of this length has so many frames at most
       0          16 KiB
       1,024      64 KiB               1,024 frames of any length
       4,096      256 KiB              192 MiB
       8,192      1 MiB                1.2 GiB
       16,384                          9.2 GiB */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bufq.h"
#include "proto/frame/conn.h"
#include "session/completions.h"

enum { GATHER_WAIT_MS = 1000 /* how long pieces of a message with many frames wait for others */ };

typedef struct gather {
  bufq bytes; /* These bytes were accepted and are in no frame yet. */
  /* These are the first and the last completion of pieces in `bytes`; `first` is NULL if there is
     none. */
  completion *first, *last;
  uint64_t frames; /* The message has this many frames so far. */
  /* At this time, in milliseconds, `bytes` become a frame; UINT64_MAX: no time is set. */
  uint64_t due_ms;
} gather;

gather *gather_new(const wsuv_allocator_t *alloc); /* NULL: there is no memory */

/* Drop what is gathered. Completions are added to `cs` as dropped. */
void gather_free(gather *g, conn *c, completions *cs);

static inline size_t gather_len(const gather *g) {
  return g == NULL ? 0 : bufq_len(&g->bytes);
}

/* Whether a piece of this length is gathered; otherwise it becomes a frame together with what is
   gathered. */
bool gather_takes(const gather *g, size_t len);

/* Gather a piece. 0 or WS_ENOMEM, and then nothing has changed. */
int gather_add(gather *g, conn *c, const ws_view *piece);

/* A piece that is gathered has this completion. */
void gather_wait(gather *g, completion *c);

/* Whether what is gathered becomes a frame as soon as the queue is empty. Otherwise it waits for
   more pieces, or for `due_ms`. It never waits while a completion waits for it, because the program
   may send no more before. */
bool gather_ready(const gather *g, uint64_t now_ms);

/* Make a frame of what is gathered and of `frame`, the next piece, which is checked; more than one
   if they are longer than frame->fragment_size. The completions of what was gathered are added to
   `cs`. 0, or an error as from conn_send_frame. */
int gather_send(gather *g, conn *c, const conn_frame *frame, completions *cs);

#endif

#ifndef WS_PROTO_FRAME_CONN_EXT_H
#define WS_PROTO_FRAME_CONN_EXT_H

/* The data frames of a connection that has agreed upon extensions. For conn.c only. */

#include "proto/frame/conn_state.h"

enum { CONN_EXT_PASS = 2 }; /* no extension wants this message: it goes the way of all others */

/* The next chunk, as frame_decoder_next gives it; a short one where what becomes of it is to be
   given in pieces: an extension cannot be stopped amid a chunk, and may make a lot of it. */
int conn_ext_next_chunk(conn *c, frame_chunk *chunk);

/* Take a chunk of a data frame. 1: an event; 0: not yet; CONN_EXT_PASS; or an error, as message_add
   gives it, or an extension's; c->why says which. */
int conn_ext_add(conn *c, const frame_chunk *chunk, conn_event *ev);

/* There is nothing more to be read for now: give what has become of a message in pieces. 1: an
   event; 0: there is none. */
int conn_ext_flush(conn *c, conn_event *ev);

/* A data frame on its way out. */
typedef struct conn_ext_frame {
  ws_view piece;     /* its payload */
  uint8_t rsv;       /* and bits */
  bool taken;        /* if it is not sent now, the connection cannot go on */
  const char *why;   /* after an error, if taken */
  uint8_t *gathered; /* memory of payload that was in pieces; or NULL */
} conn_ext_frame;

/* Have extensions change a frame; `first`: of its message. conn_ext_out_end comes next, in any
   case. 0, or an error. */
int conn_ext_out(conn *c, const conn_frame *f, bool first, conn_ext_frame *out);
void conn_ext_out_end(conn *c, conn_ext_frame *out);

#endif

#ifndef WS_PROTO_FRAME_CONN_EXT_H
#define WS_PROTO_FRAME_CONN_EXT_H

/* Data frames of a connection with extensions. For conn.c only. */

#include "proto/frame/conn_state.h"

enum { CONN_EXT_PASS = 2 }; /* no extension changes this message: handle it like all others */

/* The next chunk, as from frame_decoder_next; 0 also if c->extensions->in_left is 0. If extensions
   may change the message, the chunk is short: an extension cannot stop inside a chunk, and may make
   much output of it. */
int conn_ext_next_chunk(conn *c, frame_chunk *chunk);

/* Take a chunk of a data frame. 1: an event; 0: not yet; CONN_EXT_PASS; or an error, as from
   message_add, or an extension's; `why` of what is shared says which. */
int conn_ext_add(conn *c, const frame_chunk *chunk, conn_event *ev);

/* No more input at present: deliver the output so far of a message in pieces. 1: an event; 0: there
   is none. */
int conn_ext_flush(conn *c, conn_event *ev);

/* A data frame that is sent. */
typedef struct conn_ext_frame {
  ws_view piece; /* This is the payload to be sent, valid until conn_ext_out_end. */
  uint8_t rsv;   /* These are the reserved bits to be sent. */
  /* An extension has changed its state, so the connection fails if the frame is not sent now. */
  bool taken;
  const char *why; /* After an error, this static text says what was wrong, or is "". */
  /* This owned memory has a payload that was in several pieces; otherwise it is NULL. */
  uint8_t *joined;
} conn_ext_frame;

/* Let extensions change a frame; `first`: it is the first of its message. Call conn_ext_out_end
   afterwards in any case. 0 or an error. */
int conn_ext_out(conn *c, const conn_frame *f, bool first, conn_ext_frame *out);
void conn_ext_out_end(conn *c, conn_ext_frame *out);

#endif

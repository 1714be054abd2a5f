#ifndef WS_PROTO_FRAME_CONN_H
#define WS_PROTO_FRAME_CONN_H

/* An open WebSocket connection without I/O, for either role: RFC 6455 from the end of the opening
   handshake on. It is given bytes and takes frames to send; it answers with events, one at a time,
   when asked, and with bytes to write. It answers pings, fails the connection when the peer breaks
   the protocol, and knows no clock and no socket.

       conn_recv(c, data, len);
       while ((r = conn_next_event(c, &ev)) == 1) ...            any call is allowed in here
       out_queue_peek(&c->out, ...) ... out_queue_written(...)   whenever it suits
*/

#include "proto/frame/conn_state.h"

void conn_shared_init(conn_shared *shared, ws_env *env);
void conn_shared_free(conn_shared *shared); /* every connection has been freed before */

void conn_init(conn *c, conn_shared *shared, ws_role role, bool masking,
               const message_limits *limits, void *trace_arg);

/* Leave messages to the owner, before anything is received: data frames come one by one, with any
   rsv bits and without a look at their text, and rsv bits may be sent; pings are not answered. */
void conn_set_raw(conn *c);

/* Give messages in pieces as they come, before anything is received. */
void conn_set_streamed(conn *c);

/* Use extensions, which become the connection's, before anything is sent or received. NULL: none.
   Not if raw. */
void conn_set_extensions(conn *c, extension_set *set);

void conn_free(conn *c); /* gives back what it holds; out_queue included */

/* Give bytes that were read. They stay the caller's, are unmasked in place, and are used up when
   conn_next_event returns 0 or less. Everything given before has been used up. */
void conn_recv(conn *c, uint8_t *data, size_t len);

/* Keep what was given and is not used up in memory of the connection's own, because the caller's
   will be used otherwise. Events go on from there. 0 or WS_ENOMEM. */
int conn_keep_input(conn *c);

/* Whether there is something that was given and is not used up. */
static inline bool conn_has_input(const conn *c) {
  return c->in_len > 0;
}

/* The next event. 1: one; 0: none until more is received;
   an error (see message_add, frame_header_read, close_payload_read; WS_ENOMEM, WSUV_ERANDOM):
   the connection has failed with it, once: a close frame that says so is queued, where one can be
   (close_code_for_error), and nothing more is read. */
int conn_next_event(conn *c, conn_event *ev);

/* Where the rest of a large payload wants to be read: if more than `least` bytes of a frame are
   missing, room in the block that it is assembled in. The bytes read there are given to conn_recv
   as they lie. 0: wherever the caller likes. Room grows with what has come, not with what was
   announced. */
size_t conn_recv_target(conn *c, size_t least, uint8_t **dst);

/* Queue a frame; its payload is copied.
   0; WSUV_ESTATE: closing has begun; WSUV_EUTF8; WSUV_ECONTROL; WS_EINVAL: another type amid a
   message, rsv bits that may not be, or a type that is not to be sent here; WSUV_ERANDOM;
   WS_ENOMEM; or an extension's. Nothing is queued then. If an extension had begun to change the
   message, the connection has failed, as with conn_fail. */
int conn_send_frame(conn *c, const conn_frame *frame);

/* The same for one in a single piece, without rsv bits. */
static inline int conn_send(conn *c, frame_opcode type, bool fin, const void *data, size_t len) {
  const ws_view piece = {(const uint8_t *) data, len};
  const conn_frame frame = {.type = type, .fin = fin, .pieces = &piece, .count = 1, .len = len};
  return conn_send_frame(c, &frame);
}

/* A message of this type is going to be sent in fragments: until one has fin, no other can be. 0;
   WSUV_ESTATE; WS_EINVAL: another has begun, or it is no type of a message. */
int conn_begin_message(conn *c, frame_opcode type);

/* Begin or answer the closing handshake, after all that is queued. Once only: later calls do
   nothing and return 0. WSUV_ECLOSECODE, WSUV_ECONTROL (reason too long), WSUV_EUTF8,
   WSUV_ERANDOM, WS_ENOMEM. Code WSUV_CLOSE_NO_STATUS, with no reason: an empty close frame. */
int conn_close(conn *c, unsigned code, const char *reason, size_t reason_len);

/* Answer the peer's close frame with its code (RFC 6455 5.5.1), unless our own is made already:
   once, after CONN_EVENT_CLOSE, when its owner has written what could be written. The peer wants no
   more of our data: what has not begun to leave by now is dropped.
   0; WSUV_ERANDOM, WS_ENOMEM: the connection has failed, without an answer. */
int conn_answer_close(conn *c);

/* Fail the connection for a reason of ours (RFC 6455 7.1.7), as conn_next_event does: queue a
   close frame that says so if none was sent before, and read no more. `why` is static text, ASCII,
   of WSUV_CLOSE_REASON_MAX bytes at most; it goes out as the reason. */
void conn_fail(conn *c, int err, const char *why);

#endif

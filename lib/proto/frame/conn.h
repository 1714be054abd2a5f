#ifndef WS_PROTO_FRAME_CONN_H
#define WS_PROTO_FRAME_CONN_H

/* An open WebSocket connection without I/O, for either role: RFC 6455 from the end of the opening
   handshake on. It is given bytes and takes frames to send; it answers with events, one at a time,
   when asked, and with bytes to write. It answers pings, fails the connection when the peer breaks
   the protocol, and knows no clock and no socket.

       c->work = ...                                     before conn_recv and before all that sends
       conn_recv(c, data, len);
       while ((r = conn_next_event(c, &ev)) == 1) ...    any call is allowed in here
       out_queue_peek(&c->work->out, ...) ... out_queue_written(...)   whenever it suits
       if (!conn_works(c->work)) c->work = no work       after the last event was used
*/

#include "proto/frame/conn_small.h"
#include "proto/frame/conn_state.h"

void conn_shared_init(conn_shared *shared, ws_env *env);
void conn_shared_free(conn_shared *shared); /* every connection must be freed before */

/* The limits outlive the connection, and the caller may replace c->limits. Afterwards he sets
   c->work. */
void conn_init(conn *c, ws_role role, bool masking, const message_limits *limits);

/* Initialise memory of the caller's for connections of this role. */
void conn_work_init(conn_work *w, conn_shared *shared, ws_role role);

/* Whether something is under way, so that the connection needs its work. If not, all that counts
   for the next use is as conn_work_init has left it, except `queued` of the lanes. */
static inline bool conn_works(const conn_work *w) {
  /* This is asked after each read, so it has one branch. */
  const uintptr_t memory = (uintptr_t) w->kept.base | (uintptr_t) w->incoming.assembled.base |
                           (uintptr_t) w->out.lanes[LANE_DATA].bytes.write |
                           (uintptr_t) w->out.lanes[LANE_CONTROL].bytes.write;
  return (memory | w->in_len | w->decoder.state | w->incoming.fragments | w->incoming.given) != 0;
}

/* Set raw mode, before anything is received: data frames are events one by one, with any rsv bits
   and without a check of text; frames may be sent with rsv bits; the owner answers pings. */
void conn_set_raw(conn *c);

/* Deliver messages in pieces as they come. Set it before anything is received. */
void conn_set_streamed(conn *c);

/* Use extensions, which become the connection's. Set it before anything is sent or received. NULL:
   none. Not in raw mode. */
void conn_set_extensions(conn *c, extension_set *set);

/* Free all that the connection has, also what its work has. The work itself is the owner's. */
void conn_free(conn *c);

/* Give bytes that were received. The memory stays the caller's and is unmasked in place. All of it
   is used when conn_next_event returns 0 or less, unless c->extensions->in_left is 0 then.
   Everything given before must be used. */
void conn_recv(conn *c, uint8_t *data, size_t len);

/* Copy the bytes that are not used yet, because the caller needs the memory. Events go on from the
   copy. 0 or WS_ENOMEM. */
int conn_keep_input(conn *c);

/* Whether bytes were given that are not used yet. */
static inline bool conn_has_input(const conn *c) {
  return c->work->in_len > 0;
}

/* conn_next_event without the fast path for small messages. */
int conn_next_event_slow(conn *c, conn_event *ev);

/* The next event. 1: there is one; 0: more must be received first; an error (see message_add,
   frame_header_read, close_payload_read; WS_ENOMEM, WSUV_ERANDOM): the connection has failed. An
   error is returned once; a close frame with the code of close_code_for_error is queued if
   possible, with the text of conn_take_why, and nothing more is read. */
static inline int conn_next_event(conn *c, conn_event *ev) {
  return conn_next_small(c, ev) != 0 ? 1 : conn_next_event_slow(c, ev);
}

/* What was wrong, after an error of conn_next_event, and after conn_send_frame has failed a
   connection: "" or a text that is valid until another connection has failed. A second call
   returns "". */
static inline const char *conn_take_why(conn_shared *shared) {
  const char *why = shared->why;
  shared->why = "";
  return why;
}

/* Memory to read the rest of a large payload into: if more than `least` bytes of a frame are
   missing, or if the frame has more than that and is not the last one of its message, it is in the
   block that the message is assembled in; then there may be room for the header that follows. Pass
   the bytes that were read there to conn_recv where they lie. 0: read to wherever the caller likes.
   The memory grows with the bytes received, not with the announced length. */
size_t conn_recv_target(conn *c, size_t least, uint8_t **dst);

/* Queue a frame; its payload is copied. A payload that is longer than f->fragment_size, after the
   extensions, becomes several frames of at most that length, or of a 1,024th of the payload if that
   is more. 0; WSUV_ESTATE: closing has begun; WSUV_EUTF8; WSUV_ECONTROL; WS_EINVAL: another type
   while a fragmented message is being sent, rsv bits without raw mode, or a type that cannot be
   sent here; WSUV_ERANDOM; WS_ENOMEM; or an extension's error. After an error nothing is queued. If
   an extension had started to change the message, or if the masking keys ended after the first of
   several frames, the connection has failed, as with conn_fail. */
int conn_send_frame(conn *c, const conn_frame *frame);

/* Whether a text or binary frame whose payload is in one piece may have a `writer`: nothing is
   queued before it, and its payload leaves as it is. */
static inline bool conn_takes_writer(const conn *c) {
  return out_queue_len(&c->work->out) == 0 && !c->masking && c->extensions == NULL;
}

/* The same for a payload in one piece, without rsv bits. */
static inline int conn_send(conn *c, frame_opcode type, bool fin, const void *data, size_t len) {
  const ws_view piece = {(const uint8_t *) data, len};
  const conn_frame frame = {.type = type, .fin = fin, .pieces = &piece, .count = 1, .len = len};
  return conn_send_frame(c, &frame);
}

/* Announce a message of this type that is sent in fragments: no other can be sent before the
   fragment with fin. 0; WSUV_ESTATE; WS_EINVAL: another message has begun, or it is not a type of
   data. */
int conn_begin_message(conn *c, frame_opcode type);

/* Check a piece of the message that is being sent, before it is sent as a `checked` frame; `fin`:
   it is the last one. 0: `after` is the UTF-8 state to be kept in c->out_utf8 if the piece is
   accepted; WSUV_EUTF8. */
int conn_check_piece(const conn *c, const ws_view *piece, bool fin, utf8_state *after);

/* Queue a close frame, after all that is queued; it starts or answers the closing handshake. Only
   the first call has an effect; later ones return 0. WSUV_ECLOSECODE, WSUV_ECONTROL (reason too
   long), WSUV_EUTF8, WSUV_ERANDOM, WS_ENOMEM. Code WSUV_CLOSE_NO_STATUS, with no reason, makes an
   empty close frame. */
int conn_close(conn *c, unsigned code, const char *reason, size_t reason_len);

/* Answer the peer's close frame with its code (RFC 6455 5.5.1), unless our close frame was made
   before. Call it once, after CONN_EVENT_CLOSE, when everything that could be written was written.
   The peer reads no more data: frames that have not started to leave are dropped, also those in the
   middle of a message. 0; WSUV_ERANDOM, WS_ENOMEM: the connection has failed, without an answer.
   `dropped` is set in any case. */
int conn_answer_close(conn *c, conn_dropped *dropped);

/* Fail the connection for a reason of ours (RFC 6455 7.1.7), as conn_next_event does: queue a close
   frame, unless one was made before, and read no more. `why` is static ASCII text of at most
   WSUV_CLOSE_REASON_MAX bytes; it becomes the reason. Without work no frame is made. */
void conn_fail(conn *c, int err, const char *why);

#endif

#include "session/send.h"

#include "base/cold.h"
#include "base/error.h"
#include "proto/frame/conn_small.h"
#include "proto/frame/frame_input.h"
#include "proto/frame/prepared.h"
#include "session/session.h"

/* Queues messages and frames, within the limit, with their completions. The session writes the
   queue to the wire. */

enum { FEW_PIECES = 16 }; /* pieces of a payload that need no allocation */

/* The program has closed the handles, and the session has noticed it or can notice it here. In a
   callback of the session this is not asked: after the callback, the session ends. */
static inline bool is_lost(const wsuv_session_t *s) {
  return !s->in.delivering && endpoint_lost(s->endpoint);
}

/* With the policy WSUV_OUTGOING_CLOSE, a message that does not fit ends the session. */
static inline int check_bound(wsuv_session_t *s, const conn_frame *frame) {
  size_t room;
  if (outflow_room(session_out(s), &session_kind_of(s)->outgoing, session_queue(s), &room) &&
      frame->len <= room)
    return 0;
  int err = outflow_refuse(session_out(s), &session_kind_of(s)->outgoing, frame);
  if (err == WSUV_EQUEUEFULL && s->close_when_full) {
    session_fail(s, WSUV_EQUEUEFULL, "outgoing queue is full");
  }
  return err;
}

static inline out_lane_id lane_of(frame_opcode type) {
  return type == OPCODE_PING || type == OPCODE_PONG ? LANE_CONTROL : LANE_DATA;
}

/* Copying a large frame into the queue costs more than writing it at once does. */
WS_COLD static int send_large(wsuv_session_t *s, const conn_frame *frame) {
  /* Many short fragments are written with fewer calls from the queue. */
  const size_t least = OUTFLOW_DIRECT_MIN / OUT_WRITE_FRAMES;
  const bool large = frame->fragment_size == 0 || frame->fragment_size >= least;
  ws_filter *filter = large && frame->count == 1 ? session_direct_filter(s) : NULL;
  outflow_direct direct;
  conn_frame f = *frame;
  if (filter == NULL) return conn_send_frame(&s->conn, frame);
  outflow_direct_init(&direct, filter);
  f.writer = &direct.writer;
  int err = conn_send_frame(&s->conn, &f);
  session_note_round(s, &direct.round);
  return err;
}

static inline int queue(wsuv_session_t *s, out_lane_id lane, const conn_frame *frame) {
  if (s->state != SESSION_OPEN) return WSUV_ESTATE;
  if (!session_have_work(s)) return WS_ENOMEM;
  int err = lane == LANE_DATA ? check_bound(s, frame)
                              : outflow_check_control(session_queue(s), frame->type);
  if (err < 0) return err;
  err = frame->len < OUTFLOW_DIRECT_MIN ? conn_send_frame(&s->conn, frame) : send_large(s, frame);
  if (err < 0) return session_not_queued(s, err);
  outflow_queued(session_out(s), &session_kind_of(s)->outgoing, session_queue(s));
  if (lane == LANE_DATA && (frame->fin || frame->len > 0)) session_data_queued(s);
  session_schedule(s);
  return 0;
}

/* A whole message cannot be sent while another is being sent in fragments. */
static inline int queue_whole(wsuv_session_t *s, out_lane_id lane, const conn_frame *frame) {
  bool fragments = s->state == SESSION_OPEN && s->conn.out_opcode != 0;
  return fragments && lane == LANE_DATA ? WS_EINVAL : queue(s, lane, frame);
}

static int queue_message(wsuv_session_t *s, const conn_frame *frame) {
  return queue_whole(s, lane_of(frame->type), frame);
}

/* A single frame cannot be sent while a message is being sent in pieces. */
static int queue_single(wsuv_session_t *s, const conn_frame *frame) {
  bool pieces = s->state == SESSION_OPEN && session_out(s)->gather != NULL;
  const out_lane_id lane = lane_of(frame->type);
  return pieces && lane == LANE_DATA ? WS_EINVAL : queue(s, lane, frame);
}

/* A piece of a message that is being sent in pieces is gathered, or becomes a frame. */
static int queue_piece(wsuv_session_t *s, const conn_frame *piece) {
  utf8_state text;
  conn_frame frame = *piece;
  frame.type = (frame_opcode) s->conn.out_opcode;
  int err = check_bound(s, &frame);
  if (err == 0) err = conn_check_piece(&s->conn, frame.pieces, frame.fin, &text);
  if (err < 0) return err;
  if (!frame.fin && !s->conn.raw && gather_takes(session_out(s)->gather, frame.len)) {
    err = gather_add(session_out(s)->gather, &s->conn, frame.pieces);
  } else {
    err = outflow_send_gathered(session_out(s), &session_kind_of(s)->outgoing, &s->conn, &frame);
  }
  if (err < 0) return session_not_queued(s, err);
  s->conn.out_utf8 = text;
  outflow_queued(session_out(s), &session_kind_of(s)->outgoing, session_queue(s));
  if (frame.len > 0 || frame.fin) session_data_queued(s);
  session_schedule(s);
  return 0;
}

static int queue_close(wsuv_session_t *s, const conn_frame *frame) {
  const uint8_t *p = frame->pieces->base;
  size_t len = frame->len;
  const char *why;
  uint16_t code;
  if (frame->rsv != 0) return WS_EINVAL;
  if (!frame->fin || len > FRAME_CONTROL_MAX) return WSUV_ECONTROL;
  int err = close_payload_read(p, len, &code, &why);
  if (err < 0) return err == WSUV_EPROTOCOL ? WSUV_ECLOSECODE : err;
  return len == 0 ? session_close(s, code, "", 0)
                  : session_close(s, code, (const char *) p + 2, len - 2);
}

/* Queue a frame with `put`, which checks the rules for its type, and create its completion. */
static int queue_and_tell(wsuv_session_t *s, const conn_frame *frame,
                          int (*put)(wsuv_session_t *s, const conn_frame *frame), wsuv_send_cb cb,
                          void *arg) {
  if (is_lost(s)) return WS_ECANCELED;
  if (cb == NULL) return put(s, frame);
  completion *c = completion_new(&s->endpoint->completions, cb, arg);
  if (c == NULL) return WS_ENOMEM;
  int err = put(s, frame);
  if (err < 0) {
    completion_release(&s->endpoint->completions, c);
    return err;
  }
  outflow_wait(session_out(s), session_queue(s), lane_of(frame->type), c);
  return 0;
}

static int send_now(wsuv_session_t *s, frame_opcode type, bool checked, const void *data,
                    size_t len) {
  const ws_view piece = {data, len};
  const conn_frame frame = {.type = type,
                            .fin = true,
                            .pieces = &piece,
                            .count = 1,
                            .len = len,
                            .checked = checked,
                            .fragment_size = session_kind_of(s)->outgoing.fragment_size};
  return queue_whole(s, lane_of(type), &frame);
}

/* Fast path for a small message: it has nothing to wait for, and no mark of the queue is reached.
 */
static inline bool takes_small(const wsuv_session_t *s, size_t len) {
  return s->state == SESSION_OPEN &&
         outflow_takes_small(&session_kind_of(s)->outgoing, session_queue(s), len);
}

/* The message is binary or known to be UTF-8. False: nothing has changed. */
static inline bool send_small(wsuv_session_t *s, frame_opcode type, const void *data, size_t len) {
  if (!takes_small(s, len) || !conn_send_small(&s->conn, type, data, len)) return false;
  session_data_queued(s);
  return true;
}

/* Sends outside of callbacks, and what send_small does not send. `valid`: it is binary, or small
   and UTF-8. */
WS_COLD static int send_other(wsuv_session_t *s, frame_opcode type, bool valid, const void *data,
                              size_t len) {
  if (is_lost(s)) return WS_ECANCELED;
  if (valid && takes_small(s, len) && session_have_work(s) && conn_small_prepare(&s->conn, len) &&
      send_small(s, type, data, len)) {
    session_schedule(s);
    return 0;
  }
  return send_now(s, type, valid, data, len);
}

int wsuv_send_text(wsuv_session_t *session, const void *data, size_t len) {
  const bool valid = len <= CONN_SMALL_MAX && utf8_valid(data, len);
  if (valid && session->in.delivering && send_small(session, OPCODE_TEXT, data, len)) return 0;
  return send_other(session, OPCODE_TEXT, valid, data, len);
}

int wsuv_send_binary(wsuv_session_t *session, const void *data, size_t len) {
  if (session->in.delivering && send_small(session, OPCODE_BINARY, data, len)) return 0;
  return send_other(session, OPCODE_BINARY, true, data, len);
}

int wsuv_send_message(wsuv_session_t *session, wsuv_frame_type_t type, const void *data,
                      size_t len) {
  if (type == WSUV_FRAME_TEXT) return wsuv_send_text(session, data, len);
  return type == WSUV_FRAME_BINARY ? wsuv_send_binary(session, data, len) : WS_EINVAL;
}

int wsuv_send_ping(wsuv_session_t *session, const void *data, size_t len) {
  return is_lost(session) ? WS_ECANCELED : send_now(session, OPCODE_PING, false, data, len);
}

int wsuv_send_pong(wsuv_session_t *session, const void *data, size_t len) {
  return is_lost(session) ? WS_ECANCELED : send_now(session, OPCODE_PONG, false, data, len);
}

static uint8_t rsv_of(const wsuv_frame_t *frame) {
  return (uint8_t) ((frame->rsv1 ? FRAME_RSV1 : 0) | (frame->rsv2 ? FRAME_RSV2 : 0) |
                    (frame->rsv3 ? FRAME_RSV3 : 0));
}

/* Send a frame, or a whole message that becomes several if it is longer than `fragment_size`. */
static int send_frame(wsuv_session_t *s, const wsuv_frame_t *frame, size_t fragment_size,
                      wsuv_send_cb cb, void *arg) {
  const ws_view piece = {frame->data, frame->len};
  const conn_frame f = {.type = (frame_opcode) frame->type,
                        .fin = frame->fin,
                        .rsv = rsv_of(frame),
                        .pieces = &piece,
                        .count = 1,
                        .len = frame->len,
                        .plain = frame->plain,
                        .fragment_size = fragment_size};
  bool close = frame->type == WSUV_FRAME_CLOSE;
  return queue_and_tell(s, &f, close ? queue_close : queue_single, cb, arg);
}

/* Send a frame whose structure does not have the current size. */
static int send_sized(wsuv_session_t *s, const wsuv_frame_t *frame, size_t fragment_size,
                      wsuv_send_cb cb, void *arg) {
  wsuv_frame_t full;
  ws_why why = {""};
  int err = frame_input(&full, frame, &why);
  return err < 0 ? log_refusal(session_log(s), err, &why)
                 : send_frame(s, &full, fragment_size, cb, arg);
}

int wsuv_send(wsuv_session_t *session, const wsuv_frame_t *frame, wsuv_send_cb cb, void *arg) {
  if (frame->size != sizeof *frame) return send_sized(session, frame, 0, cb, arg);
  return send_frame(session, frame, 0, cb, arg);
}

int session_send_message(wsuv_session_t *s, const wsuv_frame_t *whole, wsuv_send_cb cb, void *arg) {
  if (s->state == SESSION_OPEN && s->conn.out_opcode != 0) return WS_EINVAL;
  return send_sized(s, whole, session_kind_of(s)->outgoing.fragment_size, cb, arg);
}

int wsuv_send_begin(wsuv_session_t *session, wsuv_frame_type_t type) {
  int err = session_check_open(session);
  if (err < 0) return err;
  gather *g = session_have_work(session) ? gather_new(&session->endpoint->alloc) : NULL;
  if (g == NULL) return WS_ENOMEM;
  err = conn_begin_message(&session->conn, (frame_opcode) type);
  if (err < 0) {
    ws_free(&session->endpoint->alloc, g);
    return err;
  }
  session_out(session)->gather = g;
  return 0;
}

static int send_piece(wsuv_session_t *s, bool fin, const void *data, size_t len, wsuv_send_cb cb,
                      void *arg) {
  const ws_view piece = {data, len};
  int err = session_check_open(s);
  if (err < 0) return err;
  if (session_out(s)->gather == NULL) return WS_EINVAL;
  const conn_frame f = {.fin = fin, .pieces = &piece, .count = 1, .len = len};
  return queue_and_tell(s, &f, queue_piece, cb, arg);
}

int wsuv_send_piece(wsuv_session_t *session, const void *data, size_t len, wsuv_send_cb cb,
                    void *arg) {
  return send_piece(session, false, data, len, cb, arg);
}

int wsuv_send_end(wsuv_session_t *session, wsuv_send_cb cb, void *arg) {
  return send_piece(session, true, NULL, 0, cb, arg);
}

/* Convert the buffers to views. The sum of their lengths must fit into a size_t. */
static int take_pieces(ws_view *pieces, const uv_buf_t *bufs, unsigned n, size_t *len) {
  *len = 0;
  for (unsigned i = 0; i < n; i++) {
    pieces[i] = (ws_view){(const uint8_t *) bufs[i].base, bufs[i].len};
    if (bufs[i].len > SIZE_MAX - *len) return WSUV_EMSGSIZE;
    *len += bufs[i].len;
  }
  return 0;
}

int wsuv_send_bufs(wsuv_session_t *session, wsuv_frame_type_t type, const uv_buf_t bufs[],
                   unsigned nbufs, wsuv_send_cb cb, void *arg) {
  const wsuv_allocator_t *alloc = &session->endpoint->alloc;
  ws_view few[FEW_PIECES], *pieces = few;
  conn_frame frame = {.type = (frame_opcode) type,
                      .fin = true,
                      .count = nbufs,
                      .fragment_size = session_kind_of(session)->outgoing.fragment_size};
  if (nbufs > FEW_PIECES) pieces = ws_calloc(alloc, nbufs * sizeof *pieces);
  if (pieces == NULL) return WS_ENOMEM;
  frame.pieces = pieces;
  int err = take_pieces(pieces, bufs, nbufs, &frame.len);
  if (err == 0) err = queue_and_tell(session, &frame, queue_message, cb, arg);
  if (pieces != few) ws_free(alloc, pieces);
  return err;
}

int wsuv_send_prepared(wsuv_session_t *session, wsuv_prepared_t *prepared, wsuv_send_cb cb,
                       void *arg) {
  const ws_view piece = {prepared->data, prepared->len};
  const conn_frame f = {.type = (frame_opcode) prepared->type,
                        .fin = true,
                        .pieces = &piece,
                        .count = 1,
                        .len = prepared->len,
                        .checked = true,
                        .fragment_size = session_kind_of(session)->outgoing.fragment_size,
                        .prepared = prepared};
  return queue_and_tell(session, &f, queue_message, cb, arg);
}

int wsuv_flush(wsuv_session_t *session, wsuv_send_cb cb, void *arg) {
  bool writes = session->state == SESSION_OPEN || session->state == SESSION_CLOSING;
  if (endpoint_lost(session->endpoint)) return WS_ECANCELED;
  if (!writes || session_write_error(session) != 0) return WSUV_ESTATE;
  completion *c = cb != NULL ? completion_new(&session->endpoint->completions, cb, arg) : NULL;
  if (c == NULL && cb != NULL) return WS_ENOMEM;
  int err = session_have_work(session) ? session_send_gathered(session) : WS_ENOMEM;
  if (err < 0) {
    if (c != NULL) completion_release(&session->endpoint->completions, c);
    return err;
  }
  if (c != NULL) outflow_wait_for_all(session_out(session), session_queue(session), c);
  session_schedule(session);
  return 0;
}

size_t wsuv_buffered_amount(const wsuv_session_t *session) {
  return (size_t) outflow_payload(session_out(session), session_queue(session));
}

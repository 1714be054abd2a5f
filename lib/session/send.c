#include "session/send.h"

#include "base/error.h"
#include "proto/frame/prepared.h"
#include "session/closing.h"
#include "session/session.h"

/* The way out: sends into the queue, under its bound, and their completions. Writing the queue to
   the wire is the session's business. */

enum { FEW_PIECES = 16 }; /* of a payload: described without memory */

/* How long a message may be now: an empty queue takes any up to its bound. Headers may take as much
   room again as payload, so that messages of no length are bounded, too. */
static bool has_room(const wsuv_session_t *s, size_t *len) {
  uint64_t queued = s->conn.out.payload;
  size_t bytes = bufq_len(&s->conn.out.lanes[LANE_DATA].bytes);
  *len = queued < s->outgoing_max ? s->outgoing_max - (size_t) queued : 0;
  return queued <= s->outgoing_max && bytes / 2 <= s->outgoing_max;
}

static int refuse(wsuv_session_t *s, size_t len) {
  s->refused = true;
  if (len < s->refused_least) s->refused_least = len;
  if (len > s->refused_most) s->refused_most = len;
  if (s->close_when_full) session_fail(s, WSUV_EQUEUEFULL, "outgoing queue is full");
  return WSUV_EQUEUEFULL;
}

/* What could never be sent is not refused for want of room. */
static int check_bound(wsuv_session_t *s, const conn_frame *frame) {
  size_t room, len = frame->len;
  if (has_room(s, &room) && len <= room) return 0;
  if (frame->type != OPCODE_TEXT && frame->type != OPCODE_BINARY) return WS_EINVAL;
  return len > s->outgoing_max ? WSUV_EMSGSIZE : refuse(s, len);
}

/* Of what was refused only the smallest and the largest are kept. Between the two, any growth of
   the room may have made room for another. */
static bool refused_fits(wsuv_session_t *s) {
  size_t room;
  if (!s->refused || !has_room(s, &room) || s->refused_least > room) return false;
  s->refused = s->refused_most > room;
  s->refused_least = s->refused ? room + 1 : SIZE_MAX;
  if (!s->refused) s->refused_most = 0;
  return true;
}

static bool fell_to_low_water(wsuv_session_t *s) {
  if (!s->above_high || s->conn.out.payload > s->low_water) return false;
  s->above_high = false;
  return true;
}

bool send_drained(wsuv_session_t *s) {
  bool fits = refused_fits(s);
  return fell_to_low_water(s) || fits;
}

static out_lane_id lane_of(frame_opcode type) {
  return type == OPCODE_PING || type == OPCODE_PONG ? LANE_CONTROL : LANE_DATA;
}

/* Without random bytes there are no masks, and no session (RFC 6455 10.3); without what an
   extension has made of a message, the peer could not read what follows. */
static int not_queued(wsuv_session_t *s, int err) {
  if (err == WSUV_ERANDOM) session_end(s, err, "no masking key");
  if (s->conn.failed) {
    closing_failed(s, err);
    session_owe(s);
  }
  return err;
}

static int queue(wsuv_session_t *s, const conn_frame *frame) {
  out_lane_id lane = lane_of(frame->type);
  if (s->state != SESSION_OPEN) return WSUV_ESTATE;
  if (lane == LANE_DATA) {
    int err = check_bound(s, frame);
    if (err < 0) return err;
  }
  int err = conn_send_frame(&s->conn, frame);
  if (err < 0) return not_queued(s, err);
  if (s->conn.out.payload > s->high_water) s->above_high = true;
  if (lane == LANE_DATA) session_used(s);
  session_owe(s);
  return 0;
}

/* A whole message cannot be the end of another that is sent in fragments. */
static int queue_message(wsuv_session_t *s, const conn_frame *frame) {
  bool amid = s->state == SESSION_OPEN && s->conn.out_opcode != 0;
  return amid && lane_of(frame->type) == LANE_DATA ? WS_EINVAL : queue(s, frame);
}

/* Nor can a single frame be part of one that is sent in pieces. */
static int queue_single(wsuv_session_t *s, const conn_frame *frame) {
  bool amid = s->state == SESSION_OPEN && s->conn.out_streamed;
  return amid && lane_of(frame->type) == LANE_DATA ? WS_EINVAL : queue(s, frame);
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
  return len == 0 ? closing_begin(s, code, "", 0)
                  : closing_begin(s, code, (const char *) p + 2, len - 2);
}

static completion *new_completion(wsuv_session_t *s, wsuv_send_cb cb, void *arg) {
  completion *c = completion_new(&s->client->completions);
  if (c == NULL) return NULL;
  c->cb = cb;
  c->arg = arg;
  return c;
}

/* Queue it by its own rules, and remember who waits for it. */
static int queue_and_tell(wsuv_session_t *s, const conn_frame *frame,
                          int (*put)(wsuv_session_t *s, const conn_frame *frame), wsuv_send_cb cb,
                          void *arg) {
  if (cb == NULL) return put(s, frame);
  completion *c = new_completion(s, cb, arg);
  if (c == NULL) return WS_ENOMEM;
  int err = put(s, frame);
  if (err < 0) {
    completion_release(&s->client->completions, c);
    return err;
  }
  out_lane_id lane = lane_of(frame->type);
  c->end = s->conn.out.lanes[lane].queued;
  completions_add(&s->completions, lane, c);
  return 0;
}

static int send_message(wsuv_session_t *s, frame_opcode type, const void *data, size_t len) {
  const ws_slice piece = {data, len};
  const conn_frame frame = {.type = type, .fin = true, .pieces = &piece, .count = 1, .len = len};
  return queue_message(s, &frame);
}

int wsuv_send_text(wsuv_session_t *session, const void *data, size_t len) {
  return send_message(session, OPCODE_TEXT, data, len);
}

int wsuv_send_binary(wsuv_session_t *session, const void *data, size_t len) {
  return send_message(session, OPCODE_BINARY, data, len);
}

int wsuv_send_ping(wsuv_session_t *session, const void *data, size_t len) {
  return send_message(session, OPCODE_PING, data, len);
}

int wsuv_send_pong(wsuv_session_t *session, const void *data, size_t len) {
  return send_message(session, OPCODE_PONG, data, len);
}

static uint8_t rsv_of(const wsuv_frame_t *frame) {
  return (uint8_t) ((frame->rsv1 ? FRAME_RSV1 : 0) | (frame->rsv2 ? FRAME_RSV2 : 0) |
                    (frame->rsv3 ? FRAME_RSV3 : 0));
}

int wsuv_send(wsuv_session_t *session, const wsuv_frame_t *frame, wsuv_send_cb cb, void *arg) {
  if (frame->size != sizeof *frame) return WS_EINVAL;
  const ws_slice piece = {frame->data, frame->len};
  const conn_frame f = {.type = (frame_opcode) frame->type,
                        .fin = frame->fin,
                        .rsv = rsv_of(frame),
                        .pieces = &piece,
                        .count = 1,
                        .len = frame->len,
                        .plain = frame->plain};
  bool close = frame->type == WSUV_FRAME_CLOSE;
  return queue_and_tell(session, &f, close ? queue_close : queue_single, cb, arg);
}

int wsuv_send_begin(wsuv_session_t *session, wsuv_frame_type_t type) {
  if (session->state != SESSION_OPEN) return WSUV_ESTATE;
  return conn_begin_message(&session->conn, (frame_opcode) type);
}

static int send_fragment(wsuv_session_t *s, bool fin, const void *data, size_t len, wsuv_send_cb cb,
                         void *arg) {
  const ws_slice piece = {data, len};
  if (s->state != SESSION_OPEN) return WSUV_ESTATE;
  if (!s->conn.out_streamed) return WS_EINVAL;
  const conn_frame f = {.type = (frame_opcode) s->conn.out_opcode,
                        .fin = fin,
                        .pieces = &piece,
                        .count = 1,
                        .len = len};
  return queue_and_tell(s, &f, queue, cb, arg);
}

int wsuv_send_piece(wsuv_session_t *session, const void *data, size_t len, wsuv_send_cb cb,
                    void *arg) {
  return send_fragment(session, false, data, len, cb, arg);
}

int wsuv_send_end(wsuv_session_t *session, wsuv_send_cb cb, void *arg) {
  return send_fragment(session, true, NULL, 0, cb, arg);
}

/* The same as slices; the sum of their lengths must be one, too. */
static int take_pieces(ws_slice *pieces, const uv_buf_t *bufs, unsigned n, size_t *len) {
  *len = 0;
  for (unsigned i = 0; i < n; i++) {
    pieces[i] = (ws_slice){(const uint8_t *) bufs[i].base, bufs[i].len};
    if (bufs[i].len > SIZE_MAX - *len) return WSUV_EMSGSIZE;
    *len += bufs[i].len;
  }
  return 0;
}

int wsuv_send_bufs(wsuv_session_t *session, wsuv_frame_type_t type, const uv_buf_t bufs[],
                   unsigned nbufs, wsuv_send_cb cb, void *arg) {
  const wsuv_allocator_t *alloc = &session->client->alloc;
  ws_slice few[FEW_PIECES], *pieces = few;
  conn_frame frame = {.type = (frame_opcode) type, .fin = true, .count = nbufs};
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
  const ws_slice piece = {prepared->data, prepared->len};
  const conn_frame f = {.type = (frame_opcode) prepared->type,
                        .fin = true,
                        .pieces = &piece,
                        .count = 1,
                        .len = prepared->len,
                        .prepared = prepared};
  return queue_and_tell(session, &f, queue_message, cb, arg);
}

int wsuv_flush(wsuv_session_t *session, wsuv_send_cb cb, void *arg) {
  bool writes = session->state == SESSION_OPEN || session->state == SESSION_CLOSING;
  if (!writes || session->write_error != 0) return WSUV_ESTATE;
  if (cb == NULL) return 0;
  completion *c = new_completion(session, cb, arg);
  if (c == NULL) return WS_ENOMEM;
  c->end = session->conn.out.lanes[LANE_DATA].queued;
  c->control = session->conn.out.lanes[LANE_CONTROL].queued;
  completions_add(&session->completions, LANE_DATA, c);
  session_owe(session);
  return 0;
}

size_t wsuv_buffered_amount(const wsuv_session_t *session) {
  return (size_t) session->conn.out.payload;
}

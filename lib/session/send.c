#include "session/send.h"

#include "base/error.h"
#include "session/session.h"

/* The way out: sends into the queue, under its bound, and their completions. Writing the queue to
   the wire is the session's business. */

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

static int check_bound(wsuv_session_t *s, size_t len) {
  size_t room;
  if (len > s->outgoing_max) return WSUV_EMSGSIZE;
  return has_room(s, &room) && len <= room ? 0 : refuse(s, len);
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

static out_lane_id lane_of(wsuv_frame_type_t type) {
  return type == WSUV_FRAME_PING || type == WSUV_FRAME_PONG ? LANE_CONTROL : LANE_DATA;
}

/* Without random bytes there are no masks, and no session (RFC 6455 10.3). */
static int queue(wsuv_session_t *s, wsuv_frame_type_t type, bool fin, const void *data,
                 size_t len) {
  if (s->state != SESSION_OPEN) return WSUV_ESTATE;
  if (lane_of(type) == LANE_DATA) {
    int err = check_bound(s, len);
    if (err < 0) return err;
  }
  int err = conn_send(&s->conn, (frame_opcode) type, fin, data, len);
  if (err == WSUV_ERANDOM) session_end(s, err, "no masking key");
  if (err < 0) return err;
  if (s->conn.out.payload > s->high_water) s->above_high = true;
  if (lane_of(type) == LANE_DATA) session_used(s);
  session_owe(s);
  return 0;
}

/* A whole message cannot be the end of another that is sent in fragments. */
static int queue_message(wsuv_session_t *s, wsuv_frame_type_t type, const void *data, size_t len) {
  if (s->state == SESSION_OPEN && s->conn.out_opcode != 0) return WS_EINVAL;
  return queue(s, type, true, data, len);
}

int wsuv_send_text(wsuv_session_t *session, const void *data, size_t len) {
  return queue_message(session, WSUV_FRAME_TEXT, data, len);
}

int wsuv_send_binary(wsuv_session_t *session, const void *data, size_t len) {
  return queue_message(session, WSUV_FRAME_BINARY, data, len);
}

int wsuv_send_ping(wsuv_session_t *session, const void *data, size_t len) {
  return queue(session, WSUV_FRAME_PING, true, data, len);
}

int wsuv_send_pong(wsuv_session_t *session, const void *data, size_t len) {
  return queue(session, WSUV_FRAME_PONG, true, data, len);
}

static completion *new_completion(wsuv_session_t *s, wsuv_send_cb cb, void *arg) {
  completion *c = completion_new(&s->client->completions);
  if (c == NULL) return NULL;
  c->cb = cb;
  c->arg = arg;
  return c;
}

static int send_with_completion(wsuv_session_t *s, const wsuv_frame_t *frame, wsuv_send_cb cb,
                                void *arg) {
  completion *c = new_completion(s, cb, arg);
  if (c == NULL) return WS_ENOMEM;
  int err = queue(s, frame->type, frame->fin, frame->data, frame->len);
  if (err < 0) {
    completion_release(&s->client->completions, c);
    return err;
  }
  out_lane_id lane = lane_of(frame->type);
  c->end = s->conn.out.lanes[lane].queued;
  completions_add(&s->completions, lane, c);
  return 0;
}

int wsuv_send(wsuv_session_t *session, const wsuv_frame_t *frame, wsuv_send_cb cb, void *arg) {
  if (frame->size != sizeof *frame) return WS_EINVAL;
  if (cb != NULL) return send_with_completion(session, frame, cb, arg);
  return queue(session, frame->type, frame->fin, frame->data, frame->len);
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

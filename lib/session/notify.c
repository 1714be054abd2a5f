#include "session/notify.h"

#include "base/error.h"
#include "session/send.h"
#include "session/session.h"

/* All calls of the user's callbacks, and only those. */

static bool may_tell(const wsuv_session_t *s) {
  return s->state != SESSION_ENDED;
}

static void complete(wsuv_session_t *s, completion *c, int status) {
  wsuv_send_cb cb = c->cb;
  void *arg = c->arg;
  completion_release(&s->client->completions, c);
  cb(s, status, arg);
}

/* No more than there are now: one that is added by another waits for the next turn. What was
   dropped by an error of writing is told with the end. */
void notify_completed(wsuv_session_t *s) {
  completion *c;
  if (s->write_error != 0) return;
  for (size_t n = s->completions.count; n > 0 && may_tell(s); n--) {
    if ((c = completions_due(&s->completions, &s->conn.out)) == NULL) return;
    complete(s, c, 0);
  }
}

void notify_dropped(wsuv_session_t *s) {
  completion *c = completions_beyond(&s->completions, s->conn.data_kept);
  while (c != NULL) {
    completion *next = c->next;
    complete(s, c, WS_ECANCELED);
    c = next;
  }
}

void notify_undone(wsuv_session_t *s, int status) {
  completion *c;
  while ((c = completions_any(&s->completions)) != NULL) complete(s, c, status);
}

void notify_drain(wsuv_session_t *s) {
  bool due = s->state == SESSION_OPEN && send_drained(s);
  if (due && s->on->callbacks.on_drain != NULL) s->on->callbacks.on_drain(s);
}

void notify_open(wsuv_session_t *s) {
  if (s->on->callbacks.on_open != NULL) s->on->callbacks.on_open(s);
}

/* A close frame's event has its payload behind the code. */
static void tell_frame(wsuv_session_t *s, wsuv_frame_type_t type, const conn_event *ev) {
  size_t code = ev->type == CONN_EVENT_CLOSE && ev->close_code != WSUV_CLOSE_NO_STATUS ? 2 : 0;
  wsuv_frame_t frame;
  if (s->on->callbacks.on_frame == NULL) return;
  wsuv_frame_init(&frame, type, ev->data - code, ev->len + code);
  if (ev->type == CONN_EVENT_FRAME) {
    frame.fin = ev->fin;
    frame.rsv1 = (ev->rsv & FRAME_RSV1) != 0;
    frame.rsv2 = (ev->rsv & FRAME_RSV2) != 0;
    frame.rsv3 = (ev->rsv & FRAME_RSV3) != 0;
    frame.continuation = ev->continuation;
  }
  s->on->callbacks.on_frame(s, &frame);
}

static void tell_raw(wsuv_session_t *s, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_PING: tell_frame(s, WSUV_FRAME_PING, ev); break;
  case CONN_EVENT_PONG: tell_frame(s, WSUV_FRAME_PONG, ev); break;
  case CONN_EVENT_CLOSE: tell_frame(s, WSUV_FRAME_CLOSE, ev); break;
  default: tell_frame(s, (wsuv_frame_type_t) ev->opcode, ev); break;
  }
}

void notify_message(wsuv_session_t *s, const conn_event *ev) {
  const wsuv_message_t whole = {(wsuv_frame_type_t) ev->opcode, ev->data, ev->len};
  if (s->on->callbacks.on_message != NULL) s->on->callbacks.on_message(s, &whole);
}

bool notify_wants_pieces(const wsuv_session_t *s) {
  return s->on->callbacks.on_message_piece != NULL;
}

static void tell_piece(wsuv_session_t *s, const conn_event *ev) {
  const wsuv_message_piece_t piece = {.type = (wsuv_frame_type_t) ev->opcode,
                                      .data = ev->data,
                                      .len = ev->len,
                                      .offset = ev->offset,
                                      .last = ev->fin};
  s->on->callbacks.on_message_piece(s, &piece);
}

void notify_event(wsuv_session_t *s, const conn_event *ev) {
  if (s->conn.raw) {
    tell_raw(s, ev);
    return;
  }
  switch (ev->type) {
  case CONN_EVENT_PIECE: tell_piece(s, ev); break;
  case CONN_EVENT_PING:
    if (s->on->callbacks.on_ping != NULL) s->on->callbacks.on_ping(s, ev->data, ev->len);
    break;
  case CONN_EVENT_PONG:
    if (s->on->callbacks.on_pong != NULL) s->on->callbacks.on_pong(s, ev->data, ev->len);
    break;
  default: break; /* the peer's close is told by on_close */
  }
}

void notify_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  if (s->on->callbacks.on_close != NULL) s->on->callbacks.on_close(s, info);
}

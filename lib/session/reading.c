#include "session/reading.h"

#include "base/error.h"
#include "session/closing.h"
#include "session/deadline.h"
#include "session/notify.h"
#include "session/session.h"

/* From the filter to events, one at a time, and the pause between them. */

enum {
  DIRECT_READ_MIN = 16 * 1024 /* a payload that lacks more is read straight into its block */
};

bool reading_frames(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN || s->state == SESSION_CLOSING;
}

void reading_room(wsuv_session_t *s, ws_buf *buf) {
  buf->len = reading_frames(s) ? conn_recv_target(&s->conn, DIRECT_READ_MIN, &buf->base) : 0;
  if (buf->len > 0) return;
  buf->base = s->client->read_buf;
  buf->len = CLIENT_READ_SIZE;
}

static void deliver_other(wsuv_session_t *s, const conn_event *ev) {
  if (ev->type == CONN_EVENT_PONG && keepalive_on(&s->keepalive)) {
    keepalive_pong(&s->keepalive, ev->data, ev->len, session_now_ns(s));
  }
  if (ev->type == CONN_EVENT_CLOSE) closing_by_peer(s, ev);
  if (!s->discard) notify_event(s, ev);
}

static inline void deliver(wsuv_session_t *s, const conn_event *ev) {
  if (ev->type != CONN_EVENT_MESSAGE) {
    deliver_other(s, ev);
  } else if (!s->discard) {
    notify_message(s, ev);
  }
}

void reading_take_events(wsuv_session_t *s) {
  conn_event ev;
  int r = 1;
  s->in_read = true;
  while (r > 0 && reading_frames(s) && !s->paused) {
    r = conn_next_event(&s->conn, &ev);
    if (r < 0) closing_failed(s, r);
    if (r > 0) deliver(s, &ev);
  }
  s->in_read = false;
  if (s->conn.data_came) session_used(s);
  s->conn.data_came = false;
}

/* The bytes are in a buffer that others read into next: what a pause leaves over is kept. */
void reading_receive(wsuv_session_t *s, uint8_t *data, size_t len) {
  conn_recv(&s->conn, data, len);
  reading_take_events(s);
  int err = s->paused ? conn_keep_input(&s->conn) : 0;
  if (err < 0) session_fail(s, err, "");
}

void reading_go_on(wsuv_session_t *s) {
  bool wanted = s->state >= SESSION_HANDSHAKE && s->state != SESSION_ENDED && !s->paused;
  if (!wanted || s->reading || conn_has_input(&s->conn)) return;
  int err = s->filter->ops->read_start(s->filter);
  s->reading = err == 0;
  if (err < 0) session_end(s, err, "");
}

/* The pause */

void reading_leave_pause(wsuv_session_t *s) {
  if (!s->paused) return;
  s->discard = true;
  s->paused = false;
  session_owe(s);
}

int wsuv_session_pause(wsuv_session_t *session) {
  if (session->state != SESSION_OPEN) return WSUV_ESTATE;
  if (session->paused) return 0;
  session->paused = true;
  session->reading = false;
  session->filter->ops->read_stop(session->filter);
  deadline_rearm(session);
  return 0;
}

int wsuv_session_resume(wsuv_session_t *session) {
  if (session->state != SESSION_OPEN) return WSUV_ESTATE;
  if (!session->paused) return 0;
  session->paused = false;
  keepalive_alive(&session->keepalive);
  session_used(session);
  deadline_rearm(session);
  session_owe(session);
  return 0;
}

#include "session/writing.h"

#include "session/deadline.h"
#include "session/session.h"

/* From the queue to the filter, and what its success or failure means. */

enum { WRITE_PIECES = 128 /* described to the filter at once */ };

static void on_write_error(wsuv_session_t *s, int err) {
  if (s->write_error != 0) return;
  if (s->status == 0) s->stage = (uint8_t) session_stage(s);
  s->write_error = err;
  out_queue_clear(&s->conn.out);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  if (s->state >= SESSION_OPEN || session_now_ms(s) + SESSION_LINGER_MS < s->deadline_ms)
    deadline_set(s, SESSION_LINGER_MS);
}

/* The ping that was queued last leaves, or bytes before it do, which is life as well. */
static void note_ping_progress(wsuv_session_t *s) {
  const out_lane *lane = &s->conn.out.lanes[LANE_CONTROL];
  bool gone =
      out_queue_gone(&s->conn.out, LANE_CONTROL) >= s->ping_end || bufq_len(&lane->bytes) == 0;
  if (gone) {
    keepalive_sent(&s->keepalive, session_now_ms(s), session_now_ns(s));
  } else {
    keepalive_delayed(&s->keepalive, session_now_ms(s));
  }
}

/* The kernel took bytes. */
static void note_progress(wsuv_session_t *s) {
  s->progress = true;
  if (keepalive_queued(&s->keepalive)) note_ping_progress(s);
}

/* One round of writing; false when the rest must wait. */
static bool write_some(wsuv_session_t *s) {
  ws_buf bufs[WRITE_PIECES];
  size_t taken, held, count = out_queue_peek(&s->conn.out, bufs, WRITE_PIECES);
  int err = s->filter->ops->write(s->filter, bufs, count, &taken, &held);
  if (err < 0) {
    on_write_error(s, err);
    return false;
  }
  s->wire_sent += taken;
  out_queue_written(&s->conn.out, taken);
  if (held > 0) out_queue_hold(&s->conn.out, held);
  if (taken > 0) note_progress(s);
  return held == 0;
}

static bool writable(const wsuv_session_t *s) {
  return s->state >= SESSION_HANDSHAKE && s->state < SESSION_ENDED && s->write_error == 0 &&
         !out_queue_held(&s->conn.out);
}

/* Our close frame has gone: from now on the peer has its time to answer. */
static void note_close_written(wsuv_session_t *s) {
  bool gone = s->conn.close_size > 0 && s->write_error == 0 &&
              bufq_len(&s->conn.out.lanes[LANE_DATA].bytes) == 0;
  if (!gone || s->close_written) return;
  s->close_written = true;
  if (s->state == SESSION_CLOSING) deadline_set(s, s->close_timeout_ms);
}

void writing_flush(wsuv_session_t *s) {
  while (writable(s) && out_queue_len(&s->conn.out) > 0 && write_some(s)) {
  }
  note_close_written(s);
}

void writing_released(wsuv_session_t *s, int status) {
  if (status < 0) {
    on_write_error(s, status);
    return;
  }
  s->wire_sent += out_queue_held_len(&s->conn.out);
  out_queue_release(&s->conn.out);
  note_progress(s);
}

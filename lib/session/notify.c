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
  if (due && s->callbacks.on_drain != NULL) s->callbacks.on_drain(s);
}

void notify_open(wsuv_session_t *s) {
  if (s->callbacks.on_open != NULL) s->callbacks.on_open(s);
}

static void tell_message(wsuv_session_t *s, const conn_event *ev) {
  const wsuv_message_t whole = {(wsuv_frame_type_t) ev->opcode, ev->data, ev->len};
  if (s->callbacks.on_message != NULL) s->callbacks.on_message(s, &whole);
}

void notify_event(wsuv_session_t *s, const conn_event *ev) {
  switch (ev->type) {
  case CONN_EVENT_MESSAGE: tell_message(s, ev); break;
  case CONN_EVENT_PING:
    if (s->callbacks.on_ping != NULL) s->callbacks.on_ping(s, ev->data, ev->len);
    break;
  case CONN_EVENT_PONG:
    if (s->callbacks.on_pong != NULL) s->callbacks.on_pong(s, ev->data, ev->len);
    break;
  case CONN_EVENT_CLOSE: break; /* told by on_close */
  }
}

void notify_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  if (s->callbacks.on_close != NULL) s->callbacks.on_close(s, info);
}

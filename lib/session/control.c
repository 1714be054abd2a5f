#include "base/error.h"
#include "session/session.h"

/* Public calls that close, terminate, pause, resume, ref and unref. */

int wsuv_session_close(wsuv_session_t *session, unsigned code, const char *reason) {
  size_t len;
  int err = close_code_check(code, reason, &len);
  if (err < 0) return err;
  if (endpoint_lost(session->endpoint)) return WS_ECANCELED;
  if (session->state < SESSION_OPEN) session_end(session, WS_ECANCELED, "");
  err = session_close(session, code, reason, len);
  return err == WSUV_ESTATE ? 0 : err;
}

void wsuv_session_terminate(wsuv_session_t *session) {
  session_end(session, WS_ECANCELED, "");
}

int wsuv_session_pause(wsuv_session_t *session) {
  int err = session_check_open(session);
  if (err < 0) return err;
  if (session->in.paused) return 0;
  session->in.paused = true;
  session->in.reading = false;
  session->filter->ops->read_stop(session->filter);
  session_rearm(session);
  return 0;
}

int wsuv_session_resume(wsuv_session_t *session) {
  int err = session_check_open(session);
  if (err < 0) return err;
  if (!session->in.paused) return 0;
  session->in.paused = false;
  keepalive_received(&session_while_open(session)->keepalive);
  pings_unread(&session->pings);
  session_used(session);
  session_rearm(session);
  session_schedule(session);
  return 0;
}

static void set_unref(wsuv_session_t *s, bool unref) {
  const bool before = session_keeps_loop_alive(s);
  s->unref = unref;
  const bool after = session_keeps_loop_alive(s);
  if (after != before) endpoint_keep_loop_alive(s->endpoint, after);
}

void wsuv_session_ref(wsuv_session_t *session) {
  set_unref(session, false);
}

void wsuv_session_unref(wsuv_session_t *session) {
  set_unref(session, true);
}

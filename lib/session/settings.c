#include "base/error.h"
#include "session/session.h"

/* Public functions that change settings of an open session. */

int wsuv_session_set_ping(wsuv_session_t *session, uint64_t interval_ms, uint64_t timeout_ms) {
  int err = session_check_open(session);
  if (err < 0) return err;
  keepalive_change(&session->timeouts.keepalive, interval_ms, timeout_ms, session_now_ms(session));
  session_rearm(session);
  return 0;
}

int wsuv_session_set_idle_timeout(wsuv_session_t *session, uint64_t timeout_ms) {
  int err = session_check_open(session);
  if (err < 0) return err;
  session->timeouts.idle_timeout_ms = timeout_ms;
  session_data_queued(session); /* data may be under way */
  session_rearm(session);
  return 0;
}

int wsuv_session_set_max_frame_size(wsuv_session_t *session, uint64_t size) {
  if (size == 0) return WS_EINVAL;
  int err = session_check_open(session);
  if (err < 0) return err;
  session->conn.limits.max_frame_size = size;
  return 0;
}

int wsuv_session_set_max_message_size(wsuv_session_t *session, size_t size) {
  if (size == 0) return WS_EINVAL;
  int err = session_check_open(session);
  if (err < 0) return err;
  session->conn.limits.max_message_size = size;
  return 0;
}

int wsuv_session_set_masking(wsuv_session_t *session, bool masking) {
  int err = session_check_open(session);
  if (err < 0) return err;
  session->conn.masking = masking;
  return 0;
}

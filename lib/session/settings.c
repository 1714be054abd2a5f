#include "base/error.h"
#include "session/session.h"

/* Public functions that change settings of an open session. */

static bool is_open(const wsuv_session_t *s) {
  return s->state == SESSION_OPEN;
}

int wsuv_session_set_ping(wsuv_session_t *session, uint64_t interval_ms, uint64_t timeout_ms) {
  if (!is_open(session)) return WSUV_ESTATE;
  keepalive_change(&session->timeouts.keepalive, interval_ms, timeout_ms, session_now_ms(session));
  session_rearm(session);
  return 0;
}

int wsuv_session_set_idle_timeout(wsuv_session_t *session, uint64_t timeout_ms) {
  if (!is_open(session)) return WSUV_ESTATE;
  session->timeouts.idle_timeout_ms = timeout_ms;
  session_data_queued(session); /* data may be under way */
  session_rearm(session);
  return 0;
}

int wsuv_session_set_max_frame_size(wsuv_session_t *session, uint64_t size) {
  if (size == 0) return WS_EINVAL;
  if (!is_open(session)) return WSUV_ESTATE;
  session->conn.limits.max_frame_size = size;
  return 0;
}

int wsuv_session_set_max_message_size(wsuv_session_t *session, size_t size) {
  if (size == 0) return WS_EINVAL;
  if (!is_open(session)) return WSUV_ESTATE;
  session->conn.limits.max_message_size = size;
  return 0;
}

int wsuv_session_set_masking(wsuv_session_t *session, bool masking) {
  if (!is_open(session)) return WSUV_ESTATE;
  session->conn.masking = masking;
  return 0;
}

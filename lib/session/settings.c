#include <string.h>

#include "base/error.h"
#include "session/session.h"

/* Public functions that change settings of an open session. */

int wsuv_session_set_ping(wsuv_session_t *session, uint64_t interval_ms, uint64_t timeout_ms) {
  int err = session_check_open(session);
  if (err < 0) return err;
  keepalive *k = &session_while_open(session)->keepalive;
  keepalive_start(k, interval_ms, timeout_ms, session_now_ms(session));
  session->pings.on = keepalive_on(k);
  session_rearm(session);
  return 0;
}

int wsuv_session_set_idle_timeout(wsuv_session_t *session, uint64_t timeout_ms) {
  int err = session_check_open(session);
  if (err < 0) return err;
  session_set_idle_timeout(session, timeout_ms);
  session_data_queued(session); /* data may be under way */
  session_rearm(session);
  return 0;
}

/* Sessions with other limits are of another kind. */
static int set_limits(wsuv_session_t *s, const message_limits *limits) {
  session_kind like, *kind;
  memcpy(&like, session_kind_of(s), sizeof like);
  like.incoming.max_frame_size = limits->max_frame_size;
  like.incoming.max_message_size = limits->max_message_size;
  kind = session_kind_get(&s->endpoint->kinds, &like);
  if (kind == NULL) return WS_ENOMEM;
  session_kind_unref(&s->endpoint->kinds, session_kind_of(s));
  s->conn.limits = &kind->incoming;
  return 0;
}

int wsuv_session_set_max_frame_size(wsuv_session_t *session, uint64_t size) {
  if (size == 0) return WS_EINVAL;
  int err = session_check_open(session);
  if (err < 0) return err;
  message_limits limits = session_kind_of(session)->incoming;
  limits.max_frame_size = size;
  return set_limits(session, &limits);
}

int wsuv_session_set_max_message_size(wsuv_session_t *session, size_t size) {
  if (size == 0) return WS_EINVAL;
  int err = session_check_open(session);
  if (err < 0) return err;
  message_limits limits = session_kind_of(session)->incoming;
  limits.max_message_size = size;
  return set_limits(session, &limits);
}

int wsuv_session_set_masking(wsuv_session_t *session, bool masking) {
  int err = session_check_open(session);
  if (err < 0) return err;
  session->conn.masking = masking;
  return 0;
}

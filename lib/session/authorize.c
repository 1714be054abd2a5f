#include "base/error.h"
#include "proto/handshake/handshake_request.h"
#include "session/session.h"

/* Public functions that answer on_unauthorized. */

static int check_waits(const wsuv_session_t *s) {
  if (endpoint_lost(s->endpoint)) return WS_ECANCELED;
  if (s->state != SESSION_OPENING) return WSUV_ESTATE;
  return s->opening->ops->authorize != NULL ? 0 : WSUV_ESTATE;
}

/* The fields are checked as part of a request. */
static int check_headers(const wsuv_header_t *headers, size_t count, ws_why *why) {
  const ws_url nowhere = {.port = 0};
  const handshake_request request = {
      .url = &nowhere, .headers = {headers, NULL}, .header_count = {count, 0}};
  if (count > 0 && headers == NULL) return WS_EINVAL;
  return handshake_request_check(&request, why);
}

int wsuv_session_authorize(wsuv_session_t *session, const wsuv_header_t *headers, size_t count) {
  ws_why why = {""};
  int err = check_waits(session);
  if (err < 0) return err;
  err = check_headers(headers, count, &why);
  if (err < 0) return log_refusal(session_log(session), err, &why);
  return session->opening->ops->authorize(session->opening, headers, count);
}

int wsuv_session_authorize_failed(wsuv_session_t *session, int status) {
  int err = check_waits(session);
  if (err < 0) return err;
  return status > 0 ? WS_EINVAL : session->opening->ops->deny(session->opening, status);
}

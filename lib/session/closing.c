#include "session/closing.h"

#include <string.h>

#include "base/error.h"
#include "session/ending.h"
#include "session/notify.h"
#include "session/session.h"
#include "session/writing.h"

/* The closing handshake, begun by either side, and failing the connection. */

static close_words *words(wsuv_session_t *s) {
  if (s->words == NULL) s->words = ws_calloc(&s->client->alloc, sizeof *s->words);
  return s->words;
}

static void keep_received(wsuv_session_t *s, const void *reason, size_t len) {
  if (len == 0 || words(s) == NULL) return;
  memcpy(s->words->received, reason, len);
  s->words->received_len = len;
}

static void keep_sent(wsuv_session_t *s, const char *reason, size_t len) {
  if (len == 0 || words(s) == NULL) return;
  memcpy(s->words->sent, reason, len);
  s->words->sent_len = len;
}

/* What the kernel takes of our data now still goes before our answer; the rest is dropped. */
void closing_by_peer(wsuv_session_t *s, const conn_event *ev) {
  s->by_peer = !s->conn.close_sent;
  keep_received(s, ev->data, ev->len);
  writing_flush(s);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  int err = conn_answer_close(&s->conn);
  notify_dropped(s);
  if (err < 0) session_end(s, err, "the close frame was not answered");
}

/* We fail the connection (RFC 6455 7.1.7). A close frame that says why is already queued. */
void closing_failed(wsuv_session_t *s, int err) {
  if (s->conn.sent_code != 0 && s->state == SESSION_OPEN) {
    keep_sent(s, s->conn.why, strlen(s->conn.why));
  }
  ending_note(s, err, s->conn.why);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
}

void session_fail(wsuv_session_t *s, int err, const char *why) {
  conn_fail(&s->conn, err, why);
  closing_failed(s, err);
  session_owe(s);
}

/* Both sides have said what they had to say, or we have failed, and it is all written. */
void closing_advance(wsuv_session_t *s) {
  bool said = s->conn.close_received || s->conn.failed;
  if (s->state != SESSION_CLOSING || !said || out_queue_len(&s->conn.out) > 0) return;
  if (s->conn.failed) s->filter->ops->shutdown(s->filter);
  session_enter(s, SESSION_LINGER);
}

int wsuv_session_close(wsuv_session_t *session, unsigned code, const char *reason) {
  size_t len = reason != NULL ? strlen(reason) : 0;
  if (!close_code_valid(code)) return WSUV_ECLOSECODE;
  if (len > WSUV_CLOSE_REASON_MAX) return WSUV_ECONTROL;
  if (!utf8_valid((const uint8_t *) reason, len)) return WSUV_EUTF8;
  if (session->state < SESSION_OPEN) session_end(session, WS_ECANCELED, "");
  if (session->state != SESSION_OPEN) return 0;
  int err = conn_close(&session->conn, code, reason, len);
  if (err == WSUV_ERANDOM) session_end(session, err, "no masking key");
  if (err < 0) return err;
  keep_sent(session, reason, len);
  session_enter(session, SESSION_CLOSING);
  session_owe(session);
  return 0;
}

void wsuv_session_terminate(wsuv_session_t *session) {
  session_end(session, WS_ECANCELED, "");
}

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
static void answer(wsuv_session_t *s) {
  writing_flush(s);
  int err = conn_answer_close(&s->conn);
  notify_dropped(s);
  if (err < 0) session_end(s, err, "the close frame was not answered");
}

/* The user of a raw session answers it, in the time that there is for closing. */
void closing_by_peer(wsuv_session_t *s, const conn_event *ev) {
  s->by_peer = !s->conn.close_sent;
  keep_received(s, ev->data, ev->len);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  if (!s->conn.raw) answer(s);
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
  const conn *c = &s->conn;
  bool said = (c->close_received && c->close_sent) || c->failed;
  if (s->state != SESSION_CLOSING || !said || out_queue_len(&c->out) > 0) return;
  if (c->failed) s->filter->ops->shutdown(s->filter);
  session_enter(s, SESSION_LINGER);
}

static bool awaits_answer(const wsuv_session_t *s) {
  const conn *c = &s->conn;
  return s->state == SESSION_CLOSING && c->close_received && !c->close_sent && s->write_error == 0;
}

int closing_begin(wsuv_session_t *s, unsigned code, const char *reason, size_t len) {
  if (s->state != SESSION_OPEN && !awaits_answer(s)) return WSUV_ESTATE;
  int err = conn_close(&s->conn, code, reason, len);
  if (err == WSUV_ERANDOM) session_end(s, err, "no masking key");
  if (err < 0) return err;
  keep_sent(s, reason, len);
  if (s->state == SESSION_OPEN) session_enter(s, SESSION_CLOSING);
  session_owe(s);
  return 0;
}

int wsuv_session_close(wsuv_session_t *session, unsigned code, const char *reason) {
  size_t len = reason != NULL ? strlen(reason) : 0;
  if (!close_code_valid(code)) return WSUV_ECLOSECODE;
  if (len > WSUV_CLOSE_REASON_MAX) return WSUV_ECONTROL;
  if (!utf8_valid((const uint8_t *) reason, len)) return WSUV_EUTF8;
  if (session->state < SESSION_OPEN) session_end(session, WS_ECANCELED, "");
  int err = closing_begin(session, code, reason, len);
  return err == WSUV_ESTATE ? 0 : err;
}

void wsuv_session_terminate(wsuv_session_t *session) {
  session_end(session, WS_ECANCELED, "");
}

#include "session/ending.h"

#include "base/error.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/secure.h"
#include "session/session.h"

/* The one end of a session: what goes down as its cause, what is told of it, and its memory. */

/* What goes down as the cause, unless something did before. */
void ending_note(wsuv_session_t *s, int status, const char *detail) {
  if (s->status != 0) return;
  if (s->write_error == 0) s->stage = (uint8_t) session_stage(s);
  s->status = status;
  s->detail = detail;
}

/* A close frame that came decides, then the error of writing, then what is said last. */
static void judge(wsuv_session_t *s, int status, const char *detail) {
  if (s->status != 0) return;
  if (s->conn.close_received) {
    s->stage = WSUV_STAGE_CLOSING;
  } else {
    ending_note(s, s->write_error != 0 ? s->write_error : status, detail);
  }
}

void session_end(wsuv_session_t *s, int status, const char *detail) {
  if (s->state == SESSION_ENDED) return;
  judge(s, status, detail);
  session_enter(s, SESSION_ENDED);
  if (s->opening != NULL && s->opening->dial != NULL) {
    dial_cancel(s->opening->dial);
    s->opening->dial = NULL;
  }
  if (s->filter != NULL) {
    s->filter->ops->close(s->filter);
  } else {
    session_owe(s);
  }
}

static void describe_refusal(wsuv_session_t *s, wsuv_close_info_t *info) {
  h1_client *h = s->opening->handshake;
  info->http_status = h1_client_status(h);
  if (s->status != WSUV_ESTATUS) return;
  info->headers = header_store_index(h1_client_headers(h));
  info->header_count = info->headers != NULL ? h1_client_headers(h)->count : 0;
  info->body = h1_client_body(h, &info->body_len);
}

static void describe_closing(const wsuv_session_t *s, wsuv_close_info_t *info) {
  info->code = s->conn.close_received ? s->conn.peer_code : WSUV_CLOSE_ABNORMAL;
  info->sent_code = s->close_written ? s->conn.sent_code : 0;
  info->by_peer = s->by_peer;
  info->clean = s->conn.close_received && s->close_written;
  if (s->words == NULL) return;
  info->reason = s->words->received;
  info->reason_len = s->words->received_len;
  if (!s->close_written) return;
  info->sent_reason = s->words->sent;
  info->sent_reason_len = s->words->sent_len;
}

static void describe(wsuv_session_t *s, wsuv_close_info_t *info) {
  *info = (wsuv_close_info_t){.size = sizeof *info, .detail = s->detail};
  info->status = s->status;
  info->stage = (wsuv_stage_t) s->stage;
  info->reason = info->sent_reason = "";
  if (s->was_open) {
    describe_closing(s, info);
  } else {
    describe_refusal(s, info);
  }
  secure_describe(s, info);
}

static void log_close(const wsuv_session_t *s, const wsuv_close_info_t *info) {
  bool failed = info->status < 0 && info->status != WS_ECANCELED;
  wsuv_log_level_t level = failed ? WSUV_LOG_ERROR : WSUV_LOG_INFO;
  if (info->status < 0) {
    log_line(s, level, "%s: %s%s%s", wsuv_stage_name(info->stage), wsuv_strerror(info->status),
             *info->detail != '\0' ? ": " : "", info->detail);
  }
  if (s->was_open) {
    log_line(s, level, "closed %s: received %u \"%s\", sent %u \"%s\"",
             info->clean ? "cleanly" : "uncleanly", info->code, info->reason, info->sent_code,
             info->sent_reason);
  }
}

static void session_free(wsuv_session_t *s) {
  const wsuv_allocator_t *alloc = &s->client->alloc;
  opening_free(s->opening, alloc);
  conn_free(&s->conn);
  session_ops(s)->timer_free(s->timer);
  session_drop_converter(s);
  callback_set_unref(s->on, alloc);
  ws_free(alloc, s->subprotocol);
  ws_free(alloc, s->words);
  ws_free(alloc, s);
}

/* The last of a session: what was not sent is told of, then the user, then it is gone. */
void ending_bury(wsuv_session_t *s) {
  wsuv_client_t *client = s->client;
  wsuv_close_info_t info;
  int undone = s->write_error != 0 ? s->write_error : WS_ECANCELED;
  notify_undone(s, undone);
  describe(s, &info);
  log_close(s, &info);
  notify_close(s, &info);
  wsuv_session_unref(s);
  ws_list_remove(&s->node);
  ws_list_remove(&s->owed);
  session_free(s);
  client_session_gone(client);
}

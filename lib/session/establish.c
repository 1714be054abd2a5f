#include "session/establish.h"

#include "base/error.h"
#include "net/tls/tls.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/secure.h"
#include "session/session.h"

/* The way to the open session: dial, TLS, opening handshake. */

/* A step on the way to the open session is done. */
static void lap(wsuv_session_t *s, uint64_t *took_ns) {
  uint64_t now = session_now_ns(s);
  *took_ns = now - s->since_ns;
  s->since_ns = now;
}

static int keep_subprotocol(wsuv_session_t *s) {
  const char *agreed = h1_client_subprotocol(s->opening->handshake);
  if (*agreed == '\0') return 0;
  s->subprotocol = ws_strdup(&s->client->alloc, agreed);
  return s->subprotocol == NULL ? WS_ENOMEM : 0;
}

static void log_answer(wsuv_session_t *s) {
  h1_client *h = s->opening->handshake;
  if (!log_wants(s->client, WSUV_LOG_INFO)) return;
  header_store *headers = h1_client_headers(h);
  const wsuv_header_t *list = header_store_index(headers);
  log_line(s, WSUV_LOG_INFO, "< status %d", h1_client_status(h));
  for (size_t i = 0; list != NULL && i < headers->count; i++) {
    log_field(s, &list[i]);
  }
}

static void become_open(wsuv_session_t *s) {
  int err = s->write_error != 0 ? s->write_error : keep_subprotocol(s);
  if (err < 0) {
    session_end(s, err, "");
    return;
  }
  conn_set_extensions(&s->conn, h1_client_take_extensions(s->opening->handshake));
  if (keepalive_on(&s->keepalive)) {
    keepalive_start(&s->keepalive, s->keepalive.interval_ms, s->keepalive.timeout_ms,
                    session_now_ms(s));
  }
  session_used(s);
  lap(s, &s->upgrade_ns);
  session_enter(s, SESSION_OPEN);
  notify_open(s);
  /* on_close may still want the opening. */
  if (s->state == SESSION_ENDED || s->keep_handshake) return;
  opening_free(s->opening, &s->client->alloc);
  s->opening = NULL;
}

void establish_receive(wsuv_session_t *s, const uint8_t *data, size_t len, size_t *used) {
  int r = h1_client_feed(s->opening->handshake, data, len, used);
  if (r == 0) return;
  log_answer(s);
  if (r < 0) {
    session_end(s, r, h1_client_detail(s->opening->handshake));
  } else {
    become_open(s);
  }
}

void establish_cut(wsuv_session_t *s, int status, const char *detail) {
  h1_client *h = s->opening->handshake;
  int err = h1_client_eof(h);
  if (err == WSUV_ESTATUS || status == WS_EOF) {
    status = err;
    detail = h1_client_detail(h);
  }
  session_end(s, status, detail);
}

static void start_handshake(wsuv_session_t *s) {
  session_enter(s, SESSION_HANDSHAKE);
  session_service(s);
}

/* A filter that is connected is closed by closing the session. */
static int secure(wsuv_session_t *s, ws_filter *lower) {
  opening *o = s->opening;
  tls_context *ctx;
  int err = secure_context(s->client, o->tls, &ctx, &o->tls_failure);
  if (err == 0) {
    err = tls_start(&s->filter, s->client->env, ctx, o->host, o->to.port, lower,
                    &session_filter_events, s);
  }
  s->tls = err == 0;
  if (err < 0) session_attach(s, lower);
  return err;
}

static void start_tls(wsuv_session_t *s, ws_filter *lower) {
  session_enter(s, SESSION_TLS);
  int err = secure(s, lower);
  if (err < 0) session_end(s, err, "");
}

void establish_secured(wsuv_session_t *s, int status) {
  if (status < 0) {
    session_end(s, status, "");
    return;
  }
  lap(s, &s->tls_ns);
  secure_log(s);
  start_handshake(s);
}

static void start_over(wsuv_session_t *s, ws_filter *filter) {
  log_line(s, WSUV_LOG_INFO, "connected");
  if (s->opening->secure) {
    start_tls(s, filter);
  } else {
    session_attach(s, filter);
    start_handshake(s);
  }
}

static void on_dial_done(void *up, int status, ws_filter *filter) {
  wsuv_session_t *s = up;
  s->opening->dial = NULL;
  if (status < 0) {
    session_end(s, status, "");
    return;
  }
  lap(s, &s->connect_ns);
  start_over(s, filter);
}

static void on_resolved(void *up) {
  wsuv_session_t *s = up;
  lap(s, &s->resolve_ns);
  session_enter(s, SESSION_CONNECT);
}

static const dial_events events_of_dial = {.on_resolved = on_resolved, .on_done = on_dial_done};

static int start_dial(wsuv_session_t *s) {
  const opening *o = s->opening;
  session_enter(s, SESSION_RESOLVE);
  opening_log(o, s);
  return dial_start(&s->opening->dial, &s->client->resolver, &o->to, &o->socket, &events_of_dial,
                    s);
}

void establish_start(wsuv_session_t *s) {
  s->since_ns = session_now_ns(s);
  if (s->filter != NULL) {
    start_over(s, s->filter);
  } else {
    int err = start_dial(s);
    if (err < 0) session_end(s, err, "");
  }
}

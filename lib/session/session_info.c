#include <wsuv/version.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/tls/tls_info.h"
#include "session/session.h"

/* Public functions that read from a session. */

void wsuv_session_set_data(wsuv_session_t *session, void *data) {
  session->data = data;
}

void *wsuv_session_data(const wsuv_session_t *session) {
  return session->data;
}

static int query(const wsuv_session_t *s, ws_filter_query what, void *out) {
  const ws_filter *filter = session_filter(s);
  return filter != NULL ? filter->ops->query(filter, what, out) : WSUV_ESTATE;
}

static int address(const wsuv_session_t *s, ws_filter_query what, struct sockaddr_storage *addr) {
  bool there = s->state != SESSION_NEW && s->state != SESSION_ENDED;
  if (endpoint_lost(s->endpoint)) return WS_ECANCELED;
  return there ? query(s, what, addr) : WSUV_ESTATE;
}

int wsuv_session_peer_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  return address(session, WS_QUERY_PEER_ADDRESS, addr);
}

int wsuv_session_local_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  return address(session, WS_QUERY_LOCAL_ADDRESS, addr);
}

SIZED_TYPE(tls_info_type, wsuv_tls_info_t, peer_certificate_len, sizeof(wsuv_tls_info_t));

int wsuv_session_tls(const wsuv_session_t *session, wsuv_tls_info_t *info) {
  tls_info tls;
  wsuv_tls_info_t full;
  wsuv_tls_info_init(&full);
  ws_why why = {""};
  int err = sized_out(info, &tls_info_type, &full, &why);
  if (err < 0) return log_refusal(session_log(session), err, &why);
  if (query(session, WS_QUERY_TLS, &tls) < 0 || tls.version == NULL) return WSUV_ESTATE;
  full.version = tls.version;
  full.ciphersuite = tls.ciphersuite;
  full.alpn = tls.alpn;
  full.peer_certificate = tls.peer_cert;
  full.peer_certificate_len = tls.peer_cert_len;
  full.resumed = tls.resumed;
  return sized_out(info, &tls_info_type, &full, NULL);
}

const char *wsuv_session_subprotocol(const wsuv_session_t *session) {
  return session->subprotocol != NULL ? session->subprotocol : "";
}

const char *wsuv_session_extensions(const wsuv_session_t *session) {
  return extension_set_text(session->conn.extensions);
}

const wsuv_header_t *wsuv_session_response_headers(const wsuv_session_t *session, size_t *count) {
  handshake_result *h = session->handshake;
  const wsuv_header_t *list = h != NULL ? header_store_index(&h->fields) : NULL;
  *count = list != NULL ? h->fields.count : 0;
  return list;
}

const char *wsuv_session_response_header(const wsuv_session_t *session, const char *name) {
  const handshake_result *h = session->handshake;
  return h != NULL ? header_store_get(&h->fields, name, 0) : NULL;
}

int wsuv_session_status(const wsuv_session_t *session) {
  return session->handshake != NULL ? session->handshake->status : 0;
}

const char *wsuv_session_request_head(const wsuv_session_t *session, size_t *len) {
  size_t unused;
  const handshake_result *h = session->handshake;
  if (len == NULL) len = &unused;
  *len = 0;
  if (!session->opened) return session->opening->ops->request_head(session->opening, len);
  if (h == NULL) return NULL;
  *len = text_buf_len(&h->request);
  return text_buf_base(&h->request);
}

wsuv_stage_t wsuv_session_stage(const wsuv_session_t *session) {
  return session_stage(session);
}

SIZED_TYPE(rtt_type, wsuv_rtt_t, smoothed_us, sizeof(wsuv_rtt_t));

int wsuv_session_rtt(const wsuv_session_t *session, wsuv_rtt_t *rtt) {
  const keepalive *k = &session->timeouts.keepalive;
  const wsuv_rtt_t full = {.size = sizeof full,
                           .last_us = k->last_us,
                           .min_us = k->min_us,
                           .smoothed_us = k->smoothed_us};
  ws_why why = {""};
  int err = sized_out(rtt, &rtt_type, &full, &why);
  if (err < 0) return log_refusal(session_log(session), err, &why);
  return k->answered ? 0 : WS_EAGAIN;
}

const char *wsuv_version(void) {
  return WSUV_VERSION_STRING;
}

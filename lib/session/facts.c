#include "session/session.h"

#include <wsuv/version.h>

#include "base/error.h"

/* What can be read from a session. */

wsuv_client_t *wsuv_session_client(const wsuv_session_t *session) {
  return session->client;
}

void wsuv_session_set_data(wsuv_session_t *session, void *data) {
  session->data = data;
}

void *wsuv_session_data(const wsuv_session_t *session) {
  return session->data;
}

static int address(const wsuv_session_t *s, ws_filter_end end, struct sockaddr_storage *addr) {
  bool connected = s->state >= SESSION_TLS && s->state < SESSION_ENDED;
  return connected ? s->filter->ops->address(s->filter, end, addr) : WSUV_ESTATE;
}

int wsuv_session_peer_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  return address(session, WS_FILTER_PEER, addr);
}

int wsuv_session_local_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  return address(session, WS_FILTER_LOCAL, addr);
}

const char *wsuv_session_subprotocol(const wsuv_session_t *session) {
  return session->subprotocol != NULL ? session->subprotocol : "";
}

const char *wsuv_session_extensions(const wsuv_session_t *session) {
  return extension_set_text(session->conn.extensions);
}

/* The handshake, while it is there, once the answer to it was accepted; or NULL. */
static h1_client *answered(const wsuv_session_t *s) {
  return s->was_open && s->opening != NULL ? s->opening->handshake : NULL;
}

const char *wsuv_session_response_header(const wsuv_session_t *session, const char *name) {
  h1_client *h = answered(session);
  return h != NULL ? header_store_get(h1_client_headers(h), name, 0) : NULL;
}

const wsuv_header_t *wsuv_session_response_headers(const wsuv_session_t *session, size_t *count) {
  h1_client *h = answered(session);
  const wsuv_header_t *list = h != NULL ? header_store_index(h1_client_headers(h)) : NULL;
  *count = list != NULL ? h1_client_headers(h)->count : 0;
  return list;
}

int wsuv_session_status(const wsuv_session_t *session) {
  const h1_client *h = answered(session);
  return h != NULL ? h1_client_status(h) : 0;
}

const char *wsuv_session_request_head(const wsuv_session_t *session, size_t *len) {
  size_t unused;
  if (len == NULL) len = &unused;
  *len = 0;
  return session->opening != NULL ? h1_client_request(session->opening->handshake, len) : NULL;
}

int wsuv_session_rtt(const wsuv_session_t *session, wsuv_rtt_t *rtt) {
  const keepalive *k = &session->keepalive;
  if (rtt->size != sizeof *rtt) return WS_EINVAL;
  if (!k->answered) return WS_EAGAIN;
  rtt->last_us = k->last_us;
  rtt->min_us = k->min_us;
  rtt->smoothed_us = k->smoothed_us;
  return 0;
}

const char *wsuv_stage_name(wsuv_stage_t stage) {
  switch (stage) {
  case WSUV_STAGE_RESOLVE: return "resolve";
  case WSUV_STAGE_CONNECT: return "connect";
  case WSUV_STAGE_TLS: return "tls";
  case WSUV_STAGE_HANDSHAKE: return "handshake";
  case WSUV_STAGE_OPEN: return "open";
  case WSUV_STAGE_CLOSING: return "closing";
  }
  return "unknown";
}

const char *wsuv_version(void) {
  return WSUV_VERSION_STRING;
}

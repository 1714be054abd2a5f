#include <wsuv/server.h>
#include <wsuv/version.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "session/credentials.h"
#include "session/session.h"
#include "session/session_tls.h"

/* Public functions that read from a session. */

void wsuv_session_set_data(wsuv_session_t *session, void *data) {
  session->data = data;
}

void *wsuv_session_data(const wsuv_session_t *session) {
  return session->internal ? NULL : session->data; /* the log's hook may ask */
}

static int query(const wsuv_session_t *s, ws_filter_query what, void *out) {
  const ws_filter *filter = session_filter(s);
  return filter != NULL ? filter->ops->query(filter, what, out) : WSUV_ESTATE;
}

/* The connection is being closed, and the session goes on without it, or with another one. */
static bool leaves_connection(const wsuv_session_t *s) {
  return s->state == SESSION_OPENING && s->opening->closing;
}

static bool has_connection(const wsuv_session_t *s) {
  return s->state != SESSION_NEW && s->state != SESSION_ENDED && !leaves_connection(s);
}

static int address(const wsuv_session_t *s, ws_filter_query what, struct sockaddr_storage *addr) {
  if (endpoint_lost(s->endpoint)) return WS_ECANCELED;
  return has_connection(s) ? query(s, what, addr) : WSUV_ESTATE;
}

/* What is known of the peer without a connection; NULL: nothing. */
static const struct sockaddr_storage *remembered_peer(const wsuv_session_t *s) {
  return s->opened ? session_kept_peer(s) : &s->opening->peer;
}

int wsuv_session_peer_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  if (session->state != SESSION_ENDED || endpoint_lost(session->endpoint))
    return address(session, WS_QUERY_PEER_ADDRESS, addr);
  const struct sockaddr_storage *peer = remembered_peer(session);
  if (peer == NULL || !address_is_set(peer)) return WSUV_ESTATE;
  *addr = *peer;
  return 0;
}

int wsuv_session_local_address(const wsuv_session_t *session, struct sockaddr_storage *addr) {
  return address(session, WS_QUERY_LOCAL_ADDRESS, addr);
}

int wsuv_session_peer_credentials(const wsuv_session_t *session, wsuv_credentials_t *credentials) {
  const ws_filter *filter = has_connection(session) ? session_filter(session) : NULL;
  if (endpoint_lost(session->endpoint)) return WS_ECANCELED;
  return credentials_tell(credentials, filter, session_log(session));
}

int wsuv_session_tls(const wsuv_session_t *session, wsuv_tls_info_t *info) {
  bool ended = session->state == SESSION_ENDED;
  const ws_filter *filter = leaves_connection(session) ? NULL : session_filter(session);
  return session_tls_read(filter, ended, info, session_log(session));
}

const char *wsuv_session_subprotocol(const wsuv_session_t *session) {
  const handshake_result *h = session_handshake(session);
  const char *name = h != NULL ? h->subprotocol : session->subprotocol;
  return name != NULL ? name : "";
}

/* Those of a raw session stay in the handshake. */
const char *wsuv_session_extensions(const wsuv_session_t *session) {
  const handshake_result *h = session_handshake(session);
  const extension_set *set = session->conn.extensions;
  if (set == NULL && h != NULL) set = h->extensions;
  return extension_set_text(set);
}

/* The fields that the peer has sent, if it has this role. */
static handshake_result *received(const wsuv_session_t *s, ws_role own) {
  handshake_result *h = session_handshake(s);
  return h != NULL && h->role == own ? h : NULL;
}

static const wsuv_header_t *list_fields(handshake_result *h, size_t *count) {
  const wsuv_header_t *list = h != NULL ? header_store_index(&h->fields) : NULL;
  *count = list != NULL ? h->fields.count : 0;
  return list;
}

const wsuv_header_t *wsuv_session_response_headers(const wsuv_session_t *session, size_t *count) {
  return list_fields(received(session, WS_CLIENT), count);
}

const char *wsuv_session_response_header(const wsuv_session_t *session, const char *name) {
  const handshake_result *h = received(session, WS_CLIENT);
  return h != NULL ? header_store_get(&h->fields, name, 0) : NULL;
}

const wsuv_header_t *wsuv_session_request_headers(wsuv_session_t *session, size_t *count) {
  return list_fields(received(session, WS_SERVER), count);
}

const char *wsuv_session_request_header(const wsuv_session_t *session, const char *name) {
  const handshake_result *h = received(session, WS_SERVER);
  return h != NULL ? header_store_get(&h->fields, name, 0) : NULL;
}

const char *wsuv_session_target(const wsuv_session_t *session) {
  const handshake_result *h = received(session, WS_SERVER);
  return h != NULL ? h->target : NULL;
}

const char *wsuv_session_param(const wsuv_session_t *session, const char *name) {
  const handshake_result *h = received(session, WS_SERVER);
  return h != NULL ? ws_params_get(h->params, name) : NULL;
}

const char *wsuv_session_query(wsuv_session_t *session, const char *name) {
  handshake_result *h = received(session, WS_SERVER);
  return h != NULL ? handshake_result_query(h, name) : NULL;
}

static int client_address(const wsuv_session_t *s, struct sockaddr_storage *addr) {
  const forwarding *client = session_forwarding(s);
  address_clear(addr);
  if (client == NULL || !client->named) return wsuv_session_peer_address(s, addr);
  address_of_ip(addr, &client->address);
  return 0;
}

int wsuv_session_origin(const wsuv_session_t *session, wsuv_origin_t *origin) {
  const handshake_result *h = received(session, WS_SERVER);
  const char *host = h != NULL ? h->host : NULL;
  struct sockaddr_storage address;
  if (session->endpoint->role != WS_SERVER) return WSUV_ESTATE;
  int err = client_address(session, &address);
  if (err < 0) return err;
  if (h != NULL && host == NULL) host = header_store_get(&h->fields, "Host", 0);
  return forwarding_tell(origin, &address, session->secured, host, session_log(session));
}

int wsuv_session_status(const wsuv_session_t *session) {
  const handshake_result *h = session_handshake(session);
  return h != NULL ? h->status : 0;
}

const char *wsuv_session_request_head(const wsuv_session_t *session, size_t *len) {
  size_t unused;
  handshake_result *h = session_handshake(session);
  if (len == NULL) len = &unused;
  *len = 0;
  if (!session->opened) return session->opening->ops->request_head(session->opening, len);
  return h != NULL ? handshake_result_request(h, len) : NULL;
}

const char *wsuv_session_proxy(const wsuv_session_t *session) {
  if (!session->opened) return session->opening->proxy;
  const handshake_result *h = session_handshake(session);
  return h != NULL ? h->proxy : NULL;
}

wsuv_stage_t wsuv_session_stage(const wsuv_session_t *session) {
  return session_stage(session);
}

SIZED_TYPE(rtt_type, wsuv_rtt_t, smoothed_us, sizeof(wsuv_rtt_t));

int wsuv_session_rtt(const wsuv_session_t *session, wsuv_rtt_t *rtt) {
  const wsuv_rtt_t full = {.size = sizeof full,
                           .last_us = session->pings.last_us,
                           .min_us = session->pings.min_us,
                           .smoothed_us = session->pings.smoothed_us};
  ws_why why = {""};
  int err = sized_out(rtt, &rtt_type, &full, &why);
  if (err < 0) return log_refusal(session_log(session), err, &why);
  return session->pings.answered ? 0 : WS_EAGAIN;
}

const char *wsuv_version(void) {
  return WSUV_VERSION_STRING;
}

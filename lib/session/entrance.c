#include <wsuv/adopt.h>

#include "base/error.h"
#include "net/transport.h"
#include "net/uv/adopt.h"
#include "proto/handshake/parsed_request.h"
#include "session/decision.h"
#include "session/log.h"
#include "session/upgrade.h"

/* Connections that the program hands over to a server. Everything that can fail is done before the
   connection is touched. */

static int check(const wsuv_server_t *server, const void *received, size_t len) {
  if (endpoint_lost(&server->endpoint)) return WS_ECANCELED;
  if (server->endpoint.closing || server->draining) return WSUV_ESTATE;
  return received == NULL && len > 0 ? WS_EINVAL : 0;
}

/* Without an address, it counts as that of another machine. */
static upgrade_origin ask(const ws_filter *filter, struct sockaddr_storage *peer) {
  struct sockaddr_storage local;
  if (filter->ops->query(filter, WS_QUERY_PEER_ADDRESS, peer) < 0) address_clear(peer);
  bool known = filter->ops->query(filter, WS_QUERY_LOCAL_ADDRESS, &local) == 0;
  return (upgrade_origin){.peer = peer, .loopback = known && address_is_loopback(&local)};
}

/* Streams */

/* What both functions for streams have in common. */
typedef struct stream_input {
  uv_stream_t *stream;        /* This is the program's stream. */
  ws_view received;           /* The program has received these bytes. */
  wsuv_release_cb release_cb; /* This is the program's callback, or NULL. */
  void *arg;                  /* This is the last argument of `release_cb`. */
} stream_input;

static int check_stream(const wsuv_server_t *server, const stream_input *in) {
  int err = check(server, in->received.base, in->received.len);
  return err == 0 && in->stream == NULL ? WS_EINVAL : err;
}

static int make_stream(ws_filter **out, wsuv_server_t *server, const stream_input *in) {
  return adopt_new(out, server->endpoint.env, server->endpoint.loop, in->stream, in->received);
}

static int adopt_stream(wsuv_server_t *server, const stream_input *in, ws_why *why) {
  struct sockaddr_storage peer;
  tls_context *tls;
  ws_filter *filter;
  wsuv_upgrade_t *u;
  int err = server_load_tls(server, &tls, why);
  if (err < 0) return err;
  err = upgrade_new(&u, server);
  if (err == 0 && (err = make_stream(&filter, server, in)) < 0) decision_free(u);
  if (err == 0) {
    adopt_take(filter, in->release_cb, in->arg);
    upgrade_origin from = ask(filter, &peer);
    from.secure = tls != NULL;
    upgrade_adopt(u, filter, &from, tls);
  }
  tls_context_unref(tls);
  return err;
}

int wsuv_server_adopt(wsuv_server_t *server, uv_stream_t *stream, const void *received, size_t len,
                      wsuv_release_cb release_cb, void *arg) {
  const stream_input in = {stream, {received, len}, release_cb, arg};
  ws_why why = {""};
  int err = check_stream(server, &in);
  if (err == 0) err = adopt_stream(server, &in, &why);
  return err < 0 ? log_refusal(endpoint_log(&server->endpoint), err, &why) : 0;
}

/* Requests */

/* An upgrade whose request was read. */
static int make_upgrade(wsuv_upgrade_t **out, wsuv_server_t *server,
                        const wsuv_http_request_t *from, ws_why *why) {
  wsuv_http_request_t request;
  int err = parsed_request_read(&request, from, why);
  if (err == 0) err = upgrade_new(out, server);
  if (err != 0) return err;
  err = upgrade_read(*out, &request, why);
  if (err < 0) decision_free(*out);
  return err;
}

static int upgrade_stream(wsuv_server_t *server, const stream_input *in,
                          const wsuv_http_request_t *request, ws_why *why) {
  struct sockaddr_storage peer;
  ws_filter *filter;
  wsuv_upgrade_t *u;
  int err = make_upgrade(&u, server, request, why);
  if (err != 0) return err;
  err = make_stream(&filter, server, in);
  if (err < 0) {
    decision_free(u);
    return err;
  }
  adopt_take(filter, in->release_cb, in->arg);
  const upgrade_origin from = ask(filter, &peer);
  upgrade_decide(u, filter, &from);
  return 0;
}

int wsuv_server_upgrade(wsuv_server_t *server, uv_stream_t *stream,
                        const wsuv_http_request_t *request, const void *rest, size_t len,
                        wsuv_release_cb release_cb, void *arg) {
  const stream_input in = {stream, {rest, len}, release_cb, arg};
  ws_why why = {""};
  int err = check_stream(server, &in);
  if (err == 0) err = upgrade_stream(server, &in, request, &why);
  return err < 0 ? log_refusal(endpoint_log(&server->endpoint), err, &why) : 0;
}

static int upgrade_transport(wsuv_server_t *server, const wsuv_transport_ops_t *ops, void *data,
                             const wsuv_http_request_t *request, ws_view rest,
                             wsuv_transport_t **transport, ws_why *why) {
  struct sockaddr_storage peer;
  wsuv_upgrade_t *u;
  int err = make_upgrade(&u, server, request, why);
  if (err != 0) return err;
  err = transport_new(transport, server->endpoint.env, ops, data, rest, why);
  if (err < 0) {
    decision_free(u);
    return err;
  }
  ws_filter *filter = transport_filter(*transport);
  upgrade_origin from = ask(filter, &peer);
  from.secure = transport_is_secure(*transport);
  upgrade_decide(u, filter, &from);
  return 0;
}

int wsuv_server_upgrade_transport(wsuv_server_t *server, const wsuv_transport_ops_t *ops,
                                  void *data, const wsuv_http_request_t *request, const void *rest,
                                  size_t len, wsuv_transport_t **transport) {
  const ws_view received = {rest, len};
  wsuv_transport_t *made;
  ws_why why = {""};
  int err = check(server, rest, len);
  if (err == 0 && transport == NULL) err = WS_EINVAL;
  if (err == 0) err = upgrade_transport(server, ops, data, request, received, &made, &why);
  if (err != 0) return log_refusal(endpoint_log(&server->endpoint), err, &why);
  *transport = made;
  return 0;
}

#include "session/decision.h"

#include <stdio.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "proto/handshake/refused.h"
#include "session/credentials.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/session_tls.h"

/* Freeing */

static bool is_over(const decision *d) {
  return d->in.endpoint == NULL;
}

/* What belongs to one request. */
static void free_request(decision *d) {
  const wsuv_allocator_t *alloc = d->in.alloc;
  ws_free(alloc, d->match.params);
  ws_free(alloc, d->query);
  ws_free(alloc, d->words);
}

void decision_free(decision *d) {
  ws_list_remove(&d->begin_task.node);
  incoming_free(&d->in);
  tls_context_unref(d->tls);
  free_request(d);
  ws_free(d->in.alloc, d);
}

void decision_on_over(incoming_conn *in) {
  decision *d = decision_of_incoming(in);
  server_release_session(d->server, &d->place);
  if (!d->owed) decision_free(d);
}

void decision_answered(decision *d) {
  wsuv_server_t *server = d->server;
  d->owed = false;
  ws_list_remove(&d->gone_task.node);
  if (is_over(d)) decision_free(d);
  server_owe(server, false);
}

/* Reporting */

void decision_client_address(const decision *d, struct sockaddr_storage *addr) {
  forwarding_address(&d->in.client, &d->in.base.peer, addr);
}

void decision_print_client(char text[ADDRESS_TEXT_SIZE], const struct sockaddr_storage *client) {
  switch (client->ss_family) {
  case AF_UNSPEC: (void) snprintf(text, ADDRESS_TEXT_SIZE, "?"); break;
  case AF_UNIX: (void) snprintf(text, ADDRESS_TEXT_SIZE, "a Unix socket"); break;
  default: address_print(text, client);
  }
}

/* A page of the program's own that is refused is a common mistake, so the line says what was
   compared. */
static void log_origin(const decision *d, const char *from, const char *detail) {
  log_line(endpoint_log(&d->server->endpoint), WSUV_LOG_WARN,
           "refused %s: Origin %s is not allowed, for Host %s: %s (see `origins`)", from,
           h1_server_origin(d->in.request), h1_server_host_text(d->in.request), detail);
}

/* Proxies look every few seconds whether we are there: by a connection that they call their own, or
   by one that ends at once, and whose client is a proxy or is not named. */
static bool is_health_check(const incoming_conn *in, wsuv_refused_t refused) {
  bool empty = refused == WSUV_REFUSED_GONE && !h1_server_has_begun(in->request);
  bool of_proxy = in->client.trusted || (in->client.said && !in->client.named);
  return in->client.own || (empty && of_proxy);
}

/* The first time that one address has so many connections, the line says what may be the reason. */
static const char *crowd_hint(wsuv_server_t *server, wsuv_refused_t refused) {
  bool crowd = refused == WSUV_REFUSED_HANDSHAKES_PER_ADDRESS ||
               refused == WSUV_REFUSED_REQUESTS_PER_ADDRESS;
  if (!crowd || server->crowd_told) return "";
  server->crowd_told = true;
  return " (if it is a proxy, see `trusted_proxies`, else `max_handshakes_per_address`)";
}

static void log_refused(const decision *d, const wsuv_refusal_t *r,
                        const struct sockaddr_storage *client) {
  char from[ADDRESS_TEXT_SIZE];
  if (!log_wants(&d->server->endpoint.config, WSUV_LOG_WARN)) return;
  decision_print_client(from, client);
  if (r->cause == WSUV_REFUSED_ORIGIN) {
    log_origin(d, from, r->detail);
    return;
  }
  const char *hint = crowd_hint(d->server, r->cause);
  wsuv_log_level_t level = is_health_check(&d->in, r->cause) ? WSUV_LOG_DEBUG : WSUV_LOG_INFO;
  if (*hint != '\0') level = WSUV_LOG_WARN;
  log_line(endpoint_log(&d->server->endpoint), level, "refused %s: %s%s%s%s", from,
           wsuv_refused_text(r->cause), *r->detail != '\0' ? ": " : "", r->detail, hint);
}

void decision_on_refused(incoming_conn *in, const incoming_failure *failure) {
  decision *d = decision_of_incoming(in);
  wsuv_server_t *server = d->server;
  wsuv_close_info_t tls = {.status = failure->code, .detail = failure->detail};
  struct sockaddr_storage client;
  decision_client_address(d, &client);
  session_tls_describe(in->base.filter, NULL, &tls);
  const wsuv_refusal_t refusal = {
      .size = sizeof refusal,
      .cause = failure->cause,
      .status = failure->status,
      .code = failure->code,
      .stage = in->base.stage,
      .tls_error = tls.tls_error,
      .tls_library = tls.tls_library,
      .tls_verify_flags = tls.tls_verify_flags,
      .address = address_is_set(&client) ? (const struct sockaddr *) &client : NULL,
      .detail = tls.detail,
  };
  log_refused(d, &refusal, &client);
  if (server->refused_cb != NULL) notify_refused(server->refused_cb, server, &refusal);
}

/* All of it is on the stack, as there is no memory. */
void decision_report_dropped(wsuv_server_t *server, const struct sockaddr_storage *peer, int err) {
  char from[ADDRESS_TEXT_SIZE];
  const wsuv_refusal_t refusal = {
      .size = sizeof refusal,
      .cause = WSUV_REFUSED_NO_MEMORY,
      .code = err,
      .stage = WSUV_STAGE_CONNECT,
      .address = address_is_set(peer) ? (const struct sockaddr *) peer : NULL,
      .detail = "",
  };
  decision_print_client(from, peer);
  log_line(endpoint_log(&server->endpoint), WSUV_LOG_WARN, "refused %s: %s", from,
           wsuv_strerror(err));
  if (server->refused_cb != NULL) notify_refused(server->refused_cb, server, &refusal);
}

void decision_refuse(decision *d, wsuv_refused_t refused, int code, const char *detail) {
  const incoming_failure failure = {refused, code, refused_status(refused), detail};
  server_release_session(d->server, &d->place);
  incoming_fail(&d->in, &failure);
}

/* The answer of the program */

static void run_gone(endpoint_task *task) {
  decision *d = ws_list_entry(task, decision, gone_task);
  if (d->gone_cb != NULL)
    notify_upgrade(d->gone_cb, d);
  else if (d->exchange_gone_cb != NULL)
    notify_exchange(d->exchange_gone_cb, decision_exchange(d));
}

/* The program may be closing the server right now, and callbacks come from the loop. */
void decision_on_gone(incoming_conn *in) {
  decision *d = decision_of_incoming(in);
  server_release_session(d->server, &d->place);
  if (!d->owed || d->gone) return;
  d->gone = true;
  endpoint_schedule(&d->server->endpoint, &d->gone_task);
}

void decision_owe(decision *d) {
  d->owed = true;
  server_owe(d->server, true);
}

/* A second answer is a mistake, and does no harm while the connection is there. */
int decision_begin_answer(decision *d) {
  if (!d->owed) return WSUV_ESTATE;
  if (d->in.state != INCOMING_DECIDING) {
    decision_answered(d);
    return WSUV_ESTATE;
  }
  return endpoint_lost(&d->server->endpoint) ? WS_ECANCELED : 1;
}

/* Requests */

void decision_take_plain(decision *d) {
  if (d->server->request_cb != NULL) incoming_take_plain(&d->in);
}

void decision_on_next(incoming_conn *in) {
  decision *d = decision_of_incoming(in);
  free_request(d);
  d->match = (router_match){.route = NULL};
  d->query = NULL;
  d->words = NULL;
  d->data = NULL;
  d->exchange_gone_cb = NULL;
  d->gone = false;
  decision_take_plain(d);
}

int decision_new(decision **out, wsuv_server_t *server, const incoming_events *events) {
  endpoint *e = &server->endpoint;
  decision *d = ws_calloc(&e->alloc, sizeof *d);
  if (d == NULL) return WS_ENOMEM;
  int err = incoming_init(&d->in, e, events);
  if (err < 0) {
    ws_free(&e->alloc, d);
    return err;
  }
  d->server = server;
  d->gone_task.run = run_gone;
  ws_list_init(&d->gone_task.node);
  ws_list_init(&d->begin_task.node);
  *out = d;
  return 0;
}

/* What the program can read */

wsuv_server_t *decision_server(const decision *d) {
  return d->server->gone ? NULL : d->server;
}

const char *decision_query(decision *d, const char *name) {
  if (d->query == NULL &&
      ws_params_of_query(&d->query, d->in.alloc, h1_server_query(d->in.request)) < 0) {
    return NULL;
  }
  return ws_params_get(d->query, name);
}

const char *decision_header(const decision *d, const char *name) {
  return header_store_get(h1_server_headers(d->in.request), name, 0);
}

const wsuv_header_t *decision_headers(decision *d, size_t *count) {
  header_store *fields = h1_server_headers(d->in.request);
  const wsuv_header_t *list = header_store_index(fields);
  *count = list != NULL ? fields->count : 0;
  return list;
}

/* A transport of the program's may have none. */
int decision_peer_address(const decision *d, struct sockaddr_storage *addr) {
  if (!address_is_set(&d->in.base.peer)) return WS_ENOTSUP;
  *addr = d->in.base.peer;
  return 0;
}

int decision_tls(const decision *d, wsuv_tls_info_t *info) {
  const ws_filter *filter = is_over(d) ? NULL : d->in.base.filter;
  return session_tls_read(filter, false, info, endpoint_log(&d->server->endpoint));
}

int decision_credentials(const decision *d, wsuv_credentials_t *credentials) {
  const ws_filter *filter = is_over(d) ? NULL : d->in.base.filter;
  return credentials_tell(credentials, filter, endpoint_log(&d->server->endpoint));
}

int decision_origin(const decision *d, wsuv_origin_t *origin) {
  struct sockaddr_storage client;
  decision_client_address(d, &client);
  return forwarding_tell(origin, &client, d->in.client.secure, h1_server_host_text(d->in.request),
                         endpoint_log(&d->server->endpoint));
}

/* A proxy that does not remove the client's field would leave two. */
const char *decision_trusted_header(const decision *d, const char *name) {
  header_cursor at = {0};
  const header_store *fields = h1_server_headers(d->in.request);
  const char *value = header_store_next(fields, name, &at);
  bool once = value != NULL && header_store_next(fields, name, &at) == NULL;
  return once && d->in.client.trusted ? value : NULL;
}

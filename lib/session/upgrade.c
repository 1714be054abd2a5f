#include "session/upgrade.h"

#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "proto/handshake/handshake.h"
#include "proto/handshake/origin.h"
#include "proto/handshake/refused.h"
#include "session/config.h"
#include "session/decision.h"
#include "session/exchange.h"
#include "session/log.h"
#include "session/notify.h"
#include "session/route.h"
#include "session/session.h"
#include "session/session_tls.h"

/* Requests are checked in the order that wsuv/server.h names. */

/* Accepting */

/* What the program has decided, in structures of the current size. */
typedef struct accept_input {
  wsuv_accept_t accept; /* Its `config` and `callbacks` point to the two below, or are NULL. */
  config_input config;  /* This is the session's own configuration, if it has one. */
  wsuv_callbacks_t callbacks; /* These are the session's own callbacks, if it has some. */
  bool internal;              /* The program will not know the session. */
} accept_input;

SIZED_TYPE(accept_type, wsuv_accept_t, data, sizeof(wsuv_accept_t));

static int read_config(accept_input *to, endpoint *e, ws_why *why) {
  if (to->accept.config == NULL) return 0;
  int err = config_read(&to->config, e->role, to->accept.config, why);
  if (err == 0) err = config_check_own(&to->config.config, e->role, &e->config, why);
  to->accept.config = &to->config.config;
  return err;
}

static int read_accept(accept_input *to, const wsuv_upgrade_t *u, const wsuv_accept_t *accept,
                       ws_why *why) {
  wsuv_accept_init(&to->accept, u);
  if (accept == NULL) return 0;
  int err = sized_in(&to->accept, &accept_type, accept, why);
  if (err < 0) return err;
  if (to->accept.header_count > 0 && to->accept.headers == NULL) return WS_EINVAL;
  if (to->accept.callbacks != NULL) {
    err = route_read_callbacks(&to->callbacks, to->accept.callbacks, why);
    to->accept.callbacks = &to->callbacks;
  }
  return err == 0 ? read_config(to, &u->server->endpoint, why) : err;
}

/* The extensions that the session may have, with a reference. */
static int choose_extensions(extension_list **out, const wsuv_upgrade_t *u, const wsuv_accept_t *a,
                             ws_why *why) {
  const route *r = u->match.route;
  *out = NULL;
  if (!r->negotiates || a->decline_extensions) return 0;
  if (a->config != NULL) return route_extensions(out, &u->server->endpoint, a->config, why);
  *out = extension_list_ref(r->extensions);
  return 0;
}

/* The subprotocol that is answered: the program's choice, the one that the route demands, or the
   first of the configuration's that was offered. NULL: none. */
static int choose_subprotocol(const char **out, const wsuv_upgrade_t *u, const wsuv_accept_t *a,
                              const wsuv_config_t *config) {
  const char *detail; /* the caller has its own words */
  *out = a->subprotocol != NULL ? a->subprotocol : u->match.subprotocol;
  if (*out != NULL) {
    if (**out == '\0') *out = NULL;
    return 0;
  }
  wsuv_refused_t refused =
      subprotocol_choose(h1_server_offer(u->in.request), config->subprotocols,
                         config->subprotocol_count, config->subprotocol_policy, out, &detail);
  return refused == WSUV_REFUSED_NONE ? 0 : WSUV_ESUBPROTOCOL;
}

/* The configuration's fields, then those of the decision; *joined is to be freed. */
static int join_headers(const wsuv_header_t **out, wsuv_header_t **joined,
                        const wsuv_allocator_t *alloc, const wsuv_accept_t *a,
                        const wsuv_config_t *config) {
  const size_t own = config->header_count, more = a->header_count;
  *joined = NULL;
  *out = own > 0 ? config->headers : a->headers;
  if (own == 0 || more == 0) return 0;
  if (more > SIZE_MAX / sizeof **joined - own) return WS_ENOMEM;
  *joined = ws_malloc(alloc, (own + more) * sizeof **joined);
  if (*joined == NULL) return WS_ENOMEM;
  memcpy(*joined, config->headers, own * sizeof **joined);
  memcpy(*joined + own, a->headers, more * sizeof **joined);
  *out = *joined;
  return 0;
}

static int write_101(wsuv_upgrade_t *u, const wsuv_accept_t *a, const wsuv_config_t *config,
                     ws_why *why) {
  extension_list *extensions;
  const char *subprotocol;
  const wsuv_header_t *headers;
  wsuv_header_t *joined;
  int err = choose_subprotocol(&subprotocol, u, a, config);
  if (err == 0) err = handshake_check_fields(a->headers, a->header_count, why);
  if (err == 0) err = choose_extensions(&extensions, u, a, why);
  if (err != 0) return err;
  err = join_headers(&headers, &joined, u->in.alloc, a, config);
  if (err == 0) {
    err = h1_server_accept(u->in.request, subprotocol, extensions, headers,
                           config->header_count + a->header_count);
  }
  ws_free(u->in.alloc, joined);
  extension_list_unref(extensions);
  return err;
}

/* Without the query, in which pages have secrets. */
static void log_accepted(const wsuv_session_t *s, const wsuv_upgrade_t *u) {
  char from[ADDRESS_TEXT_SIZE];
  struct sockaddr_storage client;
  if (!log_wants(&s->endpoint->config, WSUV_LOG_INFO)) return;
  const ws_text path = h1_server_path(u->in.request);
  decision_client_address(u, &client);
  decision_print_client(from, &client);
  log_line(session_log(s), WSUV_LOG_INFO, "accepted from %s: %.*s", from, (int) path.len,
           path.base);
}

static int accept_upgrade(wsuv_upgrade_t *u, const accept_input *in, wsuv_session_t **session,
                          ws_why *why) {
  wsuv_session_t *s;
  const wsuv_accept_t *a = &in->accept;
  const route *r = u->match.route;
  endpoint *e = &u->server->endpoint;
  const wsuv_config_t *config = a->config != NULL ? a->config : r->config;
  const wsuv_callbacks_t *callbacks = a->callbacks != NULL ? a->callbacks : &r->callbacks;
  int err = write_101(u, a, config, why);
  if (err == 0) err = session_new(&s, e, config, callbacks, r->raw, &u->in.client);
  if (err != 0) return err;
  err = server_count_session(u->server, &s->node, &u->place);
  if (err < 0) {
    session_free(s);
    return err;
  }
  s->data = a->data;
  s->internal = in->internal;
  s->opening = incoming_accept(&u->in, u->match.params);
  u->match.params = NULL;
  s->opening->events = &session_opening_events;
  s->opening->up = s;
  log_accepted(s, u);
  session_tls_log(session_log(s), u->in.base.filter);
  session_begin(s);
  if (session != NULL) *session = s;
  return 0;
}

static int answer_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_t *accept, bool internal,
                         wsuv_session_t **session) {
  accept_input in;
  ws_why why = {""};
  int err = decision_begin_answer(upgrade);
  if (err < 1) return err;
  const wsuv_server_t *server = upgrade->server;
  in.internal = internal;
  err = read_accept(&in, upgrade, accept, &why);
  if (err == 0) err = accept_upgrade(upgrade, &in, session, &why);
  if (err < 0) return log_refusal(endpoint_log(&server->endpoint), err, &why);
  decision_answered(upgrade);
  return 0;
}

int wsuv_upgrade_accept(wsuv_upgrade_t *upgrade, const wsuv_accept_t *accept,
                        wsuv_session_t **session) {
  return answer_accept(upgrade, accept, false, session);
}

/* Refusing */

int wsuv_upgrade_refuse(wsuv_upgrade_t *upgrade, int status, const wsuv_header_t *headers,
                        size_t header_count, const void *body, size_t len) {
  ws_why why = {""};
  int err = decision_begin_answer(upgrade);
  if (err < 1) return err;
  if ((header_count > 0 && headers == NULL) || (len > 0 && body == NULL)) return WS_EINVAL;
  err = handshake_check_fields(headers, header_count, &why);
  if (err == 0) {
    err = h1_server_reject(upgrade->in.request, status, headers, header_count, body, len);
  }
  if (err < 0) return log_refusal(endpoint_log(&upgrade->server->endpoint), err, &why);
  server_release_session(upgrade->server, &upgrade->place);
  incoming_refuse_at_length(&upgrade->in);
  decision_answered(upgrade);
  return 0;
}

/* A session that only says why it is closed. */
typedef struct farewell {
  const wsuv_allocator_t *alloc; /* The endpoint's allocator outlives the session. */
  unsigned code;                 /* This is the close code. */
  char reason[];                 /* This is the reason, terminated. */
} farewell;

static void say_farewell(wsuv_session_t *s) {
  const farewell *f = s->data;
  if (wsuv_session_close(s, f->code, f->reason) < 0) wsuv_session_terminate(s);
}

static void forget_farewell(wsuv_session_t *s, const wsuv_close_info_t *info) {
  farewell *f = s->data;
  (void) info; /* nobody asks how it ended */
  ws_free(f->alloc, f);
}

int wsuv_upgrade_refuse_open(wsuv_upgrade_t *upgrade, unsigned code, const char *reason) {
  const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = say_farewell,
                                      .on_close = forget_farewell};
  wsuv_accept_t accept;
  size_t len;
  int err = decision_begin_answer(upgrade);
  if (err < 1) return err;
  err = close_code_check(code, reason, &len);
  if (err < 0) return err;
  const wsuv_allocator_t *alloc = &upgrade->server->endpoint.alloc;
  farewell *f = ws_malloc(alloc, sizeof *f + len + 1);
  if (f == NULL) return WS_ENOMEM;
  *f = (farewell){alloc, code};
  memcpy(f->reason, len > 0 ? reason : "", len + 1);
  wsuv_accept_init(&accept, upgrade);
  accept.callbacks = &callbacks;
  accept.decline_extensions = true;
  accept.data = f;
  err = answer_accept(upgrade, &accept, true, NULL);
  if (err < 0) ws_free(alloc, f);
  return err;
}

/* Deciding */

/* Without a hook. Only a program can owe an answer, so every error is one here. */
static void accept_at_once(wsuv_upgrade_t *u) {
  accept_input in;
  ws_why why = {""};
  in.internal = false;
  int err = read_accept(&in, u, NULL, &why);
  if (err == 0) err = accept_upgrade(u, &in, NULL, &why);
  if (err == WSUV_ESUBPROTOCOL) {
    decision_refuse(u, WSUV_REFUSED_SUBPROTOCOL, err,
                    "none of the offered subprotocols is supported");
  } else if (err < 0) {
    decision_refuse(u, err == WS_ENOMEM ? WSUV_REFUSED_NO_MEMORY : WSUV_REFUSED_HOOK, err,
                    why.text);
  }
}

static void decide(wsuv_upgrade_t *u) {
  const route *r = u->match.route;
  wsuv_upgrade_cb cb = r->upgrade_cb != NULL ? r->upgrade_cb : u->server->upgrade_cb;
  u->data = r->data;
  if (cb == NULL) {
    accept_at_once(u);
  } else {
    decision_owe(u);
    notify_upgrade(cb, u);
  }
}

/* Checking */

/* The sessions, and the requests on which the program decides: they may become sessions. */
static size_t session_places(const wsuv_server_t *server) {
  return server->endpoint.session_count + server->handshakes.counts[HANDSHAKE_DECIDING];
}

/* What is checked last, because it takes the place that the session needs. */
static wsuv_refused_t check_limits(wsuv_upgrade_t *u) {
  wsuv_server_t *server = u->server;
  const wsuv_config_t *c = &server->endpoint.config;
  struct sockaddr_storage client;
  if (session_places(server) > c->max_sessions) return WSUV_REFUSED_SESSIONS;
  decision_client_address(u, &client);
  if (c->max_sessions_per_address > 0 &&
      server_sessions_of(server, &client) >= c->max_sessions_per_address) {
    return WSUV_REFUSED_SESSIONS_PER_ADDRESS;
  }
  int err = server_reserve_session(server, &client, &u->place);
  return err < 0 ? WSUV_REFUSED_NO_MEMORY : WSUV_REFUSED_NONE;
}

/* A request that the program has parsed has its route already. */
static wsuv_refused_t find_route(wsuv_upgrade_t *u, const char **detail) {
  const h1_server *h = u->in.request;
  if (u->match.route != NULL) return WSUV_REFUSED_NONE;
  return router_find(&u->server->routes, h1_server_path(h), h1_server_offer(h), &u->match, detail);
}

static wsuv_refused_t check_route(wsuv_upgrade_t *u, const char **detail) {
  const h1_server *h = u->in.request;
  wsuv_refused_t refused = find_route(u, detail);
  if (refused == WSUV_REFUSED_NONE && (refused = h1_server_cause(h)) != WSUV_REFUSED_NONE) {
    *detail = h1_server_detail(h);
  }
  return refused;
}

static wsuv_refused_t check_host(wsuv_upgrade_t *u, const char **detail) {
  const wsuv_config_t *c = &u->server->endpoint.config;
  if (forwarding_read(&u->in.client, u->in.request, &u->server->proxies, c->forwarded) < 0) {
    return WSUV_REFUSED_NO_MEMORY;
  }
  /* A page cannot say anything in a request for an upgrade. About plain ones see `hosts`. */
  bool loopback = u->loopback && !u->in.client.said;
  return host_check(h1_server_host(u->in.request), c->hosts, c->host_count, loopback, detail);
}

static wsuv_refused_t check_origin(const wsuv_upgrade_t *u, const char **detail) {
  const h1_server *h = u->in.request;
  const wsuv_config_t *own = ((const route *) u->match.route)->config;
  return origin_check(h1_server_origin(h), h1_server_host(h), own->origins, own->origin_count,
                      detail);
}

/* A plain request is the program's, unless its host is not one of ours. A health check of a proxy
   often names none. */
static bool is_for_program(const wsuv_upgrade_t *u, wsuv_refused_t host) {
  const h1_server *h = u->in.request;
  return u->in.takes_plain && u->server->request_cb != NULL && h1_server_is_plain(h) &&
         (host == WSUV_REFUSED_NONE ||
          (host == WSUV_REFUSED_HOST_UNKNOWN && h1_server_host(h)->host.len == 0));
}

static void on_request(incoming_conn *in) {
  wsuv_upgrade_t *u = decision_of_incoming(in);
  const char *detail = "";
  wsuv_refused_t refused = check_host(u, &detail);
  const bool offered = is_for_program(u, refused);
  if (refused == WSUV_REFUSED_NONE) refused = check_route(u, &detail);
  if (offered) {
    exchange_offer(u, refused);
    return;
  }
  if (refused == WSUV_REFUSED_NONE) refused = check_origin(u, &detail);
  if (refused == WSUV_REFUSED_NONE) refused = check_limits(u);
  if (refused != WSUV_REFUSED_NONE) {
    decision_refuse(u, refused, refused_error(refused), detail);
  } else {
    decide(u);
  }
}

/* Beginning */

/* Make room for `coming` more connections of a client; NULL: they will not count under the address
   that they have now. Both calls may end in a callback of the program's. */
static void make_room(wsuv_server_t *server, const struct sockaddr_storage *client,
                      unsigned coming) {
  const wsuv_config_t *c = &server->endpoint.config;
  if (client != NULL) {
    incoming_make_room(&server->handshakes, &server->addresses, client,
                       c->max_handshakes_per_address, coming);
  }
  if (handshakes_count(&server->handshakes) + coming > c->max_handshakes) {
    handshakes_evict(&server->handshakes);
  }
}

/* While the program owed the response, the connection did not count as a handshake under way. Now
   it does, so the oldest of the others may have to be closed. */
static void on_next(incoming_conn *in) {
  wsuv_upgrade_t *u = decision_of_incoming(in);
  struct sockaddr_storage client;
  decision_on_next(in);
  decision_client_address(u, &client);
  make_room(u->server, &client, 0);
}

static const incoming_events events = {.on_request = on_request,
                                       .on_refused = decision_on_refused,
                                       .on_gone = decision_on_gone,
                                       .on_next = on_next,
                                       .on_over = decision_on_over};

static void on_dropped(void *up) {
  (void) up; /* nothing belongs to the connection */
}

/* Nothing was received yet, so nothing can be answered. */
static void drop(ws_filter *filter) {
  static const ws_filter_events dropped = {.on_close = on_dropped};
  filter->events = &dropped;
  filter->ops->close(filter);
}

/* The context was loaded when the listener was made. */
static int get_tls(tls_context **out, endpoint *e, bool secure) {
  *out = NULL;
  return secure ? tls_contexts_get(&e->tls, &e->alloc, e->config.tls, WS_SERVER, out) : 0;
}

static void enter(wsuv_upgrade_t *u, ws_filter *filter, const upgrade_origin *from,
                  handshake_kind kind) {
  u->loopback = from->loopback;
  u->in.base.peer = *from->peer;
  u->in.proxies = &u->server->proxies;
  u->in.client.trusted = address_ranges_have(u->in.proxies, from->peer);
  u->in.client.secure = from->secure;
  incoming_enter(&u->in, filter, &u->server->handshakes, kind);
  if (kind == HANDSHAKE_READING) decision_take_plain(u);
}

static int make_upgrade(wsuv_upgrade_t **out, wsuv_server_t *server, const upgrade_origin *from) {
  int err = decision_new(out, server, &events);
  if (err < 0 || !from->proxy_protocol) return err;
  err = incoming_expect_header(&(*out)->in);
  if (err < 0) decision_free(*out);
  return err;
}

void upgrade_begin(wsuv_server_t *server, ws_filter *filter, const upgrade_origin *from) {
  endpoint *e = &server->endpoint;
  tls_context *tls;
  wsuv_upgrade_t *u;
  const bool proxy = from->proxy_protocol || address_ranges_have(&server->proxies, from->peer);
  make_room(server, proxy ? NULL : from->peer, 1);
  if (e->closing || endpoint_lost(e)) {
    drop(filter);
    return;
  }
  int err = get_tls(&tls, e, from->secure);
  if (err == 0) err = make_upgrade(&u, server, from);
  if (err == 0) {
    enter(u, filter, from, HANDSHAKE_READING);
    incoming_begin(&u->in, &server->addresses, tls);
  } else {
    drop(filter);
    decision_report_dropped(server, from->peer, err);
  }
  tls_context_unref(tls);
}

/* Handed over by the program */

/* From the tick. The connection may have ended meanwhile; making room may end it, too. */
static void run_begin(endpoint_task *task) {
  wsuv_upgrade_t *u = ws_list_entry(task, wsuv_upgrade_t, begin_task);
  wsuv_server_t *server = u->server;
  const struct sockaddr_storage peer = u->in.base.peer;
  if (u->in.state == INCOMING_DECIDING) {
    incoming_begin_deciding(&u->in, u->malformed);
  } else if (u->in.state == INCOMING_READING) {
    incoming_begin(&u->in, &server->addresses, u->tls);
    make_room(server, &peer, 0);
  }
}

int upgrade_new(wsuv_upgrade_t **out, wsuv_server_t *server) {
  int err = decision_new(out, server, &events);
  if (err == 0) (*out)->begin_task.run = run_begin;
  return err;
}

int upgrade_read(wsuv_upgrade_t *u, const wsuv_http_request_t *request, ws_why *why) {
  const char *detail;
  int err = h1_server_read_parsed(u->in.request, request, why);
  if (err == WS_ENOMEM) return err;
  if (err < 0 && h1_server_cause(u->in.request) == WSUV_REFUSED_NONE) return err;
  if (!wsuv_http_request_is_upgrade(request)) return WSUV_EUPGRADE;
  u->malformed = err < 0;
  if (u->malformed) return 0;
  wsuv_refused_t refused = find_route(u, &detail);
  bool fails = refused == WSUV_REFUSED_NO_ROUTE || refused == WSUV_REFUSED_NO_MEMORY;
  return fails ? refused_error(refused) : 0;
}

void upgrade_adopt(wsuv_upgrade_t *u, ws_filter *filter, const upgrade_origin *from,
                   tls_context *tls) {
  u->tls = tls != NULL ? tls_context_ref(tls) : NULL;
  enter(u, filter, from, HANDSHAKE_READING);
  endpoint_schedule(&u->server->endpoint, &u->begin_task);
}

void upgrade_decide(wsuv_upgrade_t *u, ws_filter *filter, const upgrade_origin *from) {
  enter(u, filter, from, HANDSHAKE_GIVEN);
  endpoint_schedule(&u->server->endpoint, &u->begin_task);
}

/* What an upgrade asks for */

wsuv_server_t *wsuv_upgrade_server(const wsuv_upgrade_t *upgrade) {
  return decision_server(upgrade);
}

const char *wsuv_upgrade_target(const wsuv_upgrade_t *upgrade) {
  return h1_server_target(upgrade->in.request);
}

const char *wsuv_upgrade_param(const wsuv_upgrade_t *upgrade, const char *name) {
  return ws_params_get(upgrade->match.params, name);
}

const char *wsuv_upgrade_query(wsuv_upgrade_t *upgrade, const char *name) {
  return decision_query(upgrade, name);
}

const char *wsuv_upgrade_header(const wsuv_upgrade_t *upgrade, const char *name) {
  return decision_header(upgrade, name);
}

const wsuv_header_t *wsuv_upgrade_headers(wsuv_upgrade_t *upgrade, size_t *count) {
  return decision_headers(upgrade, count);
}

const char *wsuv_upgrade_subprotocol(wsuv_upgrade_t *upgrade, size_t n) {
  return h1_server_offered(upgrade->in.request, n);
}

int wsuv_upgrade_peer_address(const wsuv_upgrade_t *upgrade, struct sockaddr_storage *addr) {
  return decision_peer_address(upgrade, addr);
}

int wsuv_upgrade_peer_credentials(const wsuv_upgrade_t *upgrade, wsuv_credentials_t *credentials) {
  return decision_credentials(upgrade, credentials);
}

int wsuv_upgrade_origin(const wsuv_upgrade_t *upgrade, wsuv_origin_t *origin) {
  return decision_origin(upgrade, origin);
}

const char *wsuv_upgrade_trusted_header(const wsuv_upgrade_t *upgrade, const char *name) {
  return decision_trusted_header(upgrade, name);
}

int wsuv_upgrade_tls(const wsuv_upgrade_t *upgrade, wsuv_tls_info_t *info) {
  return decision_tls(upgrade, info);
}

void wsuv_upgrade_set_data(wsuv_upgrade_t *upgrade, void *data) {
  upgrade->data = data;
}

void *wsuv_upgrade_data(const wsuv_upgrade_t *upgrade) {
  return upgrade->data;
}

void wsuv_upgrade_on_gone(wsuv_upgrade_t *upgrade, wsuv_upgrade_cb cb) {
  upgrade->gone_cb = cb;
}

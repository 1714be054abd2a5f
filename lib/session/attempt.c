#include "session/attempt.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "net/address.h"
#include "net/tls/tls.h"
#include "proto/handshake/h1_client.h"
#include "session/chain.h"
#include "session/session_tls.h"

/* The chain of filters to the destination, TLS with it, opening handshake over HTTP/1.1. */

struct attempt {
  opening base; /* This must be the first field, because of_opening converts its address. */
  /* The endpoint has the environment and the pools, and outlives the attempt. */
  endpoint *endpoint;
  session_request *request; /* The attempt owns the request until attempt_take_request. */
  connect_place place;      /* This is the attempt's place in the queue of the endpoint. */
  log_to log;               /* Lines for the log of the session go here. */
  chain chain;              /* This leads to the destination, unless there is a connection. */
  /* The attempt owns the opening handshake, which has the request's text and the response. */
  h1_client *handshake;
  /* The attempt owns this copy of the bytes after the response, which is NULL unless `accepted` is
     set. */
  uint8_t *rest;
  size_t rest_len;         /* `rest` has this many bytes. */
  bool secured;            /* The connection of a program has TLS of its own. */
  bool accepted;           /* The response was accepted before the whole request had left. */
  bool abandoned;          /* The attempt was abandoned, so it calls no event except on_closed. */
  tls_failure tls_failure; /* This says why no TLS context could be made; otherwise it is empty. */
};

static attempt *of_opening(const opening *o) {
  return (attempt *) (uintptr_t) o;
}

static uint64_t attempt_now_ns(const attempt *a) {
  return a->endpoint->env->ops->now_ns(a->endpoint->env);
}

static void record_step(attempt *a, uint32_t *took_us) {
  opening_record_step(&a->base, a->endpoint->env, took_us);
}

static void attempt_fail(attempt *a, int status, const char *detail) {
  if (!a->abandoned) a->base.events->on_failed(a->base.up, status, detail);
}

/* The queue of the endpoint */

/* The answers are of TLS; without it, they are those of an empty structure. */
static tls_info ask_tls(const attempt *a) {
  tls_info info = {.version = NULL};
  bool known = a->base.filter != NULL &&
               a->base.filter->ops->query(a->base.filter, WS_QUERY_TLS, &info) == 0;
  return known ? info : (tls_info){.version = NULL};
}

/* A host that gives no session to the first attempt is remembered. The others tell only that there
   is one, because they may have resumed the session that they have. */
static void note_session(attempt *a) {
  bool given = ask_tls(a).given == TLS_GIVEN_SESSION;
  if (given || connect_queue_is_first(&a->place)) connect_queue_note(&a->place, given);
}

/* TLS is done, so the place is free. But with TLS 1.3 the session comes in a ticket, for which
   others wait if this attempt is the first: until it has come, or the response has. */
static void leave_after_tls(attempt *a) {
  bool awaited = ask_tls(a).given == TLS_GIVEN_LATER && connect_queue_is_first(&a->place);
  if (awaited) return;
  note_session(a);
  endpoint_leave_queue(a->endpoint, &a->place);
}

static connect_session session_wanted(attempt *a) {
  const session_request *r = a->request;
  if (!r->url.secure || !tls_context_resumes(r->tls)) return CONNECT_NO_SESSION;
  bool stored = tls_context_has_session(r->tls, r->host, r->to.port);
  return stored ? CONNECT_HAS_SESSION : CONNECT_NEEDS_SESSION;
}

int attempt_enter_queue(attempt *a, endpoint_task *task) {
  const session_request *r = a->request;
  bool is_unix = r->url.socket.base != NULL;
  const ws_text host = is_unix ? r->url.socket : (ws_text){r->host, strlen(r->host)};
  if (r->max_connecting == UINT_MAX) return 0;
  a->place.task = task;
  a->place.max = r->max_connecting;
  a->place.session = (uint8_t) session_wanted(a);
  return connect_queue_enter(&a->endpoint->connecting, &a->place, host, is_unix ? 0 : r->to.port);
}

static bool attempt_waits(const opening *o) {
  return of_opening(o)->place.waits;
}

static bool attempt_is_held(const opening *o) {
  const attempt *a = of_opening(o);
  return chain_is_held(&a->chain) || ask_tls(a).waits;
}

/* Sending the handshake */

static bool request_left(const attempt *a) {
  size_t len;
  (void) h1_client_request(a->handshake, &len);
  return a->base.sent == len;
}

static void write_request(attempt *a) {
  size_t len;
  const char *text = h1_client_request(a->handshake, &len);
  opening_write(&a->base, text, len);
}

static void start_handshake(attempt *a) {
  a->base.stage = WSUV_STAGE_HANDSHAKE;
  write_request(a);
  if (a->abandoned) return;
  if (a->base.write_error < 0) a->base.events->on_write_error(a->base.up, a->base.write_error);
  int err = a->base.filter->ops->read_start(a->base.filter);
  if (err < 0) attempt_fail(a, err, "");
}

/* Receiving the handshake */

static void log_response(attempt *a) {
  if (!log_wants(a->log.config, WSUV_LOG_INFO)) return;
  header_store *headers = h1_client_headers(a->handshake);
  const wsuv_header_t *list = header_store_index(headers);
  log_line(a->log, WSUV_LOG_INFO, "< status %d", h1_client_status(a->handshake));
  for (size_t i = 0; list != NULL && i < headers->count; i++) log_field(a->log, &list[i]);
  const char *name;
  for (size_t n = 0; (name = h1_client_ignored(a->handshake, n)) != NULL; n++) {
    log_line(a->log, WSUV_LOG_INFO, "%s of the response is ignored", name);
  }
}

/* Pass the open transport to the receiver, which may free the attempt. */
static void become_ready(attempt *a, uint8_t *rest, size_t rest_len) {
  handshake_result *result;
  int err = h1_client_result(a->handshake, &result);
  if (err < 0) {
    attempt_fail(a, err, "");
    return;
  }
  ws_filter *filter = a->base.filter;
  if (a->base.proxy != NULL) {
    result->proxy = ws_strdup(&a->endpoint->alloc, a->base.proxy);
    if (result->proxy == NULL) {
      handshake_result_free(result);
      attempt_fail(a, WS_ENOMEM, "");
      return;
    }
  }
  result->rest = rest;
  result->rest_len = rest_len;
  record_step(a, &a->base.steps.upgrade_us);
  note_session(a);
  endpoint_leave_queue(a->endpoint, &a->place);
  a->base.filter = NULL;
  a->base.events->on_ready(a->base.up, filter, result);
}

/* The response came before the whole request was sent. Frames may be sent only after the request,
   so on_ready is called later. */
static void wait_for_request(attempt *a, const uint8_t *rest, size_t rest_len) {
  a->base.filter->ops->read_stop(a->base.filter);
  a->rest = ws_malloc(&a->endpoint->alloc, rest_len + 1);
  if (a->rest == NULL) {
    attempt_fail(a, WS_ENOMEM, "");
    return;
  }
  if (rest_len > 0) memcpy(a->rest, rest, rest_len);
  a->rest_len = rest_len;
  a->accepted = true;
}

static void go_on_waiting(attempt *a) {
  if (!a->accepted || !request_left(a)) return;
  int err = a->base.filter->ops->read_start(a->base.filter);
  if (err < 0) {
    attempt_fail(a, err, "");
  } else {
    become_ready(a, a->rest, a->rest_len);
  }
}

static void attempt_take_bytes(attempt *a, uint8_t *data, size_t len) {
  size_t used;
  a->base.figures.wire_received += len;
  int r = h1_client_feed(a->handshake, data, len, &used);
  if (r == 0) return;
  log_response(a);
  if (r < 0) {
    attempt_fail(a, r, h1_client_detail(a->handshake));
  } else if (a->base.write_error < 0) {
    attempt_fail(a, a->base.write_error, "");
  } else if (request_left(a)) {
    become_ready(a, data + used, len - used);
  } else {
    wait_for_request(a, data + used, len - used);
  }
}

/* The peer has ended its direction: no more of the response will come. */
static void cut(attempt *a, int status, const char *detail) {
  int err = h1_client_eof(a->handshake);
  if (err == WSUV_ESTATUS || status == WS_EOF) {
    status = err;
    detail = h1_client_detail(a->handshake);
  }
  attempt_fail(a, status, detail);
}

static void attempt_expire(opening *o, const char *detail) {
  attempt *a = of_opening(o);
  if (chain_runs(&a->chain)) {
    chain_expire(&a->chain, detail);
  } else if (a->base.stage == WSUV_STAGE_HANDSHAKE && a->base.filter != NULL) {
    cut(a, WS_ETIMEDOUT, detail);
  } else {
    attempt_fail(a, WS_ETIMEDOUT, detail);
  }
}

/* The filter */

static void attempt_on_connect(void *up, int status) {
  attempt *a = up;
  if (status < 0) {
    attempt_fail(a, status, "");
    return;
  }
  record_step(a, &a->base.steps.tls_us);
  leave_after_tls(a);
  session_tls_log(a->log, a->base.filter);
  start_handshake(a);
}

static void attempt_on_alloc(void *up, ws_room *buf) {
  attempt *a = up;
  size_t most = h1_client_most(a->handshake);
  *buf = (ws_room){a->endpoint->read_buf, most < ENDPOINT_READ_SIZE ? most : ENDPOINT_READ_SIZE};
}

static void attempt_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  if (n < 0) {
    cut(up, (int) n, "");
  } else {
    attempt_take_bytes(up, data, (size_t) n);
  }
}

static void attempt_on_write(void *up, int status) {
  attempt *a = up;
  opening_written(&a->base, status);
  write_request(a);
  if (a->abandoned) return;
  if (a->base.write_error < 0) {
    a->base.events->on_write_error(a->base.up, a->base.write_error);
  } else {
    go_on_waiting(a);
  }
}

/* The ticket that others wait for. */
static void attempt_on_session(void *up) {
  attempt *a = up;
  if (!connect_queue_is_first(&a->place)) return;
  leave_after_tls(a);
}

static void attempt_on_closed(void *up) {
  attempt *a = up;
  a->base.events->on_closed(a->base.up);
}

/* A filter from the dial is connected already, so on_connect reports the end of the TLS
   handshake. */
static const ws_filter_events filter_events = {.on_connect = attempt_on_connect,
                                               .on_alloc = attempt_on_alloc,
                                               .on_read = attempt_on_read,
                                               .on_write = attempt_on_write,
                                               .on_close = attempt_on_closed,
                                               .on_session = attempt_on_session};

static void use_filter(attempt *a, ws_filter *filter) {
  a->base.filter = filter;
  filter->events = &filter_events;
  filter->up = a;
}

/* The route */

static int put_tls_over(attempt *a, ws_filter *lower) {
  const session_request *r = a->request;
  endpoint *e = a->endpoint;
  int err = tls_context_load(r->tls, &a->tls_failure);
  if (err < 0) return err;
  return tls_start(&a->base.filter, e->env, r->tls, &e->tls_turns, r->host, r->to.port, lower,
                   &filter_events, a);
}

static void start_tls(attempt *a, ws_filter *lower) {
  a->base.stage = WSUV_STAGE_TLS;
  int err = put_tls_over(a, lower);
  if (err < 0) {
    use_filter(a, lower);
    attempt_fail(a, err, "");
  }
}

static bool wants_tls(const attempt *a) {
  return a->request->url.secure && !a->secured;
}

static void start_on_filter(attempt *a, ws_filter *filter) {
  log_line(a->log, WSUV_LOG_INFO, "connected");
  if (wants_tls(a)) {
    start_tls(a, filter);
  } else {
    use_filter(a, filter);
    start_handshake(a);
  }
}

static void attempt_on_resolved(void *up) {
  attempt *a = up;
  record_step(a, &a->base.steps.resolve_us);
  a->base.stage = WSUV_STAGE_CONNECT;
}

static void attempt_on_address(void *up, const struct sockaddr_storage *addr) {
  attempt *a = up;
  a->base.peer = *addr;
}

static void attempt_on_proxy(void *up) {
  attempt *a = up;
  record_step(a, &a->base.steps.connect_us);
  a->base.stage = WSUV_STAGE_PROXY;
}

static void attempt_on_chain(void *up, int status, ws_filter *filter, const char *detail) {
  attempt *a = up;
  const bool proxied = a->base.proxy != NULL;
  if (status < 0) {
    if (filter != NULL) use_filter(a, filter);
    attempt_fail(a, status, detail);
    return;
  }
  record_step(a, proxied ? &a->base.steps.proxy_us : &a->base.steps.connect_us);
  start_on_filter(a, filter);
}

static const chain_events events_of_chain = {.on_resolved = attempt_on_resolved,
                                             .on_address = attempt_on_address,
                                             .on_connected = attempt_on_proxy,
                                             .on_done = attempt_on_chain};

static void log_target(const attempt *a) {
  char text[ADDRESS_TEXT_SIZE];
  const dial_target *to = &a->request->to;
  if (!address_is_set(&to->address)) {
    log_line(a->log, WSUV_LOG_INFO, "connecting to %s port %u", to->host, (unsigned) to->port);
    return;
  }
  address_print(text, &to->address);
  log_line(a->log, WSUV_LOG_INFO, "connecting to %s port %u at %s", to->host, (unsigned) to->port,
           text);
}

static void attempt_start(opening *o) {
  attempt *a = of_opening(o);
  a->base.figures.since_ns = attempt_now_ns(a);
  if (a->base.filter != NULL) {
    start_on_filter(a, a->base.filter);
    return;
  }
  log_target(a);
  int err = chain_start(&a->chain);
  if (err < 0) attempt_fail(a, err, a->chain.detail.text);
}

/* Lifetime */

static void attempt_abandon(opening *o) {
  attempt *a = of_opening(o);
  a->abandoned = true;
  endpoint_leave_queue(a->endpoint, &a->place);
  ws_filter *filter = chain_cancel(&a->chain);
  if (filter != NULL) use_filter(a, filter);
  if (a->base.filter != NULL) a->base.filter->ops->close(a->base.filter);
}

static void attempt_free(opening *o) {
  attempt *a = of_opening(o);
  const wsuv_allocator_t *alloc = &a->endpoint->alloc;
  endpoint_leave_queue(a->endpoint, &a->place);
  h1_client_free(a->handshake);
  chain_clear(&a->chain);
  request_free(a->request);
  ws_free(alloc, a->rest);
  ws_free(alloc, a);
}

/* What is known of the attempt */

static const char *attempt_request_head(const opening *o, size_t *len) {
  return h1_client_request(of_opening(o)->handshake, len);
}

static void describe_response(attempt *a, wsuv_close_info_t *info) {
  h1_client *h = a->handshake;
  info->http_status = h1_client_status(h);
  if (info->status != WSUV_ESTATUS) return;
  info->headers = header_store_index(h1_client_headers(h));
  info->header_count = info->headers != NULL ? h1_client_headers(h)->count : 0;
  info->body = h1_client_body(h, &info->body_len);
}

static void attempt_describe(opening *o, wsuv_close_info_t *info) {
  attempt *a = of_opening(o);
  describe_response(a, info);
  chain_describe(&a->chain, info);
  session_tls_describe(a->base.filter, &a->tls_failure, info);
}

/* Creating */

int attempt_set_request(opening *o, const char *text, size_t len) {
  return h1_client_set_request(of_opening(o)->handshake, text, len);
}

static int make_handshake(attempt *a, ws_why *why) {
  uint8_t key[HANDSHAKE_KEY_SIZE];
  size_t len;
  int err = random_pool_take(&a->endpoint->shared.random, key, sizeof key);
  if (err < 0) return err;
  err = h1_client_new(&a->handshake, &a->endpoint->alloc, &a->request->handshake, key, why);
  if (err < 0 || !log_wants(a->log.config, WSUV_LOG_INFO)) return err;
  const char *text = h1_client_request(a->handshake, &len);
  log_request(a->log, text, len);
  return 0;
}

static const opening_ops ops = {.start = attempt_start,
                                .waits = attempt_waits,
                                .is_held = attempt_is_held,
                                .expire = attempt_expire,
                                .abandon = attempt_abandon,
                                .free = attempt_free,
                                .request_head = attempt_request_head,
                                .describe = attempt_describe};

int attempt_new(attempt **out, endpoint *e, resolver *r, session_request *req, log_to log,
                const opening_events *events, void *up, ws_why *why) {
  attempt *a = ws_calloc(&e->alloc, sizeof *a);
  if (a == NULL) return WS_ENOMEM;
  a->endpoint = e;
  a->request = req;
  a->log = log;
  chain_init(&a->chain, e, r, req, log, &a->tls_failure, &events_of_chain, a);
  a->base.events = events;
  a->base.up = up;
  a->base.ops = &ops;
  a->base.stage = WSUV_STAGE_RESOLVE;
  a->base.queue_timeout_ms = req->queue_timeout_ms;
  a->base.handshake_timeout_ms = req->handshake_timeout_ms;
  int err = make_handshake(a, why);
  if (err < 0) {
    ws_free(&e->alloc, a);
    return err;
  }
  *out = a;
  return 0;
}

/* If the address cannot be read, the peer stays without one. */
void attempt_set_filter(attempt *a, ws_filter *filter, bool secure) {
  a->secured = secure;
  use_filter(a, filter);
  (void) filter->ops->query(filter, WS_QUERY_PEER_ADDRESS, &a->base.peer);
  a->base.stage = wants_tls(a) ? WSUV_STAGE_TLS : WSUV_STAGE_HANDSHAKE;
}

int attempt_choose_route(attempt *a, ws_why *why) {
  session_request *r = a->request;
  int err = request_choose_proxies(r, why);
  a->base.proxy = err == 0 && r->proxies != NULL ? text_buf_base(&r->proxies->shown) : NULL;
  return err;
}

session_request *attempt_take_request(attempt *a) {
  session_request *r = a->request;
  a->request = NULL;
  return r;
}

opening *attempt_opening(attempt *a) {
  return &a->base;
}

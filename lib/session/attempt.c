#include "session/attempt.h"

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "base/sized.h"
#include "net/address.h"
#include "net/tls/tls.h"
#include "proto/handshake/h1_client.h"
#include "proto/handshake/url_reference.h"
#include "proto/http/http_date.h"
#include "session/chain.h"
#include "session/hops.h"
#include "session/session_tls.h"

/* The chain of filters to the destination, TLS with it, opening handshake over HTTP/1.1. A response
   that leads to another request ends the connection; when it is closed, everything begins anew for
   the next hop (begin_hop). */

/* What happens after the connection is closed. */
typedef enum attempt_next {
  NEXT_NONE,   /* the connection is in use, or the attempt ends */
  NEXT_FOLLOW, /* the next hop is at the URL of a redirect */
  NEXT_AGAIN,  /* the next hop is at the same URL, with other credentials */
  NEXT_ASK     /* the attempt waits for other credentials */
} attempt_next;

struct attempt {
  opening base; /* This must be the first field, because of_opening converts its address. */
  /* The endpoint has the environment and the pools, and outlives the attempt. */
  endpoint *endpoint;
  session_request *request; /* The attempt owns the request until attempt_take_request. */
  connect_place place;      /* This is the attempt's place in the queue of the endpoint. */
  log_to log;               /* Lines for the log of the session go here. */
  chain chain;              /* This leads to the destination, unless there is a connection. */
  resolver *resolver;       /* The chain looks up names with this. */
  hops hops;                /* This decides what follows from a response. */
  hop_verdict verdict;      /* This follows from the present response, if `judged` is set. */
  endpoint_task *task;      /* This task of the session runs when the attempt can go on. */
  refresh_waiter waiter;    /* This waits for an answer of the program. */
  refresh_answer *answer;   /* The attempt has a reference to the answer that it has used last. */
  size_t asked;             /* So many times the program was asked. */
  uint8_t next;             /* This is an attempt_next. */
  bool judged;              /* `verdict` is set. */
  bool asking;              /* The program was asked, and has not answered. */
  bool queued;              /* The hop waits for its turn in the queue. */
  bool fixed;               /* The connection is the program's, so there is one hop. */
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
  a->task = task;
  a->waiter.task = task;
  a->place = (connect_place){.task = task, .max = request_max_connecting(r)};
  if (a->place.max == UINT_MAX) return 0;
  a->place.session = (uint8_t) session_wanted(a);
  return connect_queue_enter(&a->endpoint->connecting, &a->place, host, is_unix ? 0 : r->to.port);
}

static bool attempt_waits(const opening *o) {
  return of_opening(o)->place.waits;
}

static bool attempt_is_held(const opening *o) {
  const attempt *a = of_opening(o);
  return chain_is_held(&a->chain) || session_tls_is_held(a->base.filter);
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

/* Responses that do not open the session */

static int64_t clock_s(const attempt *a) {
  return a->endpoint->env->ops->clock_s(a->endpoint->env);
}

/* Decide what follows, when the head has been read. After an error of writing nothing does. */
static void judge(attempt *a) {
  h1_client *h = a->handshake;
  if (a->judged) return;
  a->judged = true;
  a->verdict = (hop_verdict){.step = HOP_END, .status = WSUV_ESTATUS};
  if (a->fixed || a->base.write_error < 0) return;
  int err = hops_judge(&a->hops, h1_client_status(h), h1_client_headers(h), clock_s(a),
                       a->request->asks_with != NULL, &a->verdict);
  if (err < 0) a->verdict = (hop_verdict){.step = HOP_END, .status = err};
}

/* Close the connection; then `next` happens. */
static void leave_connection(attempt *a, attempt_next next) {
  a->next = (uint8_t) next;
  a->base.closing = true;
  endpoint_leave_queue(a->endpoint, &a->place);
  a->base.filter->ops->close(a->base.filter);
}

static const wsuv_header_t *list_headers(attempt *a, size_t *count) {
  header_store *headers = h1_client_headers(a->handshake);
  const wsuv_header_t *list = header_store_index(headers);
  *count = list != NULL ? headers->count : 0;
  return list;
}

SIZED_NO_PADDING(wsuv_redirect_t, header_count);
SIZED_NO_PADDING(wsuv_unauthorized_t, attempt);

static void follow(attempt *a) {
  wsuv_redirect_t redirect = {.size = sizeof redirect,
                              .status = h1_client_status(a->handshake),
                              .count = a->hops.redirects + 1,
                              .url = text_buf_base(&a->hops.next)};
  redirect.headers = list_headers(a, &redirect.header_count);
  bool wanted =
      a->base.events->on_redirect == NULL || a->base.events->on_redirect(a->base.up, &redirect);
  if (a->abandoned) return;
  if (wanted) {
    leave_connection(a, NEXT_FOLLOW);
  } else {
    attempt_fail(a, WSUV_EREDIRECT, "not followed by the program");
  }
}

static int identify(attempt *a, const wsuv_header_t *fields, size_t count, refresh_key *key) {
  return hops_identity(&a->hops, fields, count, &a->request->asks_with,
                       sizeof a->request->asks_with, key->hash);
}

static void call_program(attempt *a) {
  wsuv_unauthorized_t refusal = {.size = sizeof refusal, .attempt = ++a->asked};
  refusal.headers = list_headers(a, &refusal.header_count);
  a->asking = true;
  a->base.events->on_unauthorized(a->base.up, &refusal);
}

/* Ask the program, or wait for its answer to another session. The connection is closed meanwhile.
 */
static void ask(attempt *a) {
  refresh_key key;
  int err = identify(a, NULL, 0, &key);
  if (err == 0) err = refresh_join(&a->endpoint->refreshes, &a->waiter, &key, a->answer);
  if (err < 0) {
    attempt_fail(a, err, "");
    return;
  }
  a->asking = false;
  leave_connection(a, NEXT_ASK);
  if (err == REFRESH_ASK) call_program(a);
}

/* The whole refusal was read, or as much of it as there is. Writing may have failed since its head
   was judged; then the session has no time for another connection. */
static void end_refused(attempt *a) {
  judge(a);
  if (a->base.write_error < 0) a->verdict.step = HOP_END;
  if (a->verdict.step == HOP_FOLLOW) {
    follow(a);
  } else if (a->verdict.step == HOP_AUTHENTICATE) {
    leave_connection(a, NEXT_AGAIN);
  } else if (a->verdict.step == HOP_ASK) {
    ask(a);
  } else {
    const bool more = a->verdict.detail.text[0] != '\0';
    attempt_fail(a, a->verdict.status,
                 more ? a->verdict.detail.text : h1_client_detail(a->handshake));
  }
}

/* The head of a refusal was read. Its body is waited for only if the program may see it. */
static void begin_refused(attempt *a) {
  if (a->judged) return;
  judge(a);
  const bool final = a->verdict.step == HOP_END && a->verdict.status == WSUV_ESTATUS;
  if (final || a->verdict.step == HOP_ASK) return;
  log_response(a);
  end_refused(a);
}

static void attempt_take_bytes(attempt *a, uint8_t *data, size_t len) {
  size_t used;
  if (a->next != NEXT_NONE) return;
  a->base.figures.wire_received += len;
  int r = h1_client_feed(a->handshake, data, len, &used);
  if (r == 0) {
    if (h1_client_refused(a->handshake)) begin_refused(a);
    return;
  }
  log_response(a);
  if (r == WSUV_ESTATUS) {
    end_refused(a);
  } else if (r < 0) {
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
  if (a->next != NEXT_NONE) return;
  int err = h1_client_eof(a->handshake);
  if (err == WSUV_ESTATUS && status != WS_ETIMEDOUT) {
    log_response(a);
    end_refused(a);
    return;
  }
  if (err == WSUV_ESTATUS || status == WS_EOF) {
    status = err;
    detail = h1_client_detail(a->handshake);
  }
  attempt_fail(a, status, detail);
}

static void attempt_expire(opening *o, const char *detail) {
  attempt *a = of_opening(o);
  if (a->next == NEXT_ASK) {
    attempt_fail(a, WS_ETIMEDOUT, "no answer to on_unauthorized");
  } else if (chain_runs(&a->chain)) {
    chain_expire(&a->chain, detail);
  } else if (a->base.stage == WSUV_STAGE_HANDSHAKE && a->base.filter != NULL && !a->base.closing) {
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

static void move_on(attempt *a);

static void attempt_on_closed(void *up) {
  attempt *a = up;
  if (a->abandoned || a->next == NEXT_NONE) {
    a->base.events->on_closed(a->base.up);
    return;
  }
  a->base.closing = false;
  a->base.filter = NULL;
  move_on(a);
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
  endpoint_leave_refresh(a->endpoint, &a->waiter);
  ws_filter *filter = chain_cancel(&a->chain);
  if (filter != NULL) use_filter(a, filter);
  if (a->base.filter != NULL && !a->base.closing) a->base.filter->ops->close(a->base.filter);
}

static void attempt_free(opening *o) {
  attempt *a = of_opening(o);
  const wsuv_allocator_t *alloc = &a->endpoint->alloc;
  endpoint_leave_queue(a->endpoint, &a->place);
  endpoint_leave_refresh(a->endpoint, &a->waiter);
  refresh_answer_unref(a->answer);
  h1_client_free(a->handshake);
  hops_clear(&a->hops);
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
  if (!h1_client_refused(h)) return;
  if (info->http_status == 429 || info->http_status == 503) {
    info->retry_after_ms = http_retry_after_ms(h1_client_headers(h), clock_s(a));
  }
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

/* The handshake of the hop. The one before it is kept until then, for its response. */
static int make_handshake(attempt *a, ws_why *why) {
  uint8_t key[HANDSHAKE_KEY_SIZE], random[AUTH_RANDOM_SIZE];
  handshake_request request;
  h1_client *made;
  size_t len;
  int err = random_pool_take(&a->endpoint->shared.random, key, sizeof key);
  if (err == 0) err = random_pool_take(&a->endpoint->shared.random, random, sizeof random);
  if (err == 0) err = hops_prepare(&a->hops, &a->request->handshake, random, &request, why);
  if (err == 0) err = h1_client_new(&made, &a->endpoint->alloc, &request, key, why);
  if (err != 0) return err;
  h1_client_free(a->handshake);
  a->handshake = made;
  if (!log_wants(a->log.config, WSUV_LOG_INFO)) return err;
  const char *text = h1_client_request(a->handshake, &len);
  log_request(a->log, text, len);
  return 0;
}

/* The next hop */

/* What is known of the redirect is logged without its query. */
static int follow_url(attempt *a) {
  session_request *r = a->request;
  hops *h = &a->hops;
  char *url = ws_strndup(r->alloc, text_buf_base(&h->next), text_buf_len(&h->next) - 1);
  if (url == NULL) return WS_ENOMEM;
  int err = request_redirect(r, url, h->crosses, &a->endpoint->tls);
  if (err < 0) {
    ws_wipe(url, strlen(url));
    ws_free(r->alloc, url);
    return err;
  }
  err = hops_follow(h, &r->url);
  const ws_text path = url_path(&r->url);
  log_line(a->log, WSUV_LOG_INFO, "redirected to %.*s%.*s", (int) text_buf_len(&h->origin),
           text_buf_base(&h->origin), (int) path.len, path.base);
  if (h->crosses) {
    log_line(a->log, WSUV_LOG_INFO,
             "another origin: Authorization, Cookie, credentials and certificate stay behind");
  }
  return err;
}

/* Everything that belongs to one hop is made anew. */
static int set_up_hop(attempt *a, ws_why *why) {
  opening *o = &a->base;
  int err = a->next == NEXT_FOLLOW ? follow_url(a) : 0;
  a->next = NEXT_NONE;
  a->judged = false;
  if (err == 0) err = make_handshake(a, why);
  if (err < 0) return err;
  chain_clear(&a->chain);
  a->tls_failure = (tls_failure){.library_error = 0};
  chain_init(&a->chain, a->endpoint, a->resolver, a->request, a->log, &a->tls_failure,
             &events_of_chain, a);
  o->stage = WSUV_STAGE_RESOLVE;
  o->peer.ss_family = AF_UNSPEC;
  o->sent = o->retained = 0;
  o->steps = (opening_steps){.resolve_us = 0};
  ws_free(&a->endpoint->alloc, a->rest);
  a->rest = NULL;
  a->accepted = false;
  err = attempt_choose_route(a, why);
  return err < 0 ? err : attempt_enter_queue(a, a->task);
}

static void begin_hop(attempt *a) {
  a->verdict.detail.text[0] = '\0';
  int err = set_up_hop(a, &a->verdict.detail);
  if (err < 0) {
    attempt_fail(a, err, a->verdict.detail.text);
    return;
  }
  a->queued = a->place.waits;
  if (a->queued) {
    log_line(a->log, WSUV_LOG_INFO, "waiting for its turn to connect");
  } else {
    attempt_start(&a->base);
  }
}

static void take_answer(attempt *a) {
  refresh_answer *answer = a->waiter.answer;
  a->waiter.answer = NULL;
  refresh_answer_unref(a->answer);
  a->answer = answer;
  if (!answer->given) {
    attempt_fail(a, answer->status < 0 ? answer->status : WSUV_ESTATUS,
                 h1_client_detail(a->handshake));
    return;
  }
  int err = hops_authorize(&a->hops, answer->headers, answer->count);
  if (err < 0) {
    attempt_fail(a, err, "");
  } else {
    begin_hop(a);
  }
}

/* The connection is closed. */
static void move_on(attempt *a) {
  if (a->next != NEXT_ASK) {
    begin_hop(a);
  } else if (a->waiter.answer != NULL) {
    take_answer(a);
  }
}

static void attempt_go_on(opening *o) {
  attempt *a = of_opening(o);
  if (a->next == NEXT_ASK && a->waiter.asks && !a->asking) call_program(a);
  if (a->abandoned || a->base.closing) return;
  if (a->next == NEXT_ASK) {
    move_on(a);
  } else if (a->queued && !a->place.waits) {
    a->queued = false;
    attempt_start(o);
  }
}

/* The program answers */

static int give_answer(attempt *a, bool given, const wsuv_header_t *headers, size_t count,
                       int status) {
  refresh_key key;
  if (a->waiter.question == NULL) return WSUV_ESTATE;
  int err = given ? identify(a, headers, count, &key) : 0;
  if (err < 0) return err;
  refresh_answer *answer = refresh_answer_new(&a->endpoint->alloc, given, headers, count, status);
  if (answer == NULL) return WS_ENOMEM;
  endpoint_answer_refresh(a->endpoint, &a->waiter, answer, given ? &key : NULL);
  refresh_answer_unref(answer);
  return 0;
}

static int attempt_authorize(opening *o, const wsuv_header_t *headers, size_t count) {
  return give_answer(of_opening(o), true, headers, count, 0);
}

static int attempt_deny(opening *o, int status) {
  return give_answer(of_opening(o), false, NULL, 0, status);
}

static const opening_ops ops = {.start = attempt_start,
                                .waits = attempt_waits,
                                .is_held = attempt_is_held,
                                .go_on = attempt_go_on,
                                .authorize = attempt_authorize,
                                .deny = attempt_deny,
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
  a->resolver = r;
  a->request = req;
  refresh_waiter_init(&a->waiter, NULL);
  a->log = log;
  chain_init(&a->chain, e, r, req, log, &a->tls_failure, &events_of_chain, a);
  a->base.events = events;
  a->base.up = up;
  a->base.ops = &ops;
  a->base.stage = WSUV_STAGE_RESOLVE;
  a->base.queue_timeout_ms = req->queue_timeout_ms;
  a->base.handshake_timeout_ms = req->handshake_timeout_ms;
  int err = hops_init(&a->hops, &e->alloc, &req->hops, &req->url, why);
  if (err == 0) err = make_handshake(a, why);
  if (err < 0) {
    hops_clear(&a->hops);
    ws_free(&e->alloc, a);
    return err;
  }
  *out = a;
  return 0;
}

/* If the address cannot be read, the peer stays without one. */
void attempt_set_filter(attempt *a, ws_filter *filter, bool secure) {
  a->secured = secure;
  a->fixed = true;
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

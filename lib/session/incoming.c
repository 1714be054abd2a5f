#include "session/incoming.h"

#include <string.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/tls/tls.h"
#include "proto/handshake/refused.h"
#include "session/log.h"
#include "session/session_tls.h"

/* Reads one request at a time and writes its answer. Every event of the owner may end the
   connection, so the state is looked at again after each of them. So may every call of the filter,
   which may be a transport whose functions are the program's. */

/* What is needed until the header of the PROXY protocol is complete. */
typedef struct incoming_header {
  proxy_header header; /* This reads the header. */
  tls_context *tls;    /* TLS follows, and this is a reference to its context; or it is NULL. */
} incoming_header;

static incoming_conn *of_opening(const opening *o) {
  return (incoming_conn *) (uintptr_t) o;
}

static incoming_conn *of_place(handshake_place *place) {
  return ws_list_entry(place, incoming_conn, place);
}

/* Waiting */

/* Which of the counts of its address, which is known, the connection is in: that of its place. */
static unsigned *count_of(const incoming_conn *in) {
  return in->place.kind == HANDSHAKE_PLAIN ? &in->from->requests : &in->from->handshakes;
}

static void wait_for(incoming_conn *in, handshake_kind kind, uint64_t timeout_ms) {
  if (in->from != NULL) --*count_of(in);
  handshakes_enter(in->place.handshakes, &in->place, kind, timeout_ms);
  if (in->from != NULL) ++*count_of(in);
}

/* The time for the present request goes on. */
static void go_on_waiting(incoming_conn *in, handshake_kind kind) {
  if (in->from != NULL) --*count_of(in);
  handshakes_move(&in->place, kind);
  if (in->from != NULL) ++*count_of(in);
}

static int count_address(incoming_conn *in) {
  struct sockaddr_storage addr;
  int err;
  forwarding_address(&in->client, &in->base.peer, &addr);
  in->from = address_counts_get(in->counts, &addr, &err);
  if (in->from != NULL) ++*count_of(in);
  return err;
}

/* The connection is no longer one that may have a request to come. */
static void uncount(incoming_conn *in) {
  if (in->from == NULL) return;
  --*count_of(in);
  address_counts_drop(in->counts, in->from);
  in->from = NULL;
}

/* Ending */

/* Nothing of the endpoint is used any more. */
static void be_over(incoming_conn *in) {
  endpoint *e = in->endpoint;
  handshakes_leave(&in->place);
  uncount(in);
  in->state = INCOMING_CLOSED;
  in->endpoint = NULL;
  endpoint_keep_loop_alive(e, false);
  in->events->on_over(in);
  endpoint_release(e);
}

static void incoming_close(incoming_conn *in) {
  if (in->state == INCOMING_CLOSED) return;
  in->state = INCOMING_CLOSED;
  ws_list_remove(&in->next_task.node);
  handshakes_leave(&in->place);
  uncount(in);
  in->base.filter->ops->close(in->base.filter);
}

static void close_and_report(incoming_conn *in, wsuv_refused_t cause, int code,
                             const char *detail) {
  const incoming_failure failure = {.cause = cause, .code = code, .detail = detail};
  incoming_close(in);
  in->events->on_refused(in, &failure);
}

/* The connection ends before the request is complete. If it has had responses, and nothing of
   another request, that is how it should end. */
static void close_reading(incoming_conn *in, wsuv_refused_t cause, int code) {
  if (in->answers > 0 && !in->received) {
    incoming_close(in);
  } else {
    close_and_report(in, cause, code, "");
  }
}

/* Writing */

static int go_on_reading(incoming_conn *in) {
  if (in->reading) return 0;
  int err = in->base.filter->ops->read_start(in->base.filter);
  in->reading = err == 0;
  return err;
}

/* The error response has left. The peer can read it, as long as we take what it still sends:
   closing with unread bytes would reset the connection. */
static void await_end(incoming_conn *in) {
  in->state = INCOMING_ENDING;
  wait_for(in, HANDSHAKE_ENDING, INCOMING_ENDING_MS);
  in->base.filter->ops->shutdown(in->base.filter);
  if (in->state != INCOMING_ENDING) return;
  if (in->peer_ended || go_on_reading(in) < 0) incoming_close(in);
}

/* The response 101 has left: pass the transport to the session, which frees the opening. */
static void become_ready(incoming_conn *in) {
  handshake_result *result;
  int err = go_on_reading(in);
  if (in->abandoned) return;
  if (err == 0) err = h1_server_result(in->request, &result);
  if (err != 0) {
    in->base.events->on_failed(in->base.up, err, "");
    return;
  }
  ws_filter *filter = in->base.filter;
  result->params = in->params;
  in->params = NULL;
  result->rest = in->early.base;
  result->rest_len = in->early.len;
  opening_record_step(&in->base, in->endpoint->env, &in->base.steps.upgrade_us);
  in->base.filter = NULL;
  in->base.events->on_ready(in->base.up, filter, result);
}

/* The response to a plain request has left. The next one is begun from the loop, so that programs
   are not called inside their calls, and that one turn has one request. */
static void be_answered(incoming_conn *in) {
  if (in->persists && incoming_may_have_more(in)) {
    endpoint_schedule(in->endpoint, &in->next_task);
  } else {
    incoming_refuse(in);
  }
}

static void write_answer(incoming_conn *in) {
  size_t len;
  const char *text = h1_server_answer(in->request, &len);
  opening_write(&in->base, text, len);
  if (in->abandoned) return;
  bool left = in->base.sent == len;
  if (in->base.write_error < 0 && in->state == INCOMING_ACCEPTED) {
    in->base.events->on_failed(in->base.up, in->base.write_error, "");
  } else if (in->base.write_error < 0) {
    incoming_close(in);
  } else if (left && in->state == INCOMING_ACCEPTED) {
    become_ready(in);
  } else if (left && in->state == INCOMING_ANSWERING) {
    be_answered(in);
  } else if (left && in->state == INCOMING_REFUSED) {
    await_end(in);
  }
}

/* Refusing */

static void refuse_within(incoming_conn *in, uint64_t timeout_ms) {
  in->state = INCOMING_REFUSED;
  uncount(in);
  wait_for(in, HANDSHAKE_ENDING, timeout_ms);
  write_answer(in);
}

void incoming_refuse(incoming_conn *in) {
  refuse_within(in, INCOMING_ENDING_MS);
}

void incoming_refuse_at_length(incoming_conn *in) {
  refuse_within(in, in->endpoint->config.handshake_timeout_ms);
}

/* Answer with a status and no body. Without memory for the response, or without a status, the
   connection is closed. Returns the status of the response. */
static int refuse_with(incoming_conn *in, int status) {
  static const wsuv_header_t retry = {"Retry-After", "5"};
  int err = WS_ENOENT;
  if (status > 0) {
    err = h1_server_reject(in->request, status, &retry, status == 503 ? 1 : 0, NULL, 0);
  }
  if (err < 0) {
    incoming_close(in);
    return 0;
  }
  incoming_refuse(in);
  return status;
}

void incoming_fail(incoming_conn *in, const incoming_failure *failure) {
  incoming_failure seen = *failure;
  seen.status = refuse_with(in, failure->status);
  in->events->on_refused(in, &seen);
}

/* The answer that is owed has become useless. */
static void lose_decision(incoming_conn *in, const incoming_failure *failure) {
  in->events->on_gone(in);
  incoming_fail(in, failure);
}

/* Reading */

static int append(const incoming_conn *in, block *b, const uint8_t *data, size_t len, size_t most) {
  block_spare none;
  block_spare_init(&none, in->alloc);
  if (len == 0) return 0;
  if (block_reserve(b, &none, len, most) < 0) return WS_ENOMEM;
  memcpy(b->base + b->len, data, len);
  b->len += len;
  return 0;
}

static void drop_block(const incoming_conn *in, block *b) {
  block_spare none;
  block_spare_init(&none, in->alloc);
  block_release(b, &none);
  block_spare_free(&none);
}

/* Keep bytes that came behind the request. Beyond the limit reading waits. */
static int keep_early(incoming_conn *in, const uint8_t *data, size_t len) {
  if (append(in, &in->early, data, len, INCOMING_EARLY_MAX) < 0) return WS_ENOMEM;
  if (in->early.len < INCOMING_EARLY_MAX) return 0;
  in->base.filter->ops->read_stop(in->base.filter);
  in->reading = false;
  return 0;
}

static void be_without_memory(incoming_conn *in) {
  const incoming_failure failure = {WSUV_REFUSED_NO_MEMORY, WS_ENOMEM, 500, ""};
  if (in->state == INCOMING_ACCEPTED) {
    in->base.events->on_failed(in->base.up, WS_ENOMEM, "");
  } else if (in->state == INCOMING_DECIDING) {
    lose_decision(in, &failure);
  } else {
    incoming_close(in);
  }
}

/* Wait for the request, or for what is left of it. */
static void await_request(incoming_conn *in) {
  wait_for(in, HANDSHAKE_READING, in->endpoint->config.handshake_timeout_ms);
}

/* The time for the first request has begun with the connection, that for a later one begins with
   its first byte. */
static void begin_request(incoming_conn *in) {
  if (!in->received && in->answers > 0) {
    await_request(in);
    in->base.figures.since_ns = in->endpoint->env->ops->now_ns(in->endpoint->env);
  }
  in->received = true;
}

/* Bytes of the request. 1: it is complete; 0: more is needed; an error: it was refused. */
static int read_head(incoming_conn *in, const uint8_t *data, size_t len, size_t *used) {
  begin_request(in);
  int r = h1_server_feed(in->request, data, len, used);
  wsuv_refused_t refused = h1_server_cause(in->request);
  if (r >= 0 && in->takes_plain && !in->secure &&
      append(in, &in->head, data, *used, SIZE_MAX) < 0) {
    r = WS_ENOMEM;
    refused = WSUV_REFUSED_NO_MEMORY;
  }
  if (r >= 0) return r;
  const incoming_failure failure = {refused, r, refused_status(refused),
                                    h1_server_detail(in->request)};
  incoming_fail(in, &failure);
  return r;
}

static void refuse_malformed(incoming_conn *in) {
  wsuv_refused_t refused = h1_server_cause(in->request);
  const incoming_failure failure = {refused, h1_server_error(in->request), refused_status(refused),
                                    h1_server_detail(in->request)};
  incoming_fail(in, &failure);
}

/* A connection whose plain request is answered may have others, so it is counted further. */
static void be_complete(incoming_conn *in) {
  const bool plain = h1_server_is_plain(in->request);
  in->state = INCOMING_DECIDING;
  if (!plain) uncount(in);
  go_on_waiting(in, plain ? HANDSHAKE_PLAIN : HANDSHAKE_DECIDING);
}

static void read_request(incoming_conn *in, const uint8_t *data, size_t len) {
  size_t used;
  if (read_head(in, data, len, &used) <= 0) return;
  be_complete(in);
  if (keep_early(in, data + used, len - used) < 0) {
    be_without_memory(in);
  } else {
    in->events->on_request(in);
  }
}

/* The same for bytes that came before the last response had left. There is room again for others.
   If the peer has ended its direction meanwhile, no other event will say so. */
static void read_early(incoming_conn *in) {
  size_t used;
  int r = in->early.len > 0 ? read_head(in, in->early.base, in->early.len, &used) : 0;
  if (in->early.len > 0 && r >= 0) {
    in->early.len -= used;
    memmove(in->early.base, in->early.base + used, in->early.len);
    if (in->early.len == 0) drop_block(in, &in->early);
  }
  if (r < 0) return;
  int err = in->peer_ended ? 0 : go_on_reading(in);
  if (err < 0) {
    close_reading(in, WSUV_REFUSED_GONE, err);
  } else if (in->peer_ended && (r == 0 || !h1_server_is_plain(in->request))) {
    close_reading(in, WSUV_REFUSED_GONE, WS_EOF);
  } else if (r > 0) {
    be_complete(in);
    in->events->on_request(in);
    if (in->peer_ended && in->state == INCOMING_DECIDING) in->events->on_gone(in);
  }
}

static void run_next(endpoint_task *task) {
  incoming_conn *in = ws_list_entry(task, incoming_conn, next_task);
  if (!in->persists) {
    incoming_refuse(in);
    return;
  }
  in->answers++;
  in->state = INCOMING_READING;
  in->received = false;
  in->takes_plain = false;
  in->client = in->of_connection;
  in->base.sent = 0;
  in->base.figures.wire_sent = 0;
  in->base.figures.wire_received = in->early.len;
  drop_block(in, &in->head);
  h1_server_next(in->request);
  await_request(in);
  in->events->on_next(in);
  if (in->state == INCOMING_READING && !endpoint_lost(in->endpoint)) read_early(in);
}

/* A peer that has ended its direction may still wait for the response to a plain request. */
static void lose_peer(incoming_conn *in, int status) {
  const incoming_failure failure = {.cause = WSUV_REFUSED_GONE, .code = status, .detail = ""};
  if (status == WS_EOF && h1_server_is_plain(in->request)) {
    in->events->on_gone(in);
  } else {
    lose_decision(in, &failure);
  }
}

/* The peer has ended its direction, or reading has failed. */
static void read_end(incoming_conn *in, int status) {
  in->peer_ended = true;
  in->reading = false;
  switch ((incoming_state) in->state) {
  case INCOMING_READING: close_reading(in, WSUV_REFUSED_GONE, status); break;
  case INCOMING_DECIDING: lose_peer(in, status); break;
  case INCOMING_ACCEPTED: in->base.events->on_failed(in->base.up, status, ""); break;
  case INCOMING_ANSWERING:
    if (status != WS_EOF) incoming_close(in);
    break;
  case INCOMING_REFUSED: break; /* the answer may still be written */
  case INCOMING_ENDING: incoming_close(in); break;
  case INCOMING_CLOSED: break;
  }
}

/* The filter */

static void incoming_on_connect(void *up, int status) {
  incoming_conn *in = up;
  if (status < 0) {
    close_and_report(in, WSUV_REFUSED_TLS, status, "");
    return;
  }
  in->base.stage = WSUV_STAGE_HANDSHAKE;
  opening_record_step(&in->base, in->endpoint->env, &in->base.steps.tls_us);
  int err = go_on_reading(in);
  if (err < 0) close_and_report(in, WSUV_REFUSED_GONE, err, "");
}

/* What comes behind the request is kept, so no more is read at once than may be kept. */
static void incoming_on_alloc(void *up, ws_room *buf) {
  incoming_conn *in = up;
  bool discards = in->state >= INCOMING_REFUSED;
  *buf = (ws_room){in->endpoint->read_buf, ENDPOINT_READ_SIZE};
  if (!discards) buf->len = INCOMING_EARLY_MAX - in->early.len;
}

static void incoming_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  incoming_conn *in = up;
  if (n < 0) {
    read_end(in, (int) n);
    return;
  }
  in->base.figures.wire_received += (size_t) n;
  if (in->state == INCOMING_READING) {
    read_request(in, data, (size_t) n);
  } else if (in->state < INCOMING_REFUSED) {
    if (keep_early(in, data, (size_t) n) < 0) be_without_memory(in);
  }
}

static void incoming_on_write(void *up, int status) {
  incoming_conn *in = up;
  opening_written(&in->base, status);
  write_answer(in);
}

static void incoming_on_closed(void *up) {
  incoming_conn *in = up;
  if (in->state == INCOMING_ACCEPTED) {
    in->base.events->on_closed(in->base.up);
  } else {
    be_over(in);
  }
}

static const ws_filter_events filter_events = {.on_connect = incoming_on_connect,
                                               .on_alloc = incoming_on_alloc,
                                               .on_read = incoming_on_read,
                                               .on_write = incoming_on_write,
                                               .on_close = incoming_on_closed};

static void use_filter(incoming_conn *in, ws_filter *filter) {
  in->base.filter = filter;
  filter->events = &filter_events;
  filter->up = in;
}

/* Deadlines */

static bool is_held(const handshake_place *place) {
  const incoming_conn *in = ws_list_entry(place, const incoming_conn, place);
  return session_tls_is_held(in->base.filter);
}

static void on_expire(handshake_place *place) {
  static const incoming_failure late = {WSUV_REFUSED_TIMEOUT, WS_ETIMEDOUT, 408, ""};
  static const incoming_failure undecided = {WSUV_REFUSED_UNDECIDED, WS_ETIMEDOUT, 503, ""};
  incoming_conn *in = of_place(place);
  if (in->state == INCOMING_DECIDING) {
    lose_decision(in, &undecided);
  } else if (in->state != INCOMING_READING) {
    incoming_close(in);
  } else if (in->header != NULL && in->header->header.len > 0) {
    close_and_report(in, WSUV_REFUSED_PROXY_HEADER, WS_ETIMEDOUT, "header is not complete");
  } else if (in->received) {
    incoming_fail(in, &late);
  } else {
    close_reading(in, WSUV_REFUSED_SILENT, WS_ETIMEDOUT);
  }
}

static void evict(incoming_conn *in, wsuv_refused_t cause) {
  if (in->state == INCOMING_READING) {
    close_reading(in, cause, refused_error(cause));
  } else {
    incoming_close(in);
  }
}

static void on_evict(handshake_place *place) {
  evict(of_place(place), WSUV_REFUSED_HANDSHAKES);
}

/* The opening of a session */

static void incoming_start_session(opening *o) {
  incoming_conn *in = of_opening(o);
  write_answer(in);
}

static bool never(const opening *o) {
  (void) o; /* an accepted connection is in no queue */
  return false;
}

static bool incoming_is_held(const opening *o) {
  return session_tls_is_held(o->filter);
}

static void incoming_expire(opening *o, const char *detail) {
  o->events->on_failed(o->up, WS_ETIMEDOUT, detail);
}

static void incoming_abandon(opening *o) {
  of_opening(o)->abandoned = true;
  if (o->filter != NULL) o->filter->ops->close(o->filter);
}

static void incoming_opened(opening *o) {
  be_over(of_opening(o));
}

static const char *incoming_request_head(const opening *o, size_t *len) {
  (void) o; /* the text as it came is not kept */
  *len = 0;
  return NULL;
}

static void incoming_describe(opening *o, wsuv_close_info_t *info) {
  session_tls_describe(o->filter, NULL, info);
}

static const opening_ops ops = {.start = incoming_start_session,
                                .waits = never,
                                .is_held = incoming_is_held,
                                .expire = incoming_expire,
                                .abandon = incoming_abandon,
                                .free = incoming_opened,
                                .request_head = incoming_request_head,
                                .describe = incoming_describe};

opening *incoming_accept(incoming_conn *in, ws_params *params) {
  uint64_t now = in->endpoint->env->ops->now_ms(in->endpoint->env);
  uint64_t deadline = in->place.deadline.at_ms;
  in->state = INCOMING_ACCEPTED;
  in->params = params;
  in->base.handshake_timeout_ms = deadline > now ? deadline - now : 1;
  handshakes_leave(&in->place);
  return &in->base;
}

/* Plain requests */

void incoming_take_plain(incoming_conn *in) {
  in->takes_plain = true;
  h1_server_take_bodies(in->request);
}

int incoming_count_request(incoming_conn *in) {
  return in->from == NULL && in->client.named ? count_address(in) : 0;
}

/* The next request of a proxy's connection may be another client's. */
void incoming_respond(incoming_conn *in, bool persists) {
  in->state = INCOMING_ANSWERING;
  in->persists = persists;
  if (in->of_connection.trusted) uncount(in);
  await_request(in);
  write_answer(in);
}

int incoming_detach(incoming_conn *in, int *fd, const void **bytes, size_t *len) {
  const size_t head_len = in->head.len;
  int err = append(in, &in->head, in->early.base, in->early.len, SIZE_MAX);
  if (err == 0) err = in->base.filter->ops->query(in->base.filter, WS_QUERY_DESCRIPTOR, fd);
  if (err < 0) {
    in->head.len = head_len;
    return err;
  }
  *bytes = in->head.base;
  *len = in->head.len;
  incoming_close(in);
  return 0;
}

/* Lifetime */

int incoming_init(incoming_conn *in, endpoint *e, const incoming_events *events) {
  const h1_server_limits limits = {e->config.max_handshake_size, e->config.max_handshake_headers};
  memset(in, 0, sizeof *in);
  in->base.ops = &ops;
  in->base.stage = WSUV_STAGE_HANDSHAKE;
  in->base.figures.since_ns = e->env->ops->now_ns(e->env);
  in->alloc = &e->alloc;
  in->endpoint = e;
  in->events = events;
  in->place.is_held = is_held;
  in->place.expire = on_expire;
  in->place.evict = on_evict;
  ws_list_init(&in->place.node);
  in->next_task.run = run_next;
  ws_list_init(&in->next_task.node);
  return h1_server_new(&in->request, in->alloc, &limits);
}

int incoming_expect_header(incoming_conn *in) {
  in->header = ws_malloc(in->alloc, sizeof *in->header);
  if (in->header == NULL) return WS_ENOMEM;
  in->header->tls = NULL;
  proxy_header_init(&in->header->header);
  return 0;
}

static void drop_header(incoming_conn *in) {
  if (in->header != NULL) tls_context_unref(in->header->tls);
  ws_free(in->alloc, in->header);
  in->header = NULL;
}

static int put_tls_over(incoming_conn *in, tls_context *tls, ws_filter *lower) {
  endpoint *e = in->endpoint;
  in->base.stage = WSUV_STAGE_TLS;
  return tls_start(&in->base.filter, e->env, tls, &e->tls_turns, NULL, 0, lower, &filter_events,
                   in);
}

/* Count the connection under the address of its client, unless that is not known yet. */
static int count_client(incoming_conn *in) {
  return in->client.trusted ? 0 : count_address(in);
}

/* TLS, or the request, comes now. */
static void begin_http(incoming_conn *in, tls_context *tls) {
  int err = count_client(in);
  in->of_connection = in->client;
  in->base.stage = WSUV_STAGE_HANDSHAKE;
  if (err == 0 && tls != NULL) err = put_tls_over(in, tls, in->base.filter);
  if (err == 0 && tls == NULL) err = go_on_reading(in);
  if (err == WS_ENOMEM) {
    close_and_report(in, WSUV_REFUSED_NO_MEMORY, err, "");
  } else if (err < 0) {
    close_and_report(in, WSUV_REFUSED_GONE, err, "");
  }
}

/* The PROXY protocol. No byte behind the header is read, so TLS finds its own in the socket. */

/* Making room calls the program, which may end this connection. */
static void end_header(incoming_conn *in) {
  struct sockaddr_storage addr;
  ws_filter *filter = in->base.filter;
  forwarding_take_header(&in->client, &in->header->header, in->proxies);
  filter->ops->read_stop(filter);
  in->reading = false;
  forwarding_address(&in->client, &in->base.peer, &addr);
  if (!in->client.trusted) {
    incoming_make_room(in->place.handshakes, in->counts, &addr,
                       in->endpoint->config.max_handshakes_per_address, 1);
  }
  if (in->state != INCOMING_READING || endpoint_lost(in->endpoint)) return;
  tls_context *tls = in->header->tls;
  in->header->tls = NULL;
  drop_header(in);
  use_filter(in, filter);
  begin_http(in, tls);
  tls_context_unref(tls);
}

static void header_on_alloc(void *up, ws_room *buf) {
  const incoming_conn *in = up;
  *buf = (ws_room){in->endpoint->read_buf, proxy_header_wants(&in->header->header)};
}

static void header_on_read(void *up, uint8_t *data, ptrdiff_t n) {
  incoming_conn *in = up;
  size_t used;
  if (n < 0) {
    read_end(in, (int) n);
    return;
  }
  in->base.figures.wire_received += (size_t) n;
  int result = proxy_header_feed(&in->header->header, data, (size_t) n, &used);
  if (result < 0) {
    close_and_report(in, WSUV_REFUSED_PROXY_HEADER, result, in->header->header.detail);
  } else if (result > 0) {
    end_header(in);
  }
}

static const ws_filter_events header_events = {
    .on_alloc = header_on_alloc, .on_read = header_on_read, .on_close = incoming_on_closed};

static void begin_header(incoming_conn *in, tls_context *tls) {
  in->base.stage = WSUV_STAGE_CONNECT;
  if (!in->client.trusted) {
    close_and_report(in, WSUV_REFUSED_PROXY_UNTRUSTED, WS_EACCES, "");
    return;
  }
  in->base.filter->events = &header_events;
  in->header->tls = tls != NULL ? tls_context_ref(tls) : NULL;
  int err = go_on_reading(in);
  if (err < 0) close_and_report(in, WSUV_REFUSED_GONE, err, "");
}

void incoming_enter(incoming_conn *in, ws_filter *filter, handshakes *h, handshake_kind kind) {
  endpoint *e = in->endpoint;
  in->state = kind == HANDSHAKE_READING ? INCOMING_READING : INCOMING_DECIDING;
  use_filter(in, filter);
  endpoint_retain(e);
  endpoint_keep_loop_alive(e, true);
  handshakes_enter(h, &in->place, kind, e->config.handshake_timeout_ms);
}

void incoming_begin(incoming_conn *in, address_counts *counts, tls_context *tls) {
  in->counts = counts;
  in->secure = tls != NULL;
  if (in->header != NULL) {
    begin_header(in, tls);
  } else {
    begin_http(in, tls);
  }
}

void incoming_begin_deciding(incoming_conn *in, bool malformed) {
  int err = go_on_reading(in);
  const incoming_failure gone = {WSUV_REFUSED_GONE, err, 0, ""};
  if (in->state != INCOMING_DECIDING) return;
  go_on_waiting(in, HANDSHAKE_DECIDING);
  if (err < 0) {
    lose_decision(in, &gone);
  } else if (malformed) {
    refuse_malformed(in);
  } else {
    in->events->on_request(in);
  }
}

void incoming_free(incoming_conn *in) {
  drop_block(in, &in->head);
  drop_block(in, &in->early);
  ws_free(in->alloc, in->params);
  drop_header(in);
  h1_server_free(in->request);
}

/* The lists of a server's connections */

static void incoming_end(incoming_conn *in, bool now) {
  if (in->state == INCOMING_DECIDING) {
    in->events->on_gone(in);
    (void) refuse_with(in, now ? 0 : 503); /* the end of the server is no refusal to be told of */
  } else if (in->state == INCOMING_ANSWERING && !now) {
    ws_list_remove(&in->next_task.node);
    incoming_refuse(in);
  } else if (in->state != INCOMING_ACCEPTED && (now || in->state == INCOMING_READING)) {
    incoming_close(in);
  }
}

void incoming_end_all(handshakes *h, bool now) {
  handshake_place *place;
  for (int kind = 0; kind < HANDSHAKE_KINDS; kind++) {
    if (kind == HANDSHAKE_ENDING && !now) continue;
    while ((place = handshakes_first(h, (handshake_kind) kind)) != NULL) {
      incoming_end(of_place(place), now);
    }
  }
}

void incoming_drain_all(handshakes *h) {
  ws_list *list = &h->lists[HANDSHAKE_READING], *next;
  for (ws_list *n = list->next; n != list; n = next) {
    incoming_conn *in = of_place(ws_list_entry(n, handshake_place, node));
    next = n->next;
    if (in->early.len > 0) continue;
    if (in->state == INCOMING_ANSWERING) {
      in->persists = false;
    } else if (in->state == INCOMING_READING && in->answers > 0 && !in->received) {
      incoming_refuse(in);
    }
  }
}

void incoming_make_room(handshakes *h, const address_counts *counts,
                        const struct sockaddr_storage *addr, unsigned max, unsigned coming) {
  const address_count *from = address_counts_find_address(counts, addr);
  ws_list *list = &h->lists[HANDSHAKE_READING];
  if (from == NULL || from->handshakes + coming <= max) return;
  for (ws_list *n = list->next; n != list; n = n->next) {
    handshake_place *place = ws_list_entry(n, handshake_place, node);
    if (of_place(place)->from != from) continue;
    handshakes_leave(place);
    evict(of_place(place), WSUV_REFUSED_HANDSHAKES_PER_ADDRESS);
    return;
  }
}

/* Attempts without a session: each is one way to an open transport, and can be abandoned at any
   stage and begun anew with the same request. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "session/attempt.h"
#include "session/client.h"
#include "support/raw_peer.h"
#include "support/session_user.h"
#include "support/world_client.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef struct caller {
  world *w;
  wsuv_client_t *client;
  attempt *a;
  opening *o;        /* the same as an opening */
  ws_filter *filter; /* of an attempt that succeeded */
  handshake_result *result;
  uint8_t rest[64]; /* what came behind the handshake */
  bool ready, failed, closed;
  int status, write_error;
} caller;

/* --- events --- */

static void ignore_closed(void *up) {
  caller *c = up;
  c->closed = true;
}

static const ws_filter_events filter_events = {.on_close = ignore_closed};

static void on_ready(void *up, ws_filter *filter, handshake_result *result) {
  caller *c = up;
  CHECK(!c->ready && !c->failed);
  CHECK(result->rest_len <= sizeof c->rest);
  c->ready = true;
  c->filter = filter;
  c->result = result;
  filter->events = &filter_events;
  filter->up = c;
  filter->ops->read_stop(filter);
  if (result->rest_len > 0) memcpy(c->rest, result->rest, result->rest_len);
  c->o->ops->free(c->o);
  c->a = NULL;
}

static void on_failed(void *up, int status, const char *detail) {
  caller *c = up;
  CHECK(!c->ready && !c->failed && detail != NULL);
  c->failed = true;
  c->status = status;
}

static void on_write_error(void *up, int status) {
  caller *c = up;
  c->write_error = status;
}

static void on_closed(void *up) {
  caller *c = up;
  c->closed = true;
}

static const opening_events events = {.on_ready = on_ready,
                                      .on_failed = on_failed,
                                      .on_write_error = on_write_error,
                                      .on_closed = on_closed};

/* --- one caller --- */

static void caller_init(caller *c, world *w) {
  memset(c, 0, sizeof *c);
  c->w = w;
  CHECK(world_client(w, &c->client, NULL) == 0);
}

static void caller_end(caller *c) {
  world_client_close(c->w, c->client);
}

static session_request *make_request(caller *c, const char *url, const wsuv_header_t *headers,
                                     size_t count) {
  session_request *req;
  wsuv_request_t r;
  endpoint *e = &c->client->endpoint;
  wsuv_request_init(&r, url);
  r.headers = headers;
  r.header_count = count;
  CHECK(request_new(&req, &e->alloc, &r, &e->config, &e->tls, NULL, NULL) == 0);
  return req;
}

static void begin(caller *c, session_request *req) {
  endpoint *e = &c->client->endpoint;
  const log_to to = {&e->config, NULL};
  c->ready = c->failed = c->closed = false;
  CHECK(attempt_new(&c->a, e, &c->client->resolver, req, to, &events, c, NULL) == 0);
  c->o = attempt_opening(c->a);
  c->o->ops->start(c->o);
}

/* Give up, and wait until the connection, if there is one, is closed. Gives the request back. */
static session_request *abandon(caller *c) {
  session_request *req = attempt_take_request(c->a);
  bool connected = c->o->filter != NULL;
  c->o->ops->abandon(c->o);
  CHECK(!c->closed);
  if (connected) world_run_until_true(c->w, &c->closed);
  c->o->ops->free(c->o);
  c->a = NULL;
  return req;
}

/* Drop what an attempt that succeeded has given. */
static void drop(caller *c) {
  handshake_result_free(c->result);
  c->closed = false;
  c->filter->ops->close(c->filter);
  world_run_until_true(c->w, &c->closed);
}

/* --- the claims --- */

WORLD_TLS_TEST(test_attempt_gives_a_filter_and_a_result, w) {
  caller c;
  caller_init(&c, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE_WITH("X-Peer: yes\r\n"),
                PEER_EXPECT_GONE);
  begin(&c, make_request(&c, raw_peer_url(p, "/path"), NULL, 0));
  world_run_until_true(w, &c.ready);
  assert_int_equal(c.result->role, WS_CLIENT);
  assert_int_equal(c.result->status, 101);
  assert_string_equal(header_store_get(&c.result->fields, "x-peer", 0), "yes");
  assert_null(c.result->subprotocol);
  assert_null(c.result->extensions);
  assert_int_equal(c.result->rest_len, 0);
  assert_memory_equal(text_buf_base(&c.result->request), "GET /path HTTP/1.1\r\n", 20);
  drop(&c);
  caller_end(&c);
}

static void stay_silent(raw_conn *c) {
  (void) c;
}

static const raw_peer_callbacks silent = {.on_bytes = stay_silent};

/* How far it gets before it is abandoned: nowhere; as far as `stage`. */
WORLD_TLS_TEST(test_attempt_is_begun_anew_after_each_stage, w) {
  static const wsuv_stage_t stages[] = {WSUV_STAGE_RESOLVE, WSUV_STAGE_CONNECT, WSUV_STAGE_TLS,
                                        WSUV_STAGE_HANDSHAKE};
  caller c;
  caller_init(&c, w);
  raw_peer *mute = raw_peer_new(w), *p = raw_peer_new(w);
  raw_peer_set_callbacks(mute, &silent);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_EXPECT_GONE);
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    begin(&c, make_request(&c, raw_peer_url_of(mute, world_good_name(w), "/"), NULL, 0));
    for (int ms = 0; ms < 200 && c.o->stage < stages[i]; ms++) world_advance(w, 1);
    session_request *req = abandon(&c);
    req->to.port = p->port; /* as if the next address were another */
    begin(&c, req);
    world_run_until_true(w, &c.ready);
    assert_int_equal(c.result->status, 101);
    assert_false(c.failed);
    drop(&c);
  }
  caller_end(&c);
}

/* Each attempt has a key of its own (RFC 6455 4.1). */
WORLD_TLS_TEST(test_attempt_makes_a_handshake_of_its_own, w) {
  caller c;
  char keys[2][64];
  caller_init(&c, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
                PEER_EXPECT_GONE);
  session_request *req = make_request(&c, raw_peer_url(p, "/"), NULL, 0);
  for (size_t i = 0; i < 2; i++) {
    wsuv_close_info_t info = {.status = WSUV_ESTATUS};
    begin(&c, req);
    world_run_until_true(w, &c.failed);
    assert_int_equal(c.status, WSUV_ESTATUS);
    c.o->ops->describe(c.o, &info);
    assert_int_equal(info.http_status, 403);
    assert_true(raw_conn_header(raw_peer_conn(p, i), "Sec-WebSocket-Key", keys[i], sizeof keys[i]));
    req = abandon(&c);
  }
  assert_string_not_equal(keys[0], keys[1]);
  request_free(req);
  caller_end(&c);
}

WORLD_TEST(test_attempt_expires, w) {
  caller c;
  caller_init(&c, w);
  raw_peer *mute = raw_peer_new(w);
  raw_peer_set_callbacks(mute, &silent);
  begin(&c, make_request(&c, raw_peer_url(mute, "/"), NULL, 0));
  world_advance(w, 20);
  assert_false(c.failed);
  c.o->ops->expire(c.o, "late");
  assert_true(c.failed);
  assert_int_equal(c.status, WS_ETIMEDOUT);
  request_free(abandon(&c));
  caller_end(&c);
}

/* Answers as soon as the key is there, with a frame behind, and reads no more. */
static void answer_early(raw_conn *c) {
  static const uint8_t frame[] = {0x81, 2, 'h', 'i'};
  if (c->request != NULL) {
    fifo_consume(&c->in, c->in.len);
    return;
  }
  char *text = check_alloc(c->in.len + 1);
  memcpy(text, fifo_data(&c->in), c->in.len);
  text[c->in.len] = '\0';
  const char *key = strstr(text, "Sec-WebSocket-Key: ");
  if (key == NULL || strstr(key, "\r\n") == NULL) {
    free(text);
    return;
  }
  c->request = text;
  raw_conn_read(c, false);
  raw_conn_upgrade(c, "");
  raw_conn_write(c, frame, sizeof frame);
}

static bool has_request(void *arg) {
  const raw_peer *p = arg;
  return p->accepted > 0 && raw_peer_conn(p, 0)->request != NULL;
}

/* The response is here before the request has left: the attempt waits, and loses nothing. */
WORLD_TEST(test_attempt_lets_the_request_leave_first, w) {
  static const raw_peer_callbacks early = {.on_bytes = answer_early};
  caller c;
  size_t size = user_too_much(w);
  char *value = check_alloc(size + 1);
  memset(value, 'x', size);
  value[size] = '\0';
  const wsuv_header_t large = {"X-Large", value};
  caller_init(&c, w);
  raw_peer *p = raw_peer_new(w);
  raw_peer_set_callbacks(p, &early);
  begin(&c, make_request(&c, raw_peer_url(p, "/"), &large, 1));
  world_run_until(w, has_request, p);
  world_advance(w, 100);
  assert_false(c.ready || c.failed);
  raw_conn_read(raw_peer_conn(p, 0), true);
  world_run_until_true(w, &c.ready);
  assert_true(text_buf_len(&c.result->request) > size);
  assert_in_range(c.result->rest_len, 0, 4);
  assert_memory_equal(c.rest, "\x81\x02hi", c.result->rest_len);
  drop(&c);
  caller_end(&c);
  free(value);
}

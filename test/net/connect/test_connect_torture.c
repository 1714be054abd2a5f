/* The n-th allocation fails, for every n, once and for ever, in a whole life of a client: an error
   from the call, or one on_close; nothing leaks, and the client still closes. F46 */

#include <string.h>

#include "support/scenario.h"
#include "support/world_test.h"
#include "testkit/check.h"

enum { LARGE = 40000 };

typedef struct torture {
  world *w;
  raw_peer *peer;
  bool gone;
  size_t told, owed; /* completions */
  size_t messages;   /* that were taken to be sent */
  void (*at_open)(session_user *u);
  int status; /* of a session that does not miss any memory */
} torture;

static torture *the; /* what a callback of the client's cannot be given */

static void on_gone(wsuv_client_t *client) {
  (void) client;
  the->gone = true;
}

/* --- what is done with an open session; whatever fails, it goes on --- */

static void on_sent(wsuv_session_t *session, int status, void *arg) {
  const session_user *u = arg;
  CHECK(session == u->session && u->closes == 0);
  CHECK(status == 0 || status == UV_ECANCELED || status == UV_EPIPE || status == UV_ECONNRESET ||
        status == UV_ENOMEM);
  the->told++;
}

static void send_it(session_user *u, wsuv_frame_type_t type, const void *data, size_t len) {
  wsuv_frame_t frame;
  wsuv_frame_init(&frame, type, data, len);
  int err = wsuv_send(u->session, &frame, on_sent, u);
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE);
  if (err == 0) the->owed++;
  if (err == 0 && type != WSUV_FRAME_PING) the->messages++;
}

static void send_and_flush(session_user *u) {
  static uint8_t large[LARGE];
  send_it(u, WSUV_FRAME_TEXT, "hello", 5);
  send_it(u, WSUV_FRAME_BINARY, large, sizeof large);
  send_it(u, WSUV_FRAME_PING, "ping", 4);
  int err = wsuv_flush(u->session, on_sent, u);
  CHECK(err == 0 || err == UV_ENOMEM || err == WSUV_ESTATE);
  if (err == 0) the->owed++;
}

static void close_or_terminate(session_user *u) {
  int err = wsuv_session_close(u->session, 1000, "enough");
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) user_terminate(u);
}

/* What could not be sent never comes back, so the first message that does ends it. */
static void echo_or_close(session_user *u) {
  send_and_flush(u);
  if (the->messages == 0) close_or_terminate(u);
}

static void close_at_message(session_user *u, const wsuv_message_t *message) {
  (void) message;
  close_or_terminate(u);
}

/* --- one life --- */

static void live(torture *t, wsuv_client_t *client) {
  static const char *const names[] = {"chat"};
  static const wsuv_header_t headers[] = {{"X-Name", "value"}};
  session_user u = {
      .w = t->w, .client = client, .at_open = t->at_open, .at_message = close_at_message};
  wsuv_request_t r;
  wsuv_request_init(&r, raw_peer_url_of(t->peer, world_good_name(t->w), "/path"));
  r.subprotocols = names;
  r.subprotocol_count = 1;
  r.headers = headers;
  r.header_count = 1;
  int err = user_request(&u, &r);
  if (err == 0) {
    user_run_to_close(&u);
    assert_int_equal(u.closes, 1);
    assert_true(u.end.status == t->status || u.end.status == UV_ENOMEM ||
                u.end.status == UV_ECANCELED);
  }
  assert_true(err == 0 || err == UV_ENOMEM);
  assert_int_equal(t->told, t->owed);
  user_free(&u);
}

/* Is there a client to be had? The configuration is copied, too. */
static void try_it(torture *t) {
  static const char *const names[] = {"one", "two"};
  static const wsuv_header_t headers[] = {{"X-A", "1"}, {"X-B", "2"}};
  wsuv_config_t config;
  wsuv_client_t *client;
  wsuv_client_config_init(&config);
  config.subprotocols = names;
  config.subprotocol_count = 2;
  config.headers = headers;
  config.header_count = 2;
  config.close_timeout_ms = 500;
  config.max_connecting = 1;
  t->told = t->owed = t->messages = 0;
  t->gone = false;
  int err = world_client(t->w, &client, &config);
  assert_true(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  live(t, client);
  assert_int_equal(call_client_close(client, on_gone), 0);
  world_run_until_true(t->w, &t->gone);
}

static void torture_it(torture *t, bool for_ever) {
  track_alloc *a = t->w->alloc;
  uint64_t failed = a->failed;
  a->fail_for_ever = for_ever;
  for (uint64_t n = 1;; n++) {
    a->fail_at = a->calls + n;
    try_it(t);
    a->fail_at = 0;
    assert_int_equal(a->live, 0);
    if (a->failed == failed) return;
    failed = a->failed;
  }
}

static void torture_with(world *w, raw_peer *peer, void (*at_open)(session_user *u), int status) {
  torture t = {.w = w, .peer = peer, .at_open = at_open, .status = status};
  the = &t;
  peer->lenient = true;
  torture_it(&t, false);
  torture_it(&t, true);
}

WORLD_SIM_TEST(test_torture_of_connect_echo_and_close, w) {
  raw_peer *p = raw_peer_new(w);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE_WITH("Sec-WebSocket-Protocol: chat\r\n"),
                PEER_ECHO);
  torture_with(w, p, echo_or_close, 0);
}

WORLD_SIM_TEST(test_torture_of_a_peer_that_talks_and_closes, w) {
  static uint8_t large[LARGE];
  raw_peer *p = raw_peer_new(w);
  memset(large, 'x', sizeof large);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE_WITH("X-A: 1\r\nX-B: 2\r\n"),
                PEER_SEND_FRAME(9, "ping"), PEER_SEND_FRAME_BYTES(1, large, sizeof large),
                PEER_SEND_CLOSE(1001), PEER_EXPECT_CLOSE(1001), PEER_END, PEER_EXPECT_GONE);
  torture_with(w, p, send_and_flush, 0);
}

WORLD_SIM_TEST(test_torture_of_a_refusal, w) {
  raw_peer *p = raw_peer_new(w);
  raw_peer_play(p, PEER_EXPECT_REQUEST,
                PEER_SEND("HTTP/1.1 401 No\r\nX-A: 1\r\nContent-Length: 9\r\n\r\n123456789"),
                PEER_EXPECT_GONE);
  torture_with(w, p, NULL, WSUV_ESTATUS);
}

WORLD_SIM_TEST(test_torture_of_a_connection_that_is_refused, w) {
  raw_peer *p = raw_peer_new(w);
  p->port = world_dead_port(w);
  torture_with(w, p, NULL, UV_ECONNREFUSED);
}

WORLD_SIM_TEST(test_torture_of_a_connection_that_is_lost, w) {
  raw_peer *p = raw_peer_new(w);
  raw_peer_play(p, PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "a"), PEER_RESET);
  torture_with(w, p, send_and_flush, UV_ECONNRESET);
}

/* A second one to be told needs memory; the client closes without it. */
WORLD_TEST(test_torture_of_a_client_s_close, w) {
  torture t = {.w = w};
  wsuv_client_t *client;
  the = &t;
  assert_int_equal(world_client(w, &client, NULL), 0);
  w->alloc->fail_at = w->alloc->calls + 1;
  w->alloc->fail_for_ever = true;
  assert_int_equal(call_client_close(client, on_gone), 0);
  assert_int_equal(call_client_close(client, on_gone), UV_ENOMEM);
  assert_int_equal(call_client_close(client, NULL), 0);
  world_run_until_true(w, &t.gone);
  w->alloc->fail_at = 0;
}

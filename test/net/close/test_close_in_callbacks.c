/* F40, F41: everything that may be called, from every callback: a generated matrix. session_user
   checks that on_close comes once and last, and every completion before it. */

#include "support/scenario.h"
#include "support/stride.h"
#include "support/world_test.h"
#include "testkit/check.h"

typedef enum place {
  AT_OPEN,
  AT_MESSAGE,
  AT_PING,
  AT_PONG,
  AT_DRAIN,
  AT_SENT,
  AT_FLUSHED,
  AT_MESSAGE_WHILE_CLOSING,
  AT_CANCELLED, /* a completion that is not told 0 */
  AT_CLOSE,
  PLACES
} place;

typedef enum action {
  DO_NOTHING,
  DO_CLOSE,
  DO_TERMINATE,
  DO_CLIENT_CLOSE,
  DO_CLIENT_TERMINATE,
  DO_CONNECT,
  DO_TEXT,
  DO_BINARY,
  DO_PING,
  DO_PONG,
  DO_FRAME,
  DO_FLUSH,
  DO_PAUSE,
  DO_RESUME,
  ACTIONS
} action;

typedef struct trial {
  session_user user;
  frame_peer peer;
  place where;
  action what[2];
  bool acted, client_closing;
  size_t connected, disconnected; /* of DO_CONNECT */
} trial;

static size_t clients_gone;

static void on_client_gone(wsuv_client_t *client) {
  (void) client;
  clients_gone++;
}

static void on_other_close(wsuv_session_t *s, const wsuv_close_info_t *info) {
  trial *c = wsuv_session_data(s);
  (void) info;
  c->disconnected++;
}

static int connect_another(trial *c) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_close = on_other_close};
  int err =
      wsuv_connect_url(c->user.client, raw_peer_url(c->peer.raw, "/other"), &callbacks, c, NULL);
  CHECK(err == (c->client_closing ? WSUV_ESTATE : 0));
  if (err == 0) c->connected++;
  return err;
}

static int end_client(trial *c, int (*end)(wsuv_client_t *, wsuv_client_close_cb)) {
  c->client_closing = true;
  return end(c->user.client, on_client_gone);
}

static int act(trial *c, action what) {
  session_user *u = &c->user;
  switch (what) {
  case DO_CLOSE: return user_close(u, 1000, "from a callback");
  case DO_TERMINATE: user_terminate(u); return 0;
  case DO_CLIENT_CLOSE: return end_client(c, wsuv_client_close);
  case DO_CLIENT_TERMINATE: return end_client(c, wsuv_client_terminate);
  case DO_CONNECT: return connect_another(c);
  case DO_TEXT: return user_text(u, "text");
  case DO_BINARY: return user_binary(u, "binary", 6);
  case DO_PING: return user_ping(u, "ping");
  case DO_PONG: return user_pong(u, "pong");
  case DO_FRAME: return user_frame(u, 'x', WSUV_FRAME_TEXT, true, "frame", 5);
  case DO_FLUSH: return user_flush(u, 'y');
  case DO_PAUSE: return user_pause(u);
  case DO_RESUME: return user_resume(u);
  default: return 0;
  }
}

static void come_to(session_user *u, place where) {
  trial *c = u->data;
  if (where != c->where || c->acted) return;
  c->acted = true;
  for (size_t i = 0; i < 2; i++) {
    int err = act(c, c->what[i]);
    CHECK(err == 0 || err == WSUV_ESTATE);
    bool needs_open = c->what[i] >= DO_TEXT;
    if (where == AT_CLOSE && needs_open) CHECK(err == WSUV_ESTATE);
    if (i == 0 && where < AT_MESSAGE_WHILE_CLOSING) CHECK(err == 0);
  }
}

/* All that makes the callbacks come. */
static void at_open(session_user *u) {
  CHECK(user_frame(u, 's', WSUV_FRAME_TEXT, true, "sent", 4) == 0);
  CHECK(user_ping(u, "ping") == 0);
  CHECK(user_flush(u, 'f') == 0);
  come_to(u, AT_OPEN);
}

static void at_message(session_user *u, const wsuv_message_t *m) {
  bool closing = wsuv_session_stage(u->session) == WSUV_STAGE_CLOSING;
  const uint8_t first = m->len > 0 ? *(const uint8_t *) m->data : 0;
  come_to(u, closing ? AT_MESSAGE_WHILE_CLOSING : AT_MESSAGE);
  if (m->len > 0) CHECK(*(const uint8_t *) m->data == first); /* valid until it returns */
}

static void at_ping(session_user *u) {
  come_to(u, AT_PING);
}

static void at_pong(session_user *u) {
  come_to(u, AT_PONG);
}

static void at_drain(session_user *u) {
  come_to(u, AT_DRAIN);
}

static void at_done(session_user *u, char name, int status) {
  if (status < 0) come_to(u, AT_CANCELLED);
  if (status == 0) come_to(u, name == 's' ? AT_SENT : AT_FLUSHED);
}

static void at_close(session_user *u) {
  come_to(u, AT_CLOSE);
}

/* In answer to our close frame: a message, then its own. */
static void close_late(frame_peer *p, const seen_frame *f) {
  if (f->spec.opcode != 8) return;
  frame_peer_send(p, "TEXT \"late\"; CLOSE #1000");
  raw_conn_end(p->conn);
}

static bool over_or_acted(void *arg) {
  const trial *c = arg;
  return c->acted || c->user.closes > 0;
}

static bool open_and_served(void *arg) {
  const trial *c = arg;
  const session_user *u = &c->user;
  bool served = u->pings > 0 && u->pongs > 0 && u->messages > 1 && u->drains > 0 && u->owed == 0;
  return served || over_or_acted(arg);
}

/* What it takes for the late places; the others have come by then. */
static void go_on(trial *c) {
  session_user *u = &c->user;
  if (c->acted || u->closes > 0) return;
  if (c->where == AT_CANCELLED) {
    CHECK(user_frame(u, 'z', WSUV_FRAME_TEXT, true, "not sent", 8) == 0);
    user_terminate(u);
  } else {
    CHECK(user_close(u, 1000, NULL) == 0);
  }
  world_run_until(u->w, over_or_acted, c);
}

static void run_one(world *w, place where, action first, action second) {
  trial c = {.where = where, .what = {first, second}};
  session_user *u = &c.user;
  scenario_begin(w, &c.peer, u);
  u->config.high_water = 1;
  u->config.low_water = 0;
  u->config.close_timeout_ms = 2000;
  c.peer.echoes = c.peer.pongs = c.peer.forgets = c.peer.silent = true;
  c.peer.greeting = "TEXT \"hello\"; PING 01; BIN-; CONT 00";
  c.peer.on_frame = close_late;
  u->at_open = at_open;
  u->at_message = at_message;
  u->at_ping = at_ping;
  u->at_pong = at_pong;
  u->at_drain = at_drain;
  u->at_done = at_done;
  u->at_close = at_close;
  u->data = &c;
  u->forgets = true;
  clients_gone = 0;
  scenario_connect(u);
  world_run_until(w, open_and_served, &c);
  go_on(&c);
  CHECK(c.acted);
  if (!c.client_closing) (void) end_client(&c, wsuv_client_close);
  world_run_until_count(w, &clients_gone, 1);
  assert_int_equal(u->closes, 1);
  assert_int_equal(u->end.http_status, 0); /* it was open, and be it only in on_open */
  assert_int_equal(u->owed, 0);
  assert_int_equal(c.connected, c.disconnected);
  user_free(u);
  frame_peer_free(&c.peer);
}

WORLD_TEST(test_every_call_from_every_callback, w) {
  for (int where = 0; where < PLACES; where++) {
    for (int what = 0; what < ACTIONS; what++) run_one(w, (place) where, (action) what, DO_NOTHING);
  }
}

/* Pairs: what is still allowed after the first call, and how often. */
WORLD_TEST(test_every_two_calls_from_every_callback, w) {
  uint64_t number = 0;
  if (w->seed > 1) return;
  for (int where = 0; where < PLACES; where++) {
    for (int first = 1; first < ACTIONS; first++) {
      for (int second = 1; second < ACTIONS; second++) {
        if (!stride_takes(number++)) continue;
        bool client_twice = first >= DO_CLIENT_CLOSE && first <= DO_CLIENT_TERMINATE &&
                            second >= DO_CLIENT_CLOSE && second <= DO_CLIENT_TERMINATE;
        run_one(w, (place) where, (action) first, (action) second);
        if (client_twice) assert_int_equal(clients_gone, 2); /* every cb is called */
      }
    }
  }
}

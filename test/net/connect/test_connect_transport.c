/* Sessions over connections whose bytes the program moves, on the client's side; with TLS over
   them, too. */

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/own_transport.h"
#include "support/scenario.h"
#include "support/stride.h"
#include "support/world_tls.h"
#include "testkit/check.h"

static void connect_wire(own_transport *o, const frame_peer *p) {
  struct sockaddr_storage addr = {0};
  struct sockaddr_in *in = (struct sockaddr_in *) (void *) &addr;
  in->sin_family = AF_INET;
  in->sin_port = htons(p->raw->port);
  in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  own_transport_init(o, p->raw->w);
  own_transport_connect(o, &addr);
}

static int try_url(session_user *u, own_transport *o, const char *url) {
  wsuv_request_t r;
  wsuv_request_init(&r, url);
  return user_request_transport(u, &r, &o->ops, o, &o->t);
}

static void begin(session_user *u, own_transport *o) {
  connect_wire(o, u->peer);
  assert_int_equal(try_url(u, o, raw_peer_url(u->peer->raw, "/path?query")), 0);
  assert_int_equal(o->reads + o->writes, 0);
}

static void finish(session_user *u, own_transport *o) {
  if (o->t != NULL) own_transport_run_to_closed(o);
  scenario_finish(u);
  own_transport_finish(o);
  assert_int_equal(o->closes, 1);
}

static void play(world *w, frame_peer *p, session_user *u, own_pace pace, bool one_by_one) {
  own_transport o;
  (void) w;
  scenario_renew(u);
  p->echoes = true;
  connect_wire(&o, p);
  o.pace = pace;
  o.one_by_one = one_by_one;
  o.closes_later = one_by_one;
  assert_int_equal(try_url(u, &o, raw_peer_url(p->raw, "/path?query")), 0);
  user_run_to_open(u);
  assert_int_equal(user_text(u, "hello"), 0);
  assert_int_equal(user_binary(u, "\0\1\2", 3), 0);
  assert_int_equal(user_binary(u, "", 0), 0);
  world_run_until_count(u->w, &u->messages, 3);
  assert_true(user_got(u, "TEXT \"hello\" ; BIN 000102 ; BIN"));
  assert_int_equal(user_close(u, 1000, "bye"), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  finish(u, &o);
}

SCENARIO_TLS_TEST(test_transport_carries_a_session, w, p, u) {
  for (int pace = 0; pace < OWN_PACES; pace++) {
    play(w, p, u, (own_pace) pace, false);
    play(w, p, u, (own_pace) pace, true);
  }
}

/* The program has TLS of its own, so the library's is not put over it. */
SCENARIO_TEST(test_transport_that_is_secure, w, p, u) {
  own_transport o;
  char host[64];
  connect_wire(&o, p);
  o.ops.secure = true;
  assert_int_equal(try_url(u, &o, "wss://example.org/"), 0);
  assert_int_equal(wsuv_session_stage(u->session), WSUV_STAGE_HANDSHAKE);
  user_run_to_open(u);
  assert_true(raw_conn_header(raw_peer_conn(p->raw, 0), "Host", host, sizeof host));
  assert_string_equal(host, "example.org");
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  finish(u, &o);
}

static void pause_inside(own_transport *o) {
  session_user *u = o->data;
  o->at_call = NULL;
  assert_true(o->reading);
  assert_int_equal(user_pause(u), 0);
  assert_false(o->reading);
}

/* The program pauses the session inside of `read`, by which the session has begun to read. */
SCENARIO_TLS_TEST(test_transport_session_paused_inside_of_read, w, p, u) {
  own_transport o;
  p->echoes = true;
  begin(u, &o);
  user_run_to_open(u);
  assert_int_equal(user_pause(u), 0);
  assert_false(o.reading);
  const size_t reads = o.reads;
  o.data = u;
  o.at_call = pause_inside;
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &o.reads, reads + 2);
  assert_false(o.reading);
  assert_int_equal(user_text(u, "hello"), 0);
  assert_int_equal(user_resume(u), 0);
  world_run_until_count(w, &u->messages, 1);
  assert_true(user_got(u, "TEXT \"hello\""));
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  finish(u, &o);
}

static void end_unopened(session_user *u, own_transport *o, int status) {
  user_run_to_close(u);
  assert_true(user_ended_by(u, status, WSUV_STAGE_HANDSHAKE));
  assert_true(user_never_opened(u));
  finish(u, o);
}

SCENARIO_TEST(test_transport_terminated_at_once, w, p, u) {
  own_transport o;
  begin(u, &o);
  user_terminate(u);
  end_unopened(u, &o, UV_ECANCELED);
}

SCENARIO_TEST(test_transport_of_a_refused_upgrade, w, p, u) {
  own_transport o;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 403 No\r\n\r\n"), PEER_CLOSE);
  begin(u, &o);
  end_unopened(u, &o, WSUV_ESTATUS);
}

SCENARIO_TEST(test_transport_that_fails_to_write_the_request, w, p, u) {
  own_transport o;
  p->raw->lenient = true;
  begin(u, &o);
  o.fails = UV_EPIPE;
  end_unopened(u, &o, UV_EPIPE);
}

SCENARIO_TEST(test_transport_that_ends_before_the_request, w, p, u) {
  own_transport o;
  p->raw->lenient = true;
  begin(u, &o);
  assert_int_equal(wsuv_transport_ended(o.t, UV_ECONNRESET), 0);
  end_unopened(u, &o, UV_ECONNRESET);
}

SCENARIO_TEST(test_transport_not_used, w, p, u) {
  own_transport o;
  wsuv_request_t r;
  wsuv_transport_ops_t bad;
  wsuv_transport_t *t = NULL;
  begin(u, &o);
  wsuv_request_init(&r, "ws://h/");
  bad = o.ops;
  bad.write = NULL;
  session_user other;
  user_init_on(&other, u);
  assert_int_equal(user_request_transport(&other, &r, &bad, &o, &t), UV_EINVAL);
  assert_int_equal(user_request_transport(&other, &r, NULL, &o, &t), UV_EINVAL);
  assert_int_equal(user_request_transport(&other, &r, &o.ops, &o, NULL), UV_EINVAL);
  r.address = "127.0.0.1";
  assert_int_equal(user_request_transport(&other, &r, &o.ops, &o, &t), UV_EINVAL);
  wsuv_request_init(&r, "ws://h:0/");
  assert_int_equal(user_request_transport(&other, &r, &o.ops, &o, &t), WSUV_EURL);
  assert_null(t);
  assert_int_equal(wsuv_client_session_count(u->client), 1);
  user_run_to_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  finish(u, &o);
}

/* --- the program ends the session inside of a function of the table --- */

typedef struct inside {
  session_user *u;
  size_t calls;                 /* so many calls are left until `act` runs */
  void (*act)(session_user *u); /* ends the session */
  bool malformed;               /* the peer sends what is no frame, so that we end our direction */
} inside;

static void count_down(own_transport *o) {
  inside *i = o->data;
  if (i->calls > 0 && --i->calls == 0) i->act(i->u);
}

static size_t gone_clients;

static void on_client_gone(wsuv_client_t *client) {
  (void) client; /* it is the only one */
  gone_clients++;
}

static void terminate_client(session_user *u) {
  CHECK(user_end_client(u, call_client_terminate, on_client_gone) == 0);
}

static void close_session(session_user *u) {
  CHECK(user_close(u, 1001, NULL) == 0);
}

static void send_some(session_user *u) {
  static const char much[80 * 1000]; /* more than one write takes */
  CHECK(user_text(u, "hello") == 0);
  CHECK(user_binary(u, much, sizeof much) == 0);
}

/* The session may have ended, and pausing may end it. */
static void pause_then_end(session_user *u, const wsuv_message_t *m) {
  const inside *i = u->data;
  (void) m;
  if (u->messages < 2 || user_pause(u) < 0 || user_resume(u) < 0) return;
  if (i->malformed) {
    raw_conn_write(raw_peer_conn(u->peer->raw, 0), "\xff\xff", 2);
  } else {
    CHECK(user_close(u, 1000, NULL) == 0);
  }
}

/* Returns whether the session had so many calls. */
static bool end_inside(session_user *u, own_pace pace, inside *i) {
  own_transport o;
  const size_t gone = gone_clients;
  scenario_renew(u);
  i->u = u;
  u->data = i;
  u->at_open = send_some;
  u->at_message = pause_then_end;
  u->forgets = true;
  u->peer->echoes = true;
  u->peer->raw->lenient = true;
  connect_wire(&o, u->peer);
  o.pace = pace;
  o.closes_later = i->calls % 2 == 1;
  o.data = i;
  o.at_call = count_down;
  assert_int_equal(try_url(u, &o, raw_peer_url(u->peer->raw, "/")), 0);
  user_run_to_close(u);
  if (u->client == NULL) world_run_until_count(u->w, &gone_clients, gone + 1);
  finish(u, &o);
  return i->calls == 0;
}

SCENARIO_TLS_TEST(test_transport_whose_functions_end_the_session, w, p, u) {
  static void (*const acts[])(session_user * u) = {user_terminate, terminate_client, close_session};
  for (size_t k = 0; k < 2 * OWN_PACES * sizeof acts / sizeof acts[0]; k++) {
    size_t calls = 1;
    inside i = {.malformed = k % 2 == 1, .act = acts[k / (2 * OWN_PACES)]};
    do {
      i.calls = calls;
      calls += stride();
    } while (end_inside(u, (own_pace) (k / 2 % OWN_PACES), &i));
    assert_true(calls > 8);
  }
}

/* F46 */
SCENARIO_SIM_TEST(test_transport_without_memory, w, p, u) {
  track_alloc *t = w->alloc;
  if (w->seed != 0) return;
  uint64_t n = 1;
  for (uint64_t failed = 1; failed > 0; n++) {
    own_transport o;
    scenario_renew(u);
    (void) user_client(u);
    p->raw->lenient = true;
    connect_wire(&o, p);
    failed = t->failed;
    t->fail_at = t->calls + n;
    int err = try_url(u, &o, "ws://h/");
    if (err < 0) {
      assert_int_equal(err, UV_ENOMEM);
      assert_int_equal(o.reads + o.writes + o.closes, 0);
      assert_int_equal(try_url(u, &o, "ws://h/"), 0);
    }
    u->at_open = user_terminate;
    user_run_to_close(u);
    assert_true(u->end.status == UV_ECANCELED || u->end.status == UV_ENOMEM);
    t->fail_at = 0;
    failed = t->failed - failed;
    finish(u, &o);
  }
  assert_true(n > 10);
}

/* Status 401: Basic, Digest, and other credentials from the program, once for many sessions. */

#include <stdio.h>
#include <string.h>

#include "net/filter.h"
#include "session/client.h"
#include "support/hop_peers.h"
#include "support/scenario.h"
#include "support/torture.h"
#include "support/world_client.h"
#include "testkit/check.h"

#define REFUSED "HTTP/1.1 401 X\r\nContent-Length: 0\r\n"

enum { MANY = 100 };

static void begin(hop_peers *p, session_user *u, wsuv_request_t *request, world *w) {
  hop_peers_begin(p, w, u);
  wsuv_request_init(request, raw_peer_url(p->a.raw, "/p?q"));
}

static void end_open(session_user *u) {
  user_run_to_open(u);
  assert_int_equal(user_close(u, 1000, NULL), 0);
  user_run_to_close(u);
  user_finish(u);
}

static void end_refused(session_user *u, int status) {
  user_run_to_close(u);
  assert_that(u->end.status == status, "%d %s", u->end.status, u->end.detail);
  user_finish(u);
}

/* Schemes */

WORLD_TEST(test_unauthorized_basic_is_sent_at_once_or_when_asked, w) {
  for (int any = 0; any < 2; any++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    begin(&p, &u, &request, w);
    u.config.auth = any ? WSUV_AUTH_ANY : WSUV_AUTH_BASIC;
    if (any) hop_peers_answer(&p, &p.a, REFUSED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n");
    request.user = "u:";
    request.password = "p";
    assert_int_equal(hop_connect(&u, &request, NULL, NULL), WSUV_EINVAL_HEADER);
    request.user = "u";
    assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
    user_run_to_open(&u);
    if (any) assert_null(strstr(p.a.got[0], "Authorization"));
    assert_non_null(strstr(p.a.got[any], "\r\nAuthorization: Basic dTpw\r\n"));
    end_open(&u);
  }
}

WORLD_TEST(test_unauthorized_credentials_that_are_refused_are_not_tried_again, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  begin(&p, &u, &request, w);
  hop_peers_answer(&p, &p.a, REFUSED "WWW-Authenticate: Basic realm=\"r\"\r\n\r\n");
  request.user = "u";
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_close(&u);
  assert_string_equal(u.end.detail, "HTTP 401: credentials were refused");
  assert_int_equal(u.end.http_status, 401);
  assert_int_equal(p.a.requests, 1);
  end_refused(&u, WSUV_ESTATUS);
}

/* The strongest challenge, then one stale nonce; Basic is never sent. */
WORLD_TEST(test_unauthorized_digest_answers_challenge_and_stale_nonce, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  begin(&p, &u, &request, w);
  u.config.auth = WSUV_AUTH_DIGEST;
  hop_peers_answer(&p, &p.a,
                   REFUSED "WWW-Authenticate: Basic realm=\"r\", Digest realm=\"r\", nonce=\"n1\", "
                           "qop=\"auth\"\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", "
                           "algorithm=SHA-256, qop=\"auth\"\r\n\r\n");
  hop_peers_answer(&p, &p.a,
                   REFUSED "WWW-Authenticate: Digest realm=\"r\", nonce=\"n3\", stale=true, "
                           "algorithm=SHA-256, qop=\"auth\"\r\n\r\n");
  request.user = "u";
  request.password = "p";
  assert_int_equal(hop_connect(&u, &request, NULL, NULL), 0);
  user_run_to_open(&u);
  assert_null(strstr(p.a.got[0], "Authorization"));
  assert_non_null(strstr(p.a.got[1], "Authorization: Digest username=\"u\", realm=\"r\", "
                                     "uri=\"/p?q\", algorithm=SHA-256, nonce=\"n2\", "
                                     "nc=00000001, "));
  assert_non_null(strstr(p.a.got[2], "nonce=\"n3\", nc=00000001, "));
  assert_int_equal(p.a.requests, 3);
  end_open(&u);
}

/* The program */

static session_user *sessions;
static size_t asks, waiting;
static char word[32];
static int what;
static wsuv_session_t *asker;

static int authorize(wsuv_session_t *session, const char *value) {
  const wsuv_header_t field = {"Authorization", value};
  call_begins();
  int err = wsuv_session_authorize(session, &field, 1);
  call_ends();
  return err;
}

static void on_ask(wsuv_session_t *session, const wsuv_unauthorized_t *refusal) {
  CHECK(no_call_is_running());
  CHECK(refusal->size == sizeof *refusal);
  CHECK(refusal->header_count > 0 && refusal->attempt >= 1);
  asks++;
  asker = session;
  session_user *u = wsuv_session_data(session);
  switch (what) {
  case 0: CHECK(authorize(session, word) == 0); break;
  case 1: break; /* later */
  case 2: user_terminate(u); break;
  case 3: CHECK(user_close(u, 1000, NULL) == 0); break;
  case 4:
    CHECK(call_client_terminate(wsuv_session_client(session), NULL) == 0);
    sessions[0].client = NULL;
    break;
  case 5: CHECK(wsuv_session_authorize_failed(session, UV_EACCES) == 0); break;
  default: CHECK(wsuv_session_authorize_failed(session, 0) == 0); break;
  }
}

static void accept_new(raw_conn *c, hop_peer *p) {
  (void) p;
  if (strstr(c->request, "Authorization: Bearer new\r\n") != NULL) {
    raw_conn_upgrade(c, "");
  } else {
    raw_conn_write_text(c, REFUSED "WWW-Authenticate: Bearer\r\n\r\n");
  }
}

static const wsuv_header_t expired = {"Authorization", "Bearer old"};

static void begin_program(hop_peers *p, session_user *u, wsuv_request_t *request, world *w) {
  begin(p, u, request, w);
  p->a.choose = accept_new;
  request->headers = &expired;
  request->header_count = 1;
  sessions = u;
  asks = waiting = 0;
  asker = NULL;
  what = 0;
  (void) snprintf(word, sizeof word, "Bearer new");
}

/* Refused with a token, then accepted with the refreshed one. */
WORLD_TEST(test_unauthorized_program_refreshes_its_token, w) {
  for (int later = 0; later < 2; later++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    begin_program(&p, &u, &request, w);
    what = later;
    assert_int_equal(hop_connect(&u, &request, NULL, on_ask), 0);
    if (later) {
      world_run_until_count(w, &asks, 1);
      const wsuv_header_t bad = {"Upgrade", "x"};
      assert_int_equal(wsuv_session_authorize(u.session, &bad, 1), WSUV_EINVAL_HEADER);
      assert_int_equal(authorize(u.session, word), 0);
      assert_int_equal(authorize(u.session, word), WSUV_ESTATE);
    }
    user_run_to_open(&u);
    assert_int_equal(wsuv_session_authorize_failed(u.session, 0), WSUV_ESTATE);
    assert_non_null(strstr(p.a.got[0], "Bearer old"));
    assert_null(strstr(p.a.got[1], "Bearer old"));
    assert_int_equal(asks, 1);
    end_open(&u);
  }
}

WORLD_TEST(test_unauthorized_program_is_asked_so_many_times, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  begin_program(&p, &u, &request, w);
  (void) snprintf(word, sizeof word, "Bearer wrong");
  u.config.max_attempts = 3;
  assert_int_equal(hop_connect(&u, &request, NULL, on_ask), 0);
  user_run_to_close(&u);
  assert_int_equal(asks, 3);
  assert_int_equal(p.a.requests, 4);
  end_refused(&u, WSUV_ESTATUS);
}

WORLD_TEST(test_unauthorized_program_ends_it_inside, w) {
  static const int statuses[] = {UV_ECANCELED, UV_ECANCELED, UV_ECANCELED, UV_EACCES, WSUV_ESTATUS};
  for (int i = 0; i < 5; i++) {
    hop_peers p;
    session_user u;
    wsuv_request_t request;
    begin_program(&p, &u, &request, w);
    what = i + 2;
    assert_int_equal(hop_connect(&u, &request, NULL, on_ask), 0);
    user_run_to_close(&u);
    if (what == 4) world_run(w);
    end_refused(&u, statuses[i]);
    assert_int_equal(asks, 1);
  }
}

WORLD_SIM_TEST(test_unauthorized_without_an_answer_ends_by_the_deadline, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  begin_program(&p, &u, &request, w);
  what = 1;
  u.config.handshake_timeout_ms = 3000;
  assert_int_equal(hop_connect(&u, &request, NULL, on_ask), 0);
  end_refused(&u, UV_ETIMEDOUT);
  assert_int_equal(asks, 1);
}

/* --- the request gets out, and later writing it is told as an error --- */

static const ws_env_ops *sound_env;
static const ws_filter_ops *sound_filter;
static ws_filter *failing_filter;

/* All leaves, but the last byte is said to be retained. */
static int write_and_retain(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken,
                            size_t *retained) {
  assert_int_equal(sound_filter->write(f, bufs, count, taken, retained), 0);
  assert_int_equal(*retained, 0);
  failing_filter = f;
  *taken -= 1;
  *retained = 1;
  return 0;
}

static int connect_failing(ws_env *env, const struct sockaddr *addr,
                           const ws_socket_options *options, const ws_filter_events *events,
                           void *up, ws_filter **out) {
  static ws_filter_ops failing;
  assert_int_equal(sound_env->connect(env, addr, options, events, up, out), 0);
  sound_filter = (*out)->ops;
  failing = *sound_filter;
  failing.write = write_and_retain;
  (*out)->ops = &failing;
  env->ops = sound_env; /* the next connection is sound */
  return 0;
}

static void begin_failing(session_user *u) {
  static ws_env_ops failing;
  sim *m = world_sim(u->w);
  if (m != NULL) sim_set_profile(m, NULL); /* takes a request at once */
  ws_env *env = user_client(u)->endpoint.env;
  sound_env = env->ops;
  failing = *sound_env;
  failing.connect = connect_failing;
  env->ops = &failing;
}

static raw_conn *refused;

/* The head of the refusal, and a part of its body. */
static void refuse_slowly(raw_conn *c, hop_peer *p) {
  (void) p;
  refused = c;
  raw_conn_write_text(c, "HTTP/1.1 401 X\r\nContent-Length: 4\r\n\r\nno");
}

/* When writing has failed, nothing follows from a response: no other connection is made, on which
   nothing would be written. */
WORLD_TEST(test_unauthorized_asks_nobody_after_an_error_of_writing, w) {
  hop_peers p;
  session_user u;
  wsuv_request_t request;
  begin_program(&p, &u, &request, w);
  p.a.choose = refuse_slowly;
  begin_failing(&u);
  assert_int_equal(hop_connect(&u, &request, NULL, on_ask), 0);
  world_run_until_count(w, &p.a.requests, 1);
  world_advance(w, 50);
  failing_filter->events->on_write(failing_filter->up, UV_EPIPE);
  raw_conn_write_text(refused, "pe");
  user_run_to_close(&u);
  assert_int_equal(asks, 0);
  assert_int_equal(p.a.requests, 1);
  assert_int_equal(u.end.http_status, 401);
  end_refused(&u, UV_EPIPE);
}

static size_t count_requests(const hop_peers *p) {
  return p->a.requests;
}

/* A hundred sessions whose token has expired ask once. One that begins later does not ask. */
WORLD_TEST(test_unauthorized_one_refresh_for_many, w) {
  static session_user users[MANY + 1];
  hop_peers p;
  wsuv_request_t request;
  begin_program(&p, &users[0], &request, w);
  what = 1;
  for (size_t i = 0; i < MANY; i++) {
    if (i > 0) user_init_on(&users[i], &users[0]);
    assert_int_equal(hop_connect(&users[i], &request, NULL, on_ask), 0);
  }
  world_run_until_count(w, &p.a.requests, MANY);
  world_run_until_count(w, &asks, 1);
  assert_int_equal(authorize(asker, word), 0);
  for (size_t i = 0; i < MANY; i++) user_run_to_open(&users[i]);
  user_init_on(&users[MANY], &users[0]);
  assert_int_equal(hop_connect(&users[MANY], &request, NULL, on_ask), 0);
  user_run_to_open(&users[MANY]);
  assert_int_equal(asks, 1);
  assert_int_equal(count_requests(&p), 2 * (MANY + 1));
  for (size_t i = MANY + 1; i-- > 0;) {
    assert_int_equal(user_close(&users[i], 1000, NULL), 0);
    user_run_to_close(&users[i]);
    if (i > 0) user_free(&users[i]);
  }
  user_finish(&users[0]);
}

/* The session that was asked ends before it has answered: another one is asked. A failure ends all
   that wait. */
WORLD_TEST(test_unauthorized_next_one_is_asked_and_a_failure_ends_all, w) {
  static session_user users[5];
  hop_peers p;
  wsuv_request_t request;
  begin_program(&p, &users[0], &request, w);
  what = 1;
  for (size_t i = 0; i < 5; i++) {
    if (i > 0) user_init_on(&users[i], &users[0]);
    assert_int_equal(hop_connect(&users[i], &request, NULL, on_ask), 0);
  }
  world_run_until_count(w, &p.a.raw->ended, 5); /* all have left the connection that was refused */
  for (size_t round = 1; round < 4; round++) {
    world_run_until_count(w, &asks, round);
    session_user *u = wsuv_session_data(asker);
    user_terminate(u);
    user_run_to_close(u);
    assert_int_equal(u->end.status, UV_ECANCELED);
  }
  world_run_until_count(w, &asks, 4);
  assert_int_equal(wsuv_session_authorize_failed(asker, UV_EPERM), 0);
  size_t failed = 0;
  for (size_t i = 0; i < 5; i++) {
    user_run_to_close(&users[i]);
    failed += users[i].end.status == UV_EPERM;
  }
  assert_int_equal(failed, 2);
  for (size_t i = 1; i < 5; i++) user_free(&users[i]);
  user_finish(&users[0]);
}

/* Every allocation fails once, on the way through a redirect, a 401 and its answer (F46). */

static void redirect_or_accept(raw_conn *c, hop_peer *p) {
  if (strncmp(c->request, "GET /p?q ", 9) != 0) {
    accept_new(c, p);
  } else {
    raw_conn_write_text(c, "HTTP/1.1 302 X\r\nLocation: /next\r\nSet-Cookie: s=1\r\n\r\n");
  }
}

static void answer_if_possible(wsuv_session_t *session, const wsuv_unauthorized_t *refusal) {
  (void) refusal;
  int err = authorize(session, word);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err != 0) CHECK(wsuv_session_authorize_failed(session, UV_ENOMEM) <= 0);
  if (err != 0) user_terminate(wsuv_session_data(session));
}

static hop_peers torture_peers;

static void be_gone(wsuv_client_t *client) {
  (void) client;
  waiting = 1;
}

static void play_all(world *w) {
  session_user u = {.w = w};
  wsuv_request_t request;
  wsuv_client_config_init(&u.config);
  u.config.max_redirects = 2;
  waiting = 0;
  sessions = &u;
  (void) snprintf(word, sizeof word, "Bearer new");
  wsuv_request_init(&request, raw_peer_url(torture_peers.a.raw, "/p?q"));
  request.headers = &expired;
  request.header_count = 1;
  request.cookies = "t=1";
  if (world_client(w, &u.client, &u.config) < 0) return;
  if (hop_connect(&u, &request, NULL, answer_if_possible) == 0) {
    while (u.opens + u.closes == 0) world_advance(w, 1);
    if (u.closes == 0) user_terminate(&u);
    while (u.closes == 0) world_advance(w, 1);
  }
  wsuv_client_t *client = u.client;
  u.client = NULL;
  int err = call_client_close(client, be_gone);
  CHECK(err == 0);
  world_run_until_count(w, &waiting, 1);
  user_free(&u);
}

WORLD_SIM_TEST(test_unauthorized_torture, w) {
  session_user unused;
  if (w->seed > 1) return; /* the allocations are the same */
  hop_peers_begin(&torture_peers, w, &unused);
  torture_peers.a.choose = redirect_or_accept;
  torture_peers.a.raw->lenient = true;
  torture(w, play_all, false, 60);
  torture(w, play_all, true, 60);
}

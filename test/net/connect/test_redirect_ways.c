/* The way to each hop is decided by its own URL: a Unix socket, a proxy, a place in the queue (F11,
   F57, F70). */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wsuv/stats.h>

#include "support/hop_peers.h"
#include "support/scenario.h"
#include "support/socket_path.h"
#include "testkit/check.h"

#define REDIRECT(where) "HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: " where "\r\n\r\n"
#define TUNNEL "HTTP/1.1 200 OK\r\n\r\n"

static bool has(const char *request, const char *text) {
  return strstr(request, text) != NULL;
}

/* --- Unix sockets --- */

static void connect_unix(hop_peers *p, session_user *u, world *w) {
  wsuv_request_t request;
  char url[256];
  hop_peers_begin_unix(p, w, u, socket_path());
  u->config.max_redirects = 3;
  (void) snprintf(url, sizeof url, "ws+unix://%s:/d/e", socket_path());
  wsuv_request_init(&request, url);
  request.user = "u";
  request.cookies = "c=secret";
  assert_int_equal(hop_connect(u, &request, NULL, NULL), 0);
}

/* A listener that is closed takes its socket away, so the next one can have the path. */
static void end_unix(hop_peers *p, session_user *u) {
  raw_peer_refuse(p->a.raw);
  user_finish(u);
}

WORLD_TEST(test_redirects_from_a_unix_socket, w) {
  static const struct {
    const char *answer;
    char at;
    const char *line;
  } rows[] = {
      {REDIRECT("/x?y"), 'A', "GET /x?y HTTP/1.1\r\nHost: localhost\r\n"},
      {REDIRECT("x"), 'A', "GET /d/x HTTP/1.1\r\nHost: localhost\r\n"},
      {REDIRECT("?z"), 'A', "GET /d/e?z HTTP/1.1\r\nHost: localhost\r\n"},
      {REDIRECT("%B/x"), 'B', "GET /x HTTP/1.1\r\nHost: 127.0.0.1:"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    hop_peers p;
    session_user u;
    connect_unix(&p, &u, w);
    hop_peers_answer(&p, &p.a, rows[i].answer);
    user_run_to_open(&u);
    const bool stays = rows[i].at == 'A';
    const char *second = stays ? p.a.got[1] : p.b.got[0];
    assert_that(strncmp(second, rows[i].line, strlen(rows[i].line)) == 0, "got %.60s", second);
    assert_true(has(p.a.got[0], "Authorization: Basic dTo=") && has(p.a.got[0], "secret"));
    assert_true(has(second, "Authorization: Basic dTo=") == stays);
    assert_true(has(second, "secret") == stays);
    assert_int_equal(user_close(&u, 1000, NULL), 0);
    user_run_to_close(&u);
    end_unix(&p, &u);
  }
}

/* Neither to the same socket nor to another one by a URL of that scheme. */
WORLD_TEST(test_redirects_to_a_unix_socket_are_refused, w) {
  for (int same = 0; same < 2; same++) {
    hop_peers p;
    session_user u;
    char answer[256];
    connect_unix(&p, &u, w);
    (void) snprintf(answer, sizeof answer, REDIRECT("ws+unix://%s%s:/x"), socket_path(),
                    same ? "" : ".other");
    hop_peers_answer(&p, &p.a, answer);
    user_run_to_close(&u);
    assert_int_equal(u.end.status, WSUV_EREDIRECT);
    assert_int_equal(p.a.requests, 1);
    end_unix(&p, &u);
  }
}

/* --- proxies --- */

typedef struct ways {
  hop_peers p;
  session_user u;
  raw_peer *proxy;
  wsuv_request_t request;
  char proxy_url[96], via[96];
  wsuv_stats_t stats; /* of the session when it has opened */
} ways;

static void note_stats(session_user *u) {
  ways *v = u->data;
  wsuv_stats_init(&v->stats);
  assert_int_equal(wsuv_session_get_stats(u->session, &v->stats), 0);
}

static void note_proxy(session_user *u) {
  ways *v = u->data;
  const char *proxy = wsuv_session_proxy(u->session);
  (void) snprintf(v->via, sizeof v->via, "%s", proxy != NULL ? proxy : "none");
  note_stats(u);
}

static void ways_begin(ways *v, world *w) {
  hop_peers_begin(&v->p, w, &v->u);
  v->proxy = raw_peer_new(w);
  v->u.data = v;
  v->u.at_open = note_proxy;
  v->u.config.max_redirects = 3;
  v->u.config.proxy_auth = WSUV_AUTH_BASIC;
  (void) snprintf(v->proxy_url, sizeof v->proxy_url, "http://p:q@127.0.0.1:%u",
                  (unsigned) v->proxy->port);
  v->u.config.proxy = v->proxy_url;
  wsuv_request_init(&v->request, NULL);
  v->request.user = "u";
  v->request.cookies = "c=secret";
}

#define CONNECT_TO(host)                                 \
  PEER_EXPECT("CONNECT " host " HTTP/1.1\r\nHost: " host \
              "\r\nProxy-Authorization: Basic cDpx\r\n\r\n")

static void assert_credentials(const char *request, bool wanted) {
  assert_true(has(request, "\r\nAuthorization: Basic dTo=\r\n") == wanted);
  assert_true(has(request, "secret") == wanted);
  assert_false(has(request, "Proxy-"));
  assert_false(has(request, "cDpx"));
}

WORLD_TEST(test_redirects_go_through_the_proxy_again, w) {
  ways v;
  ways_begin(&v, w);
  raw_peer_play(v.proxy, CONNECT_TO("one.test:81"), PEER_SEND(TUNNEL), PEER_EXPECT_REQUEST,
                PEER_SEND(REDIRECT("http://two.test:82/x")), PEER_EXPECT_GONE);
  raw_peer_play(v.proxy, CONNECT_TO("two.test:82"), PEER_SEND(TUNNEL), PEER_EXPECT_REQUEST,
                PEER_SEND_UPGRADE, PEER_EXPECT_CLOSE(1000), PEER_SEND_CLOSE(1000), PEER_END,
                PEER_EXPECT_END);
  v.request.url = "ws://one.test:81/";
  assert_int_equal(hop_connect(&v.u, &v.request, NULL, NULL), 0);
  user_run_to_open(&v.u);
  assert_credentials(raw_peer_conn(v.proxy, 0)->request, true);
  assert_credentials(raw_peer_conn(v.proxy, 1)->request, false);
  assert_true(v.stats.proxy_us > 0);
  hop_close(&v.u);
}

/* Directly, through the proxy, and directly again. The times are those of the last hop. */
WORLD_TEST(test_redirects_choose_the_proxy_for_each_hop, w) {
  ways v;
  char url[64], back[128];
  ways_begin(&v, w);
  v.u.config.no_proxy = "127.0.0.1";
  (void) snprintf(url, sizeof url, "%s", raw_peer_url(v.p.a.raw, "/"));
  (void) snprintf(back, sizeof back, REDIRECT("%s"), raw_peer_url(v.p.b.raw, "/x"));
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("http://two.test:82/x"));
  raw_peer_play(v.proxy, CONNECT_TO("two.test:82"), PEER_SEND(TUNNEL), PEER_EXPECT_REQUEST,
                PEER_SEND_BYTES(back, strlen(back)), PEER_EXPECT_GONE);
  v.request.url = url;
  assert_int_equal(hop_connect(&v.u, &v.request, NULL, NULL), 0);
  user_run_to_open(&v.u);
  assert_string_equal(v.via, "none");
  assert_int_equal(v.stats.proxy_us, 0);
  assert_credentials(v.p.a.got[0], true);
  assert_credentials(raw_peer_conn(v.proxy, 0)->request, false);
  assert_credentials(v.p.b.got[0], false);
  hop_close(&v.u);
}

/* What the hops before have taken is not said of the last one, which fails. */
WORLD_TEST(test_redirects_count_no_time_of_the_hop_before, w) {
  ways v;
  ways_begin(&v, w);
  v.u.at_close = note_stats;
  v.u.config.no_proxy = "127.0.0.1";
  hop_peers_answer(&v.p, &v.p.a, REDIRECT("%B/x"));
  v.request.url = raw_peer_url(v.p.a.raw, "/");
  raw_peer_refuse(v.p.b.raw);
  assert_int_equal(hop_connect(&v.u, &v.request, NULL, NULL), 0);
  user_run_to_close(&v.u);
  assert_true(user_ended_by(&v.u, UV_ECONNREFUSED, WSUV_STAGE_CONNECT));
  assert_int_equal(v.stats.connect_us, 0);
  user_finish(&v.u);
}

/* The scheme of the hop decides which variable names its proxy. */
WORLD_TEST(test_redirects_take_the_proxy_of_the_scheme, w) {
  static const char *const names[] = {"ws_proxy", "wss_proxy", "no_proxy", "NO_PROXY"};
  ways v;
  char second[96], shown[96];
  ways_begin(&v, w);
  raw_peer *other = raw_peer_new(w);
  (void) snprintf(second, sizeof second, "http://r:s@127.0.0.1:%u", (unsigned) other->port);
  (void) snprintf(shown, sizeof shown, "http://127.0.0.1:%u", (unsigned) other->port);
  for (size_t i = 0; i < COUNT_OF(names); i++) assert_int_equal(unsetenv(names[i]), 0);
  assert_int_equal(setenv(names[0], v.proxy_url, 1), 0);
  assert_int_equal(setenv(names[1], second, 1), 0);
  v.u.config.proxy = WSUV_PROXY_ENVIRONMENT;
  raw_peer_play(v.proxy, CONNECT_TO("one.test:80"), PEER_SEND(TUNNEL), PEER_EXPECT_REQUEST,
                PEER_SEND(REDIRECT("https://one.test/x")), PEER_EXPECT_GONE);
  raw_peer_play(other,
                PEER_EXPECT("CONNECT one.test:443 HTTP/1.1\r\nHost: one.test:443\r\n"
                            "Proxy-Authorization: Basic cjpz\r\n\r\n"),
                PEER_SEND("HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"), PEER_EXPECT_GONE);
  v.request.url = "ws://one.test/";
  assert_int_equal(hop_connect(&v.u, &v.request, NULL, NULL), 0);
  user_run_to_close(&v.u);
  for (size_t i = 0; i < COUNT_OF(names); i++) assert_int_equal(unsetenv(names[i]), 0);
  assert_int_equal(v.u.end.status, WSUV_EPROXY);
  assert_int_equal(v.u.end.stage, WSUV_STAGE_PROXY);
  assert_int_equal(v.u.end.http_status, 403);
  assert_string_equal(v.u.end.proxy, shown);
  user_finish(&v.u);
}

/* --- the queue --- */

/* One session connects to B, which does not answer; another one is redirected to B, where there is
   one place, and waits. */
typedef struct turn {
  hop_peers p;
  session_user holder, u;
  raw_conn *held;
  size_t told; /* So many lines of the log say that a session waits. */
} turn;

static turn *the;

static void hold_first(raw_conn *c, hop_peer *p) {
  if (p->requests > 1) {
    raw_conn_upgrade(c, "");
  } else {
    the->held = c;
  }
}

static void count_waiting(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                          void *arg) {
  turn *t = arg;
  (void) session;
  t->told += level == WSUV_LOG_INFO && strcmp(text, "waiting for its turn to connect") == 0;
}

static bool is_waiting(void *arg) {
  const turn *t = arg;
  return t->p.a.raw->ended == 1 && wsuv_session_stage(t->u.session) == WSUV_STAGE_RESOLVE;
}

static void turn_begin(turn *t, world *w, uint64_t handshake_timeout_ms) {
  wsuv_request_t request;
  wsuv_config_t config;
  the = t;
  t->held = NULL;
  t->told = 0;
  hop_peers_begin(&t->p, w, &t->holder);
  t->p.b.raw->lenient = true;
  t->p.b.choose = hold_first;
  t->holder.config.max_redirects = 1;
  t->holder.config.max_connecting = 1;
  t->holder.config.log = count_waiting;
  t->holder.config.log_arg = t;
  t->holder.config.log_level = WSUV_LOG_INFO;
  wsuv_request_init(&request, raw_peer_url(t->p.b.raw, "/held"));
  assert_int_equal(hop_connect(&t->holder, &request, NULL, NULL), 0);
  world_run_until_count(w, &t->p.b.requests, 1);
  user_init_on(&t->u, &t->holder);
  hop_peers_answer(&t->p, &t->p.a, REDIRECT("%B/next"));
  wsuv_client_get_config(t->holder.client, &config);
  config.handshake_timeout_ms = handshake_timeout_ms;
  wsuv_request_init(&request, raw_peer_url(t->p.a.raw, "/"));
  request.config = &config;
  assert_int_equal(hop_connect(&t->u, &request, NULL, NULL), 0);
  world_run_until(w, is_waiting, t);
  assert_int_equal(t->told, 1);
  assert_int_equal(t->p.b.raw->accepted, 1);
}

static void turn_end(turn *t) {
  user_free(&t->u);
  user_finish(&t->holder);
}

WORLD_TEST(test_redirects_wait_for_their_turn, w) {
  for (int lost = 0; lost < 2; lost++) {
    turn t;
    turn_begin(&t, w, 10000);
    if (lost) {
      raw_conn_reset(t.held);
    } else {
      raw_conn_upgrade(t.held, "");
    }
    user_run_to_open(&t.u);
    assert_int_equal(t.p.b.raw->accepted, 2);
    assert_int_equal(t.holder.opens, !lost);
    assert_int_equal(user_close(&t.u, 1000, NULL), 0);
    user_run_to_close(&t.u);
    if (!lost) user_terminate(&t.holder);
    turn_end(&t);
  }
}

WORLD_TEST(test_redirects_are_terminated_while_they_wait, w) {
  turn t;
  turn_begin(&t, w, 10000);
  user_terminate(&t.u);
  user_run_to_close(&t.u);
  assert_true(user_ended_by(&t.u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
  raw_conn_upgrade(t.held, "");
  user_run_to_open(&t.holder);
  assert_int_equal(t.p.b.raw->accepted, 1);
  user_terminate(&t.holder);
  turn_end(&t);
}

WORLD_TEST(test_redirects_end_with_their_client_while_they_wait, w) {
  turn t;
  turn_begin(&t, w, 10000);
  world_client_close(w, t.holder.client);
  t.holder.client = t.u.client = NULL;
  assert_true(user_ended_by(&t.u, UV_ECANCELED, WSUV_STAGE_RESOLVE));
  assert_int_equal(t.holder.end.status, UV_ECANCELED);
  assert_int_equal(t.p.b.raw->accepted, 1);
  turn_end(&t);
}

/* The deadline began with the first hop, and goes on while the second one waits. */
WORLD_SIM_TEST(test_redirects_wait_within_the_deadline, w) {
  turn t;
  turn_begin(&t, w, 2000);
  user_run_to_close(&t.u);
  assert_true(user_ended_by(&t.u, UV_ETIMEDOUT, WSUV_STAGE_RESOLVE));
  assert_string_equal(t.u.end.detail, "handshake deadline");
  user_terminate(&t.holder);
  turn_end(&t);
}

/* At the same origin a hop goes behind those that wait already. */
WORLD_TEST(test_redirects_give_their_place_to_the_next, w) {
  hop_peers p;
  session_user first, second;
  wsuv_request_t request;
  hop_peers_begin(&p, w, &first);
  first.config.max_redirects = 1;
  first.config.max_connecting = 1;
  hop_peers_answer(&p, &p.a, REDIRECT("/again"));
  wsuv_request_init(&request, raw_peer_url(p.a.raw, "/first"));
  assert_int_equal(hop_connect(&first, &request, NULL, NULL), 0);
  user_init_on(&second, &first);
  wsuv_request_init(&request, raw_peer_url(p.a.raw, "/second"));
  assert_int_equal(hop_connect(&second, &request, NULL, NULL), 0);
  user_run_to_open(&first);
  assert_int_equal(second.opens, 1);
  assert_true(has(p.a.got[0], "GET /first ") && has(p.a.got[1], "GET /second ") &&
              has(p.a.got[2], "GET /again "));
  user_terminate(&second);
  user_run_to_close(&second);
  user_free(&second);
  hop_close(&first);
}

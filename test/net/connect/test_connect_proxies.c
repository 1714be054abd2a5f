/* Several proxies, TLS with one, what the configuration and the environment say, and memory that
   fails. F11, F71, F72 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/certs.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/tls_ends.h"
#include "support/torture.h"
#include "support/world_test.h"
#include "testkit/check.h"

#define SERVER_STEPS                                                                         \
  PEER_EXPECT_REQUEST, PEER_SEND_UPGRADE, PEER_SEND_FRAME(1, "hi"), PEER_EXPECT_CLOSE(1000), \
      PEER_SEND_CLOSE(1000), PEER_END

static void close_at_message(session_user *u, const wsuv_message_t *m) {
  CHECK(m->len == 2 && user_close(u, 1000, NULL) == 0);
}

static void note_proxy(session_user *u) {
  const char *proxy = wsuv_session_proxy(u->session);
  (void) snprintf(u->data, 128, "%s", proxy != NULL ? proxy : "none");
}

static wsuv_request_t request_to(const char *url, const char *proxy) {
  wsuv_request_t r;
  wsuv_request_init(&r, url);
  r.proxy = proxy;
  return r;
}

static void play(session_user *u, const wsuv_request_t *r) {
  user_reset(u);
  u->at_message = close_at_message;
  assert_int_equal(user_request(u, r), 0);
  user_run_to_close(u);
}

/* Each proxy gets its own credentials, and the server those of its URL. */
SCENARIO_TEST(test_three_proxies_in_a_row, w, p, u) {
  char proxy[128], via[128], shown[128];
  raw_peer_play(p->raw,
                PEER_EXPECT("CONNECT two.test:1080 HTTP/1.1\r\nHost: two.test:1080\r\n\r\n"),
                PEER_SEND("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
                          "Content-Length: 0\r\n\r\n"),
                PEER_EXPECT("CONNECT two.test:1080 HTTP/1.1\r\nHost: two.test:1080\r\n"
                            "Proxy-Authorization: Basic YTox\r\n\r\n"),
                PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), PEER_EXPECT("\5\2\0\2"), PEER_SEND("\5\2"),
                PEER_EXPECT("\1\1b\0012"), PEER_SEND("\1\0"),
                PEER_EXPECT("\5\1\0\3\12three.test\0\120"), PEER_SEND("\5\0\0\1\0\0\0\0\0\0"),
                PEER_EXPECT("CONNECT h.test:81 HTTP/1.1\r\nHost: h.test:81\r\n\r\n"),
                PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  (void) snprintf(proxy, sizeof proxy, "http://a:1@127.0.0.1:%u  socks5h://b:2@two.test %s",
                  (unsigned) p->raw->port, "three.test ");
  (void) snprintf(shown, sizeof shown, "http://127.0.0.1:%u socks5h://two.test:1080 %s",
                  (unsigned) p->raw->port, "http://three.test:80");
  wsuv_request_t r = request_to("ws://c:3@h.test:81/", proxy);
  u->data = via;
  u->at_open = note_proxy;
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_string_equal(via, shown);
  raw_conn *c = raw_peer_conn(p->raw, 0);
  assert_non_null(strstr(c->request, "Authorization: Basic Yzoz\r\n"));
  assert_null(strstr(c->request, "Proxy-"));
}

/* Bytes behind the first answer are the second proxy's. */
SCENARIO_TEST(test_answers_of_two_proxies_at_once, w, p, u) {
  char proxy[128];
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n\0\132\0\0\0\0\0\0"),
                PEER_EXPECT("\4\1\0\121\300\0\2\7\0"), SERVER_STEPS);
  (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u socks4://192.0.2.1:1",
                  (unsigned) p->raw->port);
  const wsuv_request_t r = request_to("ws://192.0.2.7:81/", proxy);
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

SCENARIO_TEST(test_second_proxy_refuses, w, p, u) {
  char proxy[128];
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"),
                PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
                PEER_EXPECT_GONE);
  (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u http://two.test",
                  (unsigned) p->raw->port);
  const wsuv_request_t r = request_to("ws://h.test/", proxy);
  play(u, &r);
  assert_true(user_ended_by(u, WSUV_EPROXY, WSUV_STAGE_PROXY));
  assert_string_equal(u->end.detail, "proxy http://two.test:80: HTTP 403");
  assert_int_equal(u->end.http_status, 403);
}

/* ---- TLS with the proxy ---- */

static void note_tls(session_user *u) {
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  *(int *) u->data = wsuv_session_tls(u->session, &info);
}

/* What the proxy's TLS has negotiated is not said of the session. */
SCENARIO_ONLY_TLS_TEST(test_proxy_over_tls, w, p, u) {
  char proxy[128];
  int told = 0;
  u->config.proxy_tls = world_tls(w);
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  (void) snprintf(proxy, sizeof proxy, "https://127.0.0.1:%u", (unsigned) p->raw->port);
  const wsuv_request_t r = request_to("ws://h.test/", proxy);
  u->data = &told;
  u->at_open = note_tls;
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_int_equal(told, WSUV_ESTATE);
}

SCENARIO_ONLY_TLS_TEST(test_proxy_over_tls_that_is_not_trusted, w, p, u) {
  char proxy[128];
  secure_user s = {.u = {.w = w, .client = user_client(u)}};
  p->raw->lenient = true;
  (void) snprintf(proxy, sizeof proxy, "https://127.0.0.1:%u", (unsigned) p->raw->port);
  const wsuv_request_t r = request_to("ws://h.test/", proxy);
  assert_int_equal(user_request(&s.u, &r), 0);
  user_run_to_close(&s.u);
  assert_true(s.u.end.status == WSUV_ETLSVERIFY || s.u.end.status == WSUV_ETLSTRUST);
  assert_int_equal(s.u.end.stage, WSUV_STAGE_PROXY);
  assert_non_null(strstr(s.u.end.detail, "proxy https://127.0.0.1:"));
  assert_non_null(strchr(s.u.end.detail + strlen("proxy https://"), ' ')); /* and why */
  user_free(&s.u);
}

/* ---- what the configuration says ---- */

static int try_request(session_user *u, const char *proxy) {
  const wsuv_request_t r = request_to("ws://h.test/", proxy);
  return user_request(u, &r);
}

SCENARIO_UV_TEST(test_proxies_that_make_no_sense, w, p, u) {
  static const struct {
    const char *proxy;
    int status;
  } rows[] = {
      {"ftp://h", WSUV_EURL},
      {"http://", WSUV_EURL},
      {"http://h/path", WSUV_EURL},
      {"http://h?q", WSUV_EURL},
      {"http://h:0", WSUV_EURL},
      {"http://h:65536", WSUV_EURL},
      {"http://[::1", WSUV_EURL},
      {"socks5://h socks6://h", WSUV_EURL},
      {"h h h h h h h h h", WSUV_EURL},
      {"http://a%00b@h", WSUV_EINVAL_HEADER},
      {"http://a%3ab:c@h", WSUV_EINVAL_HEADER},
      {"socks4://a:b@h", WSUV_EINVAL_HEADER},
      {"socks5://:b@h", WSUV_EINVAL_HEADER},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    wsuv_client_t *client;
    wsuv_config_t config;
    assert_int_equal(try_request(u, rows[i].proxy), rows[i].status);
    wsuv_client_config_init(&config);
    config.proxy = rows[i].proxy;
    assert_int_equal(world_client(w, &client, &config), rows[i].status);
  }
}

SCENARIO_UV_TEST(test_configurations_of_proxies_that_make_no_sense, w, p, u) {
  static const wsuv_tls_config_t unsized;
  for (int i = 0; i < 4; i++) {
    wsuv_client_t *client;
    wsuv_config_t config;
    wsuv_client_config_init(&config);
    assert_int_equal(config.proxy_auth, WSUV_AUTH_ANY);
    if (i == 0) config.no_proxy = "10.0.0.0/99";
    if (i == 1) config.no_proxy = "*, h";
    if (i == 2) config.proxy_auth = (wsuv_auth_t) 3;
    if (i == 3) config.proxy_tls = &unsized;
    assert_int_equal(world_client(w, &client, &config), i < 3 ? UV_EINVAL : WSUV_ESIZE);
  }
}

static const char *const without[] = {"", " ", NULL};

/* The request's proxy counts in place of the client's, and exceptions hold for both. */
SCENARIO_TEST(test_sessions_without_a_proxy_of_the_configuration, w, p, u) {
  u->config.proxy = "http://192.0.2.9:9";
  u->config.no_proxy = "other.test, 127.0.0.0/8";
  for (size_t i = 0; i < 3; i++) {
    raw_peer_play(p->raw, SERVER_STEPS);
    const wsuv_request_t r = request_to(raw_peer_url(p->raw, "/"), without[i]);
    play(u, &r);
    assert_true(user_ended_cleanly(u, 1000, 1000));
    assert_string_equal(u->end.proxy, "");
  }
}

SCENARIO_SIM_TEST(test_proxy_for_the_port_of_an_exception, w, p, u) {
  char proxy[128];
  (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned) p->raw->port);
  u->config.proxy = proxy;
  u->config.no_proxy = "h.test:81";
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  const wsuv_request_t r = request_to("ws://h.test:82/", NULL);
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* An address that is given in place of the lookup is what the tunnel leads to. */
SCENARIO_TEST(test_proxy_gets_the_address_of_the_request, w, p, u) {
  char proxy[128];
  raw_peer_play(p->raw, PEER_EXPECT("CONNECT 192.0.2.8:80 HTTP/1.1\r\nHost: 192.0.2.8:80\r\n\r\n"),
                PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", (unsigned) p->raw->port);
  wsuv_request_t r = request_to("ws://h.test/", proxy);
  r.address = "192.0.2.8";
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
}

/* ---- the environment ---- */

static const char *const variables[] = {"ws_proxy",  "WS_PROXY", "http_proxy", "all_proxy",
                                        "ALL_PROXY", "no_proxy", "NO_PROXY"};
enum { VARIABLES = sizeof variables / sizeof *variables };

typedef struct surroundings {
  char *before[VARIABLES]; /* NULL: it was not set */
} surroundings;

static void surroundings_open(surroundings *s, world *w) {
  (void) w;
  for (size_t i = 0; i < VARIABLES; i++) {
    const char *value = getenv(variables[i]);
    s->before[i] = value != NULL ? strdup(value) : NULL;
    assert_int_equal(unsetenv(variables[i]), 0);
  }
}

static void surroundings_close(surroundings *s) {
  for (size_t i = 0; i < VARIABLES; i++) {
    int err = s->before[i] != NULL ? setenv(variables[i], s->before[i], 1) : unsetenv(variables[i]);
    assert_int_equal(err, 0);
    free(s->before[i]);
  }
}

SCENARIO_TEST(test_proxy_of_the_environment, w, p, u) {
  char value[64];
  SCOPED(surroundings, s, w);
  (void) snprintf(value, sizeof value, "127.0.0.1:%u", (unsigned) p->raw->port);
  assert_int_equal(setenv("all_proxy", "socks5://192.0.2.1", 1), 0);
  assert_int_equal(setenv("http_proxy", value, 1), 0);
  u->config.proxy = WSUV_PROXY_ENVIRONMENT;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  wsuv_request_t r = request_to("ws://h.test/", NULL);
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  raw_peer_play(p->raw, SERVER_STEPS);
  r.url = raw_peer_url(p->raw, "/");
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_string_equal(u->end.proxy, "");
}

static bytes log_lines;

static void keep_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                      void *arg) {
  (void) level, (void) session, (void) arg;
  bytes_print(&log_lines, "%s\n", text);
}

/* It does not connect without the proxy, and the log names the variable, not the password. */
SCENARIO_SIM_TEST(test_environment_that_makes_no_sense, w, p, u) {
  SCOPED(surroundings, s, w);
  u->config.proxy = WSUV_PROXY_ENVIRONMENT;
  u->config.log = keep_line;
  assert_int_equal(setenv("ws_proxy", "http://bob:secret@h:x", 1), 0);
  assert_int_equal(try_request(u, NULL), WSUV_EURL);
  assert_non_null(strstr(bytes_text(&log_lines), "ws_proxy"));
  assert_null(strstr(bytes_text(&log_lines), "secret"));
  assert_int_equal(setenv("ws_proxy", "http://h", 1), 0);
  assert_int_equal(setenv("NO_PROXY", "h.test:x", 1), 0);
  assert_int_equal(try_request(u, NULL), UV_EINVAL);
  assert_non_null(strstr(bytes_text(&log_lines), "NO_PROXY"));
  bytes_free(&log_lines);
}

/* As that of a server is (wsuv_tls_config_disable_verification). */
SCENARIO_ONLY_TLS_TEST(test_proxy_that_is_not_verified_is_warned_of, w, p, u) {
  char proxy[128];
  wsuv_tls_config_t blind;
  wsuv_tls_config_init(&blind);
  blind.library = test_library(WS_CLIENT);
  wsuv_tls_config_disable_verification(&blind);
  u->config.proxy_tls = &blind;
  u->config.log = keep_line;
  u->config.log_level = WSUV_LOG_WARN;
  raw_peer_play(p->raw, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
  (void) snprintf(proxy, sizeof proxy, "https://127.0.0.1:%u", (unsigned) p->raw->port);
  const wsuv_request_t r = request_to("ws://h.test/", proxy);
  play(u, &r);
  assert_true(user_ended_cleanly(u, 1000, 1000));
  assert_non_null(strstr(bytes_text(&log_lines), "certificate was not verified"));
  bytes_free(&log_lines);
}

/* ---- memory ---- */

/* Without memory for the close frame the session is terminated. */
static void end_at_message(session_user *u, const wsuv_message_t *m) {
  (void) m;
  if (user_close(u, 1000, NULL) < 0) user_terminate(u);
}

static raw_peer *played; /* what a scenario of torture cannot be given */

static void play_once(world *w, const char *format) {
  char proxy[128];
  session_user u;
  (void) snprintf(proxy, sizeof proxy, format, (unsigned) played->port);
  wsuv_client_t *client;
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.proxy = proxy;
  config.no_proxy = "other.test";
  config.handshake_timeout_ms = 300;
  int err = world_client(w, &client, &config);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err < 0) return;
  u = (session_user){.w = w, .client = client, .at_message = end_at_message};
  const wsuv_request_t r = request_to("ws://h.test/", NULL);
  err = user_request(&u, &r);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err == 0) user_run_to_close(&u);
  CHECK(err != 0 || (u.closes == 1 && (u.end.status <= 0)));
  user_close_client(&u);
  user_free(&u);
}

static void through_basic(world *w) {
  play_once(w, "http://a:1@127.0.0.1:%u");
}

static void through_two(world *w) {
  play_once(w, "http://127.0.0.1:%u socks5h://b:2@two.test");
}

WORLD_SIM_TEST(test_torture_of_a_proxy_with_credentials, w) {
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    played = raw_peer_new(w);
    played->lenient = true;
    raw_peer_play(
        played, PEER_EXPECT_REQUEST,
        PEER_SEND("HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"x\", nonce=\"n\", "
                  "qop=\"auth\"\r\nContent-Length: 0\r\n\r\n"),
        PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"), SERVER_STEPS);
    torture(w, through_basic, for_ever == 1, 20);
  }
}

WORLD_SIM_TEST(test_torture_of_two_proxies, w) {
  for (int for_ever = 0; for_ever < 2; for_ever++) {
    played = raw_peer_new(w);
    played->lenient = true;
    raw_peer_play(played, PEER_EXPECT_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n\r\n"),
                  PEER_EXPECT("\5\2\0\2"), PEER_SEND("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"),
                  PEER_EXPECT("\1\1b\0012\5\1\0\3\6h.test\0\120"), SERVER_STEPS);
    torture(w, through_two, for_ever == 1, 20);
  }
}

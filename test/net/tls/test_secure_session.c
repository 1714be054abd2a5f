/* Sessions over TLS that come to be open: what is agreed upon, configurations, resumption. What
   does not differ from sessions without is tested in the scenarios that run over TLS, too. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <uv.h>

#include "session/client.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/tls_ends.h"
#include "support/tls_wire.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* A session with an echo, behind which the tickets of TLS 1.3 have come. */
static void echo_once(secure_user *s) {
  assert_int_equal(user_text(&s->u, "echo"), 0);
  world_run_until_count(s->u.w, &s->u.messages, 1);
}

static void echo_and_close(secure_user *s) {
  echo_once(s);
  secure_close(s);
  assert_true(user_ended_cleanly(&s->u, 1000, 1000));
  assert_int_equal(s->tls_error, 0);
  assert_int_equal(s->verify_flags, 0);
  secure_user_free(s);
}

/* Whether it was resumed. */
static bool runs(wsuv_client_t *client, frame_peer *p, const wsuv_tls_config_t *tls) {
  secure_user s = {.u.forgets = true};
  secure_open(&s, client, p, tls);
  bool resumed = s.resumed;
  echo_and_close(&s);
  return resumed;
}

/* --- what is agreed upon --- */

SCENARIO_ONLY_TLS_TEST(test_what_was_agreed_upon_is_told, w, p, u) {
  secure_user s = {.tls_at_close = -1};
  p->echoes = p->forgets = true;
  secure_open(&s, user_client(u), p, NULL);
  assert_memory_equal(s.version, "TLSv1.", 6);
  assert_memory_equal(s.suite, "TLS", 3);
  assert_string_equal(s.alpn, "http/1.1");
  assert_true(s.shown);
  assert_false(s.resumed);
  echo_and_close(&s);
  assert_int_equal(s.tls_at_close, 0);
}

SCENARIO_ONLY_TLS_TEST(test_what_was_agreed_upon_wants_a_size, w, p, u) {
  secure_user s = {.tls_error = 0};
  wsuv_tls_info_t info = {.size = 1};
  p->echoes = p->forgets = true;
  secure_open(&s, user_client(u), p, NULL);
  assert_int_equal(wsuv_session_tls(s.u.session, &info), WSUV_ESIZE);
  echo_and_close(&s);
}

SCENARIO_ONLY_TLS_TEST(test_suite_and_protocol_can_be_chosen, w, p, u) {
  static const char suite[] = "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256";
  static const char *const suites[] = {suite}, *const none[] = {NULL};
  wsuv_tls_config_t tls = *world_tls(w);
  secure_user s = {.tls_error = 0};
  p->echoes = p->forgets = true;
  tls.ciphersuites = suites;
  tls.ciphersuite_count = 1;
  tls.alpn = none;
  tls.alpn_count = 0;
  secure_open(&s, user_client(u), p, &tls);
  assert_string_equal(s.version, "TLSv1.2");
  assert_string_equal(s.suite, suite);
  assert_string_equal(s.alpn, "none");
  echo_and_close(&s);
}

/* --- pauses --- */

enum { WORDS = 40 };

static void pause_at_word(session_user *u, const wsuv_message_t *m) {
  (void) m;
  assert_int_equal(user_pause(u), 0);
}

/* One record has all of them; what is behind the first is in memory when the pause begins, and
   comes without anything to be read. */
SCENARIO_ONLY_TLS_TEST(test_pause_keeps_what_a_record_has_left, w, p, u) {
  bytes script = {0};
  secure_user s = {.u.at_message = pause_at_word};
  p->echoes = p->forgets = true;
  secure_open(&s, user_client(u), p, NULL);
  for (int i = 0; i < WORDS; i++) bytes_print(&script, "%sTEXT \"w%d\"", i > 0 ? ";" : "", i);
  frame_peer_send(p, bytes_text(&script));
  for (size_t n = 1; n <= WORDS; n++) {
    world_run_until_count(w, &s.u.messages, n);
    if (w->kind == WORLD_SIM) world_advance(w, 20);
    assert_int_equal(s.u.messages, n);
    assert_int_equal(user_resume(&s.u), 0);
  }
  assert_true(user_got(&s.u, bytes_text(&script)));
  s.u.at_message = NULL;
  secure_close(&s);
  assert_true(user_ended_cleanly(&s.u, 1000, 1000));
  secure_user_free(&s);
  bytes_free(&script);
}

/* What is left behind a pause comes before the end, which is in memory, too. */
SCENARIO_ONLY_TLS_TEST(test_close_by_the_peer_waits_behind_a_pause, w, p, u) {
  secure_user s = {.u.at_message = pause_at_word};
  p->echoes = p->forgets = true;
  secure_open(&s, user_client(u), p, NULL);
  frame_peer_send(p, "TEXT \"a\"; TEXT \"b\"; CLOSE #1001");
  raw_conn_end(p->conn);
  world_run_until_count(w, &s.u.messages, 1);
  world_advance(w, 20);
  assert_int_equal(s.u.messages + s.u.closes, 1);
  s.u.at_message = NULL;
  assert_int_equal(user_resume(&s.u), 0);
  user_run_to_close(&s.u);
  assert_int_equal(s.u.messages, 2);
  assert_true(user_ended_cleanly(&s.u, 1001, 1001));
  secure_user_free(&s);
}

/* --- configurations --- */

static void trust_nobody(wsuv_tls_config_t *tls) {
  wsuv_tls_config_init(tls);
  tls->ca_file = "/no/such/file";
}

/* Nothing that the client has in its place gets in. */
SCENARIO_ONLY_TLS_TEST(test_request_has_a_configuration_of_its_own, w, p, u) {
  wsuv_tls_config_t nobody;
  secure_user s = {.tls_error = 0};
  trust_nobody(&nobody);
  u->config.tls = &nobody;
  p->echoes = p->forgets = true;
  assert_false(runs(user_client(u), p, world_tls(w)));
  secure_try(&s, u->client, p->raw, NULL);
  assert_true(secure_failed(&s, WSUV_ETLSTRUST));
  assert_true(runs(u->client, p, world_tls(w)));
  secure_user_free(&s);
}

/* Configurations that are alike but for what is offered beside http/1.1. */
typedef struct variant {
  wsuv_tls_config_t tls;
  char name[16];
  const char *names[2];
} variant;

static void variant_init(variant *v, const world *w, int number) {
  v->tls = *world_tls(w);
  (void) snprintf(v->name, sizeof v->name, "x/%d", number);
  v->names[0] = "http/1.1";
  v->names[1] = v->name;
  v->tls.alpn = v->names;
  v->tls.alpn_count = 2;
}

enum { MANY = TLS_CONTEXTS_MAX + 2 };

/* Those that give way to newer ones keep their context until they end; but what could be resumed
   goes with it. */
SCENARIO_ONLY_TLS_TEST(test_more_configurations_than_are_remembered, w, p, u) {
  static variant variants[MANY];
  secure_user s[MANY];
  p->echoes = p->forgets = true;
  for (int i = 0; i < MANY; i++) {
    s[i] = (secure_user){.u.forgets = true};
    variant_init(&variants[i], w, i);
    secure_open(&s[i], user_client(u), p, &variants[i].tls);
  }
  for (int i = 0; i < MANY; i++) echo_and_close(&s[i]);
  for (int i = MANY - 1; i > MANY - TLS_CONTEXTS_MAX; i--) {
    assert_true(runs(user_client(u), p, &variants[i].tls));
  }
  assert_false(runs(user_client(u), p, &variants[0].tls));
  assert_false(runs(user_client(u), p, &variants[1].tls));
  assert_true(runs(user_client(u), p, &variants[0].tls));
}

SCENARIO_ONLY_TLS_TEST(test_sessions_share_a_context, w, p, u) {
  secure_user s[4];
  p->echoes = p->forgets = true;
  for (int i = 0; i < 4; i++) {
    variant same;
    variant_init(&same, w, 1);
    s[i] = (secure_user){.u.forgets = true};
    secure_open(&s[i], user_client(u), p, &same.tls);
    echo_once(&s[i]);
  }
  assert_non_null(user_client(u)->endpoint.tls.list[0]);
  assert_null(user_client(u)->endpoint.tls.list[1]);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(s[i].resumed, i > 0);
    secure_close(&s[i]);
    secure_user_free(&s[i]);
  }
}

/* --- resumption --- */

SCENARIO_ONLY_TLS_TEST(test_sessions_of_one_client_resume_each_other, w, p, u) {
  wsuv_client_t *other;
  p->echoes = p->forgets = true;
  assert_int_equal(world_client(w, &other, NULL), 0);
  assert_false(runs(user_client(u), p, NULL));
  assert_true(runs(u->client, p, NULL));
  assert_true(runs(u->client, p, NULL));
  assert_false(runs(other, p, NULL));
  world_client_close(w, other);
}

SCENARIO_ONLY_TLS_TEST(test_another_host_is_not_resumed, w, p, u) {
  secure_user s = {.tls_error = 0};
  p->echoes = p->forgets = true;
  assert_false(runs(user_client(u), p, NULL));
  const char *url = raw_peer_url_of(p->raw, world_good_name(w), "/");
  assert_int_equal(secure_request(&s, user_client(u), w, url, NULL), 0);
  world_run_until_count(w, &s.u.opens, 1);
  assert_false(s.resumed);
  echo_and_close(&s);
}

/* Whatever differs: who is trusted, what is pinned, whether anything is verified at all. */
SCENARIO_ONLY_TLS_TEST(test_no_resumption_across_configurations, w, p, u) {
  char pin[64];
  const char *pins[] = {cert_pin(world_cert(), pin)};
  wsuv_tls_config_t pinned = *world_tls(w), blind, named = *world_tls(w);
  p->echoes = p->forgets = true;
  wsuv_tls_config_init(&blind);
  blind.library = test_library(WS_CLIENT);
  wsuv_tls_config_disable_verification(&blind);
  pinned.pins = pins;
  pinned.pin_count = 1;
  named.server_name = "localhost";
  assert_false(runs(user_client(u), p, &blind));
  assert_false(runs(user_client(u), p, NULL));
  assert_false(runs(user_client(u), p, &pinned));
  assert_false(runs(user_client(u), p, &named));
  assert_true(runs(user_client(u), p, NULL));
  assert_true(runs(user_client(u), p, &pinned));
  assert_true(runs(user_client(u), p, &named));
  assert_false(runs(user_client(u), p, &blind)); /* never of what was not verified */
}

SCENARIO_ONLY_TLS_TEST(test_resumption_can_be_switched_off, w, p, u) {
  wsuv_tls_config_t tls = *world_tls(w);
  p->echoes = p->forgets = true;
  tls.resumption = false;
  for (int i = 0; i < 3; i++) assert_false(runs(user_client(u), p, &tls));
}

/* --- the log --- */

typedef struct log_lines {
  size_t warnings;
  bytes text;
} log_lines;

static void on_line(wsuv_log_level_t level, const wsuv_session_t *session, const char *text,
                    void *arg) {
  log_lines *l = arg;
  (void) session;
  if (level == WSUV_LOG_WARN) l->warnings++;
  bytes_print(&l->text, "%d %s\n", (int) level, text);
}

static void run_logged(session_user *u, log_lines *l, wsuv_log_level_t level,
                       const wsuv_tls_config_t *tls) {
  u->config.log = on_line;
  u->config.log_arg = l;
  u->config.log_level = level;
  u->config.tls = tls;
  u->peer->echoes = u->peer->forgets = true;
  assert_false(runs(user_client(u), u->peer, NULL));
  (void) runs(u->client, u->peer, NULL);
  scenario_finish(u);
}

/* Each session warns, whatever else is wanted of the log. */
SCENARIO_ONLY_TLS_TEST(test_verification_disabled_is_warned_of, w, p, u) {
  wsuv_tls_config_t tls;
  log_lines l = {0};
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  wsuv_tls_config_disable_verification(&tls);
  tls.server_name = "somebody.else.test";
  run_logged(u, &l, WSUV_LOG_WARN, &tls);
  assert_int_equal(l.warnings, 2);
  assert_non_null(strstr(bytes_text(&l.text), "certificate was not verified"));
  bytes_free(&l.text);
}

SCENARIO_ONLY_TLS_TEST(test_log_tells_what_was_agreed_upon, w, p, u) {
  log_lines l = {0};
  run_logged(u, &l, WSUV_LOG_INFO, NULL);
  assert_int_equal(l.warnings, 0);
  assert_non_null(strstr(bytes_text(&l.text), "2 TLS: TLSv1."));
  assert_non_null(strstr(bytes_text(&l.text), ", http/1.1, resumed\n"));
  bytes_free(&l.text);
}

/* --- streams of the program's --- */

typedef struct carrier {
  uv_tcp_t tcp;
  uv_connect_t request;
  bool connected;
} carrier;

static void on_connect(uv_connect_t *request, int status) {
  carrier *c = request->data;
  CHECK(status == 0);
  c->connected = true;
}

static void carrier_connect(carrier *c, world *w, uint16_t port) {
  const struct sockaddr_in addr = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  *c = (carrier){.request.data = c};
  assert_int_equal(uv_tcp_init(world_uv_loop(w), &c->tcp), 0);
  int err = uv_tcp_connect(&c->request, &c->tcp, (const struct sockaddr *) &addr, on_connect);
  assert_int_equal(err, 0);
  world_run_until_true(w, &c->connected);
}

static void run_adopted(world *w, wsuv_client_t *client, const char *url, int status) {
  wsuv_request_t r;
  carrier c;
  session_user u = {.w = w, .client = client};
  frame_peer p;
  frame_peer_start(&p, w);
  p.echoes = true;
  carrier_connect(&c, w, p.raw->port);
  wsuv_request_init(&r, url);
  r.data = &u;
  assert_int_equal(
      wsuv_connect_stream(client, &r, (uv_stream_t *) &c.tcp, user_callbacks(), &u.session), 0);
  assert_int_equal(wsuv_session_stage(u.session), WSUV_STAGE_TLS);
  if (status == 0) {
    world_run_until_count(w, &u.opens, 1);
    assert_int_equal(user_text(&u, "carried"), 0);
    world_run_until_count(w, &u.messages, 1);
    assert_int_equal(user_close(&u, 1000, NULL), 0);
  }
  user_run_to_close(&u);
  if (status == 0) assert_true(user_ended_cleanly(&u, 1000, 1000));
  if (status < 0) assert_true(user_ended_by(&u, status, WSUV_STAGE_TLS));
  user_free(&u);
  frame_peer_free(&p);
}

WORLD_ONLY_UV_TLS_TEST(test_adopted_stream_terminated_at_once, w) {
  wsuv_client_t *client;
  wsuv_request_t r;
  carrier c;
  session_user u = {.w = w};
  assert_int_equal(world_client(w, &client, NULL), 0);
  carrier_connect(&c, w, raw_peer_new(w)->port);
  wsuv_request_init(&r, "wss://localhost/");
  r.data = &u;
  assert_int_equal(
      wsuv_connect_stream(client, &r, (uv_stream_t *) &c.tcp, user_callbacks(), &u.session), 0);
  user_terminate(&u);
  user_run_to_close(&u);
  assert_true(user_ended_by(&u, UV_ECANCELED, WSUV_STAGE_TLS));
  world_client_close(w, client);
  user_free(&u);
}

/* The URL says whom the certificate must be for, wherever the stream leads. */
WORLD_ONLY_UV_TLS_TEST(test_adopted_stream_is_secured, w) {
  wsuv_client_t *client;
  assert_int_equal(world_client(w, &client, NULL), 0);
  run_adopted(w, client, "wss://localhost/", 0);
  run_adopted(w, client, "wss://somebody.else.test/", WSUV_ETLSVERIFY);
  world_client_close(w, client);
}

/* Each configuration has a trust, and sessions to resume, of its own. */
SCENARIO_ONLY_TLS_TEST(test_disabled_verification_stays_with_its_configuration, w, p, u) {
  wsuv_tls_config_t blind, strict = *world_tls(w);
  wsuv_tls_config_init(&blind);
  blind.library = test_library(WS_CLIENT);
  wsuv_tls_config_disable_verification(&blind);
  strict.server_name = "other.example";
  p->echoes = p->forgets = true;
  for (int i = 0; i < 2; i++) {
    secure_user s = {.tls_error = 0};
    assert_false(runs(user_client(u), p, &blind)); /* one that was not verified is not resumed */
    secure_try(&s, user_client(u), p->raw, &strict);
    assert_true(secure_failed(&s, WSUV_ETLSVERIFY));
    secure_user_free(&s);
  }
  assert_false(runs(user_client(u), p, NULL));
}

/* --- life --- */

/* A peer inside a record cannot answer, as one inside a frame cannot. */
SCENARIO_ONLY_SIM_TLS_TEST(test_record_that_comes_slowly_is_life, w, p, u) {
  enum { INTERVAL_MS = 30, TIMEOUT_MS = 45, PIECE = 50, LEN = 2000 };
  static const uint8_t data[LEN];
  u->config.ping_interval_ms = INTERVAL_MS;
  u->config.ping_timeout_ms = TIMEOUT_MS;
  scenario_open(u);
  tls_wire_dribble(p->conn->wire, PIECE, TIMEOUT_MS / 3);
  raw_conn_write_frame(p->conn, 2, data, sizeof data);
  world_run_until_count(w, &u->messages, 1);
  assert_true(world_now_ms(w) - u->opened_ms > INTERVAL_MS + TIMEOUT_MS);
  user_terminate(u);
  user_finish(u);
  assert_int_equal(u->end.status, UV_ECANCELED);
  frame_peer_free(p);
}

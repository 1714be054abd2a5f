/* How sessions over TLS end otherwise than they should: what is told, at which stage, with what of
   mbedTLS's. F3 F30 F32 F33 F41 F46 */

#include <string.h>

#include <mbedtls/x509.h>

#include "net/tls/tls_library.h"
#include "support/scenario.h"
#include "support/secure_user.h"
#include "support/tls_ends.h"
#include "support/world_test.h"
#include "testkit/check.h"

/* --- cuts --- */

/* Behind the handshake of TLS: mbedTLS has not failed, and has nothing to add. */
static bool was_truncated(const secure_user *s, wsuv_stage_t stage) {
  const user_end *e = &s->u.end;
  return user_ended_by(&s->u, WSUV_ETLSTRUNCATED, stage) && !e->clean && e->detail[0] == '\0' &&
         s->tls_error == 0 && s->tls_library == WSUV_TLS_LIBRARY_NONE && s->verify_flags == 0;
}

/* F32. As an attacker on the way can do it: TCP ends, and TLS has not said that it does. */
SCENARIO_ONLY_TLS_TEST(test_cut_of_an_open_session_is_told_apart, w, p, u) {
  secure_user s = {.tls_error = 0};
  secure_open(&s, user_client(u), p, NULL);
  raw_conn_close(p->conn);
  user_run_to_close(&s.u);
  assert_true(was_truncated(&s, WSUV_STAGE_OPEN));
  assert_int_equal(s.u.end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(s.tls_at_close, 0);
  secure_user_free(&s);
}

SCENARIO_ONLY_TLS_TEST(test_end_with_close_notify_is_an_end, w, p, u) {
  secure_user s = {.tls_error = 0};
  secure_open(&s, user_client(u), p, NULL);
  raw_conn_end(p->conn);
  user_run_to_close(&s.u);
  assert_true(user_ended_by(&s.u, UV_EOF, WSUV_STAGE_OPEN));
  assert_int_equal(s.u.end.code, WSUV_CLOSE_ABNORMAL);
  assert_int_equal(s.tls_error, 0);
  secure_user_free(&s);
}

static void cut_at_frame(frame_peer *p, const seen_frame *f) {
  (void) f;
  raw_conn_close(p->conn);
}

SCENARIO_ONLY_TLS_TEST(test_cut_while_closing, w, p, u) {
  secure_user s = {.tls_error = 0};
  secure_open(&s, user_client(u), p, NULL);
  p->silent = true;
  p->on_frame = cut_at_frame;
  secure_close(&s);
  assert_true(was_truncated(&s, WSUV_STAGE_CLOSING));
  secure_user_free(&s);
}

/* Both have said all that there was to say. */
SCENARIO_ONLY_TLS_TEST(test_cut_after_both_close_frames_is_clean, w, p, u) {
  secure_user s = {.tls_error = 0};
  secure_open(&s, user_client(u), p, NULL);
  p->keeps_open = true;
  p->on_frame = cut_at_frame;
  secure_close(&s);
  assert_true(user_ended_cleanly(&s.u, 1000, 1000));
  assert_int_equal(s.tls_error, 0);
  secure_user_free(&s);
}

static void cut_it(raw_conn *c) {
  raw_conn_close(c);
}

SCENARIO_ONLY_TLS_TEST(test_cut_before_the_upgrade, w, p, u) {
  static const raw_peer_callbacks callbacks = {.on_bytes = cut_it};
  secure_user s = {.tls_error = 0};
  raw_peer *peer = raw_peer_new(w);
  raw_peer_set_callbacks(peer, &callbacks);
  secure_try(&s, user_client(u), peer, NULL);
  assert_true(was_truncated(&s, WSUV_STAGE_HANDSHAKE));
  assert_int_equal(s.u.opens, 0);
  secure_user_free(&s);
}

/* --- certificates --- */

/* `shown`: in on_close the server's certificate can be had. */
static void assert_fails(session_user *u, const wsuv_tls_config_t *tls, int status, uint32_t flags,
                         const char *words, bool shown) {
  secure_user s = {.tls_error = 0};
  secure_try(&s, user_client(u), u->peer->raw, tls);
  assert_true(secure_failed(&s, status));
  assert_int_equal(s.verify_flags, flags);
  assert_int_equal(s.shown_at_close, shown);
  if (words != NULL) assert_string_equal(s.u.end.detail, words);
  assert_int_equal(u->peer->upgraded, 0);
  secure_user_free(&s);
}

/* In each version of TLS. */
static void assert_refuses(session_user *u, const wsuv_tls_config_t *tls, int status,
                           uint32_t flags, const char *words) {
  static const wsuv_tls_version_t versions[] = {WSUV_TLS_1_2, WSUV_TLS_1_3};
  for (int i = 0; i < (test_raw_has_1_3() ? 2 : 1); i++) {
    wsuv_tls_config_t one = *tls;
    one.min_version = one.max_version = versions[i];
    assert_fails(u, &one, status, flags, words, true);
  }
}

/* F30 */
SCENARIO_ONLY_TLS_TEST(test_certificate_for_another_name, w, p, u) {
  wsuv_tls_config_t tls = *world_tls(w);
  tls.server_name = "somebody.else.test";
  assert_refuses(u, &tls, WSUV_ETLSVERIFY, WSUV_CERT_HOST_MISMATCH, "host name does not match");
}

SCENARIO_ONLY_TLS_TEST(test_certificate_of_a_stranger, w, p, u) {
  static const cert_spec spec = {.name = "stranger", .hosts = {"127.0.0.1"}};
  wsuv_tls_config_t tls;
  cert stranger;
  cert_make(&stranger, &spec, NULL);
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  tls.ca_pem = stranger.pem;
  tls.ca_pem_len = strlen(stranger.pem);
  assert_refuses(u, &tls, WSUV_ETLSVERIFY, WSUV_CERT_NOT_TRUSTED,
                 "not signed by a trusted authority");
  cert_free(&stranger);
}

SCENARIO_ONLY_TLS_TEST(test_pin_of_another_key, w, p, u) {
  static const char *const pins[] = {"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};
  wsuv_tls_config_t tls = *world_tls(w);
  tls.pins = pins;
  tls.pin_count = 1;
  assert_refuses(u, &tls, WSUV_ETLSPIN, 0, NULL);
  tls.verification_disabled = true;
  assert_refuses(u, &tls, WSUV_ETLSPIN, 0, NULL);
}

SCENARIO_ONLY_TLS_TEST(test_no_trust_to_be_found, w, p, u) {
  wsuv_tls_config_t tls;
  wsuv_tls_config_init(&tls);
  tls.library = test_library(WS_CLIENT);
  tls.ca_file = "/no/such/file";
  assert_fails(u, &tls, WSUV_ETLSTRUST, 0, "/no/such/file: no such file or directory", false);
}

/* Nothing has been sent then. */
SCENARIO_ONLY_TLS_TEST(test_own_certificate_that_cannot_be_read, w, p, u) {
  wsuv_tls_config_t tls = *world_tls(w);
  secure_user s = {.tls_error = 0};
  tls.cert_file = tls.key_file = "/no/such/file";
  secure_try(&s, user_client(u), p->raw, &tls);
  assert_true(secure_failed(&s, WSUV_ETLS));
  assert_int_equal(s.tls_error, 0);
  assert_string_equal(s.u.end.detail, "own certificate: /no/such/file: no such file or directory");
  secure_user_free(&s);
}

/* --- servers that do not speak TLS as they should --- */

/* Bytes in reply to the first that come. */
static void assert_fails_at(session_user *u, const raw_peer_callbacks *callbacks, int status) {
  secure_user s = {.tls_error = 0};
  raw_peer *peer = raw_peer_new(u->w);
  const char *url = raw_peer_url(peer, "/");
  peer->tls = NULL;
  raw_peer_set_callbacks(peer, callbacks);
  assert_int_equal(secure_request(&s, user_client(u), u->w, url, NULL), 0);
  user_run_to_close(&s.u);
  assert_true(secure_failed(&s, status));
  assert_true(s.tls_error != 0);
  assert_int_equal(s.tls_library, tls_library_for(test_library(WS_CLIENT))->id);
  assert_true(s.u.end.detail[0] != '\0');
  secure_user_free(&s);
}

static void answer_in_plain(raw_conn *c) {
  if (c->received == c->in.len) raw_conn_write_text(c, "HTTP/1.1 400 Bad Request\r\n\r\n");
  raw_conn_end(c);
}

/* F33 */
SCENARIO_ONLY_TLS_TEST(test_plain_http_in_reply, w, p, u) {
  static const raw_peer_callbacks callbacks = {.on_bytes = answer_in_plain};
  assert_fails_at(u, &callbacks, WSUV_ENOTTLS);
}

static void answer_with_alert(raw_conn *c) {
  static const char alert[] = "\x15\x03\x03\x00\x02\x02\x28"; /* fatal, handshake_failure */
  raw_conn_write(c, alert, sizeof alert - 1);
}

SCENARIO_ONLY_TLS_TEST(test_alert_in_reply, w, p, u) {
  static const raw_peer_callbacks callbacks = {.on_connection = answer_with_alert};
  assert_fails_at(u, &callbacks, WSUV_ETLS);
}

static void hang_up(raw_conn *c) {
  raw_conn_end(c);
}

SCENARIO_ONLY_TLS_TEST(test_end_in_the_handshake, w, p, u) {
  static const raw_peer_callbacks callbacks = {.on_bytes = hang_up};
  assert_fails_at(u, &callbacks, WSUV_ETLSTRUNCATED);
}

/* --- handshakes that last --- */

static uint64_t timeout_ms(const world *w) {
  return w->kind == WORLD_SIM ? 10000 : 80;
}

/* A client with a session whose server never says anything by TLS, or so slowly. */
typedef struct stall {
  world *w;
  wsuv_client_t *client;
  raw_peer *peer;
  secure_user s;
  uint64_t begun;
  bool gone;
} stall;

static stall *the; /* what a callback of the client's cannot be given */

static bool shakes_hands(void *arg) {
  const stall *st = arg;
  return wsuv_session_stage(st->s.u.session) == WSUV_STAGE_TLS;
}

static void stall_begin(stall *st, world *w, bool dribbles) {
  static uint8_t record[1000] = {0x16, 0x03, 0x03, 0x3f, 0xff};
  wsuv_config_t config;
  *st = (stall){.w = w};
  the = st;
  wsuv_client_config_init(&config);
  config.handshake_timeout_ms = timeout_ms(w);
  assert_int_equal(world_client(w, &st->client, &config), 0);
  st->peer = raw_peer_new(w);
  const char *url = raw_peer_url(st->peer, "/");
  st->peer->tls = NULL;
  st->peer->lenient = true;
  if (dribbles) {
    raw_peer_play(st->peer, PEER_DRIBBLE(record, sizeof record, 1, timeout_ms(w) / 20),
                  PEER_EXPECT_GONE);
  }
  st->begun = world_now_ms(w);
  assert_int_equal(secure_request(&st->s, st->client, w, url, NULL), 0);
  world_run_until(w, shakes_hands, st);
}

static void stall_end(stall *st, int status) {
  user_run_to_close(&st->s.u);
  assert_true(secure_failed(&st->s, status));
  if (!st->gone) world_client_close(st->w, st->client);
  secure_user_free(&st->s);
}

static void assert_times_out(world *w, bool dribbles) {
  stall st;
  stall_begin(&st, w, dribbles);
  user_run_to_close(&st.s.u);
  uint64_t took = world_now_ms(w) - st.begun;
  world_assert_took(w, took, timeout_ms(w), timeout_ms(w) + 20);
  stall_end(&st, UV_ETIMEDOUT);
}

/* F3 F33 */
WORLD_ONLY_TLS_TEST(test_deadline_of_a_server_that_says_nothing, w) {
  assert_times_out(w, false);
}

WORLD_ONLY_TLS_TEST(test_deadline_of_a_server_that_dribbles, w) {
  assert_times_out(w, true);
}

WORLD_ONLY_TLS_TEST(test_terminate_in_the_handshake, w) {
  stall st;
  stall_begin(&st, w, false);
  user_terminate(&st.s.u);
  stall_end(&st, UV_ECANCELED);
}

WORLD_ONLY_TLS_TEST(test_close_in_the_handshake, w) {
  stall st;
  stall_begin(&st, w, false);
  assert_int_equal(user_close(&st.s.u, 1000, NULL), 0);
  stall_end(&st, UV_ECANCELED);
}

static void on_gone(wsuv_client_t *client) {
  CHECK(client == the->client);
  the->gone = true;
}

WORLD_ONLY_TLS_TEST(test_client_closed_in_the_handshake, w) {
  stall st;
  stall_begin(&st, w, false);
  assert_int_equal(wsuv_client_close(st.client, on_gone), 0);
  world_run_until_true(w, &st.gone);
  stall_end(&st, UV_ECANCELED);
}

WORLD_ONLY_TLS_TEST(test_client_terminated_in_the_handshake, w) {
  stall st;
  stall_begin(&st, w, false);
  assert_int_equal(wsuv_client_terminate(st.client, on_gone), 0);
  world_run_until_true(w, &st.gone);
  stall_end(&st, UV_ECANCELED);
}

/* --- memory --- */

static void close_at_open(session_user *u) {
  if (user_close(u, 1000, NULL) < 0) user_terminate(u);
}

/* A session with a configuration of its own. */
static void run_session(world *w, wsuv_client_t *client, raw_peer *p,
                        const wsuv_tls_config_t *tls) {
  secure_user s = {.u.forgets = true, .u.at_open = close_at_open};
  int err = secure_request(&s, client, w, raw_peer_url(p, "/"), tls);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err == 0) {
    user_run_to_close(&s.u);
    int status = s.u.end.status;
    CHECK(status == 0 || status == UV_ENOMEM || status == UV_ECANCELED);
    CHECK(status != 0 || s.u.opens == 1);
  }
  secure_user_free(&s);
}

/* The first makes the context, the second, with luck, resumes the first. */
static bool run_failing(world *w, frame_peer *p, uint64_t n, bool for_ever) {
  wsuv_tls_config_t tls = *world_tls(w);
  wsuv_client_t *client;
  tls.server_name = "localhost";
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  w->alloc->fail_for_ever = for_ever;
  int err = world_client(w, &client, NULL);
  CHECK(err == 0 || err == UV_ENOMEM);
  if (err == 0) {
    for (int i = 0; i < 2; i++) run_session(w, client, p->raw, &tls);
    world_client_close(w, client);
  }
  w->alloc->fail_at = 0;
  return w->alloc->failed > 0;
}

static void run_all(world *w, bool for_ever) {
  frame_peer p;
  uint64_t n = 1;
  frame_peer_start(&p, w);
  p.forgets = p.raw->lenient = true;
  while (run_failing(w, &p, n, for_ever)) {
    assert_int_equal(w->alloc->live, 0);
    n++;
  }
  assert_true(n > 40);
  frame_peer_free(&p);
}

/* F46 */
WORLD_ONLY_SIM_TLS_TEST(test_each_allocation_fails_once, w) {
  run_all(w, false);
}

WORLD_ONLY_SIM_TLS_TEST(test_each_allocation_fails_for_ever, w) {
  run_all(w, true);
}

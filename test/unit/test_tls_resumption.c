/* Sessions of TLS that are resumed: only what was verified, only with whom it was, and no longer
   than the certificate lives. */

#include <string.h>

#include <mbedtls/x509.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/tls_config.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

static bool resumes(tls_pair *p, const char *name, uint16_t port) {
  pair_connect(p, name, port);
  tls_ends_run(&p->client, &p->server, 0);
  tls_end_write(&p->server, "ok", 2); /* and behind the tickets of TLS 1.3 */
  tls_ends_run(&p->client, &p->server, 0);
  assert_int_equal(p->client.shaken, 0);
  pair_assert_in(&p->client, "ok", 2);
  assert_true(pair_facts(&p->client).verified);
  bool resumed = pair_facts(&p->client).resumed;
  assert_int_equal(pair_facts(&p->client).given,
                   tls_config_resumes(&pair_config) ? TLS_GIVEN_SESSION : TLS_GIVEN_NOTHING);
  pair_disconnect(p);
  return resumed;
}

static void resume_by(wsuv_tls_version_t version) {
  pair_config.max_version = version;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  for (int i = 0; i < 3; i++) assert_true(resumes(&p, pair_host, PAIR_PORT));
  assert_false(resumes(&p, "a.wild.test", PAIR_PORT));
  assert_false(resumes(&p, pair_host, PAIR_PORT + 1));
  assert_true(resumes(&p, pair_host, PAIR_PORT));
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_sessions_are_resumed) {
  resume_by(WSUV_TLS_1_2);
  resume_by(WSUV_TLS_ANY);
}

/* Whatever OpenSSL's own configuration says of programs that say nothing. */
TEST(test_tickets_do_not_depend_on_the_library_s_configuration) {
  static const char off[] = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
                            "system_default = defaults\n[defaults]\nOptions = -SessionTicket\n";
  static const char on[] = "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\n"
                           "system_default = defaults\n[defaults]\nOptions = SessionTicket\n";
  SCOPED(temp_file, file);
  SCOPED(tls_pair, before);
  temp_file_put(&file, off, sizeof off - 1);
  bool read = tls_inside_read_configuration(before.client_ctx, file.path);
  read = tls_inside_read_configuration(before.server_ctx, file.path) || read;
  resume_by(WSUV_TLS_1_2);
  resume_by(WSUV_TLS_ANY);
  temp_file_put(&file, on, sizeof on - 1);
  const tls_context *ctx = test_is_mbedtls(WS_CLIENT) ? before.server_ctx : before.client_ctx;
  if (read) assert_true(tls_inside_read_configuration(ctx, file.path));
}

/* None was sent, so none is shown, whatever the library keeps. */
static void resume_without_certificate(wsuv_tls_version_t version) {
  pair_config.max_version = version;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  pair_meet(&p, pair_host);
  assert_true(pair_facts(&p.client).resumed);
  assert_null(pair_facts(&p.client).peer_cert);
  assert_int_equal(pair_facts(&p.client).peer_cert_len, 0);
  pair_disconnect(&p);
}

TEST(test_resumed_session_shows_no_certificate) {
  resume_without_certificate(WSUV_TLS_1_2);
  resume_without_certificate(WSUV_TLS_ANY);
}

TEST(test_resumption_can_be_switched_off) {
  pair_config.resumption = false;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  assert_int_equal(p.client_ctx->sessions.count, 0);
}

TEST(test_resumed_session_with_pins) {
  char text[64];
  const char *pins[] = {cert_pin(&pair_server, text)};
  pair_config.pins = pins;
  pair_config.pin_count = 1;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  assert_true(resumes(&p, pair_host, PAIR_PORT));
}

/* A server that has lost its keys makes a whole handshake, and looks no worse for it. */
TEST(test_server_that_has_forgotten) {
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  pair_serve(&p, &pair_server, NULL);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  assert_true(resumes(&p, pair_host, PAIR_PORT));
}

/* Another server with the same name must still show a good certificate. */
TEST(test_offered_session_does_not_stand_for_a_certificate) {
  const cert_spec spec = {.name = "thief", .hosts = {pair_host}};
  cert thief;
  cert_make(&thief, &spec, &pair_other_ca);
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  pair_serve(&p, &thief, NULL);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  pair_disconnect(&p);
  assert_int_equal(p.client_ctx->sessions.count, 0);
  cert_free(&thief);
}

static void meet(tls_pair *p, tls_context *server) {
  tls_context *own = p->server_ctx;
  p->server_ctx = server;
  pair_meet(p, pair_host);
  assert_int_equal(p->client.shaken, 0);
  pair_disconnect(p);
  p->server_ctx = own;
}

/* The second server at an address gives no tickets, and cannot read those of the first. So the one
   that was offered does not go with the secret that was agreed upon. */
static void meet_server_without_tickets(wsuv_tls_version_t version) {
  wsuv_tls_config_t config = pair_server_config;
  tls_failure failure;
  tls_context *without;
  pair_config.max_version = version;
  config.resumption = false;
  SCOPED(tls_pair, p);
  assert_int_equal(tls_loaded_context(&without, &pair_alloc.handle, &config, WS_SERVER, &failure),
                   0);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  meet(&p, without);
  tls_context_unref(without);
  meet(&p, p.server_ctx);
}

TEST(test_ticket_goes_only_with_its_own_secret) {
  meet_server_without_tickets(WSUV_TLS_1_2);
  meet_server_without_tickets(WSUV_TLS_ANY);
}

static tls_session *only_session(tls_pair *p) {
  tls_session *session = tls_sessions_find(&p->client_ctx->sessions, pair_host, PAIR_PORT);
  assert_non_null(session);
  return session;
}

/* OpenSSL's sessions are not stored in a form that can be read. */
TEST(test_session_of_another_library_is_a_miss) {
  if (!test_is_mbedtls(WS_CLIENT)) return;
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  tls_session *session = only_session(&p);
  for (size_t i = 0; i < session->len; i++)
    session->data[i] ^= i < sizeof(mbedtls_x509_time) ? 0 : 1;
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  assert_true(resumes(&p, pair_host, PAIR_PORT));
}

TEST(test_session_does_not_outlive_the_certificate) {
  SCOPED(tls_pair, p);
  assert_false(resumes(&p, pair_host, PAIR_PORT));
  tls_inside_expire(p.client_ctx, only_session(&p));
  assert_false(resumes(&p, pair_host, PAIR_PORT));
}

/* However many tickets come together, one is saved: the server does not decide what it costs. */
TEST(test_tickets_that_come_together_are_saved_once) {
  enum { TICKETS = 60 }; /* fewer than are a flood */
  fifo carried = {0};
  SCOPED(tls_pair, p);
  tls_inside_give_tickets(p.server_ctx, TICKETS);
  pair_connect(&p, pair_host, PAIR_PORT);
  p.client.starves = true;
  while (p.server.shaken == WS_EAGAIN) {
    tls_ends_run(&p.client, &p.server, 0);
    if (p.server.shaken == 0) break;
    tls_end_take(&p.server, &carried, SIZE_MAX);
    tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
    fifo_consume(&carried, carried.len);
  }
  tls_end_write(&p.server, "ok", 2);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  uint64_t before = pair_alloc.calls;
  tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
  assert_in_range(pair_alloc.calls - before, 0, 5);
  assert_int_equal(p.client.shaken, 0);
  pair_assert_in(&p.client, "ok", 2);
  assert_int_equal(p.client_ctx->sessions.count, 1);
  pair_disconnect(&p);
  assert_true(resumes(&p, pair_host, PAIR_PORT));
  fifo_free(&carried);
}

/* Conversations with a server that has TLS: the real engine, over links in memory. */

#include <string.h>

#include "support/certs.h"
#include "support/kit_user.h"

/* The server's two certificates, and one of a client, each signed by itself. */
typedef struct identities {
  cert first, second, client;
  wsuv_tls_cert_t more;
  const wsuv_tls_cert_t *list[1];
  wsuv_tls_config_t tls;
  wsuv_config_t config;
} identities;

static void identities_make(identities *id) {
  cert_make(&id->first, &(cert_spec){.name = "first", .hosts = {"first.example"}}, NULL);
  cert_make(&id->second, &(cert_spec){.name = "second", .hosts = {"second.example"}}, NULL);
  cert_make(&id->client, &(cert_spec){.name = "client", .for_clients = true, .ca = true}, NULL);
  wsuv_tls_cert_init(&id->more);
  id->more.cert_pem = id->second.pem;
  id->more.cert_pem_len = strlen(id->second.pem);
  id->more.key_pem = id->second.key_pem;
  id->more.key_pem_len = strlen(id->second.key_pem);
  id->list[0] = &id->more;
  wsuv_tls_config_init(&id->tls);
  id->tls.cert_pem = id->first.pem;
  id->tls.cert_pem_len = strlen(id->first.pem);
  id->tls.key_pem = id->first.key_pem;
  id->tls.key_pem_len = strlen(id->first.key_pem);
  id->tls.certs = id->list;
  id->tls.cert_count = 1;
  wsuv_server_config_init(&id->config);
  id->config.tls = &id->tls;
}

static void identities_free(identities *id) {
  cert_free(&id->first);
  cert_free(&id->second);
  cert_free(&id->client);
}

/* A conversation whose client has this configuration of TLS; what opening it returns. */
static int open_with(kit_user *u, const wsuv_tls_config_t *tls, wsuv_conversation_t **talk) {
  wsuv_request_t request;
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.tls = tls;
  wsuv_request_init(&request, NULL);
  request.config = &config;
  return wsuv_conversation_open(u->kit, u->server, "/echo", &request, talk);
}

static void echo_once(wsuv_conversation_t *talk) {
  assert_ok(wsuv_conversation_send_text(talk, "secret"));
  assert_ok(wsuv_conversation_expect_text(talk, "secret"));
}

static bool has_certificate(wsuv_session_t *session, const cert *wanted) {
  wsuv_tls_info_t info;
  wsuv_tls_info_init(&info);
  assert_ok(wsuv_session_tls(session, &info));
  return info.peer_certificate_len == wanted->der_len &&
         memcmp(info.peer_certificate, wanted->der, wanted->der_len) == 0;
}

TEST(test_server_with_tls_needs_nothing_of_the_request) {
  identities id;
  identities_make(&id);
  for (uint64_t seed = 0; seed < 4; seed++) {
    kit_user u;
    kit_user_begin(&u, seed, &id.config);
    wsuv_conversation_t *talk = kit_user_talk(&u, "/echo");
    assert_true(has_certificate(wsuv_conversation_session(talk), &id.first));
    assert_int_equal(wsuv_conversation_status(talk), 101);
    echo_once(talk);
    assert_ok(wsuv_conversation_silent(talk, 1000));
    assert_ok(wsuv_conversation_close(talk, 1000, NULL));
    kit_user_end(&u);
  }
  identities_free(&id);
}

TEST(test_certificate_is_chosen_by_the_name_and_verified) {
  identities id;
  kit_user u;
  wsuv_tls_config_t tls;
  wsuv_conversation_t *talk;
  identities_make(&id);
  kit_user_begin(&u, 0, &id.config);
  wsuv_tls_config_init(&tls);
  tls.server_name = "second.example";
  tls.ca_pem = id.second.pem;
  tls.ca_pem_len = strlen(id.second.pem);
  assert_ok(open_with(&u, &tls, &talk));
  assert_true(has_certificate(wsuv_conversation_session(talk), &id.second));
  echo_once(talk);
  tls.server_name = "first.example";
  assert_int_equal(open_with(&u, &tls, &talk), WSUV_ETLSVERIFY);
  const wsuv_close_info_t *info;
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, WSUV_ETLSVERIFY);
  assert_true(info->tls_verify_flags & WSUV_CERT_NOT_TRUSTED);
  kit_user_end(&u);
  identities_free(&id);
}

TEST(test_client_certificate_comes_from_the_configuration_of_the_request) {
  identities id;
  kit_user u;
  wsuv_tls_config_t tls;
  wsuv_conversation_t *talk;
  identities_make(&id);
  id.tls.client_auth = WSUV_TLS_CLIENT_AUTH_REQUIRE;
  id.tls.ca_pem = id.client.pem;
  id.tls.ca_pem_len = strlen(id.client.pem);
  kit_user_begin(&u, 3, &id.config);
  assert_true(wsuv_conversation_open(u.kit, u.server, "/echo", NULL, &talk) < 0);
  wsuv_tls_config_init(&tls);
  tls.server_name = "first.example";
  tls.ca_pem = id.first.pem;
  tls.ca_pem_len = strlen(id.first.pem);
  tls.cert_pem = id.client.pem;
  tls.cert_pem_len = strlen(id.client.pem);
  tls.key_pem = id.client.key_pem;
  tls.key_pem_len = strlen(id.client.key_pem);
  assert_ok(open_with(&u, &tls, &talk));
  assert_true(has_certificate(wsuv_conversation_server_session(talk), &id.client));
  echo_once(talk);
  kit_user_end(&u);
  identities_free(&id);
}

static int server_status;

static void note_status(wsuv_session_t *s, const wsuv_close_info_t *info) {
  (void) s; /* there is one at a time */
  server_status = info->status;
}

TEST(test_drop_over_tls_is_a_truncation) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_close = note_status};
  identities id;
  kit_user u;
  const wsuv_close_info_t *info;
  identities_make(&id);
  kit_user_begin(&u, 0, &id.config);
  kit_user_route(&u, "/cut", &callbacks);
  wsuv_conversation_t *talk = kit_user_talk(&u, "/cut");
  assert_ok(wsuv_conversation_drop(talk));
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(server_status, WSUV_ETLSTRUNCATED);
  assert_int_equal(wsuv_server_session_count(u.server), 0);
  talk = kit_user_talk(&u, "/cut");
  assert_ok(wsuv_conversation_reset(talk));
  assert_ok(wsuv_conversation_closed(talk, &info));
  assert_int_equal(info->status, UV_ECONNRESET);
  assert_ok(wsuv_testkit_run(u.kit));
  assert_int_equal(server_status, UV_ECONNRESET);
  assert_int_equal(wsuv_server_session_count(u.server), 0);
  kit_user_end(&u);
  identities_free(&id);
}

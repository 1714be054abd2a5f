/* Which of a server's certificates is shown for which name (SNI, RFC 6066 3). */

#include <string.h>

#include "net/tls/mbedtls/tls_name.h"
#include "support/test.h"
#include "support/tls_pair.h"

enum { CERTS = 5 };

/* The first is that of the configuration itself. */
static const cert_spec specs[CERTS] = {
    {.name = "first", .hosts = {"first.test", "192.0.2.7"}},
    {.name = "a", .hosts = {"a.test", "b.test", "*.wild.test"}},
    {.name = "rsa", .hosts = {"two.test"}, .short_key = true},
    {.name = "ecdsa", .hosts = {"two.test", "exact.wild.test"}},
    {.name = "tricks", .hosts = {"*", "x*.test", "a.*.test", "nul.test\1.evil.test"}},
};
static cert certs[CERTS];
static wsuv_tls_cert_t more[CERTS - 1];
static const wsuv_tls_cert_t *list[CERTS - 1];

static int make_certs(void **state) {
  if (pair_make_certs(state) != 0) return -1;
  for (size_t i = 0; i < CERTS; i++) cert_make(&certs[i], &specs[i], &pair_ca);
  return 0;
}

static int free_certs(void **state) {
  for (size_t i = 0; i < CERTS; i++) cert_free(&certs[i]);
  return pair_free_certs(state);
}

static int before(void **state) {
  int r = pair_before(state);
  pair_server_config.cert_pem = certs[0].pem;
  pair_server_config.cert_pem_len = strlen(certs[0].pem);
  pair_server_config.key_pem = certs[0].key_pem;
  pair_server_config.key_pem_len = strlen(certs[0].key_pem);
  for (size_t i = 0; i + 1 < CERTS; i++) {
    pair_cert(&more[i], &certs[i + 1]);
    list[i] = &more[i];
  }
  pair_server_config.certs = list;
  pair_server_config.cert_count = CERTS - 1;
  wsuv_tls_config_disable_verification(&pair_config);
  return r;
}

/* The server's certificate for a client that asks for a name. */
static size_t shown(tls_pair *p, const char *name) {
  size_t i = 0;
  pair_meet(p, name);
  assert_int_equal(p->client.shaken, 0);
  assert_int_equal(p->server.shaken, 0);
  tls_info f = pair_facts(&p->client);
  while (i < CERTS && (f.peer_cert_len != certs[i].der_len ||
                       memcmp(f.peer_cert, certs[i].der, certs[i].der_len) != 0)) {
    i++;
  }
  pair_disconnect(p);
  return i;
}

static void show_all(void) {
  static const struct {
    const char *name;
    size_t cert;
  } rows[] = {
      {"first.test", 0},
      {"a.test", 1},
      {"b.test", 1},
      {"A.TEST", 1},
      {"a.test.", 1},
      {"x.wild.test", 1},
      {"X.Wild.Test", 1},
      {"exact.wild.test", 3}, /* an equal name comes before a wildcard, whatever the order */
      {"x.y.wild.test", 0},   /* a wildcard is one label */
      {"wild.test", 0},
      {".wild.test", 0},
      {"nobody.test", 0}, /* no match */
      {"test", 0},
      {"x", 0},
      {"xy.test", 0}, /* a part of a label is no wildcard */
      {"a.b.test", 0},
      {"nul.test", 0},
      {"192.0.2.7", 0}, /* an address is not sent */
      {"192.0.2.8", 0},
      {"2001:db8::1", 0},
      {"two.test", 3}, /* the client's suites begin with ECDSA */
  };
  SCOPED(tls_pair, p);
  for (size_t i = 0; i < COUNT_OF(rows); i++)
    assert_int_equal(shown(&p, rows[i].name), rows[i].cert);
}

TEST_AROUND_ALL(files, make_certs, free_certs)

TEST_AROUND_EACH(before, pair_after)

TEST(test_certificate_is_chosen_by_name) {
  show_all();
}

TEST(test_certificate_is_chosen_by_name_with_tls_1_2) {
  pair_config.max_version = WSUV_TLS_1_2;
  show_all();
}

/* A client that can use RSA only gets the certificate for the same name that has such a key. */
TEST(test_certificate_with_the_key_that_the_client_can_use) {
  static const char *const suites[] = {"TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"};
  pair_config.max_version = WSUV_TLS_1_2;
  pair_config.ciphersuites = suites;
  pair_config.ciphersuite_count = 1;
  SCOPED(tls_pair, p);
  assert_int_equal(shown(&p, "two.test"), 2);
}

TEST(test_best_match_is_found) {
  static const struct {
    const char *name;
    tls_name_match match;
  } rows[] = {
      {"a.test", TLS_NAME_EQUAL},
      {"a.tesT", TLS_NAME_EQUAL},
      {"c.wild.test", TLS_NAME_WILDCARD},
      {"*.wild.test", TLS_NAME_EQUAL},
      {"c.test", TLS_NAME_NONE},
      {"", TLS_NAME_NONE},
      {".", TLS_NAME_NONE},
      {"a.tes", TLS_NAME_NONE},
  };
  mbedtls_x509_crt parsed;
  mbedtls_x509_crt_init(&parsed);
  assert_int_equal(mbedtls_x509_crt_parse_der(&parsed, certs[1].der, certs[1].der_len), 0);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    const char *name = rows[i].name;
    assert_int_equal(tls_name_find(&parsed, (const uint8_t *) name, strlen(name)), rows[i].match);
  }
  mbedtls_x509_crt_free(&parsed);
}

TEST(test_choice_is_made_for_each_handshake) {
  SCOPED(tls_pair, p);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(shown(&p, "a.test"), 1);
    assert_int_equal(shown(&p, "first.test"), 0);
  }
}

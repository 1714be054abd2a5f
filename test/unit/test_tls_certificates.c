/* F30: whom a client of TLS talks to, and whom it refuses, with which words. */

#include <string.h>

#include <mbedtls/x509.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "support/test.h"
#include "support/tls_pair.h"

/* The outcome of a handshake with a server of that certificate, signed by the authority that is
   trusted unless another is given. */
typedef struct trial {
  const char *name; /* that is connected to */
  int status;
  const char *text;
} trial;

static void try_chain(const cert *leaf, const trial *t) {
  SCOPED(tls_pair, p);
  pair_serve(&p, leaf, NULL);
  pair_meet(&p, t->name);
  const tls_info f = pair_facts(&p.client);
  assert_int_equal(p.client.shaken, t->status);
  assert_string_equal(f.text, t->text);
  assert_int_equal(f.peer_cert_len, leaf->der_len);
  assert_memory_equal(f.peer_cert, leaf->der, leaf->der_len);
  assert_int_equal(p.client.in.len, 0);
  /* A pin that stands alone is looked at when the server is done. */
  if (t->status != 0 && !pair_config.verification_disabled)
    assert_int_not_equal(p.server.shaken, 0);
}

static void try_spec(const cert_spec *spec, cert *issuer, const trial *t) {
  cert leaf;
  cert_make(&leaf, spec, issuer);
  if (issuer == &pair_middle || issuer == &pair_no_ca) cert_append(&leaf, issuer);
  try_chain(&leaf, t);
  cert_free(&leaf);
}

#define MISMATCH "host name does not match"

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

/* Where in a flight the OID of P-256 is (RFC 5480 2.1.1.1); the last byte of it. */
static size_t find_curve(const fifo *flight) {
  static const uint8_t oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  for (size_t at = 0; at + sizeof oid <= flight->len; at++) {
    if (memcmp(fifo_data(flight) + at, oid, sizeof oid) == 0) return at + sizeof oid - 1;
  }
  fail();
  return 0;
}

/* mbedTLS shows the certificate to us all the same, and has nothing of it. */
TEST(test_curve_that_nobody_knows) {
  fifo carried = {0};
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  pair_connect(&p, pair_host, PAIR_PORT);
  tls_end_step(&p.client);
  tls_end_take(&p.client, &carried, SIZE_MAX);
  tls_end_feed(&p.server, fifo_data(&carried), carried.len, 0);
  fifo_consume(&carried, carried.len);
  tls_end_take(&p.server, &carried, SIZE_MAX);
  fifo_data(&carried)[find_curve(&carried)] = 0x50;
  tls_end_feed(&p.client, fifo_data(&carried), carried.len, 0);
  assert_true(p.client.shaken == WSUV_ETLS || p.client.shaken == WSUV_ETLSVERIFY);
  assert_false(pair_facts(&p.client).verified);
  fifo_free(&carried);
}

TEST(test_names) {
  static const trial trials[] = {
      {"example.test", 0, ""},
      {"EXAMPLE.test", 0, ""},
      {"example.test.", 0, ""},
      {"a.wild.test", 0, ""},
      {"wild.test", WSUV_ETLSVERIFY, MISMATCH},
      {"a.b.wild.test", WSUV_ETLSVERIFY, MISMATCH},
      {"example.tes", WSUV_ETLSVERIFY, MISMATCH},
      {"x.example.test", WSUV_ETLSVERIFY, MISMATCH},
      {"server", WSUV_ETLSVERIFY, MISMATCH}, /* the common name, which counts no more */
      {"127.0.0.1", 0, ""},
      {"127.0.0.2", WSUV_ETLSVERIFY, MISMATCH},
      {"2001:db8::1", 0, ""},
      {"2001:db8:0:0::1", 0, ""},
      {"2001:db8::2", WSUV_ETLSVERIFY, MISMATCH},
      {"::ffff:127.0.0.1", WSUV_ETLSVERIFY, MISMATCH},
      {"2001:db8::1%1", 0, ""}, /* a zone is ours alone */
      {"127.0.0.1.", 0, ""},
      {"127.0.0.2.", WSUV_ETLSVERIFY, MISMATCH},
      {"127.1", WSUV_ETLSVERIFY, MISMATCH}, /* what some resolvers take for an address */
      {"2130706433", WSUV_ETLSVERIFY, MISMATCH},
      {".", WSUV_ETLSVERIFY, MISMATCH},
      {"", WSUV_ETLSVERIFY, MISMATCH},
  };
  for (size_t i = 0; i < COUNT_OF(trials); i++) try_chain(&pair_server, &trials[i]);
}

TEST(test_names_with_tricks) {
  const cert_spec spec = {.name = "example.test",
                          .hosts = {"example.test\1.evil.test", "ex*.test", "*", "*.*.test"}};
  static const char *const names[] = {"example.test", "evil.test", "a.b.test", "test", ""};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const trial t = {names[i], WSUV_ETLSVERIFY, MISMATCH};
    try_spec(&spec, &pair_ca, &t);
  }
}

/* Not even where there is no other name. */
TEST(test_common_name_is_no_host) {
  const cert_spec named = {.name = "example.test"}, address = {.name = "127.0.0.1"};
  const trial a = {"example.test", WSUV_ETLSVERIFY, MISMATCH};
  const trial b = {"127.0.0.1", WSUV_ETLSVERIFY, MISMATCH};
  try_spec(&named, &pair_ca, &a);
  try_spec(&address, &pair_ca, &b);
}

/* A name that looks like an address does not stand for it. */
TEST(test_address_in_a_name_is_no_address) {
  const cert_spec spec = {.name = "192.0.2.1", .hosts = {"*.0.2.1", "a.test"}};
  const trial t = {"192.0.2.1", WSUV_ETLSVERIFY, MISMATCH};
  try_spec(&spec, &pair_ca, &t);
}

TEST(test_other_name_can_be_asked_for) {
  const trial t = {"192.0.2.77", 0, ""};
  pair_config.server_name = "b.wild.test";
  try_chain(&pair_server, &t);
}

TEST(test_bad_certificates) {
  const struct {
    cert_spec spec;
    cert *issuer;
    const char *text;
  } cases[] = {
      {{.name = "old", .hosts = {pair_host}, .not_after = "20240101000000"},
       &pair_ca,
       "certificate has expired"},
      {{.name = "new", .hosts = {pair_host}, .not_before = "20980101000000"},
       &pair_ca,
       "certificate is not valid yet"},
      {{.name = "foreign", .hosts = {pair_host}},
       &pair_other_ca,
       "not signed by a trusted authority"},
      {{.name = "alone", .hosts = {pair_host}}, NULL, "not signed by a trusted authority"},
      {{.name = "below", .hosts = {pair_host}}, &pair_no_ca, "not signed by a trusted authority"},
      {{.name = "weak", .hosts = {pair_host}, .sha1 = true}, &pair_ca, "signed with a weak hash"},
      {{.name = "short", .hosts = {pair_host}, .short_key = true}, &pair_ca, "key is too weak"},
      {{.name = "both", .hosts = {"other.test"}, .not_after = "20240101000000"},
       &pair_ca,
       "certificate has expired; " MISMATCH},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const trial t = {pair_host, WSUV_ETLSVERIFY, cases[i].text};
    try_spec(&cases[i].spec, cases[i].issuer, &t);
  }
}

TEST(test_intermediate_is_used_and_missed) {
  const cert_spec spec = {.name = "leaf", .hosts = {pair_host}};
  const trial good = {pair_host, 0, ""};
  const trial missing = {pair_host, WSUV_ETLSVERIFY, "not signed by a trusted authority"};
  cert leaf;
  try_spec(&spec, &pair_middle, &good);
  cert_make(&leaf, &spec, &pair_middle);
  try_chain(&leaf, &missing);
  cert_free(&leaf);
}

TEST(test_self_signed_certificate_can_be_trusted) {
  const cert_spec spec = {.name = "alone", .hosts = {pair_host}};
  const trial good = {pair_host, 0, ""}, wrong = {"other.test", WSUV_ETLSVERIFY, MISMATCH};
  cert leaf;
  cert_make(&leaf, &spec, NULL);
  pair_trust(&leaf);
  try_chain(&leaf, &good);
  try_chain(&leaf, &wrong);
  cert_free(&leaf);
}

TEST(test_pins) {
  char first[64], second[64];
  const char *pins[] = {cert_pin(&pair_ca, first), cert_pin(&pair_server, second)};
  const trial good = {pair_host, 0, ""};
  const trial wrong = {pair_host, WSUV_ETLSPIN,
                       "public key of the server is not among the pinned ones"};
  const trial both = {"other.test", WSUV_ETLSVERIFY, MISMATCH};
  pair_config.pins = pins;
  pair_config.pin_count = 2;
  try_chain(&pair_server, &good);
  pair_config.pin_count = 1;
  try_chain(&pair_server, &wrong);
  try_chain(&pair_server, &both);
  pair_config.verification_disabled = true;
  try_chain(&pair_server, &wrong);
  pair_config.pin_count = 2;
  try_chain(&pair_server, &good);
}

TEST(test_verification_can_be_disabled) {
  const cert_spec spec = {.name = "x", .hosts = {"x.test"}, .not_after = "20240101000000"};
  cert leaf;
  wsuv_tls_config_disable_verification(&pair_config);
  cert_make(&leaf, &spec, NULL);
  SCOPED(tls_pair, p);
  pair_serve(&p, &leaf, NULL);
  assert_false(tls_context_verifies(p.client_ctx));
  for (int i = 0; i < 2; i++) {
    pair_meet(&p, pair_host);
    assert_int_equal(p.client.shaken, 0);
    assert_false(pair_facts(&p.client).verified);
    assert_false(pair_facts(&p.client).resumed);
    assert_true(pair_facts(&p.client).verify_flags & WSUV_CERT_EXPIRED);
    assert_true(pair_facts(&p.client).verify_flags & WSUV_CERT_HOST_MISMATCH);
    pair_disconnect(&p);
  }
  assert_int_equal(p.client_ctx->sessions.count, 0);
  cert_free(&leaf);
}

TEST(test_client_certificate) {
  pair_own(&pair_client);
  SCOPED(tls_pair, p);
  pair_serve(&p, &pair_server, &pair_ca);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, 0);
  assert_int_equal(p.server.shaken, 0);
  tls_info f = pair_facts(&p.server);
  assert_int_equal(f.peer_cert_len, pair_client.der_len);
  assert_memory_equal(f.peer_cert, pair_client.der, pair_client.der_len);
}

TEST(test_client_certificate_of_a_stranger) {
  pair_own(&pair_client);
  SCOPED(tls_pair, p);
  pair_serve(&p, &pair_server, &pair_other_ca);
  pair_meet(&p, pair_host);
  assert_int_equal(p.server.shaken, WSUV_ETLSVERIFY);
  assert_int_equal(p.client.shaken != 0 ? p.client.shaken : p.client.ended, WSUV_ETLS);
  assert_string_equal(pair_facts(&p.client).text,
                      "alert of the peer: unknown certificate authority");
}

/* With TLS 1.3 mbedTLS's client does not encrypt this alert yet, and its server cannot read it. */
TEST(test_server_is_told_why) {
  pair_trust(&pair_other_ca);
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(pair_facts(&p.server).text,
                      "alert of the peer: unknown certificate authority");
}

/* Each flag of mbedTLS as one of ours; what has none of its own is another problem. */
TEST(test_flags_are_ours) {
  static const struct {
    uint32_t theirs;
    uint32_t ours;
  } rows[] = {
      {0, 0},
      {MBEDTLS_X509_BADCERT_EXPIRED, WSUV_CERT_EXPIRED},
      {MBEDTLS_X509_BADCERT_FUTURE, WSUV_CERT_NOT_YET_VALID},
      {MBEDTLS_X509_BADCERT_CN_MISMATCH, WSUV_CERT_HOST_MISMATCH},
      {MBEDTLS_X509_BADCERT_NOT_TRUSTED, WSUV_CERT_NOT_TRUSTED},
      {MBEDTLS_X509_BADCERT_MISSING, WSUV_CERT_MISSING},
      {MBEDTLS_X509_BADCERT_KEY_USAGE, WSUV_CERT_KEY_USAGE},
      {MBEDTLS_X509_BADCERT_EXT_KEY_USAGE, WSUV_CERT_EXT_KEY_USAGE},
      {MBEDTLS_X509_BADCERT_NS_CERT_TYPE, WSUV_CERT_TYPE},
      {MBEDTLS_X509_BADCERT_BAD_MD, WSUV_CERT_WEAK_HASH},
      {MBEDTLS_X509_BADCERT_BAD_PK, WSUV_CERT_KEY_TYPE},
      {MBEDTLS_X509_BADCERT_BAD_KEY, WSUV_CERT_WEAK_KEY},
      {MBEDTLS_X509_BADCERT_REVOKED, WSUV_CERT_REVOKED},
      {MBEDTLS_X509_BADCERT_OTHER, WSUV_CERT_OTHER},
      {MBEDTLS_X509_BADCRL_EXPIRED, WSUV_CERT_CRL_EXPIRED},
      {MBEDTLS_X509_BADCRL_FUTURE, WSUV_CERT_CRL_EXPIRED},
      {MBEDTLS_X509_BADCRL_NOT_TRUSTED, WSUV_CERT_CRL_INVALID},
      {MBEDTLS_X509_BADCRL_BAD_MD, WSUV_CERT_CRL_INVALID},
      {MBEDTLS_X509_BADCRL_BAD_PK, WSUV_CERT_CRL_INVALID},
      {MBEDTLS_X509_BADCRL_BAD_KEY, WSUV_CERT_CRL_INVALID},
      {MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_OTHER,
       WSUV_CERT_EXPIRED | WSUV_CERT_OTHER},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_int_equal(tls_verify_flags(rows[i].theirs), rows[i].ours);
  }
}

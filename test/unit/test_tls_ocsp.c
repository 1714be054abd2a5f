/* OCSP responses that a server sends with its certificate: which of them a client with OpenSSL
   accepts, and what a server gives. mbedTLS refuses to be asked for any of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_contexts.h"
#include "support/revocation.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

#define MISSING "no OCSP response"
#define EXPIRED "OCSP response is out of date, or not valid yet"
#define INVALID "OCSP response is not valid, or not for this certificate"
#define UNKNOWN "OCSP responder does not know the certificate"
#define REVOKED "certificate has been revoked"

/* Of pair_ca: a responder, and others that are none. The server's certificate is pair_server, or
   one that demands a response. */
static cert responder, old_responder, no_responder, foreign_responder, below_responder;
static cert lasting_responder, stapler, below;

static int make_certs(void **state) {
  const cert_spec good = {.name = "responder", .for_ocsp = true};
  const cert_spec old = {.name = "old", .for_ocsp = true, .not_after = "20240101000000"};
  const cert_spec lasting = {.name = "lasting", .for_ocsp = true, .not_looked_up = true};
  const cert_spec none = {.name = "none", .for_servers = true};
  const cert_spec must = {.name = "stapler", .hosts = {pair_host}, .must_staple = true};
  const cert_spec leaf = {.name = "below", .hosts = {pair_host}};
  if (pair_make_certs(state) != 0) return -1;
  cert_make(&responder, &good, &pair_ca);
  cert_make(&old_responder, &old, &pair_ca);
  cert_make(&no_responder, &none, &pair_ca);
  cert_make(&foreign_responder, &good, &pair_other_ca);
  cert_make(&below_responder, &good, &pair_middle);
  cert_make(&lasting_responder, &lasting, &pair_ca);
  cert_make(&stapler, &must, &pair_ca);
  cert_make(&below, &leaf, &pair_middle);
  cert_append(&below, &pair_middle);
  return 0;
}

static int free_certs(void **state) {
  cert *const all[] = {&responder,       &old_responder,     &no_responder, &foreign_responder,
                       &below_responder, &lasting_responder, &stapler,      &below};
  for (size_t i = 0; i < COUNT_OF(all); i++) cert_free(all[i]);
  return pair_free_certs(state);
}

static revocation response;

/* The server gives what the specification says. */
static void staple(const ocsp_spec *spec) {
  ocsp_make(&response, spec);
  pair_server_config.ocsp_der = response.der;
  pair_server_config.ocsp_der_len = response.der_len;
}

static bool has_ocsp(ws_role role) {
  return !test_is_mbedtls(role);
}

static bool both_have_ocsp(void) {
  return has_ocsp(WS_CLIENT) && has_ocsp(WS_SERVER);
}

typedef struct row {
  const char *what;
  ocsp_spec spec;
  uint32_t check, require; /* flags when a response is checked, and when it is required */
  const char *text;        /* of the second */
} row;

#define OF_SERVER .leaf = &pair_server, .issuer = &pair_ca

static const row rows[] = {
    {"the issuer says that it is good", {OF_SERVER, .signer = &pair_ca}, 0, 0, ""},
    {"named by SHA-256", {OF_SERVER, .signer = &pair_ca, .sha256_id = true}, 0, 0, ""},
    {"a responder of the issuer's says it",
     {OF_SERVER, .signer = &responder, .shown = &responder},
     0,
     0,
     ""},
    {"it is revoked",
     {OF_SERVER, .signer = &pair_ca, .status = OCSP_REVOKED},
     WSUV_CERT_REVOKED,
     WSUV_CERT_REVOKED,
     REVOKED},
    {"a responder says that it is revoked",
     {OF_SERVER, .signer = &responder, .shown = &responder, .status = OCSP_REVOKED},
     WSUV_CERT_REVOKED,
     WSUV_CERT_REVOKED,
     REVOKED},
    {"two parts, and one says that it is revoked",
     {OF_SERVER, .signer = &pair_ca, .twice = true},
     WSUV_CERT_REVOKED,
     WSUV_CERT_REVOKED,
     REVOKED},
    {"it is not known",
     {OF_SERVER, .signer = &pair_ca, .status = OCSP_UNKNOWN},
     0,
     WSUV_CERT_OCSP_UNKNOWN,
     UNKNOWN},
    {"out of date",
     {OF_SERVER, .signer = &pair_ca, .this_update = "20200101000000",
      .next_update = "20240101000000"},
     WSUV_CERT_OCSP_EXPIRED,
     WSUV_CERT_OCSP_EXPIRED,
     EXPIRED},
    {"not valid yet",
     {OF_SERVER, .signer = &pair_ca, .this_update = "20980101000000"},
     WSUV_CERT_OCSP_EXPIRED,
     WSUV_CERT_OCSP_EXPIRED,
     EXPIRED},
    {"it ends before it begins",
     {OF_SERVER, .signer = &pair_ca, .this_update = "20260101000000",
      .next_update = "20250101000000"},
     WSUV_CERT_OCSP_EXPIRED,
     WSUV_CERT_OCSP_EXPIRED,
     EXPIRED},
    {"out of date, and revoked",
     {OF_SERVER, .signer = &pair_ca, .next_update = "20240101000000", .status = OCSP_REVOKED},
     WSUV_CERT_OCSP_EXPIRED | WSUV_CERT_REVOKED,
     WSUV_CERT_OCSP_EXPIRED | WSUV_CERT_REVOKED,
     REVOKED "; " EXPIRED},
    {"without an end",
     {OF_SERVER, .signer = &pair_ca, .next_update = ""},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"of another certificate",
     {.leaf = &pair_client, .issuer = &pair_ca, .signer = &pair_ca},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"of another issuer",
     {.leaf = &pair_server, .issuer = &pair_other_ca, .signer = &pair_ca},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"about nothing",
     {.signer = &pair_ca},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by another authority",
     {OF_SERVER, .signer = &pair_other_ca, .shown = &pair_other_ca},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by one that is not there",
     {OF_SERVER, .signer = &responder},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by a responder that has expired",
     {OF_SERVER, .signer = &old_responder, .shown = &old_responder},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by a certificate that is not for it",
     {OF_SERVER, .signer = &no_responder, .shown = &no_responder},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by the server itself",
     {OF_SERVER, .signer = &pair_server},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by a responder of another authority",
     {OF_SERVER, .signer = &foreign_responder, .shown = &foreign_responder},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed by a responder below the issuer's intermediate",
     {OF_SERVER, .signer = &below_responder, .shown = &below_responder},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed with a weak hash",
     {OF_SERVER, .signer = &pair_ca, .sha1 = true},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"signed, and changed",
     {OF_SERVER, .signer = &pair_ca, .spoilt = true},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"revoked, but nobody has signed that",
     {OF_SERVER, .signer = &pair_ca, .spoilt = true, .status = OCSP_REVOKED},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"with a critical extension",
     {OF_SERVER, .signer = &pair_ca, .strange = true},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"with a critical extension of the part",
     {OF_SERVER, .signer = &pair_ca, .strange_part = true},
     WSUV_CERT_OCSP_INVALID,
     WSUV_CERT_OCSP_INVALID,
     INVALID},
    {"the responder says to try later",
     {.signer = &pair_ca, .error = 3},
     0,
     WSUV_CERT_OCSP_MISSING,
     MISSING},
};

/* What a server of ours would refuse to give is put in the place of what it gives. */
static void put_in_place(tls_pair *p) {
  tls_inside_staple(p->server_ctx, response.der, response.der_len);
}

static int status_of(uint32_t flags) {
  if (flags == 0) return 0;
  return (flags & WSUV_CERT_REVOKED) != 0 ? WSUV_ETLSVERIFY : WSUV_ETLSOCSP;
}

static void assert_outcome(const tls_end *e, uint32_t flags, const char *text) {
  tls_info f = pair_facts(e);
  assert_int_equal(e->shaken, status_of(flags));
  assert_int_equal(f.verify_flags, flags);
  if (text != NULL) assert_string_equal(f.text, text);
  assert_true(f.verified == (flags == 0));
  assert_int_equal(e->in.len, 0);
}

static void try_row(const row *r, wsuv_tls_ocsp_t ocsp) {
  uint32_t flags = ocsp == WSUV_TLS_OCSP_OFF     ? 0
                   : ocsp == WSUV_TLS_OCSP_CHECK ? r->check
                                                 : r->require;
  print_message("%s, %d\n", r->what, (int) ocsp);
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  staple(&good);
  pair_config.ocsp = ocsp;
  SCOPED(tls_pair, p);
  ocsp_make(&response, &r->spec);
  put_in_place(&p);
  pair_meet(&p, pair_host);
  bool same = ocsp == WSUV_TLS_OCSP_REQUIRE || r->check == r->require;
  assert_outcome(&p.client, flags, flags != 0 && same ? r->text : flags == 0 ? "" : NULL);
  if (flags != 0) assert_true(p.server.shaken != 0 || p.server.ended != 0);
}

TEST_AROUND_ALL(files, make_certs, free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

static void try_all(void) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    try_row(&rows[i], WSUV_TLS_OCSP_CHECK);
    try_row(&rows[i], WSUV_TLS_OCSP_REQUIRE);
    try_row(&rows[i], WSUV_TLS_OCSP_OFF);
  }
}

TEST(test_responses_in_tls_1_2) {
  if (!both_have_ocsp()) return;
  pair_config.max_version = WSUV_TLS_1_2;
  try_all();
}

TEST(test_responses_in_tls_1_3) {
  if (both_have_ocsp()) try_all();
}

/* Each byte of a good response, changed, is no good response any more, or the same. */
TEST(test_changed_response_is_never_good) {
  const ocsp_spec revoked = {OF_SERVER, .signer = &pair_ca, .status = OCSP_REVOKED};
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  if (!both_have_ocsp()) return;
  staple(&good);
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  SCOPED(tls_pair, p);
  ocsp_make(&response, &revoked);
  for (size_t i = 0; i < response.der_len; i++) {
    response.der[i] ^= 0x04;
    put_in_place(&p);
    pair_meet(&p, pair_host);
    assert_int_not_equal(p.client.shaken, 0);
    pair_disconnect(&p);
    response.der[i] ^= 0x04;
  }
  size_t whole = response.der_len;
  for (response.der_len = 0; response.der_len < whole; response.der_len++) {
    put_in_place(&p);
    pair_meet(&p, pair_host);
    assert_int_not_equal(p.client.shaken, 0);
    pair_disconnect(&p);
  }
}

/* The peer learns that it was its response. */
TEST(test_alert_of_a_bad_response) {
  const ocsp_spec spec = {OF_SERVER, .signer = &pair_ca, .spoilt = true};
  if (!both_have_ocsp()) return;
  pair_config.max_version = WSUV_TLS_1_2;
  staple(&spec);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_string_equal(pair_facts(&p.server).text,
                      "alert of the peer: bad certificate status response");
}

TEST(test_response_that_does_not_come) {
  static const wsuv_tls_ocsp_t all[] = {WSUV_TLS_OCSP_CHECK, WSUV_TLS_OCSP_REQUIRE,
                                        WSUV_TLS_OCSP_OFF};
  if (!has_ocsp(WS_CLIENT)) return;
  for (size_t i = 0; i < 2 * COUNT_OF(all); i++) {
    bool demanded = i % 2 == 1;
    pair_config.ocsp = all[i / 2];
    bool needed = pair_config.ocsp == WSUV_TLS_OCSP_REQUIRE ||
                  (demanded && pair_config.ocsp == WSUV_TLS_OCSP_CHECK);
    SCOPED(tls_pair, p);
    pair_serve(&p, demanded ? &stapler : &pair_server, NULL);
    pair_meet(&p, pair_host);
    assert_outcome(&p.client, needed ? WSUV_CERT_OCSP_MISSING : 0, needed ? MISSING : "");
  }
}

/* A certificate that demands a response has one; an error of the responder's is none. */
TEST(test_response_that_the_certificate_demands) {
  const ocsp_spec good = {.leaf = &stapler, .issuer = &pair_ca, .signer = &pair_ca};
  const ocsp_spec later = {.signer = &pair_ca, .error = 3};
  if (!both_have_ocsp()) return;
  pair_config.resumption = false;
  pair_server_config.cert_pem = stapler.pem;
  pair_server_config.cert_pem_len = strlen(stapler.pem);
  pair_server_config.key_pem = stapler.key_pem;
  pair_server_config.key_pem_len = strlen(stapler.key_pem);
  staple(&good);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, "");
  pair_disconnect(&p);
  ocsp_make(&response, &later);
  put_in_place(&p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, WSUV_CERT_OCSP_MISSING, MISSING);
}

/* The issuer of the leaf is the intermediate, and the authority above cannot speak for it. */
TEST(test_response_of_an_intermediate) {
  const ocsp_spec good = {.leaf = &below, .issuer = &pair_middle, .signer = &pair_middle};
  const ocsp_spec above = {.leaf = &below, .issuer = &pair_middle, .signer = &pair_ca};
  if (!both_have_ocsp()) return;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  pair_server_config.cert_pem = below.pem;
  pair_server_config.cert_pem_len = strlen(below.pem);
  pair_server_config.key_pem = below.key_pem;
  pair_server_config.key_pem_len = strlen(below.key_pem);
  staple(&good);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, "");
  pair_disconnect(&p);
  ocsp_make(&response, &above);
  put_in_place(&p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, WSUV_CERT_OCSP_INVALID, INVALID);
}

/* --- responders, and lists of revoked certificates --- */

static revocation of_ca, of_middle;
static char lists[4 * REVOCATION_SIZE];

/* The client's lists, which have these certificates. NULL: nothing is in it. */
static void list_revoked(const cert *by_ca, const cert *by_middle) {
  const crl_spec ca = {.signer = &pair_ca, .revoked = {by_ca}};
  const crl_spec middle = {.signer = &pair_middle, .revoked = {by_middle}};
  crl_make(&of_ca, &ca);
  crl_make(&of_middle, &middle);
  int len = snprintf(lists, sizeof lists, "%s%s", of_ca.pem, of_middle.pem);
  assert_in_range(len, 1, sizeof lists - 1);
  pair_config.crl_pem = lists;
  pair_config.crl_pem_len = (size_t) len;
}

/* What a client says to a response about `leaf`, which this responder has signed. */
static void try_responder(cert *signer, cert *leaf, const cert *issuer, uint32_t flags) {
  const ocsp_spec by_issuer = {.leaf = leaf, .issuer = issuer, .signer = signer, .shown = signer};
  pair_server_config.cert_pem = leaf->pem;
  pair_server_config.cert_pem_len = strlen(leaf->pem);
  pair_server_config.key_pem = leaf->key_pem;
  pair_server_config.key_pem_len = strlen(leaf->key_pem);
  staple(&by_issuer);
  for (int required = 0; required < 2; required++) {
    pair_config.ocsp = required == 1 ? WSUV_TLS_OCSP_REQUIRE : WSUV_TLS_OCSP_CHECK;
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    assert_outcome(&p.client, flags, flags == 0 ? "" : INVALID);
  }
}

static void try_responders(void) {
  list_revoked(&pair_client, &pair_client);
  try_responder(&responder, &pair_server, &pair_ca, 0);
  try_responder(&below_responder, &below, &pair_middle, 0);
  list_revoked(&responder, &responder); /* which is not the other authority's */
  try_responder(&responder, &pair_server, &pair_ca, WSUV_CERT_OCSP_INVALID);
  try_responder(&below_responder, &below, &pair_middle, 0);
  list_revoked(&below_responder, &below_responder);
  try_responder(&responder, &pair_server, &pair_ca, 0);
  try_responder(&below_responder, &below, &pair_middle, WSUV_CERT_OCSP_INVALID);
}

TEST(test_responder_is_looked_up_where_there_are_lists) {
  if (!both_have_ocsp()) return;
  try_responders();
  pair_config.crl_check = WSUV_TLS_CRL_LEAF;
  try_responders();
}

TEST(test_responder_is_not_looked_up_without_lists) {
  if (!both_have_ocsp()) return;
  try_responder(&responder, &pair_server, &pair_ca, 0);
}

/* Its issuer says so in its certificate (id-pkix-ocsp-nocheck). */
TEST(test_responder_that_need_not_be_looked_up) {
  if (!both_have_ocsp()) return;
  list_revoked(&lasting_responder, NULL);
  try_responder(&lasting_responder, &pair_server, &pair_ca, 0);
}

/* The issuer needs no list of its own to sign a response. */
TEST(test_issuer_signs_where_there_are_lists) {
  if (!both_have_ocsp()) return;
  list_revoked(&responder, &below_responder);
  try_responder(&pair_ca, &pair_server, &pair_ca, 0);
  try_responder(&pair_middle, &below, &pair_middle, 0);
}

/* A leaf that is trusted by itself needs no word of an issuer, unless one is required. */
TEST(test_response_for_a_trusted_leaf) {
  const ocsp_spec revoked = {OF_SERVER, .signer = &pair_ca, .status = OCSP_REVOKED};
  if (!both_have_ocsp()) return;
  pair_trust(&pair_server);
  for (int required = 0; required < 2; required++) {
    pair_config.ocsp = required == 1 ? WSUV_TLS_OCSP_REQUIRE : WSUV_TLS_OCSP_CHECK;
    staple(&revoked);
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    assert_outcome(&p.client, required == 1 ? WSUV_CERT_OCSP_INVALID : 0,
                   required == 1 ? INVALID : "");
  }
}

/* What is wrong with the certificate itself counts more. */
TEST(test_other_errors_have_their_own_code) {
  const ocsp_spec bad = {OF_SERVER, .signer = &pair_ca, .spoilt = true};
  if (!both_have_ocsp()) return;
  staple(&bad);
  SCOPED(tls_pair, p);
  pair_meet(&p, "other.test");
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  assert_int_equal(pair_facts(&p.client).verify_flags, WSUV_CERT_HOST_MISMATCH);
}

/* Without verification nothing is asked for, so that nothing can be wrong. */
TEST(test_response_without_verification) {
  const ocsp_spec revoked = {OF_SERVER, .signer = &pair_ca, .status = OCSP_REVOKED};
  if (!both_have_ocsp()) return;
  staple(&revoked);
  wsuv_tls_config_disable_verification(&pair_config);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, 0);
  assert_int_equal(pair_facts(&p.client).verify_flags, WSUV_CERT_NOT_TRUSTED);
}

/* A session that is resumed shows no certificate, and has no response. One that must have a
   response is not resumed. */
TEST(test_resumption_and_responses) {
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  if (!both_have_ocsp()) return;
  staple(&good);
  for (int old = 0; old < 2; old++) {
    pair_config.max_version = old == 1 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    for (int required = 0; required < 2; required++) {
      pair_config.ocsp = required == 1 ? WSUV_TLS_OCSP_REQUIRE : WSUV_TLS_OCSP_CHECK;
      SCOPED(tls_pair, p);
      for (int i = 0; i < 2; i++) {
        pair_meet(&p, pair_host);
        assert_outcome(&p.client, 0, "");
        assert_true(pair_facts(&p.client).resumed == (i == 1 && required == 0));
        pair_disconnect(&p);
      }
    }
  }
}

/* --- servers --- */

static int load(tls_failure *failure) {
  tls_context *ctx;
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_server_config, WS_SERVER, failure);
  if (err == 0) tls_context_unref(ctx);
  assert_int_equal(pair_alloc.live, 0);
  return err;
}

TEST(test_response_that_a_server_does_not_take) {
  const struct {
    ocsp_spec spec;
    const char *text;
  } bad[] = {
      {{.signer = &pair_ca, .error = 3}, "OCSP response: an error of the responder"},
      {{.leaf = &pair_client, .issuer = &pair_ca, .signer = &pair_ca},
       "OCSP response: not for the certificate, or without nextUpdate"},
      {{OF_SERVER, .signer = &pair_ca, .next_update = ""},
       "OCSP response: not for the certificate, or without nextUpdate"},
      {{.signer = &pair_ca}, "OCSP response: not for the certificate, or without nextUpdate"},
  };
  tls_failure failure;
  if (!has_ocsp(WS_SERVER)) return;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    staple(&bad[i].spec);
    assert_int_equal(load(&failure), WSUV_ETLS);
    assert_string_equal(failure.text, bad[i].text);
  }
  pair_server_config.ocsp_der = "junk";
  pair_server_config.ocsp_der_len = 4;
  assert_int_equal(load(&failure), WSUV_ETLS);
  assert_string_equal(failure.text, "OCSP response: malformed");
}

TEST(test_response_from_a_file) {
  char text[TLS_TEXT_SIZE];
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  tls_failure failure;
  if (!both_have_ocsp()) return;
  SCOPED(temp_file, file);
  ocsp_make(&response, &good);
  temp_file_put(&file, response.der, response.der_len);
  pair_server_config.ocsp_file = file.path;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, "");
  assert_int_equal(unlink(file.path), 0);
  tls_context *ctx;
  assert_int_equal(
      tls_loaded_context(&ctx, &pair_alloc.handle, &pair_server_config, WS_SERVER, &failure),
      WSUV_ETLS);
  (void) snprintf(text, sizeof text, "OCSP response: %s: no such file or directory", file.path);
  assert_string_equal(failure.text, text);
}

/* It would have clients refuse a certificate that may be good. */
TEST(test_response_that_is_out_of_date_is_not_given) {
  const ocsp_spec old = {OF_SERVER, .signer = &pair_ca, .next_update = "20240101000000"};
  if (!both_have_ocsp()) return;
  staple(&old);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, "");
  pair_disconnect(&p);
  tls_context_unref(p.client_ctx);
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  tls_failure failure;
  assert_int_equal(
      tls_loaded_context(&p.client_ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure), 0);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, WSUV_CERT_OCSP_MISSING, MISSING);
}

/* Each certificate of a server has a response of its own. */
TEST(test_responses_of_several_certificates) {
  const cert_spec spec = {.name = "second", .hosts = {"second.test"}};
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  wsuv_tls_cert_t more;
  const wsuv_tls_cert_t *const list[] = {&more};
  cert second;
  revocation of_second;
  if (!both_have_ocsp()) return;
  cert_make(&second, &spec, &pair_ca);
  const ocsp_spec revoked = {
      .leaf = &second, .issuer = &pair_ca, .signer = &pair_ca, .status = OCSP_REVOKED};
  ocsp_make(&of_second, &revoked);
  staple(&good);
  pair_cert(&more, &second);
  more.ocsp_der = of_second.der;
  more.ocsp_der_len = of_second.der_len;
  pair_server_config.certs = list;
  pair_server_config.cert_count = 1;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, "");
  pair_disconnect(&p);
  pair_meet(&p, "second.test");
  assert_outcome(&p.client, WSUV_CERT_REVOKED, REVOKED);
  pair_disconnect(&p);
  cert_free(&second);
}

/* The response is exchanged as certificates are: for the handshakes to come, and no other. */
TEST(test_response_is_replaced_under_load) {
  enum { SESSIONS = 12 };
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  const ocsp_spec revoked = {OF_SERVER, .signer = &pair_ca, .status = OCSP_REVOKED};
  tls_contexts contexts = {{NULL}};
  tls_failure failure;
  tls_end ends[SESSIONS][2];
  if (!both_have_ocsp()) return;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  staple(&good);
  SCOPED(tls_pair, p);
  assert_int_equal(
      tls_contexts_replace(&contexts, &pair_alloc.handle, &pair_server_config, WS_SERVER, &failure),
      0);
  staple(&revoked);
  for (size_t i = 0; i < SESSIONS; i++) {
    tls_end_init(&ends[i][0], p.client_ctx, pair_host, PAIR_PORT);
    tls_end_init(&ends[i][1], contexts.list[0], NULL, 0);
    tls_ends_run_until(&ends[i][1], &ends[i][0], i % 2 == 0 ? UINT64_MAX : 100 * i);
    if (i != SESSIONS / 2) continue;
    assert_int_equal(tls_contexts_replace(&contexts, &pair_alloc.handle, &pair_server_config,
                                          WS_SERVER, &failure),
                     0);
  }
  for (size_t i = 0; i < SESSIONS; i++) {
    tls_ends_run(&ends[i][0], &ends[i][1], 0);
    assert_outcome(&ends[i][0], i <= SESSIONS / 2 ? 0 : WSUV_CERT_REVOKED, NULL);
    tls_end_free(&ends[i][0]);
    tls_end_free(&ends[i][1]);
  }
  tls_contexts_free(&contexts);
}

TEST(test_response_without_memory) {
  const ocsp_spec good = {OF_SERVER, .signer = &pair_ca};
  tls_failure failure;
  int err = WS_ENOMEM;
  if (!has_ocsp(WS_SERVER)) return;
  staple(&good);
  for (uint64_t n = 1; err != 0; n++) {
    pair_alloc.fail_at = pair_alloc.calls + n;
    err = load(&failure);
    assert_true(err == 0 || err == WS_ENOMEM);
  }
  pair_alloc.fail_at = 0;
}

/* --- the configuration --- */

/* A library without it says so before anything is opened. */
TEST(test_library_without_ocsp_refuses_it) {
  wsuv_tls_cert_t more;
  const wsuv_tls_cert_t *const list[] = {&more};
  ws_why why;
  int clients = has_ocsp(WS_CLIENT) ? 0 : WSUV_ETLSOPTION;
  int servers = has_ocsp(WS_SERVER) ? 0 : WSUV_ETLSOPTION;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), clients);
  if (clients < 0) assert_string_equal(why.text, "ocsp: mbedTLS has no OCSP");
  pair_config.ocsp = WSUV_TLS_OCSP_OFF;
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), 0);
  pair_cert(&more, &pair_server);
  pair_server_config.certs = list;
  pair_server_config.cert_count = 1;
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), 0);
  more.ocsp_file = "response";
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), servers);
  if (servers < 0) assert_string_equal(why.text, "ocsp_file, ocsp_der: mbedTLS has no OCSP");
  more.ocsp_file = NULL;
  pair_server_config.ocsp_file = "response";
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), servers);
}

TEST(test_fields_of_responses_are_checked) {
  const wsuv_tls_config_t client = pair_config, server = pair_server_config;
  ws_why why;
  for (int ocsp = -1; ocsp <= 3; ocsp++) {
    pair_config.ocsp = (wsuv_tls_ocsp_t) ocsp;
    bool known = ocsp >= 0 && ocsp < 3;
    bool there = ocsp != WSUV_TLS_OCSP_REQUIRE || has_ocsp(WS_CLIENT);
    assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, NULL), !known  ? WS_EINVAL
                                                                      : there ? 0
                                                                              : WSUV_ETLSOPTION);
  }
  pair_config = client;
  pair_config.ocsp = WSUV_TLS_OCSP_REQUIRE;
  wsuv_tls_config_disable_verification(&pair_config);
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), WS_EINVAL);
  assert_string_equal(why.text, "without verification there are no CRLs and no OCSP");
  pair_config = client;
  pair_own(&pair_client);
  pair_config.ocsp_file = "response";
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), WS_EINVAL);
  assert_string_equal(why.text, "a field of TLS servers is set for a client");
  pair_server_config.ocsp = WSUV_TLS_OCSP_OFF;
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), WS_EINVAL);
  assert_string_equal(why.text, "a field of TLS clients is set for a server");
  pair_server_config = server;
  pair_server_config.ocsp_der = "x";
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, NULL), WS_EINVAL);
  pair_server_config.ocsp_der_len = 1;
  pair_server_config.ocsp_file = "in two forms";
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, NULL), WS_EINVAL);
}

TEST(test_every_difference_of_responses_counts) {
  wsuv_tls_cert_t more, other;
  const wsuv_tls_cert_t *const list[] = {&more}, *const others[] = {&other};
  wsuv_tls_config_t c[5], copy;
  pair_cert(&more, &pair_server);
  more.ocsp_der = "response";
  more.ocsp_der_len = 8;
  other = more;
  other.ocsp_der = "responsf";
  pair_server_config.certs = list;
  pair_server_config.cert_count = 1;
  pair_server_config.ocsp_file = "a";
  for (size_t i = 0; i < 5; i++) c[i] = pair_server_config;
  c[0].ocsp_file = "b";
  c[1].ocsp_file = NULL;
  c[2].ocsp = WSUV_TLS_OCSP_OFF;
  c[3].certs = others;
  c[4].ocsp_der = "x";
  c[4].ocsp_der_len = 1;
  for (size_t i = 0; i < 5; i++) {
    assert_false(tls_config_equal(&c[i], &pair_server_config));
    assert_false(tls_config_equal(&pair_server_config, &c[i]));
    assert_int_equal(tls_config_copy(&copy, &pair_alloc.handle, &c[i]), 0);
    assert_true(tls_config_equal(&copy, &c[i]));
    tls_config_free(&copy, &pair_alloc.handle);
  }
}

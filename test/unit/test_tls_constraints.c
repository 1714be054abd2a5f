/* F55: name constraints of authorities (RFC 5280 4.2.1.10), and critical extensions that are not
   understood. interop/tls_constraints.py compares the same with OpenSSL. */

#include <string.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "support/test.h"
#include "support/tls_pair.h"

#define OUTSIDE "outside of the name constraints of its authority"
#define EXTENSION "a critical extension that is not understood, or a malformed one"

/* The constraints of an authority, and names that a certificate below may have or not. */
typedef struct row {
  cert_spec authority;
  cert_spec leaf;
  bool good;
} row;

static void judge(tls_pair *p, const char *name, bool good) {
  pair_meet(p, name);
  tls_info facts = pair_facts(&p->client);
  assert_int_equal(p->client.shaken, good ? 0 : WSUV_ETLSVERIFY);
  assert_string_equal(facts.text, good ? "" : OUTSIDE);
  assert_int_equal(facts.verify_flags, good ? 0 : WSUV_CERT_NAME_CONSTRAINTS);
}

/* A leaf that the anchor has signed. The host that is connected to is its first name. */
static void try_row(const row *r) {
  cert anchor, leaf;
  cert_spec authority = r->authority, server = r->leaf;
  authority.name = "constrained";
  authority.ca = true;
  server.name = "leaf of it";
  cert_make(&anchor, &authority, NULL);
  cert_make(&leaf, &server, &anchor);
  pair_trust(&anchor);
  SCOPED(tls_pair, p);
  pair_serve(&p, &leaf, NULL);
  judge(&p, server.hosts[0], r->good);
  cert_free(&anchor);
  cert_free(&leaf);
}

TEST_AROUND_ALL(files, pair_make_certs, pair_free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_dns_constraints) {
  static const row rows[] = {
      {{.permits = {"example.test"}}, {.hosts = {"example.test"}}, true},
      {{.permits = {"example.test"}}, {.hosts = {"a.example.test", "EXAMPLE.Test"}}, true},
      {{.permits = {"EXAMPLE.test"}}, {.hosts = {"a.b.example.test"}}, true},
      {{.permits = {"example.test"}}, {.hosts = {"other.test"}}, false},
      {{.permits = {"example.test"}}, {.hosts = {"anexample.test"}}, false},
      {{.permits = {"example.test"}}, {.hosts = {"example.test", "other.test"}}, false},
      {{.permits = {"example.test", "other.test"}}, {.hosts = {"a.other.test"}}, true},
      {{.permits = {".example.test"}}, {.hosts = {"a.example.test"}}, true},
      {{.permits = {".example.test"}}, {.hosts = {"example.test"}}, false},
      {{.permits = {""}}, {.hosts = {"other.test"}}, true},
      {{.excludes = {""}}, {.hosts = {"other.test"}}, false},
      {{.excludes = {"example.test"}}, {.hosts = {"other.test"}}, true},
      {{.excludes = {"example.test"}}, {.hosts = {"example.test"}}, false},
      {{.excludes = {"example.test"}}, {.hosts = {"other.test", "a.Example.test"}}, false},
      {{.permits = {"test"}, .excludes = {"bad.test"}}, {.hosts = {"good.test"}}, true},
      {{.permits = {"test"}, .excludes = {"bad.test"}}, {.hosts = {"a.bad.test"}}, false},
      {{.permits = {"example.test"}, .critical = true}, {.hosts = {"a.example.test"}}, true},
      {{.permits = {"example.test"}, .critical = true}, {.hosts = {"other.test"}}, false},
      {{.permits = {"example.test"}}, {.hosts = {"127.0.0.1"}}, true}, /* of another kind */
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) try_row(&rows[i]);
}

/* A wildcard must be permitted as a whole, and may not stand for an excluded name. */
TEST(test_dns_constraints_and_wildcards) {
  static const char wild[] = "*.example.test", host[] = "x.example.test";
  static const row rows[] = {
      {{.permits = {"example.test"}}, {.hosts = {host, wild}}, true},
      {{.permits = {"x.example.test"}}, {.hosts = {host, wild}}, false},
      {{.excludes = {"example.test"}}, {.hosts = {host, wild}}, false},
      {{.excludes = {"a.example.test"}}, {.hosts = {host, wild}}, false},
      {{.excludes = {"a.b.example.test"}}, {.hosts = {host, wild}}, true},
      {{.excludes = {".a.example.test"}}, {.hosts = {host, wild}}, true},
      {{.excludes = {"other.test"}}, {.hosts = {host, wild}}, true},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) try_row(&rows[i]);
}

TEST(test_address_constraints) {
  static const row rows[] = {
      {{.permits = {"10.0.0.0/8"}}, {.hosts = {"10.1.2.3"}}, true},
      {{.permits = {"10.0.0.0/8"}}, {.hosts = {"11.1.2.3"}}, false},
      {{.permits = {"10.0.0.0/8"}}, {.hosts = {"10.1.2.3", "192.0.2.1"}}, false},
      {{.permits = {"10.0.0.0/8", "192.0.2.0/25"}}, {.hosts = {"192.0.2.127"}}, true},
      {{.permits = {"10.0.0.0/8", "192.0.2.0/25"}}, {.hosts = {"192.0.2.128"}}, false},
      {{.permits = {"10.0.0.0/8"}}, {.hosts = {"2001:db8::1"}}, false},
      {{.permits = {"10.0.0.0/8"}}, {.hosts = {"example.test"}}, true},
      {{.permits = {"2001:db8::/32"}}, {.hosts = {"2001:db8:ffff::1"}}, true},
      {{.permits = {"2001:db8::/32"}}, {.hosts = {"2001:db9::1"}}, false},
      {{.excludes = {"0.0.0.0/0", "::/0"}}, {.hosts = {"10.1.2.3"}}, false},
      {{.excludes = {"0.0.0.0/0", "::/0"}}, {.hosts = {"2001:db8::1"}}, false},
      {{.excludes = {"0.0.0.0/0", "::/0"}}, {.hosts = {"example.test"}}, true},
      {{.excludes = {"10.0.0.0/8"}}, {.hosts = {"11.1.2.3"}}, true},
      {{.permits = {"10.0.0.0/8"}, .critical = true}, {.hosts = {"11.1.2.3"}}, false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) try_row(&rows[i]);
}

/* With mbedTLS they are not checked, so where they are critical, and the certificate may have such
   a name, it is refused. OpenSSL checks them all. */
TEST(test_constraints_of_other_kinds) {
  const row rows[] = {
      {{.permits = {"email:test"}}, {.hosts = {"example.test"}}, true},
      {{.permits = {"directory:"}}, {.hosts = {"example.test"}}, true},
      {{.excludes = {"uri:test"}}, {.hosts = {"example.test"}}, true},
      {{.permits = {"email:test"}, .critical = true},
       {.hosts = {"example.test"}},
       !test_is_mbedtls(WS_CLIENT)},
      {{.excludes = {"directory:"}, .critical = true}, {.hosts = {"example.test"}}, false},
      {{.excludes = {"uri:test"}, .critical = true}, {.hosts = {"example.test"}}, true},
      {{.permits = {"test"}, .malformed = true}, {.hosts = {"example.test"}}, false},
      {{.excludes = {"x.test"}, .malformed = true}, {.hosts = {"example.test"}}, false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) try_row(&rows[i]);
}

/* All authorities above count, and the names of an authority, too. */
TEST(test_constraints_of_a_chain) {
  static const char host[] = "a.example.test";
  static const struct {
    cert_spec top, middle;
    bool good;
  } rows[] = {
      {{.permits = {"example.test"}}, {.permits = {"a.example.test"}}, true},
      {{.permits = {"example.test"}}, {.permits = {"b.example.test"}}, false},
      {{.permits = {"other.test"}}, {.permits = {"example.test"}}, false},
      {{.excludes = {"a.example.test"}}, {.name = NULL}, false},
      {{.name = NULL}, {.excludes = {"a.example.test"}}, false},
      {{.permits = {"example.test"}}, {.hosts = {"other.test"}}, false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    cert_spec top = rows[i].top, middle = rows[i].middle;
    const cert_spec spec = {.name = "leaf", .hosts = {host}};
    cert anchor, between, leaf;
    top.name = "top";
    middle.name = "between";
    top.ca = middle.ca = true;
    cert_make(&anchor, &top, NULL);
    cert_make(&between, &middle, &anchor);
    cert_make(&leaf, &spec, &between);
    cert_append(&leaf, &between);
    pair_trust(&anchor);
    SCOPED(tls_pair, p);
    pair_serve(&p, &leaf, NULL);
    judge(&p, host, rows[i].good);
    cert_free(&anchor);
    cert_free(&between);
    cert_free(&leaf);
  }
}

/* The clients of a server are judged in the same way. */
TEST(test_constraints_of_clients) {
  const cert_spec authority = {.name = "constrained", .ca = true, .permits = {"example.test"}};
  const cert_spec client = {.name = "client", .hosts = {"other.test"}};
  cert anchor, own;
  cert_make(&anchor, &authority, NULL);
  cert_make(&own, &client, &anchor);
  pair_own(&own);
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  pair_serve(&p, &pair_server, &anchor);
  pair_meet(&p, pair_host);
  assert_int_equal(p.server.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(pair_facts(&p.server).text, OUTSIDE);
  cert_free(&anchor);
  cert_free(&own);
}

/* Violated, and reported, but verification was disabled. */
TEST(test_constraints_without_verification) {
  const cert_spec authority = {.name = "constrained", .ca = true, .permits = {"example.test"}};
  const cert_spec spec = {.name = "leaf", .hosts = {"other.test"}};
  cert anchor, leaf;
  cert_make(&anchor, &authority, NULL);
  cert_make(&leaf, &spec, &anchor);
  cert_append(&leaf, &anchor);
  wsuv_tls_config_disable_verification(&pair_config);
  SCOPED(tls_pair, p);
  pair_serve(&p, &leaf, NULL);
  pair_meet(&p, "other.test");
  assert_int_equal(p.client.shaken, 0);
  cert_free(&anchor);
  cert_free(&leaf);
}

/* --- extensions that mbedTLS does not take --- */

static int take_all(void *arg, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid,
                    int critical, const unsigned char *p, const unsigned char *end) {
  (void) arg;
  (void) crt;
  (void) oid;
  (void) critical;
  (void) p;
  (void) end;
  return 0;
}

/* Replace the certificate of a context by one that mbedTLS would not parse, with another behind
   it. */
static void own_strange(tls_context *c, const cert *leaf, const cert *next) {
  tls_identity *own = &mbed_context_of(c)->own.list[0];
  mbedtls_x509_crt_free(&own->chain);
  mbedtls_x509_crt_init(&own->chain);
  mbedtls_pk_free(&own->key);
  mbedtls_pk_init(&own->key);
  for (const cert *from = leaf; from != NULL; from = from == leaf ? next : NULL) {
    int r = mbedtls_x509_crt_parse_der_with_ext_cb(&own->chain, from->der, from->der_len, 1,
                                                   take_all, NULL);
    assert_int_equal(r, 0);
  }
  const unsigned char *key = (const unsigned char *) leaf->key_pem;
  assert_int_equal(
      tls_mbed_parse_key(&own->key, key, strlen(leaf->key_pem) + 1, NULL, tls_context_random, c),
      0);
}

static void assert_shown(const tls_info *facts, const uint8_t *der, size_t len) {
  assert_non_null(facts->peer_cert);
  assert_int_equal(facts->peer_cert_len, len);
  assert_memory_equal(facts->peer_cert, der, len);
}

static void assert_refused(const cert *leaf, const cert *next, const char *text) {
  pair_server_config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  SCOPED(tls_pair, p);
  own_strange(p.server_ctx, leaf, next);
  pair_meet(&p, pair_host);
  tls_info facts = pair_facts(&p.client);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(facts.text, text);
  assert_int_equal(facts.verify_flags, WSUV_CERT_EXTENSION);
  assert_shown(&facts, leaf->der, leaf->der_len);
}

TEST(test_critical_extension_of_the_peer) {
  const cert_spec strange = {.name = "leaf", .hosts = {pair_host}, .strange = true};
  const cert_spec policy = {.name = "leaf", .hosts = {pair_host}, .policy = true};
  const cert_spec between = {
      .name = "between", .ca = true, .permits = {pair_host}, .critical = true};
  const cert_spec plain = {.name = "leaf", .hosts = {pair_host}};
  cert a, b, c, d;
  cert_make(&a, &strange, &pair_ca);
  assert_refused(&a, NULL, EXTENSION);
  cert_make(&b, &policy, &pair_ca);
  /* OpenSSL understands policies, and the constraints below. */
  if (test_is_mbedtls(WS_CLIENT)) {
    assert_refused(&b, NULL, "a critical policy that is not understood");
  }
  cert_make(&c, &between, &pair_ca);
  cert_make(&d, &plain, &c);
  if (test_is_mbedtls(WS_CLIENT)) assert_refused(&d, &c, EXTENSION);
  cert_free(&a);
  cert_free(&b);
  cert_free(&c);
  cert_free(&d);
}

TEST(test_critical_extension_of_a_client) {
  const cert_spec strange = {.name = "client", .strange = true};
  cert c;
  cert_make(&c, &strange, &pair_ca);
  pair_own(&pair_client);
  pair_config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_ca);
  SCOPED(tls_pair, p);
  own_strange(p.client_ctx, &c, NULL);
  pair_meet(&p, pair_host);
  tls_info facts = pair_facts(&p.server);
  assert_int_equal(p.server.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(facts.text, EXTENSION);
  assert_int_equal(facts.verify_flags, WSUV_CERT_EXTENSION);
  assert_shown(&facts, c.der, c.der_len);
  cert_free(&c);
}

/* The month of its first date becomes one that does not exist. */
static void spoil_date(mbedtls_x509_crt *chain) {
  enum { UTC_TIME = 0x17, LEN = 13, HEADER = 2, YEAR = 2 };
  uint8_t *at = chain->raw.p, *end = at + chain->raw.len - LEN;
  while (at < end && !(at[0] == UTC_TIME && at[1] == LEN)) at++;
  assert_true(at < end);
  memcpy(at + HEADER + YEAR, "13", 2);
}

/* OpenSSL parses it, and then finds the date, and that its signature is for another. */
TEST(test_certificate_that_cannot_be_parsed) {
  bool parses = !test_is_mbedtls(WS_CLIENT);
  pair_server_config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  SCOPED(tls_pair, p);
  mbedtls_x509_crt *chain = &mbed_context_of(p.server_ctx)->own.list[0].chain;
  spoil_date(chain);
  pair_meet(&p, pair_host);
  tls_info facts = pair_facts(&p.client);
  assert_int_equal(p.client.shaken, parses ? WSUV_ETLSVERIFY : WSUV_ETLS);
  assert_string_equal(facts.text, parses ? "not signed by a trusted authority"
                                         : "X509 - The date tag or value is invalid (-0x2400)");
  if (!parses) assert_int_equal(facts.library_error, MBEDTLS_ERR_X509_INVALID_DATE);
  assert_int_equal(facts.verify_flags, parses ? WSUV_CERT_OTHER | WSUV_CERT_NOT_TRUSTED : 0);
  assert_shown(&facts, chain->raw.p, chain->raw.len);
}

/* A copy of the certificate is kept only if there is memory for it. */
TEST(test_certificate_that_cannot_be_parsed_without_memory) {
  bool failed = true;
  size_t shown = 0, missing = 0;
  int status = test_is_mbedtls(WS_CLIENT) ? WSUV_ETLS : WSUV_ETLSVERIFY;
  pair_server_config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  for (uint64_t n = 1; failed; n++) {
    SCOPED(tls_pair, p);
    spoil_date(&mbed_context_of(p.server_ctx)->own.list[0].chain);
    pair_connect(&p, pair_host, PAIR_PORT);
    uint64_t before = pair_alloc.failed;
    pair_alloc.fail_at = pair_alloc.calls + n;
    tls_ends_run(&p.client, &p.server, 0);
    pair_alloc.fail_at = 0;
    failed = pair_alloc.failed > before;
    if (p.client.shaken != status) continue;
    *(pair_facts(&p.client).peer_cert != NULL ? &shown : &missing) += 1;
  }
  assert_true(shown > 0);
  assert_int_equal(missing, 1);
}

/* Policies of an anchor ask for nothing. */
TEST(test_critical_policy_of_an_anchor) {
  const cert_spec authority = {.name = "authority", .ca = true, .policy = true};
  const cert_spec spec = {.name = "leaf", .hosts = {pair_host}};
  cert anchor, leaf;
  cert_make(&anchor, &authority, NULL);
  cert_make(&leaf, &spec, &anchor);
  pair_trust(&anchor);
  SCOPED(tls_pair, p);
  pair_serve(&p, &leaf, NULL);
  judge(&p, pair_host, true);
  cert_free(&anchor);
  cert_free(&leaf);
}

TEST(test_critical_extension_of_an_anchor) {
  const cert_spec spec = {.name = "authority", .ca = true, .strange = true};
  cert anchor;
  tls_context *ctx;
  tls_failure failure;
  cert_make(&anchor, &spec, NULL);
  pair_trust(&anchor);
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure);
  assert_int_equal(err, WSUV_ETLSTRUST);
  assert_string_equal(failure.text, test_is_mbedtls(WS_CLIENT) ? "ca_pem: " EXTENSION " (-0x2562)"
                                                               : "ca_pem: " EXTENSION);
  cert_free(&anchor);
}

/* Names and subtrees are compared a bounded number of times for each chain. */
TEST(test_comparisons_are_bounded) {
  tls_constraints above = {.count = 0};
  const cert_spec authority = {.name = "constrained", .ca = true, .permits = {"example.test"}};
  const cert_spec spec = {.name = "leaf", .hosts = {"a.example.test"}};
  cert ca, leaf;
  mbedtls_x509_crt a, b;
  cert_make(&ca, &authority, NULL);
  cert_make(&leaf, &spec, &ca);
  mbedtls_x509_crt_init(&a);
  mbedtls_x509_crt_init(&b);
  assert_int_equal(mbedtls_x509_crt_parse_der(&a, ca.der, ca.der_len), 0);
  assert_int_equal(mbedtls_x509_crt_parse_der(&b, leaf.der, leaf.der_len), 0);
  assert_true(tls_constraints_check(&above, &a, 1));
  assert_int_equal(above.count, 1);
  assert_true(tls_constraints_check(&above, &b, 0));
  assert_int_equal(above.count, 0);
  assert_int_equal(above.comparisons, 0);
  assert_true(tls_constraints_check(&above, &a, 1));
  above.comparisons = 1 << 18;
  assert_false(tls_constraints_check(&above, &b, 0));
  mbedtls_x509_crt_free(&a);
  mbedtls_x509_crt_free(&b);
  cert_free(&ca);
  cert_free(&leaf);
}

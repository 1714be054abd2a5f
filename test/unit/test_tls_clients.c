/* Certificates of clients: which of them a server accepts, and what it says of the others. */

#include <string.h>

#include "base/error.h"
#include "net/tls/tls_library.h"
#include "support/test.h"
#include "support/tls_pair.h"

typedef struct trial {
  const char *what;
  cert_spec spec;
  cert *issuer;      /* of `spec`; NULL: itself */
  const char *text;  /* "": the certificate is valid */
  uint32_t flags;    /* WSUV_CERT_* of the error */
  const char *alert; /* that the client gets; NULL: any */
} trial;

static cert constrained;

#define UNKNOWN "unknown certificate authority"
#define UNSUPPORTED "unsupported certificate"

static const trial trials[] = {
    {"valid", {.name = "c"}, &pair_ca, "", 0, NULL},
    {"for clients", {.name = "c", .for_clients = true}, &pair_ca, "", 0, NULL},
    {"for both", {.name = "c", .for_clients = true, .for_servers = true}, &pair_ca, "", 0, NULL},
    {"by way of an intermediate", {.name = "c"}, &pair_middle, "", 0, NULL},
    {"with any name", {.name = "c", .hosts = {"nobody.test"}}, &pair_ca, "", 0, NULL},
    {"inside of constraints", {.name = "c", .hosts = {"a.good.test"}}, &constrained, "", 0, NULL},
    {"expired",
     {.name = "c", .not_after = "20240101000000"},
     &pair_ca,
     "certificate has expired",
     WSUV_CERT_EXPIRED,
     "certificate expired"},
    {"not yet valid",
     {.name = "c", .not_before = "20980101000000"},
     &pair_ca,
     "certificate is not valid yet",
     WSUV_CERT_NOT_YET_VALID,
     NULL},
    {"of another authority",
     {.name = "c"},
     &pair_other_ca,
     "not signed by a trusted authority",
     WSUV_CERT_NOT_TRUSTED,
     UNKNOWN},
    {"by itself",
     {.name = "c"},
     NULL,
     "not signed by a trusted authority",
     WSUV_CERT_NOT_TRUSTED,
     UNKNOWN},
    {"below one that is no authority",
     {.name = "c"},
     &pair_no_ca,
     "not signed by a trusted authority",
     WSUV_CERT_NOT_TRUSTED,
     UNKNOWN},
    {"for servers",
     {.name = "c", .for_servers = true},
     &pair_ca,
     "certificate is not for this use",
     WSUV_CERT_EXT_KEY_USAGE,
     UNSUPPORTED},
    {"weak hash",
     {.name = "c", .sha1 = true},
     &pair_ca,
     "signed with a weak hash",
     WSUV_CERT_WEAK_HASH,
     NULL},
    {"outside of constraints",
     {.name = "c", .hosts = {"a.bad.test"}},
     &constrained,
     "outside of the name constraints of its authority",
     WSUV_CERT_NAME_CONSTRAINTS,
     NULL},
};

static int make_certs(void **state) {
  const cert_spec spec = {.name = "constrained", .ca = true, .permits = {"good.test"}};
  if (pair_make_certs(state) != 0) return -1;
  cert_make(&constrained, &spec, &pair_ca);
  return 0;
}

static int free_certs(void **state) {
  cert_free(&constrained);
  return pair_free_certs(state);
}

/* The server's outcome is known; the client's is told when the connection has ended. */
static void meet(tls_pair *p) {
  pair_meet(p, pair_host);
  tls_end_eof(&p->client);
}

static int client_status(const tls_pair *p) {
  return p->client.shaken != 0 ? p->client.shaken : p->client.ended;
}

static void assert_accepted(const tls_pair *p, const cert *c) {
  tls_info f = pair_facts(&p->server);
  assert_int_equal(p->server.shaken, 0);
  assert_int_equal(p->client.shaken, 0);
  assert_int_equal(f.verify_flags, 0);
  assert_true(f.verified == (c != NULL));
  assert_false(f.unverified || f.resumed);
  assert_int_equal(f.peer_cert_len, c == NULL ? 0 : c->der_len);
  if (c != NULL) assert_memory_equal(f.peer_cert, c->der, c->der_len);
}

static void assert_refused(const tls_pair *p, const trial *t) {
  tls_info f = pair_facts(&p->server);
  assert_int_equal(p->server.shaken, WSUV_ETLSVERIFY);
  assert_int_equal(p->server.in.len, 0);
  assert_string_equal(f.text, t->text);
  assert_int_equal(f.verify_flags, t->flags);
  assert_false(f.verified);
  /* It can be shown, so that somebody can see what was refused. */
  assert_true((f.peer_cert == NULL) == (t->flags == WSUV_CERT_MISSING));
  assert_int_equal(client_status(p), WSUV_ETLS);
  if (t->alert == NULL) return;
  const char *said = pair_facts(&p->client).text;
  assert_string_equal(said + strlen("alert of the peer: "), t->alert);
}

static void try_one(const trial *t, wsuv_tls_client_auth_t auth) {
  cert c;
  cert_make(&c, &t->spec, t->issuer);
  if (t->issuer == &pair_middle || t->issuer == &pair_no_ca || t->issuer == &constrained) {
    cert_append(&c, t->issuer);
  }
  pair_own(&c);
  pair_ask(auth, &pair_ca);
  SCOPED(tls_pair, p);
  meet(&p);
  if (t->text[0] == '\0') {
    assert_accepted(&p, &c);
  } else {
    assert_refused(&p, t);
  }
  cert_free(&c);
}

static void try_all(wsuv_tls_client_auth_t auth) {
  for (size_t i = 0; i < COUNT_OF(trials); i++) {
    print_message("%s\n", trials[i].what);
    try_one(&trials[i], auth);
  }
}

static void try_versions(wsuv_tls_client_auth_t auth) {
  pair_config.max_version = WSUV_TLS_1_2;
  try_all(auth);
  pair_config.max_version = WSUV_TLS_ANY;
  if (test_has_1_3()) try_all(auth);
}

TEST_AROUND_ALL(files, make_certs, free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_certificates_that_are_required) {
  try_versions(WSUV_TLS_CLIENT_AUTH_REQUIRE);
}

/* Those that come are judged no less. */
TEST(test_certificates_that_are_requested) {
  try_versions(WSUV_TLS_CLIENT_AUTH_REQUEST);
}

TEST(test_no_certificate_where_one_is_required) {
  trial none = {.text = "no certificate", .flags = WSUV_CERT_MISSING, .alert = "handshake failure"};
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_ca);
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    if (i == 1 && test_has_1_3()) {
      none.alert = test_is_mbedtls(WS_SERVER) ? "no certificate" : "certificate required";
    }
    SCOPED(tls_pair, p);
    meet(&p);
    assert_refused(&p, &none);
  }
}

TEST(test_no_certificate_where_one_is_requested) {
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUEST, &pair_ca);
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    SCOPED(tls_pair, p);
    pair_meet(&p, pair_host);
    assert_accepted(&p, NULL);
  }
}

/* A server that does not ask gets none, whatever is trusted. */
TEST(test_certificate_is_not_asked_for) {
  pair_own(&pair_client);
  pair_ask(WSUV_TLS_CLIENT_AUTH_NONE, &pair_ca);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_accepted(&p, NULL);
}

/* The certificate is seen, and verified, each time. */
TEST(test_session_with_a_client_certificate_is_not_resumed) {
  pair_own(&pair_client);
  for (int i = 0; i < 2; i++) {
    pair_config.max_version = i == 0 ? WSUV_TLS_1_2 : WSUV_TLS_ANY;
    pair_ask(WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_ca);
    SCOPED(tls_pair, p);
    for (int n = 0; n < 3; n++) {
      pair_meet(&p, pair_host);
      tls_end_write(&p.server, "x", 1);
      tls_ends_run(&p.client, &p.server, 0);
      assert_accepted(&p, &pair_client);
      assert_false(pair_facts(&p.client).resumed);
      pair_disconnect(&p);
    }
  }
}

/* Lists of revoked certificates: which certificates are looked up, what is wrong with a list, and
   that a list which cannot be used is never left out. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "net/tls/tls_config.h"
#include "support/revocation.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_pair.h"

#define MISSING "no list of revoked certificates of its issuer"
#define EXPIRED "list of revoked certificates is out of date, or not valid yet"
#define INVALID "list of revoked certificates is not valid"
#define REVOKED "certificate has been revoked"

/* `below` is the server's, signed by pair_middle, which is signed by pair_ca. */
static cert below, client_below;
static revocation of_ca, of_middle;

static int make_certs(void **state) {
  const cert_spec spec = {.name = "below", .hosts = {pair_host}};
  const cert_spec user = {.name = "client below"};
  if (pair_make_certs(state) != 0) return -1;
  cert_make(&below, &spec, &pair_middle);
  cert_append(&below, &pair_middle);
  cert_make(&client_below, &user, &pair_middle);
  cert_append(&client_below, &pair_middle);
  return 0;
}

static int free_certs(void **state) {
  cert_free(&below);
  cert_free(&client_below);
  return pair_free_certs(state);
}

static char lists[4 * REVOCATION_SIZE];

/* Both lists in PEM, the intermediate's first; NULL: that one is not there. */
static void give(wsuv_tls_config_t *config, const crl_spec *middle, const crl_spec *ca) {
  lists[0] = '\0';
  if (middle != NULL) crl_make(&of_middle, middle);
  if (middle != NULL) strcat(lists, of_middle.pem);
  if (ca != NULL) crl_make(&of_ca, ca);
  if (ca != NULL) strcat(lists, of_ca.pem);
  config->crl_pem = lists;
  config->crl_pem_len = strlen(lists);
}

typedef struct row {
  const char *what;
  crl_spec middle, ca;  /* without a signer: there is no such list */
  uint32_t chain, leaf; /* flags when the whole chain is looked up, and when the leaf is */
  const char *text;     /* of the whole chain */
} row;

static const row rows[] = {
    {"none is in a list", {.signer = &pair_middle}, {.signer = &pair_ca}, 0, 0, ""},
    {"others are in them",
     {.signer = &pair_middle, .revoked = {&pair_server, &pair_middle}},
     {.signer = &pair_ca, .revoked = {&below, &pair_server}},
     0,
     0,
     ""},
    {"the leaf is revoked",
     {.signer = &pair_middle, .revoked = {&pair_server, &below, &client_below}},
     {.signer = &pair_ca},
     WSUV_CERT_REVOKED,
     WSUV_CERT_REVOKED,
     REVOKED},
    {"the intermediate is revoked",
     {.signer = &pair_middle},
     {.signer = &pair_ca, .revoked = {&pair_middle}},
     WSUV_CERT_REVOKED,
     0,
     REVOKED},
    {"the list of the intermediate is missing",
     {.signer = NULL},
     {.signer = &pair_ca},
     WSUV_CERT_CRL_MISSING,
     WSUV_CERT_CRL_MISSING,
     MISSING},
    {"the list of the authority is missing",
     {.signer = &pair_middle},
     {.signer = NULL},
     WSUV_CERT_CRL_MISSING,
     0,
     MISSING},
    {"only a stranger's list is there",
     {.signer = NULL},
     {.signer = &pair_other_ca},
     WSUV_CERT_CRL_MISSING,
     WSUV_CERT_CRL_MISSING,
     MISSING},
    {"the list of the intermediate has expired",
     {.signer = &pair_middle, .next_update = "20240101000000"},
     {.signer = &pair_ca},
     WSUV_CERT_CRL_EXPIRED,
     WSUV_CERT_CRL_EXPIRED,
     EXPIRED},
    {"the list of the authority has expired",
     {.signer = &pair_middle},
     {.signer = &pair_ca, .next_update = "20240101000000"},
     WSUV_CERT_CRL_EXPIRED,
     0,
     EXPIRED},
    {"a list is not valid yet",
     {.signer = &pair_middle, .this_update = "20980101000000"},
     {.signer = &pair_ca},
     WSUV_CERT_CRL_EXPIRED,
     WSUV_CERT_CRL_EXPIRED,
     EXPIRED},
    {"the leaf is in a list that has expired",
     {.signer = &pair_middle, .revoked = {&below, &client_below}, .next_update = "20240101000000"},
     {.signer = &pair_ca},
     WSUV_CERT_REVOKED | WSUV_CERT_CRL_EXPIRED,
     WSUV_CERT_REVOKED | WSUV_CERT_CRL_EXPIRED,
     REVOKED "; " EXPIRED},
    {"a stranger has signed the list",
     {.signer = &pair_other_ca, .issuer = &pair_middle},
     {.signer = &pair_ca},
     WSUV_CERT_CRL_INVALID,
     WSUV_CERT_CRL_INVALID,
     INVALID},
};

static void assert_outcome(const tls_end *e, int status, uint32_t flags, const char *text) {
  tls_info f = pair_facts(e);
  assert_int_equal(e->shaken, status);
  assert_int_equal(f.verify_flags, flags);
  if (text != NULL) assert_string_equal(f.text, text);
  assert_true(f.verified == (status == 0));
}

static const crl_spec *there(const crl_spec *spec) {
  return spec->signer != NULL ? spec : NULL;
}

static void try_row(const row *r, wsuv_tls_crl_check_t check) {
  uint32_t flags = check == WSUV_TLS_CRL_CHAIN ? r->chain : r->leaf;
  const char *text = check == WSUV_TLS_CRL_CHAIN || r->leaf == r->chain ? r->text : "";
  print_message("%s, %d\n", r->what, (int) check);
  give(&pair_config, there(&r->middle), there(&r->ca));
  pair_config.crl_check = check;
  SCOPED(tls_pair, p);
  pair_serve(&p, &below, NULL);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, flags == 0 ? 0 : WSUV_ETLSVERIFY, flags, text);
}

static void try_client(const row *r, wsuv_tls_client_auth_t auth) {
  print_message("client: %s\n", r->what);
  give(&pair_server_config, there(&r->middle), there(&r->ca));
  pair_ask(auth, &pair_ca);
  pair_own(&client_below);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.server, r->chain == 0 ? 0 : WSUV_ETLSVERIFY, r->chain, r->text);
}

TEST_AROUND_ALL(files, make_certs, free_certs)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_lists_of_a_chain) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    try_row(&rows[i], WSUV_TLS_CRL_CHAIN);
    try_row(&rows[i], WSUV_TLS_CRL_LEAF);
  }
}

TEST(test_lists_of_clients) {
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    try_client(&rows[i], WSUV_TLS_CLIENT_AUTH_REQUIRE);
    try_client(&rows[i], WSUV_TLS_CLIENT_AUTH_REQUEST);
  }
}

/* The peer learns it, too. */
TEST(test_alert_of_a_revoked_certificate) {
  const crl_spec spec = {.signer = &pair_ca, .revoked = {&pair_server}};
  give(&pair_config, NULL, &spec);
  pair_config.max_version = WSUV_TLS_1_2;
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
  assert_string_equal(pair_facts(&p.server).text, "alert of the peer: certificate revoked");
}

/* The anchor needs no list of its own issuer, whether it is the top of its chain or not. */
TEST(test_anchor_is_not_looked_up) {
  const crl_spec middle = {.signer = &pair_middle};
  pair_trust(&pair_middle);
  give(&pair_config, &middle, NULL);
  SCOPED(tls_pair, p);
  pair_serve(&p, &below, NULL);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, 0, "");
}

/* A leaf that is trusted by itself is an anchor. */
TEST(test_trusted_leaf_is_not_looked_up) {
  const cert_spec spec = {.name = "alone", .hosts = {pair_host}};
  const crl_spec ca = {.signer = &pair_ca};
  cert alone;
  cert_make(&alone, &spec, NULL);
  pair_trust(&alone);
  give(&pair_config, NULL, &ca);
  SCOPED(tls_pair, p);
  pair_serve(&p, &alone, NULL);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, 0, "");
  cert_free(&alone);
}

/* Other errors are still found. */
TEST(test_list_does_not_hide_other_errors) {
  const crl_spec middle = {.signer = &pair_middle, .revoked = {&below}}, ca = {.signer = &pair_ca};
  give(&pair_config, &middle, &ca);
  SCOPED(tls_pair, p);
  pair_serve(&p, &below, NULL);
  pair_meet(&p, "other.test");
  assert_outcome(&p.client, WSUV_ETLSVERIFY, WSUV_CERT_REVOKED | WSUV_CERT_HOST_MISMATCH, NULL);
  pair_disconnect(&p);
  pair_serve(&p, &pair_no_ca, NULL);
  pair_meet(&p, pair_host);
  assert_int_equal(p.client.shaken, WSUV_ETLSVERIFY);
}

TEST(test_client_with_lists_resumes_nothing) {
  const crl_spec ca = {.signer = &pair_ca};
  give(&pair_config, NULL, &ca);
  SCOPED(tls_pair, p);
  for (int i = 0; i < 2; i++) {
    pair_meet(&p, pair_host);
    assert_outcome(&p.client, 0, 0, "");
    assert_false(pair_facts(&p.client).resumed);
    assert_false(tls_context_has_session(p.client_ctx, pair_host, PAIR_PORT));
    pair_disconnect(&p);
  }
}

/* --- loading --- */

static int load(tls_failure *failure) {
  tls_context *ctx;
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, failure);
  if (err == 0) tls_context_unref(ctx);
  assert_int_equal(pair_alloc.live, 0);
  return err;
}

static void assert_fails(const char *text) {
  tls_failure failure;
  assert_int_equal(load(&failure), WSUV_ETLSCRL);
  if (strncmp(failure.text, text, strlen(text)) != 0) assert_string_equal(failure.text, text);
}

static void from_memory(const void *data, size_t len) {
  pair_config.crl_pem = data;
  pair_config.crl_pem_len = len;
}

TEST(test_list_that_cannot_be_used) {
  const struct {
    crl_spec spec;
    const char *text; /* NULL: the library's */
  } bad[] = {
      {{.signer = &pair_ca, .next_update = ""}, "CRL: crl_pem: it has no nextUpdate"},
      {{.signer = &pair_ca, .sha1 = true}, "CRL: crl_pem: it is signed with a weak hash"},
      {{.signer = &pair_ca, .delta = true},
       test_is_mbedtls(WS_CLIENT) ? "CRL: crl_pem: a critical extension"
                                  : "CRL: crl_pem: it is a delta list"},
  };
  tls_failure failure;
  revocation good;
  const crl_spec spec = {.signer = &pair_middle};
  crl_make(&good, &spec);
  from_memory(good.der, good.der_len);
  assert_int_equal(load(&failure), 0);
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    give(&pair_config, &spec, &bad[i].spec);
    assert_fails(bad[i].text);
    from_memory(of_ca.der, of_ca.der_len);
    assert_fails(bad[i].text);
  }
}

/* OpenSSL takes it first, and does not use it then. */
TEST(test_list_with_a_critical_extension) {
  const crl_spec spec = {.signer = &pair_ca, .strange = true};
  give(&pair_config, NULL, &spec);
  if (test_is_mbedtls(WS_CLIENT)) {
    assert_fails("CRL: crl_pem: a critical extension");
    return;
  }
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, WSUV_ETLSVERIFY, WSUV_CERT_CRL_INVALID, INVALID);
}

TEST(test_memory_without_a_list) {
  const crl_spec spec = {.signer = &pair_ca};
  static const char cut[] = "-----BEGIN X509 CRL-----\nMIIB\n";
  from_memory("junk", 4);
  assert_fails("CRL: crl_pem: no list of revoked certificates");
  from_memory(pair_ca.pem, strlen(pair_ca.pem));
  assert_fails("CRL: crl_pem: no list of revoked certificates");
  from_memory("\x30\x03xyz", 5);
  assert_fails("CRL: crl_pem: ");
  give(&pair_config, NULL, &spec);
  strcat(lists, cut);
  from_memory(lists, strlen(lists));
  assert_fails("CRL: crl_pem: ");
  of_ca.der[of_ca.der_len] = 0;
  from_memory(of_ca.der, of_ca.der_len + 1);
  assert_fails("CRL: crl_pem: ");
}

/* Text and certificates around lists are nothing. */
TEST(test_lists_from_files) {
  char text[TLS_TEXT_SIZE];
  SCOPED(temp_file, file);
  const crl_spec ca = {.signer = &pair_ca, .revoked = {&pair_server}};
  crl_make(&of_ca, &ca);
  int len = snprintf(lists, sizeof lists, "text\n%smore\n%s", pair_ca.pem, of_ca.pem);
  assert_in_range(len, 1, sizeof lists - 1);
  temp_file_put(&file, lists, (size_t) len);
  pair_config.crl_file = file.path;
  const crl_spec middle = {.signer = &pair_middle};
  crl_make(&of_middle, &middle);
  from_memory(of_middle.der, of_middle.der_len);
  SCOPED(tls_pair, p);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, WSUV_ETLSVERIFY, WSUV_CERT_REVOKED, REVOKED);
  pair_disconnect(&p);
  pair_serve(&p, &below, NULL);
  pair_meet(&p, pair_host);
  assert_outcome(&p.client, 0, 0, "");
  assert_int_equal(unlink(file.path), 0);
  tls_failure failure;
  tls_context *ctx;
  assert_int_equal(tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, &failure),
                   WSUV_ETLSCRL);
  (void) snprintf(text, sizeof text, "CRL: %s: no such file or directory", file.path);
  assert_string_equal(failure.text, text);
}

TEST(test_lists_without_memory) {
  const crl_spec middle = {.signer = &pair_middle}, ca = {.signer = &pair_ca};
  tls_failure failure;
  int err = WS_ENOMEM;
  give(&pair_config, &middle, &ca);
  for (uint64_t n = 1; err != 0; n++) {
    pair_alloc.fail_at = pair_alloc.calls + n;
    err = load(&failure);
    assert_true(err == 0 || err == WS_ENOMEM);
  }
  pair_alloc.fail_at = 0;
}

/* --- the configuration --- */

TEST(test_lists_need_verification) {
  ws_why why;
  pair_config.crl_file = "list";
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), 0);
  wsuv_tls_config_disable_verification(&pair_config);
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, &why), WS_EINVAL);
  assert_string_equal(why.text, "without verification there are no CRLs and no OCSP");
  pair_server_config.crl_file = "list";
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), WS_EINVAL);
  assert_string_equal(why.text, "crl_file and crl_pem need client_auth");
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUEST, &pair_ca);
  assert_int_equal(tls_config_check(&pair_server_config, WS_SERVER, &why), 0);
}

TEST(test_fields_of_lists_are_checked) {
  const wsuv_tls_config_t before = pair_config;
  pair_config.crl_pem = "x";
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, NULL), WS_EINVAL);
  pair_config = before;
  pair_config.crl_pem_len = 1;
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, NULL), WS_EINVAL);
  pair_config = before;
  for (int check = -1; check <= 2; check++) {
    pair_config.crl_check = (wsuv_tls_crl_check_t) check;
    bool good = check == WSUV_TLS_CRL_CHAIN || check == WSUV_TLS_CRL_LEAF;
    assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, NULL), good ? 0 : WS_EINVAL);
  }
}

TEST(test_every_difference_of_lists_counts) {
  wsuv_tls_config_t c[4], copy;
  from_memory("list", 4);
  pair_config.crl_file = "a";
  for (size_t i = 0; i < 4; i++) c[i] = pair_config;
  c[0].crl_file = "b";
  c[1].crl_pem = "lisp";
  c[2].crl_pem_len = 3;
  c[3].crl_check = WSUV_TLS_CRL_LEAF;
  for (size_t i = 0; i < 4; i++) {
    assert_false(tls_config_equal(&c[i], &pair_config));
    assert_false(tls_config_equal(&pair_config, &c[i]));
    assert_int_equal(tls_config_copy(&copy, &pair_alloc.handle, &c[i]), 0);
    assert_true(tls_config_equal(&copy, &c[i]));
    tls_config_free(&copy, &pair_alloc.handle);
  }
}

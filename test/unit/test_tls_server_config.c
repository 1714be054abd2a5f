/* The configuration of a TLS server: what is refused, and its certificates when they are read. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/tls_config.h"
#include "support/test.h"
#include "support/tls_pair.h"

static char folder[] = P_tmpdir "/wsuv-tls-server-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[2][64];
  static unsigned turn;
  char *to = path[turn++ % 2];
  (void) snprintf(to, sizeof path[0], "%s/%s", folder, name);
  return to;
}

static void write_file(const char *name, const char *text) {
  FILE *f = fopen(in_folder(name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
  (void) fclose(f);
}

static const char *const files[] = {"cert.pem", "key.pem", "other.pem", "junk.pem"};

static int make_files(void **state) {
  if (pair_make_certs(state) != 0 || mkdtemp(folder) == NULL) return -1;
  write_file("cert.pem", pair_server.pem);
  write_file("key.pem", pair_server.key_pem);
  write_file("other.pem", pair_client.key_pem);
  write_file("junk.pem", "-----BEGIN PRIVATE KEY-----\njunk\n-----END PRIVATE KEY-----\n");
  return 0;
}

static int remove_files(void **state) {
  for (size_t i = 0; i < COUNT_OF(files); i++) (void) unlink(in_folder(files[i]));
  (void) rmdir(folder);
  return pair_free_certs(state);
}

static ws_why why;

static int check(void) {
  why.text[0] = '\0';
  return tls_config_check(&pair_server_config, WS_SERVER, &why);
}

static void no_certificate(void) {
  wsuv_tls_config_init(&pair_server_config);
}

/* --- what is refused --- */

TEST_AROUND_ALL(files, make_files, remove_files)

TEST_AROUND_EACH(pair_before, pair_after)

TEST(test_server_needs_a_certificate_and_its_key) {
  tls_context *ctx = NULL;
  assert_int_equal(check(), 0);
  no_certificate();
  assert_int_equal(check(), WS_EINVAL);
  assert_string_equal(why.text, "a TLS server needs a certificate and its key");
  assert_int_equal(tls_context_new(&ctx, &pair_alloc.handle, &pair_server_config, WS_SERVER),
                   WS_EINVAL);
  pair_server_config.cert_file = "cert";
  assert_int_equal(check(), WS_EINVAL);
  pair_server_config.key_file = "key";
  assert_int_equal(check(), 0);
  pair_server_config.cert_file = NULL;
  assert_int_equal(check(), WS_EINVAL);
}

static const char *const pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/* Each by itself. A list without elements counts, too. */
TEST(test_fields_of_the_other_role_are_refused) {
  static const wsuv_tls_cert_t *const none[] = {NULL};
  const wsuv_tls_config_t server = pair_server_config, client = pair_config;
  wsuv_tls_config_t of_clients[3], of_servers[4];
  for (size_t i = 0; i < 3; i++) of_clients[i] = server;
  of_clients[0].pins = &pin;
  of_clients[1].server_name = "a.test";
  wsuv_tls_config_disable_verification(&of_clients[2]);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(tls_config_check(&of_clients[i], WS_SERVER, &why), WS_EINVAL);
    assert_string_equal(why.text, "a field of TLS clients is set for a server");
    assert_int_equal(tls_config_check(&of_clients[i], WS_CLIENT, &why), 0);
  }
  for (size_t i = 0; i < 4; i++) of_servers[i] = client;
  of_servers[0].certs = none;
  of_servers[1].cert_count = 1;
  of_servers[2].client_auth = WSUV_TLS_CLIENT_AUTH_REQUEST;
  of_servers[3].ticket_lifetime_s = 1;
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(tls_config_check(&of_servers[i], WS_CLIENT, &why), WS_EINVAL);
    assert_string_equal(why.text, "a field of TLS servers is set for a client");
  }
}

TEST(test_client_auth_needs_authorities) {
  for (int auth = 0; auth <= 3; auth++) {
    pair_server_config.client_auth = (wsuv_tls_client_auth_t) auth;
    pair_server_config.ca_file = NULL;
    assert_int_equal(check(), auth == 0 ? 0 : WS_EINVAL);
    bool known = auth > 0 && auth < 3;
    assert_string_equal(why.text, known ? "client_auth needs ca_file, ca_dir or ca_pem" : "");
    pair_server_config.ca_file = "ca";
    assert_int_equal(check(), auth < 3 ? 0 : WS_EINVAL);
  }
  pair_server_config.client_auth = (wsuv_tls_client_auth_t) -1;
  assert_int_equal(check(), WS_EINVAL);
}

TEST(test_h2_is_refused) {
  static const struct {
    const char *list[3];
    int err;
  } rows[] = {
      {{"http/1.1"}, 0},
      {{"h2"}, WS_EINVAL},
      {{"http/1.1", "h2"}, WS_EINVAL},
      {{"H2", "h2c"}, 0}, /* these are other protocols */
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    size_t n = 0;
    while (rows[i].list[n] != NULL) n++;
    pair_server_config.alpn = rows[i].list;
    pair_server_config.alpn_count = n;
    assert_int_equal(check(), rows[i].err);
    assert_string_equal(why.text,
                        rows[i].err == 0 ? "" : "alpn: a WebSocket server cannot have h2");
  }
}

TEST(test_lifetime_of_tickets_is_checked) {
  pair_server_config.ticket_lifetime_s = 604800;
  assert_int_equal(check(), 0);
  pair_server_config.ticket_lifetime_s = 604801;
  assert_int_equal(check(), WS_EINVAL);
}

/* --- further certificates --- */

static wsuv_tls_cert_t more[2];
static const wsuv_tls_cert_t *more_list[] = {&more[0], &more[1]};

static void two_more(void) {
  pair_cert(&more[0], &pair_server);
  pair_cert(&more[1], &pair_client);
  pair_server_config.certs = more_list;
  pair_server_config.cert_count = 2;
}

static void assert_second_refused(int err) {
  assert_int_equal(check(), err);
  if (err == WS_EINVAL) {
    assert_string_equal(why.text, "certs[1] needs one certificate and its key");
  }
  pair_cert(&more[1], &pair_client);
}

TEST(test_each_certificate_is_checked) {
  two_more();
  assert_int_equal(check(), 0);
  more[1].key_pem = NULL;
  more[1].key_pem_len = 0;
  assert_second_refused(WS_EINVAL);
  more[1].cert_file = "two of them";
  assert_second_refused(WS_EINVAL);
  wsuv_tls_cert_init(&more[1]);
  assert_second_refused(WS_EINVAL);
  more[1].size = 0;
  assert_second_refused(WSUV_ESIZE);
  more[1].size = sizeof more[1] - 1;
  assert_second_refused(WSUV_ESIZE);
  more_list[1] = NULL;
  assert_int_equal(check(), WS_EINVAL);
  more_list[1] = &more[1];
  pair_server_config.certs = NULL;
  assert_int_equal(check(), WS_EINVAL);
}

/* A newer one is taken as long as what is not known here is zero. */
TEST(test_certificate_of_a_newer_caller) {
  struct {
    wsuv_tls_cert_t known;
    size_t unknown;
  } newer = {.unknown = 0};
  const wsuv_tls_cert_t *const list[] = {&newer.known};
  wsuv_tls_config_t copy;
  pair_cert(&newer.known, &pair_client);
  newer.known.size = sizeof newer;
  pair_server_config.certs = list;
  pair_server_config.cert_count = 1;
  assert_int_equal(check(), 0);
  assert_int_equal(tls_config_copy(&copy, &pair_alloc.handle, &pair_server_config), 0);
  assert_int_equal(copy.certs[0]->size, sizeof *copy.certs[0]);
  assert_true(tls_config_equal(&copy, &pair_server_config));
  tls_config_free(&copy, &pair_alloc.handle);
  newer.unknown = 1;
  assert_int_equal(check(), WSUV_ESIZE);
}

TEST(test_copy_of_a_server_says_the_same) {
  wsuv_tls_config_t copy;
  two_more();
  more[0].key_password = "secret";
  pair_ask(WSUV_TLS_CLIENT_AUTH_REQUIRE, &pair_ca);
  pair_server_config.ticket_lifetime_s = 60;
  assert_int_equal(tls_config_copy(&copy, &pair_alloc.handle, &pair_server_config), 0);
  assert_true(tls_config_equal(&copy, &pair_server_config));
  assert_int_equal(tls_config_check(&copy, WS_SERVER, NULL), 0);
  assert_ptr_not_equal(copy.certs[1]->key_pem, more[1].key_pem);
  assert_string_equal(copy.certs[0]->key_password, "secret");
  tls_config_free(&copy, &pair_alloc.handle);
}

TEST(test_every_difference_of_servers_counts) {
  const wsuv_tls_cert_t other = {.size = sizeof other, .cert_file = "c", .key_file = "k"};
  const wsuv_tls_cert_t *const other_list[] = {&other, &more[1]};
  wsuv_tls_config_t c[4];
  two_more();
  for (size_t i = 0; i < 4; i++) c[i] = pair_server_config;
  c[0].cert_count = 1;
  c[1].certs = other_list;
  c[2].client_auth = WSUV_TLS_CLIENT_AUTH_REQUEST;
  c[3].ticket_lifetime_s = 60;
  for (size_t i = 0; i < 4; i++) {
    assert_false(tls_config_equal(&c[i], &pair_server_config));
    assert_false(tls_config_equal(&pair_server_config, &c[i]));
    assert_true(tls_config_equal(&c[i], &c[i]));
  }
}

TEST(test_copy_of_a_server_without_memory) {
  int err = WS_ENOMEM;
  two_more();
  for (uint64_t n = 1; err != 0; n++) {
    wsuv_tls_config_t copy;
    pair_alloc.fail_at = pair_alloc.calls + n;
    err = tls_config_copy(&copy, &pair_alloc.handle, &pair_server_config);
    assert_true(err == 0 || err == WS_ENOMEM);
    if (err == 0) tls_config_free(&copy, &pair_alloc.handle);
    assert_int_equal(pair_alloc.live, 0);
  }
  pair_alloc.fail_at = 0;
}

/* --- reading them --- */

static int load(tls_failure *failure) {
  tls_context *ctx;
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_server_config, WS_SERVER, failure);
  if (err == 0) tls_context_unref(ctx);
  assert_int_equal(pair_alloc.live, 0);
  return err;
}

static void assert_refused(int err, const char *what, const char *path, const char *cause) {
  char text[TLS_TEXT_SIZE];
  tls_failure failure;
  assert_int_equal(load(&failure), err);
  (void) snprintf(text, sizeof text, "%s%s%s", what, path, cause);
  assert_int_equal(strncmp(failure.text, text, strlen(text)), 0);
}

static void from_files(const char *cert_name, const char *key_name) {
  no_certificate();
  pair_server_config.cert_file = cert_name;
  pair_server_config.key_file = key_name;
}

TEST(test_words_name_the_file) {
  char cert_path[64];
  tls_failure failure;
  (void) snprintf(cert_path, sizeof cert_path, "%s", in_folder("cert.pem"));
  from_files(cert_path, in_folder("key.pem"));
  assert_int_equal(load(&failure), 0);
  from_files(cert_path, in_folder("other.pem"));
  assert_refused(WSUV_ETLS, "own key: ", in_folder("other.pem"),
                 ": not the key of the certificate");
  from_files(cert_path, in_folder("absent"));
  assert_refused(WSUV_ETLS, "own key: ", in_folder("absent"), ": no such file or directory");
  from_files(cert_path, in_folder("junk.pem"));
  assert_refused(WSUV_ETLS, "own key: ", in_folder("junk.pem"), ": ");
  from_files(in_folder("key.pem"), cert_path);
  assert_refused(WSUV_ETLS, "own certificate: ", in_folder("key.pem"), ": ");
}

/* A URI is no file. Its query, where a PIN may be, is shown to nobody. */
TEST(test_key_by_uri) {
  static const char uri[] = "pkcs11:token=none;object=key?pin-value=1234";
  tls_failure failure;
  from_files(in_folder("cert.pem"), uri);
  pair_server_config.library = test_library(WS_SERVER);
  pair_config.cert_file = pair_server_config.cert_file;
  pair_config.key_file = uri;
  bool mbedtls = test_is_mbedtls(WS_SERVER);
  assert_int_equal(check(), mbedtls ? WSUV_ETLSOPTION : 0);
  assert_int_equal(tls_config_check(&pair_config, WS_CLIENT, NULL),
                   test_is_mbedtls(WS_CLIENT) ? WSUV_ETLSOPTION : 0);
  if (mbedtls) {
    assert_string_equal(why.text, "key_file: mbedTLS has no keys by PKCS #11 URI");
    return;
  }
  int err = load(&failure);
  bool there = err == WSUV_ETLS; /* this machine's OpenSSL may have the provider */
  assert_true(there || err == WSUV_ETLSOPTION);
  assert_string_equal(failure.text,
                      there ? "own key: pkcs11:token=none;object=key: no such key, or a wrong PIN"
                            : "own key: pkcs11:token=none;object=key: OpenSSL has no provider "
                              "for it");
  two_more();
  more[1].key_pem = NULL;
  more[1].key_pem_len = 0;
  more[1].key_file = uri;
  pair_server_config.key_file = in_folder("key.pem");
  assert_int_equal(load(&failure), err);
}

TEST(test_words_name_the_place_in_memory) {
  two_more();
  more[1].key_pem = pair_server.key_pem;
  more[1].key_pem_len = strlen(pair_server.key_pem);
  assert_refused(WSUV_ETLS, "own key: ", "certs[1]", ": not the key of the certificate");
  pair_server_config.key_pem = pair_client.key_pem;
  pair_server_config.key_pem_len = strlen(pair_client.key_pem);
  assert_refused(WSUV_ETLS, "own key: ", "", "not the key of the certificate");
}

/* F54: what cannot be opened right now is read by the next that needs it. */
TEST(test_certificate_when_descriptors_run_short) {
  tls_failure failure;
  struct rlimit before, none;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  wsuv_tls_cert_init(&more[0]);
  more[0].cert_file = in_folder("cert.pem");
  more[0].key_file = in_folder("key.pem");
  pair_server_config.certs = more_list;
  pair_server_config.cert_count = 1;
  none = (struct rlimit){0, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  int err = load(&failure);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  assert_int_equal(err, UV_EMFILE);
  assert_non_null(strstr(failure.text, more[0].cert_file));
  assert_int_equal(load(&failure), 0);
}

/* Without client_auth nobody is verified, so nobody has to be trusted: what is named is not even
   read. */
TEST(test_trust_is_not_loaded_without_client_auth) {
  tls_failure failure;
  pair_server_config.ca_file = "/no/such/file";
  assert_int_equal(load(&failure), 0);
  pair_server_config.client_auth = WSUV_TLS_CLIENT_AUTH_REQUEST;
  assert_int_equal(load(&failure), WSUV_ETLSTRUST);
  assert_string_equal(failure.text, "/no/such/file: no such file or directory");
}

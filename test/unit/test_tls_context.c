/* The configuration of TLS, and the context that is made from it: what is refused, when, and with
   which words. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_library.h"
#include "support/certs.h"
#include "support/forks.h"
#include "support/temp_file.h"
#include "support/test.h"
#include "support/tls_ends.h"
#include "testkit/track_alloc.h"

static cert ca, other;
static track_alloc alloc;
static wsuv_tls_config_t config;
static char folder[] = P_tmpdir "/wsuv-tls-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[2][64];
  static unsigned turn;
  char *to = path[turn++ % 2];
  (void) snprintf(to, sizeof path[0], "%s/%s", folder, name);
  return to;
}

static void write_file(const char *name, const void *data, size_t len) {
  FILE *f = fopen(in_folder(name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, len, f), len);
  (void) fclose(f);
}

static const char *const files[] = {"ca.pem", "ca.der", "key.pem", "junk", "both.pem"};

static int make_files(void **state) {
  const cert_spec spec = {.name = "authority", .ca = true};
  const cert_spec spec2 = {.name = "other", .ca = true};
  (void) state;
  cert_make(&ca, &spec, NULL);
  cert_make(&other, &spec2, NULL);
  if (mkdtemp(folder) == NULL) return -1;
  write_file("ca.pem", ca.pem, strlen(ca.pem));
  write_file("ca.der", ca.der, ca.der_len);
  write_file("key.pem", ca.key_pem, strlen(ca.key_pem));
  write_file("junk", "no certificate", 14);
  char both[2 * CERT_PEM_SIZE];
  int n = snprintf(both, sizeof both, "%s%s%s", ca.pem, "text between\n", other.pem);
  write_file("both.pem", both, (size_t) n);
  return 0;
}

static int remove_files(void **state) {
  (void) state;
  for (size_t i = 0; i < COUNT_OF(files); i++) (void) unlink(in_folder(files[i]));
  (void) rmdir(in_folder("empty"));
  (void) rmdir(folder);
  cert_free(&ca);
  cert_free(&other);
  return 0;
}

static int before(void **state) {
  (void) state;
  track_alloc_init(&alloc);
  wsuv_tls_config_init(&config);
  config.library = test_library(WS_CLIENT);
  return 0;
}

static int after(void **state) {
  (void) state;
  return alloc.live == 0 ? 0 : -1;
}

/* --- the configuration --- */

TEST_AROUND_ALL(files, make_files, remove_files)

TEST_AROUND_EACH(before, after)

TEST(test_defaults_are_accepted) {
  assert_true(config.resumption);
  assert_false(config.verification_disabled);
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0);
}

TEST(test_size_must_be_filled_in) {
  wsuv_tls_config_t read;
  config.min_version = WSUV_TLS_1_2;
  assert_int_equal(tls_config_read(&read, &config, NULL), 0);
  assert_int_equal(read.min_version, WSUV_TLS_1_2);
  assert_true(read.resumption);
  config.size = 0;
  assert_int_equal(tls_config_read(&read, &config, NULL), WSUV_ESIZE);
}

static const char *const good_pin = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

TEST(test_pins_are_checked) {
  static const char *const bad[] = {
      "",
      "sha256//",
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
      "sha256//AAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAA=",
      "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;",
  };
  config.pins = &good_pin;
  config.pin_count = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0);
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    const char *const pins[] = {good_pin, bad[i]};
    config.pins = pins;
    config.pin_count = 2;
    assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  }
  config.pins = NULL;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

TEST(test_versions_are_checked) {
  int newest = tls_library_has_1_3(config.library) ? 0 : WS_EPROTONOSUPPORT;
  const struct {
    int min, max, err;
  } cases[] = {
      {0, WSUV_TLS_1_2, 0},
      {WSUV_TLS_1_2, WSUV_TLS_1_2, 0},
      {WSUV_TLS_1_2, WSUV_TLS_1_3, 0},
      {WSUV_TLS_1_3, 0, newest},
      {WSUV_TLS_1_3, WSUV_TLS_1_3, newest},
      {WSUV_TLS_1_3, WSUV_TLS_1_2, WS_EINVAL},
      {0x0301, 0, WS_EINVAL},
      {0, 0x0305, WS_EINVAL},
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    config.min_version = (wsuv_tls_version_t) cases[i].min;
    config.max_version = (wsuv_tls_version_t) cases[i].max;
    assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), cases[i].err);
  }
}

/* One that no build has is refused with words, and one that this build has makes no difference to
   the default. */
TEST(test_library_is_checked) {
  ws_why why = {.text = ""};
  config.library = (wsuv_tls_library_t) 3;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, &why), UV_ENOTSUP);
  assert_non_null(strstr(why.text, "library"));
  wsuv_tls_config_t named = config;
  config.library = WSUV_TLS_LIBRARY_NONE;
  named.library = tls_library_for(WSUV_TLS_LIBRARY_NONE)->id;
  assert_int_equal(tls_config_check(&named, WS_CLIENT, NULL), 0);
  assert_true(tls_config_equal(&named, &config));
}

static int check_suites(const char *first, const char *second) {
  const char *const suites[] = {first, second};
  config.ciphersuites = suites;
  config.ciphersuite_count = second == NULL ? 1 : 2;
  return tls_config_check(&config, WS_CLIENT, NULL);
}

TEST(test_suites_are_checked) {
  static const char good[] = "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256";
  static const char of_1_3[] = "TLS-AES-128-GCM-SHA256";
  assert_int_equal(check_suites(good, NULL), 0);
  assert_int_equal(check_suites(of_1_3, good), 0);
  assert_int_equal(check_suites(of_1_3, NULL), tls_library_has_1_3(config.library) ? 0 : WS_EINVAL);
  assert_int_equal(check_suites(good, "TLS-NONSENSE"), WS_EINVAL);
  assert_int_equal(check_suites(good, ""), WS_EINVAL);
  config.ciphersuite_count = 0;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL); /* a list of none */
  config.ciphersuites = NULL;
  config.ciphersuite_count = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

/* Only the suites that are named are used, so one of them must go with the versions. */
TEST(test_suites_go_with_the_versions) {
  static const char of_1_2[] = "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256";
  static const char of_1_3[] = "TLS-AES-128-GCM-SHA256";
  static const char *const only[] = {of_1_2};
  ws_why why = {.text = ""};
  if (!tls_library_has_1_3(config.library)) return;
  config.max_version = WSUV_TLS_1_2;
  assert_int_equal(check_suites(of_1_3, of_1_2), 0);
  assert_int_equal(check_suites(of_1_3, NULL), WS_EINVAL);
  config.max_version = WSUV_TLS_ANY;
  config.min_version = WSUV_TLS_1_3;
  assert_int_equal(check_suites(of_1_2, of_1_3), 0);
  assert_int_equal(check_suites(of_1_2, NULL), WS_EINVAL);
  config.ciphersuites = only;
  config.ciphersuite_count = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, &why), WS_EINVAL);
  assert_non_null(strstr(why.text, "ciphersuites"));
}

TEST(test_alpn_is_checked) {
  char name[257];
  const char *list[] = {"h2", name};
  memset(name, 'a', sizeof name);
  config.alpn = list;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0); /* none is offered */
  config.alpn_count = 2;
  name[255] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0);
  name[255] = 'a';
  name[256] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  name[0] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  config.alpn = NULL;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

TEST(test_certificate_and_key_come_together_and_once) {
  config.cert_file = "x";
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  config.key_pem = "y";
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  config.key_pem_len = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0);
  config.key_file = "y";
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  config.key_file = NULL;
  config.cert_pem = "x";
  config.cert_pem_len = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

TEST(test_lengths_without_memory) {
  config.ca_pem_len = 1;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  config.ca_pem = "x";
  config.ca_pem_len = 0;
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

TEST(test_server_name_is_checked) {
  char name[256];
  config.server_name = name;
  memset(name, 'a', sizeof name);
  name[253] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), 0);
  name[253] = 'a';
  name[254] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
  name[0] = '\0';
  assert_int_equal(tls_config_check(&config, WS_CLIENT, NULL), WS_EINVAL);
}

/* --- copies --- */

static const char *const suites[] = {"TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"};
static const char *const protocols[] = {"h2", "http/1.1"};

static void fill(void) {
  config.ca_file = "ca file";
  config.ca_dir = "ca dir";
  config.ca_pem = "ca pem";
  config.ca_pem_len = 6;
  config.cert_file = "cert file";
  config.key_pem = "key pem";
  config.key_pem_len = 7;
  config.key_password = "password";
  config.pins = &good_pin;
  config.pin_count = 1;
  config.server_name = "name";
  config.min_version = config.max_version = WSUV_TLS_1_2;
  config.ciphersuites = suites;
  config.ciphersuite_count = 1;
  config.alpn = protocols;
  config.alpn_count = 2;
  config.keylog_file = "log";
}

TEST(test_copy_says_the_same) {
  wsuv_tls_config_t copy;
  fill();
  assert_int_equal(tls_config_copy(&copy, &alloc.handle, &config), 0);
  assert_true(tls_config_equal(&copy, &config));
  assert_int_equal(tls_config_check(&copy, WS_CLIENT, NULL), 0);
  assert_ptr_not_equal(copy.ca_file, config.ca_file);
  assert_ptr_not_equal(copy.pins[0], config.pins[0]);
  tls_config_free(&copy, &alloc.handle);
  tls_config_free(&copy, &alloc.handle); /* empty now */
}

TEST(test_offering_no_protocol_is_not_saying_nothing) {
  wsuv_tls_config_t copy;
  config.alpn = protocols;
  assert_int_equal(tls_config_copy(&copy, &alloc.handle, &config), 0);
  assert_non_null(copy.alpn);
  assert_true(tls_config_equal(&copy, &config));
  config.alpn = NULL;
  assert_false(tls_config_equal(&copy, &config));
  tls_config_free(&copy, &alloc.handle);
}

/* Each point by itself. */
TEST(test_every_difference_counts) {
  static const char *const other_suites[] = {"TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256"};
  static const char *const other_pin = "sha256//BBBBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  wsuv_tls_config_t c[18];
  fill();
  for (size_t i = 0; i < 18; i++) c[i] = config;
  c[0].ca_file = NULL;
  c[1].ca_dir = "other";
  c[2].ca_pem = "CA pem";
  c[3].ca_pem_len = 5;
  c[4].cert_file = "other";
  c[5].key_file = "other";
  c[6].key_pem = "KEY pem";
  c[7].key_password = NULL;
  c[8].pins = &other_pin;
  c[9].pin_count = 0;
  c[10].server_name = "other";
  c[11].min_version = WSUV_TLS_ANY;
  c[12].max_version = WSUV_TLS_1_3;
  c[13].ciphersuites = other_suites;
  c[14].alpn_count = 1;
  c[15].resumption = false;
  c[16].keylog_file = NULL;
  wsuv_tls_config_disable_verification(&c[17]);
  for (size_t i = 0; i < 18; i++) {
    assert_false(tls_config_equal(&c[i], &config));
    assert_false(tls_config_equal(&config, &c[i]));
    assert_true(tls_config_equal(&c[i], &c[i]));
  }
}

TEST(test_copy_without_memory) {
  int err = WS_ENOMEM;
  fill();
  for (uint64_t n = 1; err != 0; n++) {
    wsuv_tls_config_t copy;
    alloc.fail_at = alloc.calls + n;
    err = tls_config_copy(&copy, &alloc.handle, &config);
    assert_true(err == 0 || err == WS_ENOMEM);
    if (err == 0) tls_config_free(&copy, &alloc.handle);
    assert_int_equal(alloc.live, 0);
  }
}

/* --- contexts --- */

static int make(ws_role role, tls_failure *failure) {
  tls_context *ctx = NULL;
  int err = tls_loaded_context(&ctx, &alloc.handle, &config, role, failure);
  assert_true((err == 0) == (ctx != NULL));
  if (err == 0) assert_true(tls_context_matches(ctx, &config));
  tls_context_unref(ctx);
  assert_int_equal(alloc.live, 0);
  return err;
}

static int make_client(void) {
  tls_failure failure;
  return make(WS_CLIENT, &failure);
}

TEST(test_refused_configuration_makes_no_context) {
  config.min_version = (wsuv_tls_version_t) 1;
  assert_int_equal(make_client(), WS_EINVAL);
}

/* The machine may have a store or not. */
TEST(test_store_of_the_system) {
  int err = make_client();
  assert_true(err == 0 || err == WSUV_ETLSTRUST);
}

TEST(test_trust_from_everywhere) {
  static const char *const good[] = {"ca.pem", "ca.der", "both.pem"};
  for (size_t i = 0; i < 3; i++) {
    config.ca_file = in_folder(good[i]);
    assert_int_equal(make_client(), 0);
  }
  config.ca_file = NULL;
  config.ca_dir = folder; /* with files in it that are none */
  assert_int_equal(make_client(), 0);
  config.ca_dir = NULL;
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
  assert_int_equal(make_client(), 0);
  config.ca_pem = ca.der;
  config.ca_pem_len = ca.der_len;
  assert_int_equal(make_client(), 0);
}

TEST(test_no_trust_is_an_error) {
  config.ca_file = in_folder("absent");
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  config.ca_file = in_folder("junk");
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  config.ca_file = folder;
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  config.ca_file = NULL;
  config.ca_dir = in_folder("absent");
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  assert_int_equal(mkdir(in_folder("empty"), 0700), 0);
  config.ca_dir = in_folder("empty");
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  config.ca_dir = NULL;
  config.ca_pem = "junk";
  config.ca_pem_len = 4;
  assert_int_equal(make_client(), WSUV_ETLSTRUST);
  config.verification_disabled = true; /* nobody is trusted, and nobody asked */
  assert_int_equal(make_client(), 0);
}

static void trust_ca(void) {
  config.ca_pem = ca.pem;
  config.ca_pem_len = strlen(ca.pem);
}

/* OpenSSL knows the names of suites that it was built without. */
TEST(test_suite_that_the_library_was_built_without) {
  static const char *const suites_without[] = {"TLS-RSA-WITH-SEED-CBC-SHA"};
  tls_failure failure = {.library_error = 0};
  trust_ca();
  config.ciphersuites = suites_without;
  config.ciphersuite_count = 1;
  int err = make(WS_CLIENT, &failure);
  if (err == 0) return; /* it has the suite */
  assert_true(err == WS_EINVAL || err == WSUV_ETLS);
  if (err == WSUV_ETLS) assert_non_null(strstr(failure.text, "ciphersuites"));
}

TEST(test_own_certificate) {
  trust_ca();
  config.cert_file = in_folder("ca.pem");
  config.key_file = in_folder("key.pem");
  assert_int_equal(make_client(), 0);
  config.key_file = NULL;
  config.key_pem = ca.key_pem;
  config.key_pem_len = strlen(ca.key_pem);
  assert_int_equal(make_client(), 0);
}

static void assert_own_refused(const char *begins_with) {
  tls_failure failure;
  assert_int_equal(make(WS_CLIENT, &failure), WSUV_ETLS);
  assert_int_equal(strncmp(failure.text, begins_with, strlen(begins_with)), 0);
  assert_true(failure.library_error != 0);
}

static void assert_own_file_refused(const char *text) {
  tls_failure failure;
  assert_int_equal(make(WS_CLIENT, &failure), WSUV_ETLS);
  assert_string_equal(failure.text, text);
  assert_int_equal(failure.library_error, 0);
}

TEST(test_own_certificate_that_cannot_be_used) {
  trust_ca();
  config.cert_file = "/absent/certificate";
  config.key_pem = ca.key_pem;
  config.key_pem_len = strlen(ca.key_pem);
  assert_own_file_refused("own certificate: /absent/certificate: no such file or directory");
  config.cert_file = NULL;
  config.cert_pem = other.pem;
  config.cert_pem_len = strlen(other.pem);
  assert_own_refused("own key: "); /* of another */
  config.key_pem = "junk";
  config.key_pem_len = 4;
  assert_own_refused("own key: ");
  config.key_pem = NULL;
  config.key_pem_len = 0;
  config.key_file = "/absent/key";
  assert_own_file_refused("own key: /absent/key: no such file or directory");
}

TEST(test_encrypted_key_wants_its_password) {
  cert locked = ca;
  trust_ca();
  cert_encrypt_key(&locked, "open sesame");
  config.cert_pem = ca.pem;
  config.cert_pem_len = strlen(ca.pem);
  config.key_pem = locked.key_pem;
  config.key_pem_len = strlen(locked.key_pem);
  assert_own_refused("own key: ");
  config.key_password = "close sesame";
  assert_own_refused("own key: ");
  config.key_password = "open sesame";
  assert_int_equal(make_client(), 0);
  config.key_pem = NULL;
  config.key_pem_len = 0;
  write_file("key.pem", locked.key_pem, strlen(locked.key_pem));
  config.key_file = in_folder("key.pem");
  assert_int_equal(make_client(), 0);
  config.key_password = NULL;
  assert_own_refused("own key: ");
}

/* The password is for keys that are encrypted; one that is not is taken without, in each form. */
TEST(test_password_that_is_not_needed) {
  uint8_t der[CERT_PEM_SIZE];
  int len = mbedtls_pk_write_key_der(&ca.key, der, sizeof der); /* at the end */
  assert_true(len > 0);
  trust_ca();
  config.cert_pem = ca.pem;
  config.cert_pem_len = strlen(ca.pem);
  config.key_pem = ca.key_pem;
  config.key_pem_len = strlen(ca.key_pem);
  config.key_password = "open sesame";
  assert_int_equal(make_client(), 0);
  config.key_pem = der + sizeof der - len;
  config.key_pem_len = (size_t) len;
  assert_int_equal(make_client(), 0);
  config.key_password = NULL;
  assert_int_equal(make_client(), 0);
}

TEST(test_key_log_that_cannot_be_opened) {
  trust_ca();
  config.keylog_file = "/absent/log";
  assert_int_equal(make_client(), UV_ENOENT);
}

/* A loop that opened it for writing would wait for the reader. */
TEST(test_key_log_that_is_a_pipe_without_a_reader) {
  SCOPED(temp_file, file);
  assert_int_equal(unlink(file.path), 0);
  assert_int_equal(mkfifo(file.path, 0600), 0);
  trust_ca();
  config.keylog_file = file.path;
  assert_int_equal(make_client(), UV_ENXIO);
}

TEST(test_context_has_many_owners) {
  tls_failure failure;
  tls_context *ctx;
  trust_ca();
  assert_int_equal(tls_loaded_context(&ctx, &alloc.handle, &config, WS_CLIENT, &failure), 0);
  assert_ptr_equal(tls_context_ref(ctx), ctx);
  tls_context_unref(ctx);
  assert_true(tls_context_verifies(ctx));
  config.pins = &good_pin;
  config.pin_count = 1;
  assert_false(tls_context_matches(ctx, &config));
  tls_context_unref(ctx);
}

static void draw_in_a_child(tls_context *ctx, fork_way way, uint8_t theirs[16]) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t child = way();
  assert_true(child >= 0);
  if (child == 0) {
    bool drawn = tls_context_random(ctx, theirs, 16) == 0 && write(ends[1], theirs, 16) == 16;
    _exit(drawn ? 0 : 1);
  }
  assert_int_equal(read(ends[0], theirs, 16), 16);
  assert_int_equal(waitpid(child, NULL, 0), child);
  (void) close(ends[0]);
  (void) close(ends[1]);
}

/* A forked child does not draw what its parent draws, or another child. With OpenSSL its own random
   source sees to that. */
TEST(test_forked_child_has_random_bytes_of_its_own) {
  uint8_t drawn[2 * FORK_WAYS + 1][16];
  tls_failure failure;
  tls_context *ctx;
  trust_ca();
  config.library = WSUV_TLS_LIBRARY_MBEDTLS;
  assert_int_equal(tls_loaded_context(&ctx, &alloc.handle, &config, WS_CLIENT, &failure), 0);
  for (size_t i = 0; i < 2 * FORK_WAYS; i++) {
    draw_in_a_child(ctx, fork_ways[i % FORK_WAYS], drawn[i]);
  }
  assert_int_equal(tls_context_random(ctx, drawn[2 * FORK_WAYS], 16), 0);
  for (size_t i = 0; i <= 2 * FORK_WAYS; i++) {
    for (size_t j = 0; j < i; j++) assert_memory_not_equal(drawn[i], drawn[j], 16);
  }
  tls_context_unref(ctx);
}

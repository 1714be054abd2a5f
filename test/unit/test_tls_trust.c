/* F54: where trusted certificates come from, and what is said when they cannot be read. A source
   that was named and cannot be read is an error, and so is what may pass: nothing is trusted less
   because of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include <wsuv/error.h>

#include "support/test.h"
#include "support/tls_inside.h"
#include "support/tls_pair.h"

static char folder[] = P_tmpdir "/wsuv-trust-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[4][128];
  static unsigned turn;
  char *to = path[turn++ % 4];
  (void) snprintf(to, sizeof path[0], "%s/%s", folder, name);
  return to;
}

static void write_file(const char *name, const char *text) {
  FILE *f = fopen(in_folder(name), "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
  (void) fclose(f);
}

static const char *const files[] = {"one.pem",      "two/a.pem", "two/b.pem", "two/junk",
                                    "two/dangling", "junk",      "empty",     "fifo"};
static const char *const folders[] = {"two", "none", "noise"};

static int make_files(void **state) {
  if (pair_make_certs(state) != 0 || mkdtemp(folder) == NULL) return -1;
  for (size_t i = 0; i < COUNT_OF(folders); i++) (void) mkdir(in_folder(folders[i]), 0700);
  write_file("one.pem", pair_middle.pem);
  write_file("two/a.pem", pair_ca.pem);
  write_file("two/b.pem", pair_other_ca.pem);
  write_file("two/junk", "no certificate");
  write_file("junk", "no certificate");
  write_file("empty", "");
  (void) symlink("absent", in_folder("two/dangling"));
  return mkfifo(in_folder("fifo"), 0600);
}

static int remove_files(void **state) {
  for (size_t i = 0; i < COUNT_OF(files); i++) (void) unlink(in_folder(files[i]));
  for (size_t i = 0; i < COUNT_OF(folders); i++) (void) rmdir(in_folder(folders[i]));
  (void) rmdir(folder);
  return pair_free_certs(state);
}

static int before(void **state) {
  (void) unsetenv("SSL_CERT_FILE");
  (void) unsetenv("SSL_CERT_DIR");
  int r = pair_before(state);
  pair_config.ca_pem = NULL;
  pair_config.ca_pem_len = 0;
  return r;
}

/* How many certificates are trusted; or the error, with its text. */
static int load(tls_failure *failure) {
  tls_context *ctx;
  int err = tls_loaded_context(&ctx, &pair_alloc.handle, &pair_config, WS_CLIENT, failure);
  if (err < 0) {
    assert_int_equal(pair_alloc.live, 0);
    return err;
  }
  assert_string_equal(failure->text, "");
  int count = tls_inside_trusted(ctx);
  tls_context_unref(ctx);
  return count;
}

static void assert_trusts(int count) {
  tls_failure failure;
  assert_int_equal(load(&failure), count);
}

static void assert_fails(int err, const char *before_path, const char *path, const char *cause) {
  char text[TLS_TEXT_SIZE];
  tls_failure failure;
  assert_int_equal(load(&failure), err);
  (void) snprintf(text, sizeof text, "%s%s: %s", before_path, path, cause);
  assert_string_equal(failure.text, text);
  assert_int_equal(failure.library_error, 0);
}

TEST_AROUND_ALL(files, make_files, remove_files)

TEST_AROUND_EACH(before, pair_after)

TEST(test_trust_is_the_sum_of_what_is_named) {
  pair_config.ca_file = in_folder("one.pem");
  assert_trusts(1);
  pair_config.ca_dir = in_folder("two");
  assert_trusts(3);
  pair_trust(&pair_server);
  assert_trusts(4);
}

/* Whatever else is named. */
TEST(test_named_source_that_cannot_be_read) {
  static const struct {
    const char *name;
    const char *cause;
  } rows[] = {
      {"absent", "no such file or directory"},
      {"one.pem/x", "not a directory"},
      {"two", "illegal operation on a directory"},
      {"fifo", "not a regular file"},
      {"junk", "no certificate"},
      {"empty", "no certificate"},
  };
  pair_config.ca_dir = in_folder("two");
  pair_trust(&pair_ca);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    pair_config.ca_file = in_folder(rows[i].name);
    assert_fails(WSUV_ETLSTRUST, "", in_folder(rows[i].name), rows[i].cause);
  }
}

TEST(test_named_folder_that_cannot_be_read) {
  pair_config.ca_file = in_folder("one.pem");
  pair_config.ca_dir = in_folder("absent");
  assert_fails(WSUV_ETLSTRUST, "", in_folder("absent"), "no such file or directory");
  pair_config.ca_dir = in_folder("one.pem");
  assert_fails(WSUV_ETLSTRUST, "", in_folder("one.pem"), "not a directory");
  pair_config.ca_dir = in_folder("none");
  assert_fails(WSUV_ETLSTRUST, "", in_folder("none"), "no certificate");
}

TEST(test_memory_without_a_certificate) {
  pair_config.ca_file = in_folder("one.pem");
  pair_config.ca_pem = "junk";
  pair_config.ca_pem_len = 4;
  assert_fails(WSUV_ETLSTRUST, "", "ca_pem", "no certificate");
}

/* The cause is not cut. */
TEST(test_long_path_loses_its_beginning) {
  static const char cause[] = "/end: no such file or directory";
  char path[300];
  tls_failure failure;
  memset(path, 'x', sizeof path);
  (void) snprintf(path + 240, sizeof path - 240, "/end");
  path[0] = '/';
  path[100] = '/';
  pair_config.ca_file = path;
  assert_int_equal(load(&failure), WSUV_ETLSTRUST);
  assert_int_equal(strlen(failure.text), TLS_TEXT_SIZE - 1);
  assert_memory_equal(failure.text, "...xxx", 6);
  assert_string_equal(failure.text + strlen(failure.text) - strlen(cause), cause);
}

/* --- errors that pass --- */

/* Descriptors for `count` files more. */
static rlim_t limit_files(unsigned count) {
  struct rlimit limit;
  int lowest = dup(0);
  (void) close(lowest);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlim_t old = limit.rlim_cur;
  limit.rlim_cur = (rlim_t) lowest + count;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return old;
}

static void unlimit_files(rlim_t old) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = old;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int load_with_files(unsigned count, tls_failure *failure) {
  rlim_t old = limit_files(count);
  int r = load(failure);
  unlimit_files(old);
  return r;
}

static void assert_short(unsigned count, const char *end) {
  tls_failure failure;
  assert_int_equal(load_with_files(count, &failure), UV_EMFILE);
  size_t len = strlen(failure.text);
  assert_true(len > strlen(end));
  assert_string_equal(failure.text + len - strlen(end), end);
  assert_int_equal(load_with_files(2, &failure) > 0, 1);
}

TEST(test_descriptors_that_run_short) {
  pair_config.ca_file = in_folder("one.pem");
  assert_short(0, "/one.pem: too many open files");
  pair_config.ca_file = NULL;
  pair_config.ca_dir = in_folder("two");
  assert_short(0, "/two: too many open files");
  assert_short(1, ": too many open files"); /* the folder is read, and no file in it */
  pair_config.ca_file = in_folder("one.pem");
  assert_short(1, ": too many open files");
}

TEST(test_own_certificate_when_descriptors_run_short) {
  tls_failure failure;
  char text[TLS_TEXT_SIZE];
  pair_trust(&pair_ca);
  pair_config.cert_file = in_folder("one.pem");
  pair_config.key_pem = pair_middle.key_pem;
  pair_config.key_pem_len = strlen(pair_middle.key_pem);
  assert_int_equal(load_with_files(0, &failure), UV_EMFILE);
  (void) snprintf(text, sizeof text, "own certificate: %s: too many open files",
                  in_folder("one.pem"));
  assert_string_equal(failure.text, text);
  assert_trusts(1);
}

/* The machine may have a store, or an empty folder, or neither. */
TEST(test_store_of_the_system_when_descriptors_run_short) {
  tls_failure failure;
  int without = load(&failure), with = load_with_files(0, &failure);
  assert_true(with == UV_EMFILE || (with == WSUV_ETLSTRUST && without == with));
  assert_true(failure.text[0] == '/');
}

/* --- the environment --- */

static void set(const char *name, const char *value) {
  assert_int_equal(setenv(name, value, 1), 0);
}

TEST(test_environment_is_used_in_place_of_the_system) {
  char both[300];
  set("SSL_CERT_FILE", in_folder("one.pem"));
  assert_trusts(1);
  set("SSL_CERT_DIR", in_folder("two"));
  assert_trusts(3);
  (void) unsetenv("SSL_CERT_FILE");
  assert_trusts(2);
  (void) snprintf(both, sizeof both, ":%s:%s:", in_folder("two"), in_folder("two"));
  set("SSL_CERT_DIR", both);
  assert_trusts(test_is_mbedtls(WS_CLIENT) ? 4 : 2); /* OpenSSL finds those that came before */
}

TEST(test_environment_does_not_matter_where_trust_is_named) {
  set("SSL_CERT_FILE", in_folder("absent"));
  pair_config.ca_dir = in_folder("two");
  assert_trusts(2);
}

TEST(test_environment_that_names_what_cannot_be_read) {
  char both[300];
  set("SSL_CERT_FILE", in_folder("absent"));
  assert_fails(WSUV_ETLSTRUST, "SSL_CERT_FILE: ", in_folder("absent"), "no such file or directory");
  (void) unsetenv("SSL_CERT_FILE");
  (void) snprintf(both, sizeof both, "%s:%s", in_folder("two"), in_folder("none"));
  set("SSL_CERT_DIR", both);
  assert_fails(WSUV_ETLSTRUST, "SSL_CERT_DIR: ", in_folder("none"), "no certificate");
  set("SSL_CERT_DIR", "::");
  assert_fails(WSUV_ETLSTRUST, "SSL_CERT_DIR: ", "::", "no certificate");
}

TEST(test_empty_environment_is_not_set) {
  tls_failure failure;
  int count = load(&failure);
  set("SSL_CERT_FILE", "");
  set("SSL_CERT_DIR", "");
  assert_int_equal(load(&failure), count);
}

/* --- memory --- */

/* Both certificates are trusted, or the context is not made. */
TEST(test_trust_without_memory) {
  int r = UV_ENOMEM;
  pair_config.ca_dir = in_folder("two");
  for (uint64_t n = 1; r < 0; n++) {
    tls_failure failure;
    pair_alloc.fail_at = pair_alloc.calls + n;
    r = load(&failure);
    assert_true(r == UV_ENOMEM || r == 2);
  }
}

#include "net/tls/mbedtls/tls_trust.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "net/tls/tls_failure.h"

/* Reads certificates from files, folders and memory. A certificate that cannot be read or parsed is
   skipped: that can only reduce what is trusted. No certificate at all is an error. */

enum { PATH_SIZE = 4096 };

/* Where systems keep their store, as one file: Debian, Alpine; Fedora; openSUSE; macOS, FreeBSD,
   OpenBSD; FreeBSD's port. */
static const char *const system_files[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
};
static const char system_dir[] = "/etc/ssl/certs";

bool tls_trust_is_pem(const void *data) {
  return strstr(data, "-----BEGIN ") != NULL;
}

/* mbedTLS takes memory for PEM if its length includes a NUL at the end. */
int tls_trust_parse(mbedtls_x509_crt *list, const void *data, size_t len) {
  return mbedtls_x509_crt_parse(list, data, tls_trust_is_pem(data) ? len + 1 : len);
}

static int without_memory(int r) {
  return tls_failure_status(r) == WS_ENOMEM ? WS_ENOMEM : 0;
}

/* Neither folders nor devices and FIFOs, which could block. */
static int load_file(mbedtls_x509_crt *list, const char *path) {
  struct stat s;
  if (stat(path, &s) != 0 || !S_ISREG(s.st_mode)) return 0;
  return without_memory(mbedtls_x509_crt_parse_file(list, path));
}

static int load_entry(mbedtls_x509_crt *list, const char *dir, const char *name) {
  char path[PATH_SIZE];
  int n = snprintf(path, sizeof path, "%s/%s", dir, name);
  return n > 0 && n < PATH_SIZE ? load_file(list, path) : 0;
}

static int load_dir(mbedtls_x509_crt *list, const char *dir) {
  int err = 0;
  DIR *d = opendir(dir);
  if (d == NULL) return 0;
  for (const struct dirent *entry; err == 0 && (entry = readdir(d)) != NULL;) {
    err = load_entry(list, dir, entry->d_name);
  }
  (void) closedir(d);
  return err;
}

static bool is_empty(const mbedtls_x509_crt *list) {
  return list->version == 0;
}

static int load_system(mbedtls_x509_crt *list) {
  int err = 0;
  for (size_t i = 0; err == 0 && i < sizeof system_files / sizeof *system_files; i++) {
    if (is_empty(list)) err = load_file(list, system_files[i]);
  }
  return err == 0 && is_empty(list) ? load_dir(list, system_dir) : err;
}

static int load_named(mbedtls_x509_crt *list, const wsuv_tls_config_t *c) {
  int err = 0;
  if (c->ca_pem != NULL) err = without_memory(tls_trust_parse(list, c->ca_pem, c->ca_pem_len));
  if (err == 0 && c->ca_file != NULL) err = load_file(list, c->ca_file);
  if (err == 0 && c->ca_dir != NULL) err = load_dir(list, c->ca_dir);
  return err;
}

bool tls_trust_named(const wsuv_tls_config_t *c) {
  return c->ca_file != NULL || c->ca_dir != NULL || c->ca_pem != NULL;
}

int tls_trust_load(mbedtls_x509_crt *list, const wsuv_tls_config_t *c) {
  int err = tls_trust_named(c) ? load_named(list, c) : load_system(list);
  if (err < 0) return err;
  return is_empty(list) ? WSUV_ETLSTRUST : 0;
}

#include "net/tls/tls_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wsuv/error.h>

#include "net/environment.h"
#include "net/tls/tls_file.h"

/* What was named must be there. In the system's places, what is absent is passed over; but nothing
   is passed over because of an error that may pass, since that would reduce what is trusted until
   the context is made anew. */

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

/* A store that is being loaded. */
typedef struct loading {
  const tls_store *store; /* This says how certificates are added, and to which list. */
  tls_failure *failure;   /* The last error in words is here. */
} loading;

/* Below, functions that load return how many certificates were added, at least 1; or an error of
   tls_store_load. `named_by` is NULL, or the environment variable that names the path. */

/* An error that lasts is WSUV_ETLSTRUST. */
static int fail_reading(const loading *l, const char *named_by, const char *path, int err) {
  return tls_file_fail(l->failure, named_by, path, err, WSUV_ETLSTRUST);
}

/* Certificates that cannot be used have left the reason in the failure. */
static int fail_empty(const loading *l, const char *named_by, const char *path) {
  const tls_failure why = *l->failure;
  tls_file_describe(l->failure, named_by, path, why.text[0] != '\0' ? why.text : "no certificate");
  return WSUV_ETLSTRUST;
}

static int load_memory(const loading *l, const char *named_by, const char *path,
                       const uint8_t *data, size_t len) {
  *l->failure = (tls_failure){.library_error = 0};
  int r = l->store->add(l->store->list, data, len, l->failure);
  if (r == 0) return fail_empty(l, named_by, path);
  *l->failure = (tls_failure){.library_error = 0};
  return r;
}

static int load_file(const loading *l, const char *named_by, const char *path) {
  tls_file file;
  int r = tls_file_read(&file, l->store->alloc, path);
  if (r < 0) return fail_reading(l, named_by, path, r);
  r = load_memory(l, named_by, path, file.data, file.len);
  tls_file_free(&file, l->store->alloc);
  return r;
}

/* A file in a folder was not named itself, so one that can never be read is passed over. */
static int load_entry(const loading *l, const char *named_by, const char *dir, const char *name) {
  char path[PATH_SIZE];
  int n = snprintf(path, sizeof path, "%s/%s", dir, name);
  int r = n > 0 && n < PATH_SIZE ? load_file(l, named_by, path) : WSUV_ETLSTRUST;
  return r == WSUV_ETLSTRUST ? 0 : r;
}

static int load_entries(const loading *l, const char *named_by, const char *path, DIR *dir) {
  for (int count = 0;;) {
    errno = 0;
    const struct dirent *entry = readdir(dir);
    if (entry == NULL && errno != 0) return fail_reading(l, named_by, path, -errno);
    if (entry == NULL) return count;
    int r = load_entry(l, named_by, path, entry->d_name);
    if (r < 0) return r;
    count += r;
  }
}

static int load_dir(const loading *l, const char *named_by, const char *path) {
  DIR *dir = opendir(path);
  if (dir == NULL) return fail_reading(l, named_by, path, -errno);
  int r = load_entries(l, named_by, path, dir);
  (void) closedir(dir);
  if (r != 0) return r;
  *l->failure = (tls_failure){.library_error = 0};
  return fail_empty(l, named_by, path);
}

static int load_named(const loading *l, const wsuv_tls_config_t *c) {
  int r = 1;
  if (c->ca_pem != NULL) r = load_memory(l, NULL, "ca_pem", c->ca_pem, c->ca_pem_len);
  if (r > 0 && c->ca_file != NULL) r = load_file(l, NULL, c->ca_file);
  return r > 0 && c->ca_dir != NULL ? load_dir(l, NULL, c->ca_dir) : r;
}

/* The environment */

static const char file_variable[] = "SSL_CERT_FILE", dir_variable[] = "SSL_CERT_DIR";

/* Folders, with colons between them. */
static int load_dirs(const loading *l, const char *dirs) {
  int r = 0;
  for (const char *from = dirs; r >= 0 && *from != '\0';) {
    char path[PATH_SIZE];
    size_t len = strcspn(from, ":");
    if (len >= sizeof path) return fail_reading(l, dir_variable, from, -ENAMETOOLONG);
    memcpy(path, from, len);
    path[len] = '\0';
    if (len > 0) r = load_dir(l, dir_variable, path);
    from += from[len] == ':' ? len + 1 : len;
  }
  return r == 0 ? fail_empty(l, dir_variable, dirs) : r;
}

static int load_from_environment(const loading *l, const char *file, const char *dirs) {
  int r = file != NULL ? load_file(l, file_variable, file) : 1;
  return r > 0 && dirs != NULL ? load_dirs(l, dirs) : r;
}

/* The system's places */

static bool exists(const char *path) {
  return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* The first place that has any. */
static int load_places(const loading *l) {
  int r = WSUV_ETLSTRUST;
  for (size_t i = 0; r == WSUV_ETLSTRUST && i < sizeof system_files / sizeof *system_files; i++) {
    if (exists(system_files[i])) r = load_file(l, NULL, system_files[i]);
  }
  return r == WSUV_ETLSTRUST && exists(system_dir) ? load_dir(l, NULL, system_dir) : r;
}

static int load_system(const loading *l) {
  const char *file = environment_variable(file_variable),
             *dirs = environment_variable(dir_variable);
  if (file != NULL || dirs != NULL) return load_from_environment(l, file, dirs);
  int r = load_places(l);
  bool unknown = r == WSUV_ETLSTRUST && l->failure->text[0] == '\0';
  if (unknown) tls_file_describe(l->failure, NULL, system_files[0], "the system has no such store");
  return r;
}

bool tls_store_named(const wsuv_tls_config_t *c) {
  return c->ca_file != NULL || c->ca_dir != NULL || c->ca_pem != NULL;
}

int tls_store_load(const tls_store *store, const wsuv_tls_config_t *c, tls_failure *failure) {
  const loading l = {store, failure};
  *failure = (tls_failure){.library_error = 0};
  int r = tls_store_named(c) ? load_named(&l, c) : load_system(&l);
  if (r < 0) return r;
  *failure = (tls_failure){.library_error = 0};
  return 0;
}

#include "net/tls/tls_own.h"

#include <stdio.h>
#include <string.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_file.h"

/* A chain is used only if every certificate in it can be read, and a key only if it belongs to the
   certificate. */

static const char own_cert[] = "own certificate", own_key[] = "own key";
static const char own_ocsp[] = "OCSP response";

/* What is being loaded. */
typedef struct own_load {
  const tls_own_parser *parser;  /* This library parses it, */
  void *arg;                     /* with this argument. */
  size_t index;                  /* It is the certificate with this index. */
  const wsuv_tls_cert_t *from;   /* It is described here. */
  const wsuv_allocator_t *alloc; /* Files are read into memory of this allocator. */
  const char *place;             /* This part of the configuration names it: "certs[1]", or NULL. */
  tls_failure *failure;          /* The error in words goes here. */
} own_load;

/* One of tls_own_parser's functions, for the chain, the key or the OCSP response. */
typedef int parse_fn(void *arg, size_t index, const void *data, size_t len, const char *password,
                     tls_failure *why);

/* "own key: /path: PK - ... (-0x3d00)", with the place instead of a path, or with neither. The
   words are the library's if `cause` is NULL, or if it is not the files that are wrong. */
static int own_fail(const own_load *l, const char *what, const char *path, int status,
                    const char *cause) {
  const tls_failure why = *l->failure;
  const char *where = path != NULL ? path : l->place;
  if (cause == NULL || status != WSUV_ETLS) cause = why.text;
  tls_file_describe(l->failure, where != NULL ? what : NULL, where != NULL ? where : what, cause);
  return status;
}

/* From a file, or from memory if `path` is NULL. */
static int load_part(const own_load *l, const char *what, const char *path, const void *data,
                     size_t len, parse_fn *parse) {
  tls_file file = {NULL, 0};
  int err = path != NULL ? tls_file_read(&file, l->alloc, path) : 0;
  if (err < 0) return tls_file_fail(l->failure, what, path, err, WSUV_ETLS);
  err = parse(l->arg, l->index, path != NULL ? file.data : data, path != NULL ? file.len : len,
              l->from->key_password, l->failure);
  tls_file_free(&file, l->alloc);
  return err == 0 ? 0 : own_fail(l, what, path, err, NULL);
}

/* Without the query, in which there may be a PIN (RFC 7512 2.4). */
static void show_uri(char *shown, size_t size, const char *uri) {
  (void) snprintf(shown, size, "%.*s", (int) strcspn(uri, "?"), uri); /* a long one is cut */
}

static int load_key(const own_load *l) {
  const wsuv_tls_cert_t *from = l->from;
  const tls_own_parser *p = l->parser;
  if (!tls_cert_has_uri_key(from)) {
    return load_part(l, own_key, from->key_file, from->key_pem, from->key_pem_len, p->key);
  }
  char shown[TLS_TEXT_SIZE];
  show_uri(shown, sizeof shown, from->key_file);
  int err = p->uri_key(l->arg, l->index, from->key_file, from->key_password, l->failure);
  return err == 0 ? 0 : own_fail(l, own_key, shown, err, NULL);
}

static int check_key(const own_load *l) {
  char shown[TLS_TEXT_SIZE];
  const char *path = l->from->key_file;
  int err = l->parser->check_pair(l->arg, l->index, l->failure);
  if (err == 0) return 0;
  if (tls_cert_has_uri_key(l->from)) {
    show_uri(shown, sizeof shown, path);
    path = shown;
  }
  return own_fail(l, own_key, path, err, "not the key of the certificate");
}

static int load_one(const own_load *l) {
  const wsuv_tls_cert_t *from = l->from;
  const tls_own_parser *p = l->parser;
  int err = load_part(l, own_cert, from->cert_file, from->cert_pem, from->cert_pem_len, p->chain);
  if (err < 0) return err;
  err = load_key(l);
  if (err == 0) err = check_key(l);
  if (err < 0) return err;
  if (!tls_cert_has_ocsp(from)) return 0;
  return load_part(l, own_ocsp, from->ocsp_file, from->ocsp_der, from->ocsp_der_len, p->ocsp);
}

size_t tls_own_count(const wsuv_tls_config_t *config) {
  const wsuv_tls_cert_t own = tls_config_own(config);
  return tls_cert_named(&own) ? config->cert_count + 1 : 0;
}

int tls_own_load(const tls_own_parser *parser, void *arg, const wsuv_allocator_t *alloc,
                 const wsuv_tls_config_t *config, tls_failure *failure) {
  const wsuv_tls_cert_t own = tls_config_own(config);
  const size_t count = tls_own_count(config);
  char place[32];
  int err = 0;
  for (size_t i = 0; err == 0 && i < count; i++) {
    if (i > 0) (void) snprintf(place, sizeof place, "certs[%zu]", i - 1);
    err = load_one(&(own_load){.parser = parser,
                               .arg = arg,
                               .index = i,
                               .from = i == 0 ? &own : config->certs[i - 1],
                               .alloc = alloc,
                               .place = i == 0 ? NULL : place,
                               .failure = failure});
  }
  return err;
}

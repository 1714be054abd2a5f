#include "net/tls/mbedtls/tls_identity.h"

#include <stdio.h>
#include <string.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_name.h"
#include "net/tls/mbedtls/tls_trust.h"
#include "net/tls/tls_config.h"
#include "net/tls/tls_file.h"

/* A chain is used only if every certificate in it can be read, and a key only if it belongs to the
   certificate. */

static const char own_cert[] = "own certificate", own_key[] = "own key";

/* An identity that is being loaded. */
typedef struct identity_load {
  tls_identity *id;              /* This one is being filled in. */
  const wsuv_tls_cert_t *from;   /* It is described here. */
  const wsuv_allocator_t *alloc; /* Files are read into memory of this allocator. */
  const char
      *place; /* This is the part of the configuration that it is from: "certs[1]", or NULL. */
  tls_mbed_rng *rng;    /* Keys are checked with random bytes from here. */
  void *rng_arg;        /* This is the first argument of `rng`. */
  tls_failure *failure; /* The error in words goes here. */
} identity_load;

/* "own key: /path: PK - ... (-0x3d00)", with the place instead of a path, or with neither. The
   library's words are used if `cause` is NULL. */
static int identity_fail(const identity_load *l, const char *what, const char *path, int r,
                         const char *cause) {
  const char *where = path != NULL ? path : l->place;
  int status = tls_failure_status(r);
  tls_failure_set(l->failure, r, NULL);
  const tls_failure why = *l->failure;
  if (cause == NULL || status != WSUV_ETLS) cause = why.text;
  tls_file_describe(l->failure, where != NULL ? what : NULL, where != NULL ? where : what, cause);
  return status;
}

static int use_cert(const identity_load *l, const void *data, size_t len) {
  int r = tls_trust_parse(&l->id->chain, data, len);
  return r > 0 ? MBEDTLS_ERR_X509_INVALID_FORMAT : r;
}

static int use_key(const identity_load *l, const void *data, size_t len) {
  size_t size = len + (tls_trust_is_pem(data) ? 1 : 0);
  return tls_mbed_parse_key(&l->id->key, data, size, l->from->key_password, l->rng, l->rng_arg);
}

/* From a file, or from memory if `path` is NULL. */
static int load_part(const identity_load *l, const char *what, const char *path, const void *data,
                     size_t len, int (*use)(const identity_load *, const void *, size_t)) {
  tls_file file = {NULL, 0};
  int err = path != NULL ? tls_file_read(&file, l->alloc, path) : 0;
  if (err < 0) return tls_file_fail(l->failure, what, path, err, WSUV_ETLS);
  int r = path != NULL ? use(l, file.data, file.len) : use(l, data, len);
  tls_file_free(&file, l->alloc);
  return r == 0 ? 0 : identity_fail(l, what, path, r, NULL);
}

static int load_identity(const identity_load *l) {
  const wsuv_tls_cert_t *from = l->from;
  int err = load_part(l, own_cert, from->cert_file, from->cert_pem, from->cert_pem_len, use_cert);
  if (err == 0) {
    err = load_part(l, own_key, from->key_file, from->key_pem, from->key_pem_len, use_key);
  }
  if (err < 0) return err;
  int r = tls_mbed_check_pair(&l->id->chain.pk, &l->id->key, l->rng, l->rng_arg);
  return r == 0 ? 0
                : identity_fail(l, own_key, from->key_file, r, "not the key of the certificate");
}

int tls_identities_load(tls_identities *ids, const wsuv_allocator_t *alloc,
                        const wsuv_tls_config_t *config, tls_mbed_rng *rng, void *rng_arg,
                        tls_failure *failure) {
  const wsuv_tls_cert_t own = tls_config_own(config);
  char place[32];
  if (!tls_cert_named(&own)) return 0;
  if (config->cert_count >= (size_t) -1 / sizeof *ids->list) return WS_ENOMEM;
  ids->list = ws_calloc(alloc, (config->cert_count + 1) * sizeof *ids->list);
  if (ids->list == NULL) return WS_ENOMEM;
  int err = 0;
  for (size_t i = 0; err == 0 && i <= config->cert_count; i++) {
    tls_identity *id = &ids->list[ids->count++];
    mbedtls_x509_crt_init(&id->chain);
    mbedtls_pk_init(&id->key);
    if (i > 0) (void) snprintf(place, sizeof place, "certs[%zu]", i - 1);
    const identity_load load = {.id = id,
                                .from = i == 0 ? &own : config->certs[i - 1],
                                .alloc = alloc,
                                .place = i == 0 ? NULL : place,
                                .rng = rng,
                                .rng_arg = rng_arg,
                                .failure = failure};
    err = load_identity(&load);
  }
  if (err < 0) tls_identities_free(ids, alloc);
  return err;
}

void tls_identities_free(tls_identities *ids, const wsuv_allocator_t *alloc) {
  for (size_t i = 0; i < ids->count; i++) {
    mbedtls_x509_crt_free(&ids->list[i].chain);
    mbedtls_pk_free(&ids->list[i].key);
  }
  ws_free(alloc, ids->list);
  *ids = (tls_identities){NULL, 0};
}

int tls_identities_use(const tls_identities *ids, mbedtls_ssl_config *conf) {
  return ids->count == 0 ? 0
                         : mbedtls_ssl_conf_own_cert(conf, &ids->list[0].chain, &ids->list[0].key);
}

/* mbedTLS takes the first of them whose kind of key the client can use. */
int tls_identities_choose(const tls_identities *ids, mbedtls_ssl_context *ssl,
                          const unsigned char *name, size_t len) {
  int r = 0;
  tls_name_match best = TLS_NAME_NONE;
  if (len > 1 && name[len - 1] == '.') len--; /* it should have none (RFC 6066 3) */
  for (size_t i = 0; i < ids->count && best != TLS_NAME_EQUAL; i++) {
    tls_name_match match = tls_name_find(&ids->list[i].chain, name, len);
    if (match > best) best = match;
  }
  for (size_t i = 0; best != TLS_NAME_NONE && r == 0 && i < ids->count; i++) {
    tls_identity *id = &ids->list[i];
    if (tls_name_find(&id->chain, name, len) != best) continue;
    r = mbedtls_ssl_set_hs_own_cert(ssl, &id->chain, &id->key);
  }
  return r;
}

#include "net/tls/openssl/ossl_identity.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/openssl/ossl_name.h"
#include "net/tls/openssl/ossl_ocsp.h"
#include "net/tls/openssl/ossl_trust.h"
#include "net/tls/tls_own.h"

/* Parsing */

/* Without a password OpenSSL would ask for one at the terminal. */
static int give_password(char *buf, int size, int writing, void *password) {
  (void) writing;
  if (password == NULL || size < 0) return -1;
  size_t len = strnlen(password, (size_t) size + 1);
  if (len > (size_t) size) return -1;
  memcpy(buf, password, len);
  return (int) len;
}

/* Those behind the first one go to the chain. */
static bool add_cert(ossl_identity *id, X509 *cert) {
  if (id->cert == NULL) {
    id->cert = cert;
    return true;
  }
  if (id->chain == NULL) id->chain = sk_X509_new_null();
  if (id->chain != NULL && sk_X509_push(id->chain, cert) > 0) return true;
  ERR_raise(ERR_LIB_X509, ERR_R_MALLOC_FAILURE);
  X509_free(cert);
  return false;
}

static bool use_pem_certs(ossl_identity *id, BIO *bio) {
  for (;;) {
    X509 *cert = PEM_read_bio_X509(bio, NULL, give_password, NULL);
    if (cert == NULL) break;
    if (!add_cert(id, cert)) return false;
  }
  bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE && id->cert != NULL;
  if (end) ERR_clear_error();
  return end;
}

static bool use_certs(ossl_identity *id, BIO *bio, bool pem) {
  if (pem) return use_pem_certs(id, bio);
  id->cert = d2i_X509_bio(bio, NULL);
  return id->cert != NULL;
}

/* In DER nothing says before whether a key is encrypted. */
static EVP_PKEY *read_der_key(BIO *bio, void *password) {
  EVP_PKEY *key = d2i_PrivateKey_bio(bio, NULL);
  if (key != NULL || password == NULL) return key;
  if (ossl_error_status(ossl_error_take()) == WS_ENOMEM) {
    ERR_raise(ERR_LIB_X509, ERR_R_MALLOC_FAILURE);
    return NULL;
  }
  return BIO_reset(bio) == 1 ? d2i_PKCS8PrivateKey_bio(bio, NULL, give_password, password) : NULL;
}

static EVP_PKEY *read_key(BIO *bio, bool pem, const char *password) {
  void *arg = (void *) (uintptr_t) password;
  return pem ? PEM_read_bio_PrivateKey(bio, NULL, give_password, arg) : read_der_key(bio, arg);
}

static int judge(bool good, tls_failure *why) {
  return good ? 0 : ossl_error_set(why, ossl_error_take(), NULL);
}

static BIO *open_memory(const void *data, size_t len) {
  ERR_clear_error();
  return len <= INT_MAX ? BIO_new_mem_buf(data, (int) len) : NULL;
}

/* A certificate whose names are malformed can be used, but not be chosen. */
static int read_names(ossl_identity *id, tls_failure *why) {
  ERR_clear_error();
  id->names = X509_get_ext_d2i(id->cert, NID_subject_alt_name, NULL, NULL);
  unsigned long error = ossl_error_take();
  bool starved = id->names == NULL && ossl_error_status(error) == WS_ENOMEM;
  return starved ? ossl_error_set(why, error, NULL) : 0;
}

/* A certificate has no password. */
static int parse_chain(void *arg, size_t index, const void *data, size_t len, const char *password,
                       tls_failure *why) {
  const ossl_identities *ids = arg;
  ossl_identity *id = &ids->list[index];
  BIO *bio = open_memory(data, len);
  bool good = bio != NULL && use_certs(id, bio, ossl_trust_is_pem(data));
  BIO_free(bio);
  (void) password;
  int err = judge(good, why);
  return err == 0 ? read_names(id, why) : err;
}

static int parse_key(void *arg, size_t index, const void *data, size_t len, const char *password,
                     tls_failure *why) {
  const ossl_identities *ids = arg;
  ossl_identity *id = &ids->list[index];
  BIO *bio = open_memory(data, len);
  if (bio != NULL) id->key = read_key(bio, ossl_trust_is_pem(data), password);
  BIO_free(bio);
  return judge(id->key != NULL, why);
}

/* OpenSSL's own method would ask for a PIN at the terminal. */
static EVP_PKEY *load_uri(const char *uri, const char *password) {
  EVP_PKEY *key = NULL;
  UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_password, 0);
  if (ui == NULL) return NULL;
  void *arg = (void *) (uintptr_t) password;
  OSSL_STORE_CTX *store = OSSL_STORE_open(uri, ui, arg, NULL, NULL);
  bool good = store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1;
  while (good && key == NULL && OSSL_STORE_eof(store) != 1) {
    OSSL_STORE_INFO *info = OSSL_STORE_load(store);
    if (info != NULL) key = OSSL_STORE_INFO_get1_PKEY(info);
    good = info != NULL;
    OSSL_STORE_INFO_free(info);
  }
  (void) OSSL_STORE_close(store); /* nothing was written */
  UI_destroy_method(ui);
  return key;
}

static bool has_provider(void) {
  OSSL_STORE_LOADER *loader = OSSL_STORE_LOADER_fetch(NULL, "pkcs11", NULL);
  OSSL_STORE_LOADER_free(loader);
  return loader != NULL;
}

static int get_uri_key(void *arg, size_t index, const char *uri, const char *password,
                       tls_failure *why) {
  const ossl_identities *ids = arg;
  ERR_clear_error();
  bool there = has_provider();
  if (there) ids->list[index].key = load_uri(uri, password);
  unsigned long error = ossl_error_take();
  if (ids->list[index].key != NULL) return 0;
  if (ossl_error_status(error) == WS_ENOMEM) return ossl_error_set(why, error, NULL);
  why->library_error = (int) error;
  (void) snprintf(why->text, sizeof why->text, "%s",
                  there ? "no such key, or a wrong PIN" : "OpenSSL has no provider for it");
  return there ? WSUV_ETLS : WSUV_ETLSOPTION;
}

static int check_pair(void *arg, size_t index, tls_failure *why) {
  const ossl_identities *ids = arg;
  const ossl_identity *id = &ids->list[index];
  ERR_clear_error();
  return judge(X509_check_private_key(id->cert, id->key) == 1, why);
}

static int parse_ocsp(void *arg, size_t index, const void *data, size_t len, const char *password,
                      tls_failure *why) {
  const ossl_identities *ids = arg;
  ossl_identity *id = &ids->list[index];
  (void) password;
  int err = ossl_ocsp_read_own(data, len, id->cert, &id->ocsp_until, why);
  if (err < 0) return err;
  id->ocsp = ws_malloc(ids->alloc, len);
  if (id->ocsp == NULL) return WS_ENOMEM;
  memcpy(id->ocsp, data, len);
  id->ocsp_len = len;
  return 0;
}

int ossl_identities_load(ossl_identities *ids, const wsuv_allocator_t *alloc,
                         const wsuv_tls_config_t *config, tls_failure *failure) {
  static const tls_own_parser parser = {parse_chain, parse_key, get_uri_key, check_pair,
                                        parse_ocsp};
  const size_t count = tls_own_count(config);
  if (count == 0) return 0;
  if (count > (size_t) -1 / sizeof *ids->list) return WS_ENOMEM;
  ids->list = ws_calloc(alloc, count * sizeof *ids->list);
  if (ids->list == NULL) return WS_ENOMEM;
  ids->count = count;
  ids->alloc = alloc;
  return tls_own_load(&parser, ids, alloc, config, failure);
}

void ossl_identities_free(ossl_identities *ids, const wsuv_allocator_t *alloc) {
  for (size_t i = 0; i < ids->count; i++) {
    X509_free(ids->list[i].cert);
    sk_X509_pop_free(ids->list[i].chain, X509_free);
    GENERAL_NAMES_free(ids->list[i].names);
    EVP_PKEY_free(ids->list[i].key);
    ws_free(alloc, ids->list[i].ocsp);
    ASN1_STRING_free(ids->list[i].ocsp_until);
  }
  ws_free(alloc, ids->list);
  *ids = (ossl_identities){NULL, 0, NULL};
}

int ossl_identities_use(const ossl_identities *ids, SSL_CTX *ssl, tls_failure *failure) {
  if (ids->count == 0) return 0;
  const ossl_identity *id = &ids->list[0];
  ERR_clear_error();
  if (SSL_CTX_use_cert_and_key(ssl, id->cert, id->key, id->chain, 1) == 1) return 0;
  return ossl_error_set(failure, ossl_error_take(), "own certificate");
}

/* Whether a key makes signatures of that kind (RFC 8446 4.2.3). */
static bool key_signs(const EVP_PKEY *key, int sign) {
  bool rsa = sign == EVP_PKEY_RSA || sign == EVP_PKEY_RSA_PSS;
  return EVP_PKEY_is_a(key, "RSA") == 1 ? rsa : sign == EVP_PKEY_get_base_id(key);
}

/* TLS 1.2: whether a suite of both ends goes with a key of that kind. */
static bool suites_take(SSL *ssl, const EVP_PKEY *key) {
  bool rsa = EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1;
  const STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl), *theirs = SSL_get_client_ciphers(ssl);
  if (SSL_version(ssl) != TLS1_2_VERSION) return true;
  for (int i = 0; i < sk_SSL_CIPHER_num(ours); i++) {
    const SSL_CIPHER *suite = sk_SSL_CIPHER_value(ours, i);
    if (SSL_CIPHER_get_auth_nid(suite) != (rsa ? NID_auth_rsa : NID_auth_ecdsa)) continue;
    for (int k = 0; k < sk_SSL_CIPHER_num(theirs); k++) {
      const SSL_CIPHER *other = sk_SSL_CIPHER_value(theirs, k);
      if (SSL_CIPHER_get_id(other) == SSL_CIPHER_get_id(suite)) return true;
    }
  }
  return false;
}

/* The place in our order of the first kind of signature that the key makes and the client takes;
   INT_MAX: there is none. */
static int rank_of(SSL *ssl, const EVP_PKEY *key) {
  const int signs = SSL_get_shared_sigalgs(ssl, 0, NULL, NULL, NULL, NULL, NULL);
  for (int n = 0; n < signs; n++) {
    int sign;
    bool known = SSL_get_shared_sigalgs(ssl, n, &sign, NULL, NULL, NULL, NULL) > 0;
    if (known && key_signs(key, sign)) return suites_take(ssl, key) ? n : INT_MAX;
  }
  return INT_MAX;
}

/* The best match; of several, the one whose key makes the signatures that come first in our order,
   or else the first one. */
int ossl_identities_choose(const ossl_identities *ids, SSL *ssl) {
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  const ossl_identity *found = NULL;
  tls_name_match best = TLS_NAME_NONE;
  int best_rank = INT_MAX;
  if (name == NULL) return 1;
  size_t len = tls_peer_name_len(name);
  for (size_t i = 0; i < ids->count; i++) {
    const ossl_identity *id = &ids->list[i];
    tls_name_match match = ossl_name_find_in(id->names, name, len);
    if (match == TLS_NAME_NONE || match < best) continue;
    int rank = rank_of(ssl, id->key);
    if (match == best && rank >= best_rank) continue;
    found = id;
    best = match;
    best_rank = rank;
  }
  if (found == NULL) return 1;
  SSL_certs_clear(ssl);
  return SSL_use_cert_and_key(ssl, found->cert, found->key, found->chain, 1);
}

/* A response that is out of date would have the client refuse a certificate that may be good. */
int ossl_identities_staple(const ossl_identities *ids, SSL *ssl) {
  const X509 *cert = SSL_get_certificate(ssl);
  const ossl_identity *id = NULL;
  for (size_t i = 0; i < ids->count; i++) {
    if (ids->list[i].cert == cert) id = &ids->list[i];
  }
  if (id == NULL || id->ocsp == NULL) return SSL_TLSEXT_ERR_NOACK;
  if (X509_cmp_current_time(id->ocsp_until) <= 0) return SSL_TLSEXT_ERR_NOACK;
  uint8_t *copy = OPENSSL_memdup(id->ocsp, id->ocsp_len);
  if (copy == NULL) return SSL_TLSEXT_ERR_ALERT_FATAL;
  (void) SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long) id->ocsp_len); /* cannot fail */
  return SSL_TLSEXT_ERR_OK;
}

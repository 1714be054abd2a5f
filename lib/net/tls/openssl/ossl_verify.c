#include "net/tls/openssl/ossl_verify.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_crls.h"
#include "net/tls/openssl/ossl_internal.h"
#include "net/tls/openssl/ossl_name.h"
#include "net/tls/openssl/ossl_ocsp.h"
#include "net/tls/openssl/ossl_strength.h"
#include "net/tls/tls_problems.h"

/* OpenSSL would stop at the first error. Here each is noted, and the certificate is good only if
   there is none at the end, whatever OpenSSL's result is. */

static ossl_engine *engine_of(X509_STORE_CTX *ctx) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
  return ossl_of(SSL_get_app_data(ssl));
}

/* Of a certificate that is not for this purpose: which extension says so. An authority that may
   not sign certificates is none. */
static uint32_t purpose_problem(X509 *cert, ws_role role, int depth) {
  uint32_t wanted = role == WS_CLIENT ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
  if (depth > 0 && X509_check_ca(cert) == 0) return WSUV_CERT_NOT_TRUSTED;
  if ((X509_get_extension_flags(cert) & EXFLAG_XKUSAGE) == 0) return WSUV_CERT_KEY_USAGE;
  return (X509_get_extended_key_usage(cert) & wanted) == 0 ? WSUV_CERT_EXT_KEY_USAGE
                                                           : WSUV_CERT_KEY_USAGE;
}

static uint32_t problem_of(X509_STORE_CTX *ctx, ws_role role) {
  int error = X509_STORE_CTX_get_error(ctx);
  switch (error) {
  case X509_V_OK: return 0;
  case X509_V_ERR_CERT_HAS_EXPIRED: return WSUV_CERT_EXPIRED;
  case X509_V_ERR_CERT_NOT_YET_VALID: return WSUV_CERT_NOT_YET_VALID;
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_UNTRUSTED:
  case X509_V_ERR_CERT_REJECTED:
  case X509_V_ERR_INVALID_CA:
  case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
  case X509_V_ERR_PATH_LENGTH_EXCEEDED:
  case X509_V_ERR_CERT_CHAIN_TOO_LONG: return WSUV_CERT_NOT_TRUSTED;
  case X509_V_ERR_INVALID_PURPOSE:
    return purpose_problem(X509_STORE_CTX_get_current_cert(ctx), role,
                           X509_STORE_CTX_get_error_depth(ctx));
  case X509_V_ERR_EE_KEY_TOO_SMALL:
  case X509_V_ERR_CA_KEY_TOO_SMALL: return WSUV_CERT_WEAK_KEY;
  case X509_V_ERR_CA_MD_TOO_WEAK: return WSUV_CERT_WEAK_HASH;
  case X509_V_ERR_CERT_REVOKED: return WSUV_CERT_REVOKED;
  case X509_V_ERR_UNABLE_TO_GET_CRL: return WSUV_CERT_CRL_MISSING;
  case X509_V_ERR_CRL_HAS_EXPIRED:
  case X509_V_ERR_CRL_NOT_YET_VALID: return WSUV_CERT_CRL_EXPIRED;
  case X509_V_ERR_PERMITTED_VIOLATION:
  case X509_V_ERR_EXCLUDED_VIOLATION:
  case X509_V_ERR_SUBTREE_MINMAX:
  case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
  case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
  case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX: return WSUV_CERT_NAME_CONSTRAINTS;
  case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
  case X509_V_ERR_INVALID_EXTENSION: return WSUV_CERT_EXTENSION;
  case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
  case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD: return WSUV_CERT_OTHER;
  case X509_V_ERR_INVALID_POLICY_EXTENSION:
  case X509_V_ERR_NO_EXPLICIT_POLICY: return TLS_PROBLEM_POLICY;
  default: return ossl_crls_found(error) ? WSUV_CERT_CRL_INVALID : WSUV_CERT_OTHER;
  }
}

/* OpenSSL looks for a list of the anchor's issuer, too. The anchor is trusted itself, and where the
   last certificate is none, that is an error of its own. */
static bool is_list_for_anchor(X509_STORE_CTX *ctx) {
  int last = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
  return ossl_crls_found(X509_STORE_CTX_get_error(ctx)) &&
         X509_STORE_CTX_get_error_depth(ctx) == last;
}

/* Called for each certificate, and for each error. */
static int on_cert(int good, X509_STORE_CTX *ctx) {
  ossl_engine *e = engine_of(ctx);
  if (good == 0 && is_list_for_anchor(ctx)) return 1;
  if (good == 0) e->problems |= problem_of(ctx, e->base.ctx->role);
  if (X509_STORE_CTX_get_error(ctx) == X509_V_ERR_OUT_OF_MEM) e->io_error = WS_ENOMEM;
  return 1;
}

/* The signature of an anchor says nothing: the anchor is trusted itself. */
static uint32_t strength_problems(X509_STORE_CTX *ctx, bool anchored) {
  STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
  uint32_t problems = 0;
  int count = sk_X509_num(chain);
  for (int i = 0; i < count; i++) {
    X509 *cert = sk_X509_value(chain, i);
    problems |= ossl_key_problem(cert);
    if (!anchored || i + 1 < count) problems |= ossl_hash_problem(cert);
  }
  return problems;
}

/* Whether one of the names that a wildcard stands for is in an excluded subtree: the wildcard
   itself may be outside of it, and OpenSSL compares only that. */
static bool wildcard_covers(const ASN1_IA5STRING *name, const ASN1_IA5STRING *base) {
  const unsigned char *n = ASN1_STRING_get0_data(name), *b = ASN1_STRING_get0_data(base);
  size_t name_len = (size_t) ASN1_STRING_length(name), len = (size_t) ASN1_STRING_length(base);
  const unsigned char *dot = memchr(b, '.', len);
  if (name_len < 2 || memcmp(n, "*.", 2) != 0 || dot == NULL || dot == b) return false;
  size_t rest = len - (size_t) (dot - b);
  return name_len - 1 == rest && tls_dns_name_equal(n + 1, dot, rest);
}

static bool excludes_wildcard(const NAME_CONSTRAINTS *c, const GENERAL_NAMES *names) {
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(c->excludedSubtrees); i++) {
    const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(c->excludedSubtrees, i)->base;
    for (int k = 0; base->type == GEN_DNS && k < sk_GENERAL_NAME_num(names); k++) {
      const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, k);
      if (name->type == GEN_DNS && wildcard_covers(name->d.dNSName, base->d.dNSName)) return true;
    }
  }
  return false;
}

/* Get an extension. false: it is there, but cannot be read, because of its form or of memory. */
static bool get_extension(const X509 *cert, int nid, void **out) {
  int critical = 0;
  *out = X509_get_ext_d2i(cert, nid, &critical, NULL);
  return *out != NULL || critical == -1; /* -1: there is no such extension */
}

/* What cannot be read might exclude it. */
static uint32_t wildcard_problem(X509_STORE_CTX *ctx, X509 *leaf) {
  STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
  void *names, *constraints;
  uint32_t problem = get_extension(leaf, NID_subject_alt_name, &names) ? 0 : WSUV_CERT_OTHER;
  for (int i = 1; i < sk_X509_num(chain); i++) {
    bool read = get_extension(sk_X509_value(chain, i), NID_name_constraints, &constraints);
    bool excluded = constraints != NULL && excludes_wildcard(constraints, names);
    if (!read || excluded) problem |= WSUV_CERT_NAME_CONSTRAINTS;
    NAME_CONSTRAINTS_free(constraints);
  }
  GENERAL_NAMES_free(names);
  return problem;
}

static bool is_pinned(const tls_context *ctx, X509 *cert) {
  unsigned char *der = NULL, hash[EVP_MAX_MD_SIZE];
  if (ctx->pins == NULL) return true;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  bool hashed = len > 0 && EVP_Digest(der, (size_t) len, hash, NULL, EVP_sha256(), NULL) == 1;
  OPENSSL_free(der);
  return hashed && tls_context_pins(ctx, hash);
}

static void check_leaf(ossl_engine *e, X509 *cert) {
  const tls_engine *base = &e->base;
  const char *own = base->ctx->config.server_name, *name = own != NULL ? own : base->host;
  bool fits = base->peer.address_len > 0
                  ? ossl_name_has_address(cert, &base->peer)
                  : ossl_name_find(cert, name, tls_peer_name_len(name)) > TLS_NAME_NONE;
  if (!fits) e->problems |= WSUV_CERT_HOST_MISMATCH;
  e->base.wrong_pin = !is_pinned(base->ctx, cert);
}

/* It is only for tls_engine_info. */
static void keep_leaf(ossl_engine *e, X509 *cert) {
  unsigned char *der = NULL;
  int len = i2d_X509(cert, &der);
  if (len > 0) tls_engine_keep_cert(&e->base, der, (size_t) len);
  OPENSSL_free(der);
}

/* The error that makes OpenSSL send the right alert. */
static int error_for(uint32_t problems) {
  static const struct {
    uint32_t problems; /* For one of these, */
    int error;         /* this is the error. */
  } errors[] = {
      {WSUV_CERT_EXPIRED | WSUV_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED},
      {WSUV_CERT_REVOKED, X509_V_ERR_CERT_REVOKED},
      {WSUV_CERT_NOT_TRUSTED, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
      {WSUV_CERT_KEY_USAGE | WSUV_CERT_EXT_KEY_USAGE | WSUV_CERT_TYPE | WSUV_CERT_KEY_TYPE |
           WSUV_CERT_WEAK_KEY | WSUV_CERT_WEAK_HASH,
       X509_V_ERR_INVALID_PURPOSE},
  };
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    if ((problems & errors[i].problems) != 0) return errors[i].error;
  }
  return X509_V_ERR_CERT_REJECTED;
}

int ossl_verify(X509_STORE_CTX *ctx, void *arg) {
  ossl_engine *e = engine_of(ctx);
  X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
  const tls_context *c = e->base.ctx;
  (void) arg;
  e->saw_chain = true;
  e->problems = 0;
  if (leaf != NULL) keep_leaf(e, leaf);
  X509_STORE_CTX_set_verify_cb(ctx, on_cert);
  (void) ERR_set_mark(); /* fails only if the queue is empty, and then there is nothing to keep */
  bool good = X509_verify_cert(ctx) == 1;
  (void) ERR_pop_to_mark(); /* what is wrong is in `problems`; 0: there was no mark */
  if (!good && e->problems == 0) e->problems |= WSUV_CERT_OTHER;
  e->problems |= strength_problems(ctx, (e->problems & WSUV_CERT_NOT_TRUSTED) == 0);
  if (leaf != NULL) e->problems |= wildcard_problem(ctx, leaf);
  if (leaf != NULL && c->role == WS_CLIENT) check_leaf(e, leaf);
  bool fails = e->problems != 0 && !(c->role == WS_CLIENT && c->config.verification_disabled);
  bool refused = leaf == NULL || fails || e->base.wrong_pin;
  X509_STORE_CTX_set_error(ctx, refused ? error_for(e->problems) : X509_V_OK);
  return refused ? 0 : 1;
}

/* TLS 1.3 calls it when a session is resumed, too, which has no certificate. */
int ossl_verify_status(SSL *ssl, void *arg) {
  ossl_engine *e = ossl_of(SSL_get_app_data(ssl));
  const wsuv_tls_config_t *config = &e->base.ctx->config;
  const unsigned char *der = NULL;
  uint32_t problems;
  (void) arg;
  if (!e->saw_chain) return 1;
  long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
  const ossl_ocsp_given given = {
      .der = len >= 0 ? der : NULL,
      .len = len >= 0 ? (size_t) len : 0,
      .chain = SSL_get0_verified_chain(ssl),
      .lists = tls_config_has_crls(config) ? SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl)) : NULL,
      .required = config->ocsp == WSUV_TLS_OCSP_REQUIRE,
  };
  e->saw_status = true;
  e->io_error = ossl_ocsp_check(&given, &problems);
  if (e->io_error < 0) return -1;
  e->problems |= problems;
  return problems == 0 ? 1 : 0;
}

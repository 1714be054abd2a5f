#include "net/tls/openssl/ossl_ocsp.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/openssl/ossl_strength.h"

/* A response is believed only if it was signed by the issuer of the certificate, or by a responder
   that the issuer has certified for it (RFC 6960 4.2.2.2) and that is in no list of revoked
   certificates. OpenSSL's function would also look for other ways to a trusted authority, with
   flags that are meant for chains of peers; here it checks signatures only. */

enum {
  SKEW_S = 5 * 60,   /* by which clocks may differ */
  STATUS_REQUEST = 5 /* TLS feature of a certificate (RFC 7633 6), extension of TLS (RFC 6066 8) */
};

/* Parsing */

/* Nothing may follow. NULL: malformed, or no memory. */
static OCSP_RESPONSE *parse(const uint8_t *der, size_t len) {
  const unsigned char *p = der;
  OCSP_RESPONSE *response = len <= LONG_MAX ? d2i_OCSP_RESPONSE(NULL, &p, (long) len) : NULL;
  if (response == NULL || p == der + len) return response;
  OCSP_RESPONSE_free(response);
  return NULL;
}

/* Who has signed it */

/* A responder's certificate has to be issued by the issuer itself, for this use. */
static bool is_delegate(X509 *signer, X509 *issuer) {
  uint32_t flags = X509_get_extension_flags(signer);
  bool issued = X509_check_issued(issuer, signer) == X509_V_OK &&
                X509_verify(signer, X509_get0_pubkey(issuer)) == 1;
  bool for_ocsp = (flags & EXFLAG_XKUSAGE) != 0 &&
                  (X509_get_extended_key_usage(signer) & XKU_OCSP_SIGN) != 0 &&
                  (X509_get_key_usage(signer) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
  bool valid = X509_cmp_current_time(X509_get0_notBefore(signer)) < 0 &&
               X509_cmp_current_time(X509_get0_notAfter(signer)) > 0;
  bool understood = (flags & (EXFLAG_CRITICAL | EXFLAG_INVALID)) == 0;
  bool strong = ossl_key_problem(signer) == 0 && ossl_hash_problem(signer) == 0;
  return issued && for_ocsp && valid && understood && strong;
}

/* Whether the issuer's list has not revoked a responder. The issuer itself was looked up with the
   chain, if that was wanted. */
static bool passes_list(X509 *signer, X509 *issuer, X509_STORE *lists) {
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  STACK_OF(X509) *anchor = sk_X509_new_null();
  bool passes = ctx != NULL && anchor != NULL && sk_X509_push(anchor, issuer) > 0 &&
                X509_STORE_CTX_init(ctx, lists, signer, NULL) == 1;
  if (passes) {
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_STORE_CTX_set0_trusted_stack(ctx, anchor);
    passes = X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_CRL_CHECK_ALL) == 1 &&
             X509_verify_cert(ctx) == 1;
  }
  X509_STORE_CTX_free(ctx);
  sk_X509_free(anchor);
  return passes;
}

/* The issuer can say that a responder need not be looked up (RFC 6960 4.2.2.2.1). If it says
   nothing, that is for us to decide: where there are lists, it is looked up. */
static bool may_be_revoked(X509 *signer, X509 *issuer, X509_STORE *lists) {
  if (lists == NULL || X509_get_ext_by_NID(signer, NID_id_pkix_OCSP_noCheck, -1) >= 0) return false;
  return !passes_list(signer, issuer, lists);
}

static bool may_sign(X509 *signer, X509 *issuer, X509_STORE *lists) {
  if (X509_cmp(signer, issuer) == 0) return true;
  return is_delegate(signer, issuer) && !may_be_revoked(signer, issuer, lists);
}

static bool is_signed(OCSP_BASICRESP *basic, const ossl_ocsp_given *g, X509 *issuer) {
  X509 *signer;
  if (OCSP_resp_get0_signer(basic, &signer, g->chain) != 1) return false;
  if (!may_sign(signer, issuer, g->lists)) return false;
  if (!ossl_signature_is_strong(OCSP_resp_get0_tbs_sigalg(basic))) return false;
  return OCSP_basic_verify(basic, g->chain, NULL, OCSP_NOVERIFY) == 1;
}

/* What it says */

/* Whether a part of the response is about this certificate. The hash in it is the responder's
   choice, and only finds the certificate. */
static bool is_about(const OCSP_SINGLERESP *single, const X509 *leaf, const X509 *issuer) {
  const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
  ASN1_OBJECT *hash;
  (void) OCSP_id_get0_info(NULL, &hash, NULL, NULL, (OCSP_CERTID *) (uintptr_t) id); /* returns 1 */
  const EVP_MD *md = EVP_get_digestbyobj(hash);
  if (md == NULL) return false;
  OCSP_CERTID *own = OCSP_cert_to_id(md, leaf, issuer);
  bool same = own != NULL && OCSP_id_cmp(own, id) == 0;
  OCSP_CERTID_free(own);
  return same;
}

static uint32_t problems_of(OCSP_SINGLERESP *single, bool required) {
  ASN1_GENERALIZEDTIME *this_update, *next_update;
  uint32_t problems = 0;
  int status = OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update);
  bool understood = OCSP_SINGLERESP_get_ext_by_critical(single, 1, -1) < 0;
  if (!understood || next_update == NULL) problems |= WSUV_CERT_OCSP_INVALID;
  if (OCSP_check_validity(this_update, next_update, SKEW_S, -1) != 1) {
    problems |= WSUV_CERT_OCSP_EXPIRED;
  }
  switch (status) {
  case V_OCSP_CERTSTATUS_GOOD: return problems;
  case V_OCSP_CERTSTATUS_REVOKED: return problems | WSUV_CERT_REVOKED;
  case V_OCSP_CERTSTATUS_UNKNOWN: return required ? problems | WSUV_CERT_OCSP_UNKNOWN : problems;
  default: return problems | WSUV_CERT_OCSP_INVALID;
  }
}

/* Each part about the certificate counts; there must be one. */
static uint32_t problems_of_all(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer,
                                bool required) {
  uint32_t problems = 0;
  bool found = false;
  for (int i = 0; i < OCSP_resp_count(basic); i++) {
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
    if (!is_about(single, leaf, issuer)) continue;
    found = true;
    problems |= problems_of(single, required);
  }
  return found ? problems : WSUV_CERT_OCSP_INVALID;
}

static uint32_t check_basic(OCSP_BASICRESP *basic, const ossl_ocsp_given *g, X509 *issuer) {
  bool understood = OCSP_BASICRESP_get_ext_by_critical(basic, 1, -1) < 0;
  if (!understood || !is_signed(basic, g, issuer)) return WSUV_CERT_OCSP_INVALID;
  return problems_of_all(basic, sk_X509_value(g->chain, 0), issuer, g->required);
}

/* Clients */

/* Whether a certificate demands a response (RFC 7633). An extension that cannot be read does. */
static bool demands_response(const X509 *leaf) {
  int found = 0;
  bool demands = false;
  TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, &found, NULL);
  if (features == NULL) return found != -1; /* -1: there is no such extension */
  for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
    demands = demands || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
  }
  TLS_FEATURE_free(features);
  return demands;
}

/* The issuer of the leaf. A leaf that is trusted itself has none in the chain. */
static X509 *issuer_of(const STACK_OF(X509) * chain) {
  X509 *leaf = sk_X509_value(chain, 0);
  if (sk_X509_num(chain) > 1) return sk_X509_value(chain, 1);
  return X509_check_issued(leaf, leaf) == X509_V_OK ? leaf : NULL;
}

/* An error of the responder's is not signed, and says no more than that there is no response. */
static uint32_t check_response(OCSP_RESPONSE *response, const ossl_ocsp_given *g, bool needed) {
  X509 *issuer = issuer_of(g->chain);
  if (issuer == NULL) return needed ? WSUV_CERT_OCSP_INVALID : 0;
  if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return needed ? WSUV_CERT_OCSP_MISSING : 0;
  }
  OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
  uint32_t problems = basic != NULL ? check_basic(basic, g, issuer) : WSUV_CERT_OCSP_INVALID;
  OCSP_BASICRESP_free(basic);
  return problems;
}

int ossl_ocsp_check(const ossl_ocsp_given *g, uint32_t *problems) {
  *problems = WSUV_CERT_OCSP_INVALID;
  if (sk_X509_num(g->chain) < 1) return 0;
  ERR_clear_error();
  bool needed = g->required || demands_response(sk_X509_value(g->chain, 0));
  if (g->der == NULL) {
    *problems = needed ? WSUV_CERT_OCSP_MISSING : 0;
  } else {
    OCSP_RESPONSE *response = parse(g->der, g->len);
    if (response != NULL) *problems = check_response(response, g, needed);
    OCSP_RESPONSE_free(response);
  }
  return ossl_error_status(ossl_error_take()) == WS_ENOMEM ? WS_ENOMEM : 0;
}

/* Servers */

/* By name and number; the key of the issuer may not be there. */
static bool is_of(const OCSP_SINGLERESP *single, const X509 *cert) {
  const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(single);
  ASN1_OCTET_STRING *name;
  ASN1_OBJECT *hash;
  ASN1_INTEGER *serial;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  (void) OCSP_id_get0_info(&name, &hash, NULL, &serial,
                           (OCSP_CERTID *) (uintptr_t) id); /* returns 1 */
  const EVP_MD *md = EVP_get_digestbyobj(hash);
  if (md == NULL || X509_NAME_digest(X509_get_issuer_name(cert), md, digest, &len) != 1) {
    return false;
  }
  return ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(cert)) == 0 &&
         (size_t) ASN1_STRING_length(name) == len &&
         memcmp(ASN1_STRING_get0_data(name), digest, len) == 0;
}

/* The nextUpdate of the part about the certificate; NULL: there is none. */
static const ASN1_TIME *end_of(OCSP_BASICRESP *basic, const X509 *cert) {
  for (int i = 0; i < OCSP_resp_count(basic); i++) {
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
    ASN1_GENERALIZEDTIME *next_update = NULL;
    if (!is_of(single, cert)) continue;
    (void) OCSP_single_get0_status(single, NULL, NULL, NULL, &next_update); /* any status will do */
    if (next_update != NULL) return next_update;
  }
  return NULL;
}

/* Returns the words for what is wrong, or NULL. */
static const char *read_own(OCSP_RESPONSE *response, const X509 *cert, ASN1_TIME **until) {
  if (response == NULL) return "malformed";
  if (OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return "an error of the responder";
  }
  OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
  if (basic == NULL) return "malformed";
  const ASN1_TIME *end = end_of(basic, cert);
  *until = end != NULL ? ASN1_STRING_dup(end) : NULL;
  OCSP_BASICRESP_free(basic);
  return *until != NULL ? NULL : "not for the certificate, or without nextUpdate";
}

int ossl_ocsp_read_own(const uint8_t *der, size_t len, const X509 *cert, ASN1_TIME **until,
                       tls_failure *why) {
  *until = NULL;
  ERR_clear_error();
  OCSP_RESPONSE *response = parse(der, len);
  const char *text = read_own(response, cert, until);
  OCSP_RESPONSE_free(response);
  unsigned long error = ossl_error_take();
  if (text == NULL) return 0;
  if (ossl_error_status(error) == WS_ENOMEM) return ossl_error_set(why, error, NULL);
  why->library_error = (int) error;
  (void) snprintf(why->text, sizeof why->text, "%s", text);
  return WSUV_ETLS;
}

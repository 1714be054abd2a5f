#include "net/tls/openssl/ossl_crls.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <wsuv/error.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/openssl/ossl_strength.h"
#include "net/tls/openssl/ossl_trust.h"
#include "net/tls/tls_crls.h"

/* Parses lists one by one. What is wrong with one is an error at once, since a list that was left
   out might be the one that a certificate is in. */

static int refuse(tls_failure *failure, const char *text) {
  (void) snprintf(failure->text, sizeof failure->text, "%s", text);
  return WSUV_ETLSCRL;
}

/* Where PEM_read_bio has no memory, it does not always say so, but fails without any error. */
static int fail_parsing(tls_failure *failure) {
  unsigned long error = ossl_error_take();
  if (error == 0 || ossl_error_set(failure, error, NULL) == WS_ENOMEM) return WS_ENOMEM;
  return WSUV_ETLSCRL;
}

static int add_crl(X509_STORE *store, X509_CRL *crl, tls_failure *failure) {
  const X509_ALGOR *algorithm;
  X509_CRL_get0_signature(crl, NULL, &algorithm);
  if (X509_CRL_get0_nextUpdate(crl) == NULL) return refuse(failure, "it has no nextUpdate");
  if (!ossl_signature_is_strong(algorithm)) return refuse(failure, "it is signed with a weak hash");
  if (X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0) {
    return refuse(failure, "it is a delta list");
  }
  return X509_STORE_add_crl(store, crl) == 1 ? 1 : fail_parsing(failure);
}

/* Returns 1 or an error, as do the functions above. */
static int add_der(X509_STORE *store, const uint8_t *der, long len, tls_failure *failure) {
  const unsigned char *p = der;
  X509_CRL *crl = d2i_X509_CRL(NULL, &p, len);
  if (crl == NULL) return fail_parsing(failure);
  int r =
      p == der + len ? add_crl(store, crl, failure) : refuse(failure, "something follows the list");
  X509_CRL_free(crl);
  return r;
}

static int add_pem(X509_STORE *store, BIO *bio, tls_failure *failure) {
  for (int count = 0;;) {
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int r = 0;
    if (PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
      if (strcmp(name, PEM_STRING_X509_CRL) == 0) r = add_der(store, der, len, failure);
    } else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
      ERR_clear_error();
      return count;
    } else {
      r = fail_parsing(failure);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    if (r < 0) return r;
    count += r;
  }
}

/* What does not begin with a SEQUENCE is no list at all. */
static int add(void *to, const uint8_t *data, size_t len, tls_failure *failure) {
  ERR_clear_error();
  if (!ossl_trust_is_pem(data)) {
    return len > 0 && data[0] == 0x30 ? add_der(to, data, (long) len, failure) : 0;
  }
  BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(data, (int) len) : NULL;
  if (bio == NULL) return WS_ENOMEM;
  int r = add_pem(to, bio, failure);
  BIO_free(bio);
  return r;
}

int ossl_crls_load(X509_STORE *trusted, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *config, tls_failure *failure) {
  const tls_crls crls = {alloc, add, trusted};
  unsigned long flags = X509_V_FLAG_CRL_CHECK;
  if (config->crl_check == WSUV_TLS_CRL_CHAIN) flags |= X509_V_FLAG_CRL_CHECK_ALL;
  if (X509_STORE_set_flags(trusted, flags) != 1) return WS_ENOMEM;
  return tls_crls_load(&crls, config, failure);
}

bool ossl_crls_found(int error) {
  switch (error) {
  case X509_V_ERR_CERT_REVOKED:
  case X509_V_ERR_UNABLE_TO_GET_CRL:
  case X509_V_ERR_CRL_HAS_EXPIRED:
  case X509_V_ERR_CRL_NOT_YET_VALID:
  case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
  case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
  case X509_V_ERR_CRL_SIGNATURE_FAILURE:
  case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
  case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
  case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
  case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
  case X509_V_ERR_DIFFERENT_CRL_SCOPE:
  case X509_V_ERR_CRL_PATH_VALIDATION_ERROR: return true;
  default: return false;
  }
}

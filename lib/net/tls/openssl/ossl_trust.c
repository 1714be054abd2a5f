#include "net/tls/openssl/ossl_trust.h"

#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/tls_problems.h"
#include "net/tls/tls_store.h"

/* Parses trusted certificates one by one: one that is of no use does not keep the others out, but
   missing memory does. */

bool ossl_trust_is_pem(const void *data) {
  return strstr(data, "-----BEGIN ") != NULL;
}

/* Returns 0 or WS_ENOMEM. The first error is kept. Where PEM_read_bio has no memory, it does not
   always say so, but fails without any error. */
static int judge(tls_failure *failure) {
  tls_failure why = *failure;
  unsigned long error = ossl_error_take();
  if (error == 0 || ossl_error_set(&why, error, NULL) == WS_ENOMEM) return WS_ENOMEM;
  if (failure->text[0] == '\0') *failure = why;
  return 0;
}

/* An anchor that says what must be understood, and is not, is of no use for any chain. */
static bool is_understood(X509 *cert, tls_failure *failure) {
  bool fine = (X509_get_extension_flags(cert) & EXFLAG_CRITICAL) == 0;
  bool first = failure->text[0] == '\0';
  if (!fine && first) {
    tls_problems_describe(failure->text, sizeof failure->text, WSUV_CERT_EXTENSION);
  }
  return fine;
}

/* Returns 1, 0 or WS_ENOMEM. */
static int add_der(X509_STORE *store, const uint8_t *der, long len, tls_failure *failure) {
  const unsigned char *p = der;
  X509 *cert = d2i_X509(NULL, &p, len);
  if (cert == NULL) return judge(failure);
  if (!is_understood(cert, failure)) {
    X509_free(cert);
    return 0;
  }
  int added = X509_STORE_add_cert(store, cert);
  X509_free(cert);
  return added == 1 ? 1 : judge(failure);
}

/* What is bad is passed over; PEM_read_bio always goes on. */
static int add_pem(X509_STORE *store, BIO *bio, tls_failure *failure) {
  int count = 0;
  for (;;) {
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int r = 0;
    if (PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
      if (strcmp(name, PEM_STRING_X509) == 0) r = add_der(store, der, len, failure);
    } else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
      ERR_clear_error();
      return count;
    } else {
      r = judge(failure);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    if (r < 0) return r;
    count += r;
  }
}

/* What does not begin with a SEQUENCE is no certificate at all. */
static int add(void *list, const uint8_t *data, size_t len, tls_failure *failure) {
  ERR_clear_error();
  if (!ossl_trust_is_pem(data)) {
    return len > 0 && data[0] == 0x30 ? add_der(list, data, (long) len, failure) : 0;
  }
  BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(data, (int) len) : NULL;
  if (bio == NULL) return WS_ENOMEM;
  int r = add_pem(list, bio, failure);
  BIO_free(bio);
  return r;
}

int ossl_trust_load(X509_STORE *trusted, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, tls_failure *failure) {
  const tls_store store = {alloc, add, trusted};
  return tls_store_load(&store, config, failure);
}

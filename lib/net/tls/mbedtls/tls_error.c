#include "net/tls/mbedtls/tls_error.h"

#include <stdio.h>

#include <mbedtls/asn1.h>
#include <mbedtls/bignum.h>
#include <mbedtls/cipher.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <mbedtls/pkcs5.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_verify.h"

/* Codes of mbedTLS: the sum of one of the module and one of what it stands on,

     -0x3d00 - 0x006a = PK_KEY_INVALID_FORMAT, because of ASN1_ALLOC_FAILED
*/

enum { LOW_BITS = 0x7f };

static int status_of_module(int error) {
  switch (error) {
  case MBEDTLS_ERR_SSL_ALLOC_FAILED:
  case MBEDTLS_ERR_X509_ALLOC_FAILED:
  case MBEDTLS_ERR_PK_ALLOC_FAILED:
  case MBEDTLS_ERR_PEM_ALLOC_FAILED:
  case MBEDTLS_ERR_ECP_ALLOC_FAILED:
  case MBEDTLS_ERR_MD_ALLOC_FAILED:
  case MBEDTLS_ERR_CIPHER_ALLOC_FAILED: return WS_ENOMEM;
  case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return WSUV_ETLSVERIFY;
  case MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED: return WSUV_ETLSTRUST;
  default: return WSUV_ETLS;
  }
}

static int status_of_base(int error) {
  switch (error) {
  case MBEDTLS_ERR_ASN1_ALLOC_FAILED:
  case MBEDTLS_ERR_MPI_ALLOC_FAILED: return WS_ENOMEM;
  case MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED:
  case MBEDTLS_ERR_ENTROPY_SOURCE_FAILED:
  case MBEDTLS_ERR_ENTROPY_NO_STRONG_SOURCE: return WSUV_ERANDOM;
  default: return WSUV_ETLS;
  }
}

int tls_failure_status(int library_error) {
  if (library_error >= 0) return 0;
  int low = -(-library_error & LOW_BITS);
  int status = status_of_base(low);
  return status != WSUV_ETLS ? status : status_of_module(library_error - low);
}

/* Words where mbedTLS's do not tell what is wrong, or what to do. */
static void put_text(char *text, size_t size, int error) {
  static const char convert[] =
      "encrypted in a way that mbedTLS does not read; convert it: openssl pkcs8 -topk8 -v2 des3";
  uint32_t flag = tls_verify_parse_flag(error);
  if (flag != 0) {
    tls_verify_describe(text, size, flag);
  } else if (error == MBEDTLS_ERR_PKCS5_FEATURE_UNAVAILABLE) {
    (void) snprintf(text, size, "%s", convert);
  } else {
    mbedtls_strerror(error, text, size);
  }
}

void tls_failure_set(tls_failure *failure, int library_error, const char *what) {
  char text[TLS_TEXT_SIZE - 32];
  put_text(text, sizeof text, library_error);
  failure->library_error = library_error;
  (void) snprintf(failure->text, sizeof failure->text, "%s%s%s (-0x%04x)", what != NULL ? what : "",
                  what != NULL ? ": " : "", text, (unsigned) -library_error);
}

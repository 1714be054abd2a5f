#include "net/tls/mbedtls/tls_trust.h"

#include <string.h>

#include <mbedtls/oid.h>
#include <mbedtls/pem.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_constraints.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/tls_store.h"

/* Parses trusted certificates one by one. mbedTLS's parser for many would not tell one that is of
   no use from one that there was no memory for, and takes no critical extensions. */

bool tls_trust_is_pem(const void *data) {
  return strstr(data, "-----BEGIN ") != NULL;
}

/* mbedTLS takes memory for PEM if its length includes a NUL at the end. */
int tls_trust_parse(mbedtls_x509_crt *list, const void *data, size_t len) {
  return mbedtls_x509_crt_parse(list, data, tls_trust_is_pem(data) ? len + 1 : len);
}

/* Called for extensions that mbedTLS does not know, and for policies. 0: take the certificate.
   Policies of a trust anchor ask for nothing (RFC 5280 6.1.1), and its name constraints are checked
   with each chain. */
static int take_extension(void *arg, const mbedtls_x509_crt *cert, const mbedtls_x509_buf *oid,
                          int critical, const unsigned char *p, const unsigned char *end) {
  (void) arg;
  (void) cert;
  (void) p;
  (void) end;
  bool fine = critical == 0 || tls_constraints_is(oid) ||
              MBEDTLS_OID_CMP(MBEDTLS_OID_CERTIFICATE_POLICIES, oid) == 0;
  return fine ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS + MBEDTLS_ERR_ASN1_UNEXPECTED_TAG;
}

/* Returns 1, 0 or WS_ENOMEM. */
static int judge(int r, tls_failure *failure) {
  if (r >= 0) return 1;
  if (tls_failure_status(r) == WS_ENOMEM) return WS_ENOMEM;
  if (failure->library_error == 0) tls_failure_set(failure, r, NULL);
  return 0;
}

static int add_der(mbedtls_x509_crt *list, const uint8_t *der, size_t len, tls_failure *failure) {
  int r = mbedtls_x509_crt_parse_der_with_ext_cb(list, der, len, 1, take_extension, NULL);
  return judge(r, failure);
}

/* Returns 1, 0 or WS_ENOMEM; or `NO_MORE`. *used says where to go on. */
enum { NO_MORE = 2 };

static int add_next(mbedtls_x509_crt *list, const uint8_t *text, size_t *used,
                    tls_failure *failure) {
  mbedtls_pem_context pem;
  size_t len;
  *used = 0;
  mbedtls_pem_init(&pem);
  int r = mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
                                  text, NULL, 0, used);
  int count = r == MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT ? NO_MORE : judge(r, failure);
  if (r == 0) {
    const uint8_t *der = tls_mbed_pem_data(&pem, &len);
    count = add_der(list, der, len, failure);
  }
  mbedtls_pem_free(&pem);
  return count;
}

static int add_pem(mbedtls_x509_crt *list, const uint8_t *text, tls_failure *failure) {
  int count = 0;
  for (;;) {
    size_t used;
    int r = add_next(list, text, &used, failure);
    if (r < 0) return r;
    if (r == NO_MORE || (r == 0 && used == 0)) return count;
    count += r;
    text += used;
  }
}

/* What does not begin with a SEQUENCE is no certificate at all. */
static int add(void *list, const uint8_t *data, size_t len, tls_failure *failure) {
  const uint8_t sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
  if (tls_trust_is_pem(data)) return add_pem(list, data, failure);
  return len > 0 && data[0] == sequence ? add_der(list, data, len, failure) : 0;
}

int tls_trust_load(mbedtls_x509_crt *list, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *config, tls_failure *failure) {
  const tls_store store = {alloc, add, list};
  return tls_store_load(&store, config, failure);
}

#include "net/tls/mbedtls/tls_name.h"

enum { KIND_DNS = 0x82 }; /* dNSName [2], as a tag (RFC 5280 4.2.1.6) */

tls_name_match tls_name_find(const mbedtls_x509_crt *cert, const unsigned char *name, size_t len) {
  tls_name_match best = TLS_NAME_NONE;
  for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL; san = san->next) {
    if (san->buf.p == NULL || san->buf.tag != KIND_DNS) continue;
    tls_name_match match = tls_dns_name_match(san->buf.p, san->buf.len, name, len);
    if (match > best) best = match;
  }
  return best;
}

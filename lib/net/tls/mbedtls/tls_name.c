#include "net/tls/mbedtls/tls_name.h"

#include <string.h>

/* Compares names as sequences of bytes with their lengths, so that a NUL in one is a byte as any
   other. */

enum { KIND_DNS = 0x82 }; /* dNSName [2], as a tag (RFC 5280 4.2.1.6) */

static unsigned char lower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? (unsigned char) (c + 'a' - 'A') : c;
}

bool tls_name_equal(const unsigned char *a, const unsigned char *b, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/* "*.example.test" stands for "a.example.test": both are equal from their first dot on. */
static bool wildcard_fits(const mbedtls_x509_buf *pattern, const unsigned char *name, size_t len) {
  const unsigned char *dot = memchr(name, '.', len);
  if (pattern->len < 3 || memcmp(pattern->p, "*.", 2) != 0) return false;
  if (dot == NULL || dot == name) return false;
  size_t rest = len - (size_t) (dot - name);
  return rest == pattern->len - 1 && tls_name_equal(dot, pattern->p + 1, rest);
}

tls_name_match tls_name_find(const mbedtls_x509_crt *cert, const unsigned char *name, size_t len) {
  tls_name_match best = TLS_NAME_NONE;
  for (const mbedtls_x509_sequence *san = &cert->subject_alt_names; san != NULL; san = san->next) {
    if (san->buf.p == NULL || san->buf.tag != KIND_DNS) continue;
    bool equal = san->buf.len == len && tls_name_equal(san->buf.p, name, len);
    if (equal) return TLS_NAME_EQUAL;
    if (wildcard_fits(&san->buf, name, len)) best = TLS_NAME_WILDCARD;
  }
  return best;
}

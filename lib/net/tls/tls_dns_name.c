#include "net/tls/tls_dns_name.h"

#include <string.h>

static unsigned char lower(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? (unsigned char) (c + 'a' - 'A') : c;
}

bool tls_dns_name_equal(const unsigned char *a, const unsigned char *b, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

/* "*.example.test" stands for "a.example.test": both are equal from their first dot on. */
static bool wildcard_fits(const unsigned char *pattern, size_t pattern_len,
                          const unsigned char *name, size_t len) {
  const unsigned char *dot = memchr(name, '.', len);
  if (pattern_len < 3 || memcmp(pattern, "*.", 2) != 0) return false;
  if (dot == NULL || dot == name) return false;
  size_t rest = len - (size_t) (dot - name);
  return rest == pattern_len - 1 && tls_dns_name_equal(dot, pattern + 1, rest);
}

tls_name_match tls_dns_name_match(const unsigned char *pattern, size_t pattern_len,
                                  const unsigned char *name, size_t len) {
  bool equal = pattern_len == len && tls_dns_name_equal(pattern, name, len);
  if (equal) return TLS_NAME_EQUAL;
  return wildcard_fits(pattern, pattern_len, name, len) ? TLS_NAME_WILDCARD : TLS_NAME_NONE;
}

#include "wsuv_certificate.h"

#include <stdio.h>

#include "wsuv_base64.h"
#include "wsuv_x509.h"

/* The TLS library reads the certificate, the one of a peer that was accepted without a check, too.
 */

/* Pairs of hexadecimal digits with colons between them. */
static void write_digest(char *text, size_t size, const void *data, size_t len) {
  unsigned char digest[SHA256_SIZE];
  size_t used = 0;
  *text = '\0';
  if (!x509_hash(digest, data, len)) return;
  for (size_t i = 0; i < sizeof digest; i++) {
    used += (size_t) snprintf(text + used, size - used, "%s%02X", i > 0 ? ":" : "", digest[i]);
  }
}

/* `sha256//` and the base64 of the hash of the public key (RFC 7469 2.4). */
static void write_pin(char *text, size_t size, const unsigned char key_digest[SHA256_SIZE]) {
  char base64[BASE64_LEN(SHA256_SIZE)];
  base64_encode(base64, key_digest, SHA256_SIZE);
  snprintf(text, size, "sha256//%.*s", (int) sizeof base64, base64);
}

bool certificate_read(certificate *c, const void *data, size_t len) {
  unsigned char key_digest[SHA256_SIZE];
  write_digest(c->digest, sizeof c->digest, data, len);
  if (!x509_read(c, key_digest, data, len)) return false;
  write_pin(c->pin, sizeof c->pin, key_digest);
  return true;
}

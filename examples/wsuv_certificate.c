#include "wsuv_certificate.h"

#include <stdio.h>

#include <mbedtls/md.h>
#include <mbedtls/x509_crt.h>

#include "wsuv_base64.h"

/* mbedTLS reads the certificate, the one of a peer that was accepted without a check, too. */

enum { SHA256_SIZE = 32 };

/* A name that is too long is left out. */
static void write_name(char *text, size_t size, const mbedtls_x509_name *name) {
  if (mbedtls_x509_dn_gets(text, size, name) < 0) *text = '\0';
}

static void write_expiry(char *text, size_t size, const mbedtls_x509_time *t) {
  snprintf(text, size, "%04d-%02d-%02d %02d:%02d:%02d UTC", t->year, t->mon, t->day, t->hour,
           t->min, t->sec);
}

/* `sha256//` and the base64 of the hash of the public key (RFC 7469 2.4). */
static bool write_pin(char *text, size_t size, const mbedtls_x509_buf *key) {
  unsigned char digest[SHA256_SIZE];
  char base64[BASE64_LEN(SHA256_SIZE)];
  const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
  if (mbedtls_md(sha256, key->p, key->len, digest) != 0) return false;
  base64_encode(base64, digest, sizeof digest);
  snprintf(text, size, "sha256//%.*s", (int) sizeof base64, base64);
  return true;
}

bool certificate_read(certificate *c, const void *data, size_t len) {
  mbedtls_x509_crt crt;
  mbedtls_x509_crt_init(&crt);
  bool done = mbedtls_x509_crt_parse_der(&crt, data, len) == 0 &&
              write_pin(c->pin, sizeof c->pin, &crt.pk_raw);
  if (done) {
    write_name(c->subject, sizeof c->subject, &crt.subject);
    write_name(c->issuer, sizeof c->issuer, &crt.issuer);
    write_expiry(c->expiry, sizeof c->expiry, &crt.valid_to);
  }
  mbedtls_x509_crt_free(&crt);
  return done;
}

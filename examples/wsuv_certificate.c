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

static bool hash(unsigned char digest[SHA256_SIZE], const unsigned char *data, size_t len) {
  return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, digest) == 0;
}

/* Pairs of hexadecimal digits with colons between them. */
static void write_digest(char *text, size_t size, const unsigned char *data, size_t len) {
  unsigned char digest[SHA256_SIZE];
  size_t used = 0;
  *text = '\0';
  if (!hash(digest, data, len)) return;
  for (size_t i = 0; i < sizeof digest; i++) {
    used += (size_t) snprintf(text + used, size - used, "%s%02X", i > 0 ? ":" : "", digest[i]);
  }
}

/* `sha256//` and the base64 of the hash of the public key (RFC 7469 2.4). */
static bool write_pin(char *text, size_t size, const mbedtls_x509_buf *key) {
  unsigned char digest[SHA256_SIZE];
  char base64[BASE64_LEN(SHA256_SIZE)];
  if (!hash(digest, key->p, key->len)) return false;
  base64_encode(base64, digest, sizeof digest);
  snprintf(text, size, "sha256//%.*s", (int) sizeof base64, base64);
  return true;
}

/* An extension that mbedTLS does not know is no reason to show nothing. */
static int skip_extension(void *arg, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid,
                          int critical, const unsigned char *p, const unsigned char *end) {
  (void) arg;
  (void) crt;
  (void) oid;
  (void) critical;
  (void) p;
  (void) end;
  return 0;
}

bool certificate_read(certificate *c, const void *data, size_t len) {
  mbedtls_x509_crt crt;
  mbedtls_x509_crt_init(&crt);
  write_digest(c->digest, sizeof c->digest, data, len);
  bool done =
      mbedtls_x509_crt_parse_der_with_ext_cb(&crt, data, len, 1, skip_extension, NULL) == 0 &&
      write_pin(c->pin, sizeof c->pin, &crt.pk_raw);
  if (done) {
    write_name(c->subject, sizeof c->subject, &crt.subject);
    write_name(c->issuer, sizeof c->issuer, &crt.issuer);
    write_expiry(c->expiry, sizeof c->expiry, &crt.valid_to);
  }
  mbedtls_x509_crt_free(&crt);
  return done;
}

#include "wsuv_x509.h"

#include <stdio.h>

#include <mbedtls/md.h>
#include <mbedtls/x509_crt.h>

/* A name that is too long is left out. */
static void write_name(char *text, size_t size, const mbedtls_x509_name *name) {
  if (mbedtls_x509_dn_gets(text, size, name) < 0) *text = '\0';
}

static void write_expiry(char *text, size_t size, const mbedtls_x509_time *t) {
  snprintf(text, size, "%04d-%02d-%02d %02d:%02d:%02d UTC", t->year, t->mon, t->day, t->hour,
           t->min, t->sec);
}

bool x509_hash(unsigned char digest[SHA256_SIZE], const void *data, size_t len) {
  return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data, len, digest) == 0;
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

bool x509_read(certificate *c, unsigned char key_digest[SHA256_SIZE], const void *data,
               size_t len) {
  mbedtls_x509_crt crt;
  mbedtls_x509_crt_init(&crt);
  bool done =
      mbedtls_x509_crt_parse_der_with_ext_cb(&crt, data, len, 1, skip_extension, NULL) == 0 &&
      x509_hash(key_digest, crt.pk_raw.p, crt.pk_raw.len);
  if (done) {
    write_name(c->subject, sizeof c->subject, &crt.subject);
    write_name(c->issuer, sizeof c->issuer, &crt.issuer);
    write_expiry(c->expiry, sizeof c->expiry, &crt.valid_to);
  }
  mbedtls_x509_crt_free(&crt);
  return done;
}

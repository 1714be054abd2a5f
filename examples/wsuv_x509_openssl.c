#include "wsuv_certificate.h"

#include <stdio.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "wsuv_base64.h"

/* The same as in wsuv_certificate.c, for a wsuv that was built without mbedTLS. */

enum { SHA256_SIZE = 32 };

/* As mbedTLS writes it. A name that is too long is left out. */
static void write_name(char *text, size_t size, const X509_NAME *name) {
  BIO *bio = BIO_new(BIO_s_mem());
  const unsigned long style = XN_FLAG_ONELINE & ~(unsigned long) XN_FLAG_SPC_EQ;
  int len = bio != NULL ? X509_NAME_print_ex(bio, name, 0, style) : -1;
  bool fits = len >= 0 && (size_t) len < size && BIO_read(bio, text, len) == len;
  text[fits ? len : 0] = '\0';
  BIO_free(bio);
}

static void write_expiry(char *text, size_t size, const ASN1_TIME *t) {
  struct tm tm;
  *text = '\0';
  if (ASN1_TIME_to_tm(t, &tm) == 1) strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static bool hash(unsigned char digest[SHA256_SIZE], const unsigned char *data, size_t len) {
  return EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1;
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
static bool write_pin(char *text, size_t size, const X509 *cert) {
  unsigned char digest[SHA256_SIZE], *der = NULL;
  char base64[BASE64_LEN(SHA256_SIZE)];
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  bool done = len > 0 && hash(digest, der, (size_t) len);
  OPENSSL_free(der);
  if (!done) return false;
  base64_encode(base64, digest, sizeof digest);
  snprintf(text, size, "sha256//%.*s", (int) sizeof base64, base64);
  return true;
}

bool certificate_read(certificate *c, const void *data, size_t len) {
  const unsigned char *p = data;
  write_digest(c->digest, sizeof c->digest, data, len);
  X509 *cert = d2i_X509(NULL, &p, (long) len);
  bool done = cert != NULL && write_pin(c->pin, sizeof c->pin, cert);
  if (done) {
    write_name(c->subject, sizeof c->subject, X509_get_subject_name(cert));
    write_name(c->issuer, sizeof c->issuer, X509_get_issuer_name(cert));
    write_expiry(c->expiry, sizeof c->expiry, X509_get0_notAfter(cert));
  }
  X509_free(cert);
  return done;
}

#include "wsuv_x509.h"

#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

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

bool x509_hash(unsigned char digest[SHA256_SIZE], const void *data, size_t len) {
  return EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) == 1;
}

static bool hash_key(unsigned char digest[SHA256_SIZE], const X509 *cert) {
  unsigned char *der = NULL;
  int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
  bool done = len > 0 && x509_hash(digest, der, (size_t) len);
  OPENSSL_free(der);
  return done;
}

bool x509_read(certificate *c, unsigned char key_digest[SHA256_SIZE], const void *data,
               size_t len) {
  const unsigned char *p = data;
  X509 *cert = d2i_X509(NULL, &p, (long) len);
  bool done = cert != NULL && hash_key(key_digest, cert);
  if (done) {
    write_name(c->subject, sizeof c->subject, X509_get_subject_name(cert));
    write_name(c->issuer, sizeof c->issuer, X509_get_issuer_name(cert));
    write_expiry(c->expiry, sizeof c->expiry, X509_get0_notAfter(cert));
  }
  X509_free(cert);
  return done;
}

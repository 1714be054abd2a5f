#include "floor_tls.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

struct floor_tls {
  SSL *ssl;
  BIO *in, *out;
};

static void die(const char *what) {
  fprintf(stderr, "OpenSSL: %s\n", what);
  exit(1);
}

/* A server prefers AES-128-GCM, so that all clients are measured with it. */
static SSL_CTX *server_context(const char *cert, const char *key) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (context == NULL || SSL_CTX_use_certificate_chain_file(context, cert) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
    die("certificate");
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM") != 1)
    die("ciphers");
  return context;
}

static SSL_CTX *context; /* of the whole process, which is either a client or a server */

static void tls_verify(const char *ca_file) {
  context = SSL_CTX_new(TLS_client_method());
  if (context == NULL || SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1 ||
      X509_VERIFY_PARAM_set1_ip_asc(SSL_CTX_get0_param(context), "127.0.0.1") != 1)
    die("authorities");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

static floor_tls *tls_open(const char *cert, const char *key) {
  if (context == NULL)
    context = cert != NULL ? server_context(cert, key) : SSL_CTX_new(TLS_client_method());
  floor_tls *t = calloc(1, sizeof *t);
  if (context == NULL || t == NULL || (t->ssl = SSL_new(context)) == NULL) die("no memory");
  t->in = BIO_new(BIO_s_mem());
  t->out = BIO_new(BIO_s_mem());
  SSL_set_bio(t->ssl, t->in, t->out);
  if (cert != NULL) {
    SSL_set_accept_state(t->ssl);
  } else {
    SSL_set_connect_state(t->ssl);
  }
  return t;
}

static void tls_close(floor_tls *t) {
  SSL_free(t->ssl);
  free(t);
}

static bool tls_handshake(floor_tls *t) {
  const int r = SSL_do_handshake(t->ssl);
  if (r != 1 && SSL_get_error(t->ssl, r) != SSL_ERROR_WANT_READ) die("handshake");
  return r == 1;
}

static void tls_receive(floor_tls *t, const uint8_t *p, size_t n) {
  if (BIO_write(t->in, p, (int) n) != (int) n) die("no memory");
}

static size_t tls_read(floor_tls *t, uint8_t *p, size_t n) {
  const int r = SSL_read(t->ssl, p, (int) n);
  return r > 0 ? (size_t) r : 0;
}

static void tls_write(floor_tls *t, const uint8_t *p, size_t n) {
  if (SSL_write(t->ssl, p, (int) n) != (int) n) die("write");
}

static size_t tls_send(floor_tls *t, const uint8_t **p) {
  char *data;
  const long n = BIO_get_mem_data(t->out, &data);
  *p = (const uint8_t *) data;
  return n > 0 ? (size_t) n : 0;
}

static void tls_sent(floor_tls *t) {
  (void) BIO_reset(t->out); /* of memory, which cannot fail */
}

const floor_tls_library floor_tls_openssl = {tls_verify,    tls_open,    tls_close,
                                             tls_handshake, tls_receive, tls_read,
                                             tls_write,     tls_send,    tls_sent};

#include "floor_tls.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

/* What all sessions share. */
static struct shared {
  mbedtls_ssl_config config;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_x509_crt authorities;
  bool made;
} shared;

struct floor_tls {
  mbedtls_ssl_context ssl;
  const uint8_t *in; /* These bytes have come, and are the caller's. */
  size_t in_len;
  uint8_t *out;
  size_t out_len, out_size;
};

static void die(const char *what, int err) {
  fprintf(stderr, "mbedTLS: %s: -0x%04x\n", what, (unsigned) -err);
  exit(1);
}

static int on_send(void *arg, const unsigned char *p, size_t n) {
  floor_tls *t = arg;
  if (t->out_size - t->out_len < n) {
    t->out_size = 2 * (t->out_len + n);
    t->out = realloc(t->out, t->out_size);
    if (t->out == NULL) die("no memory", 0);
  }
  memcpy(t->out + t->out_len, p, n);
  t->out_len += n;
  return (int) n;
}

static int on_receive(void *arg, unsigned char *p, size_t n) {
  floor_tls *t = arg;
  if (t->in_len == 0) return MBEDTLS_ERR_SSL_WANT_READ;
  if (n > t->in_len) n = t->in_len;
  memcpy(p, t->in, n);
  t->in += n;
  t->in_len -= n;
  return (int) n;
}

static void make_shared(void) {
  shared.made = true;
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  if (psa_crypto_init() != PSA_SUCCESS) die("psa", 0);
#endif
  mbedtls_ssl_config_init(&shared.config);
  mbedtls_entropy_init(&shared.entropy);
  mbedtls_ctr_drbg_init(&shared.random);
  int err = mbedtls_ctr_drbg_seed(&shared.random, mbedtls_entropy_func, &shared.entropy, NULL, 0);
  if (err == 0)
    err = mbedtls_ssl_config_defaults(&shared.config, MBEDTLS_SSL_IS_CLIENT,
                                      MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (err != 0) die("configuration", err);
  mbedtls_ssl_conf_rng(&shared.config, mbedtls_ctr_drbg_random, &shared.random);
  mbedtls_ssl_conf_authmode(&shared.config, MBEDTLS_SSL_VERIFY_NONE);
}

/* mbedTLS 2.28 does not compare addresses, so the name is not looked at. */
static void tls_verify(const char *ca_file) {
  make_shared();
  mbedtls_x509_crt_init(&shared.authorities);
  const int err = mbedtls_x509_crt_parse_file(&shared.authorities, ca_file);
  if (err != 0) die("authorities", err);
  mbedtls_ssl_conf_ca_chain(&shared.config, &shared.authorities, NULL);
  mbedtls_ssl_conf_authmode(&shared.config, MBEDTLS_SSL_VERIFY_REQUIRED);
}

static floor_tls *tls_open(const char *cert, const char *key) {
  if (cert != NULL || key != NULL) die("no server", 0);
  if (!shared.made) make_shared();
  floor_tls *t = calloc(1, sizeof *t);
  if (t == NULL) die("no memory", 0);
  mbedtls_ssl_init(&t->ssl);
  int err = mbedtls_ssl_setup(&t->ssl, &shared.config);
  if (err == 0) err = mbedtls_ssl_set_hostname(&t->ssl, NULL);
  if (err != 0) die("session", err);
  mbedtls_ssl_set_bio(&t->ssl, t, on_send, on_receive, NULL);
  return t;
}

static void tls_close(floor_tls *t) {
  mbedtls_ssl_free(&t->ssl);
  free(t->out);
  free(t);
}

static bool tls_handshake(floor_tls *t) {
  const int err = mbedtls_ssl_handshake(&t->ssl);
  if (err != 0 && err != MBEDTLS_ERR_SSL_WANT_READ) die("handshake", err);
  return err == 0;
}

static void tls_receive(floor_tls *t, const uint8_t *p, size_t n) {
  t->in = p;
  t->in_len = n;
}

/* A ticket of TLS 1.3 is no plaintext: more may be behind it. */
static size_t tls_read(floor_tls *t, uint8_t *p, size_t n) {
  for (;;) {
    const int r = mbedtls_ssl_read(&t->ssl, p, n);
    if (r > 0) return (size_t) r;
    if (t->in_len == 0 || r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return 0;
  }
}

static void tls_write(floor_tls *t, const uint8_t *p, size_t n) {
  for (size_t done = 0; done < n;) {
    const int r = mbedtls_ssl_write(&t->ssl, p + done, n - done);
    if (r <= 0) die("write", r);
    done += (size_t) r;
  }
}

static size_t tls_send(floor_tls *t, const uint8_t **p) {
  *p = t->out;
  return t->out_len;
}

static void tls_sent(floor_tls *t) {
  t->out_len = 0;
}

const floor_tls_library floor_tls_mbedtls = {tls_verify,    tls_open,    tls_close,
                                             tls_handshake, tls_receive, tls_read,
                                             tls_write,     tls_send,    tls_sent};

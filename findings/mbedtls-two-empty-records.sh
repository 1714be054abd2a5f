#!/bin/bash
# Wrong guess: when mbedtls_ssl_read() returns 0, the connection has come to its end.
#
# It also returns 0, once, for the second of two records without payload that lie in one read
# (RFC 5246 6.2.1 allows them at any time), while the records behind them are still to be read. One
# such record is passed over in silence. So 0 is the end only when the BIO has nothing left and has
# ended itself. A caller that stops at the first 0 loses data and takes a live peer for a cut connection.
#
# Needs Debian 12's apt, a C compiler and binutils. Prints what is seen, and fails if it changes.
set -euo pipefail

version=2.28.3-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libmbedtls-dev libmbedtls14 libmbedx509-1 libmbedcrypto7; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >records.c <<'END'
#include <stdio.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

struct pipe {
  unsigned char bytes[65536];
  size_t begin, end;
};

struct side {
  mbedtls_ssl_config conf;
  mbedtls_ssl_context ssl;
  struct pipe *in, *out;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static struct pipe to_client, to_server;

static int put(void *arg, const unsigned char *data, size_t len) {
  struct pipe *p = ((struct side *) arg)->out;
  memcpy(p->bytes + p->end, data, len);
  p->end += len;
  return (int) len;
}

static int get(void *arg, unsigned char *to, size_t len) {
  struct pipe *p = ((struct side *) arg)->in;
  if (p->begin == p->end) return MBEDTLS_ERR_SSL_WANT_READ;
  if (len > p->end - p->begin) len = p->end - p->begin;
  memcpy(to, p->bytes + p->begin, len);
  p->begin += len;
  return (int) len;
}

static void set_up(struct side *s, int endpoint, struct pipe *in, struct pipe *out) {
  static const int suites[] = {MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0};
  static const unsigned char psk[16] = "sixteen bytes...";
  s->in = in;
  s->out = out;
  mbedtls_ssl_config_init(&s->conf);
  mbedtls_ssl_init(&s->ssl);
  mbedtls_ssl_config_defaults(&s->conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                              MBEDTLS_SSL_PRESET_DEFAULT);
  mbedtls_ssl_conf_rng(&s->conf, mbedtls_ctr_drbg_random, &drbg);
  mbedtls_ssl_conf_ciphersuites(&s->conf, suites);
  mbedtls_ssl_conf_psk(&s->conf, psk, sizeof psk, (const unsigned char *) "me", 2);
  mbedtls_ssl_setup(&s->ssl, &s->conf);
  mbedtls_ssl_set_bio(&s->ssl, s, put, get, NULL);
}

static void show(int empty) {
  static struct side client, server;
  unsigned char buf[64];
  int c, s;
  memset(&to_client, 0, sizeof to_client);
  memset(&to_server, 0, sizeof to_server);
  set_up(&client, MBEDTLS_SSL_IS_CLIENT, &to_client, &to_server);
  set_up(&server, MBEDTLS_SSL_IS_SERVER, &to_server, &to_client);
  do {
    c = mbedtls_ssl_handshake(&client.ssl);
    s = mbedtls_ssl_handshake(&server.ssl);
  } while (c == MBEDTLS_ERR_SSL_WANT_READ || s == MBEDTLS_ERR_SSL_WANT_READ);
  for (int i = 0; i < empty; i++) mbedtls_ssl_write(&server.ssl, buf, 0);
  mbedtls_ssl_write(&server.ssl, (const unsigned char *) "hello", 5);
  printf("%d empty, then 5 bytes; reads:", empty);
  do {
    c = mbedtls_ssl_read(&client.ssl, buf, sizeof buf);
    printf(c == MBEDTLS_ERR_SSL_WANT_READ ? " WANT_READ" : " %d", c);
  } while (c >= 0);
  printf("\n");
  mbedtls_ssl_free(&client.ssl);
  mbedtls_ssl_free(&server.ssl);
  mbedtls_ssl_config_free(&client.conf);
  mbedtls_ssl_config_free(&server.conf);
}

int main(void) {
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0) return 1;
  printf("%s\n", MBEDTLS_VERSION_STRING_FULL);
  for (int empty = 0; empty < 4; empty++) show(empty);
  return 0;
}
END
lib=$(dirname "$(find root -name libmbedtls.a)")
cc -o records records.c -I root/usr/include "$lib/libmbedtls.a" "$lib/libmbedx509.a" \
  "$lib/libmbedcrypto.a"
./records | tee seen

cat >expected <<'END'
mbed TLS 2.28.3
0 empty, then 5 bytes; reads: 5 WANT_READ
1 empty, then 5 bytes; reads: 5 WANT_READ
2 empty, then 5 bytes; reads: 0 5 WANT_READ
3 empty, then 5 bytes; reads: 0 5 WANT_READ
END
diff expected seen

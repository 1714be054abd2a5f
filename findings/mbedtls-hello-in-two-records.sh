#!/bin/bash
# Wrong guess: a TLS server takes a ClientHello however its client cuts it into records, and tells a
# client that it refuses why.
#
# A handshake message may lie in several records (RFC 5246 6.2.1); programs cut their first one when
# it is long, or so that boxes on the way do not read the name in it. mbedTLS puts such messages
# together for all but the first: a server that gets half of a ClientHello in its first record ends
# the handshake with MBEDTLS_ERR_SSL_BAD_HS_CLIENT_HELLO, and sends no alert, so the client sees only
# that the connection was closed. Nothing in a configuration changes it.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=2.28.3-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libmbedtls-dev libmbedtls14 libmbedx509-1 libmbedcrypto7; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >hello.c <<'END'
#include <stdio.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>

enum { HEADER = 5 };

struct wire {
  unsigned char in[4096], out[4096];
  size_t in_len, in_read, out_len;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;

static int put(void *arg, const unsigned char *data, size_t len) {
  struct wire *w = arg;
  memcpy(w->out + w->out_len, data, len);
  w->out_len += len;
  return (int) len;
}

static int get(void *arg, unsigned char *to, size_t len) {
  struct wire *w = arg;
  if (w->in_read == w->in_len) return MBEDTLS_ERR_SSL_WANT_READ;
  if (len > w->in_len - w->in_read) len = w->in_len - w->in_read;
  memcpy(to, w->in + w->in_read, len);
  w->in_read += len;
  return (int) len;
}

static int shake(int endpoint, struct wire *w) {
  static const int suites[] = {MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256, 0};
  static const unsigned char psk[16] = "sixteen bytes...";
  mbedtls_ssl_config conf;
  mbedtls_ssl_context ssl;
  mbedtls_ssl_config_init(&conf);
  mbedtls_ssl_init(&ssl);
  mbedtls_ssl_config_defaults(&conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                              MBEDTLS_SSL_PRESET_DEFAULT);
  mbedtls_ssl_conf_rng(&conf, mbedtls_ctr_drbg_random, &drbg);
  mbedtls_ssl_conf_ciphersuites(&conf, suites);
  mbedtls_ssl_conf_psk(&conf, psk, sizeof psk, (const unsigned char *) "me", 2);
  mbedtls_ssl_setup(&ssl, &conf);
  mbedtls_ssl_set_bio(&ssl, w, put, get, NULL);
  int r = mbedtls_ssl_handshake(&ssl);
  mbedtls_ssl_free(&ssl);
  mbedtls_ssl_config_free(&conf);
  return r;
}

static void add_record(struct wire *w, const unsigned char *header, const unsigned char *data,
                       size_t len) {
  unsigned char *to = w->in + w->in_len;
  memcpy(to, header, HEADER);
  to[3] = (unsigned char) (len >> 8);
  to[4] = (unsigned char) len;
  memcpy(to + HEADER, data, len);
  w->in_len += HEADER + len;
}

static void show(const char *how, const struct wire *hello, size_t first) {
  static struct wire w;
  const size_t len = hello->out_len - HEADER;
  memset(&w, 0, sizeof w);
  add_record(&w, hello->out, hello->out + HEADER, first);
  if (first < len) add_record(&w, hello->out, hello->out + HEADER + first, len - first);
  int r = shake(MBEDTLS_SSL_IS_SERVER, &w);
  if (r == MBEDTLS_ERR_SSL_WANT_READ) {
    printf("%s: goes on, and has answered\n", how);
  } else {
    printf("%s: -0x%04x, %zu bytes of answer\n", how, (unsigned) -r, w.out_len);
  }
}

int main(void) {
  static struct wire hello;
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0) return 1;
  printf("%s\n", MBEDTLS_VERSION_STRING_FULL);
  shake(MBEDTLS_SSL_IS_CLIENT, &hello);
  show("one record", &hello, hello.out_len - HEADER);
  show("two records", &hello, (hello.out_len - HEADER) / 2);
  return 0;
}
END
lib=$(dirname "$(find root -name libmbedtls.a)")
cc -o hello hello.c -I root/usr/include "$lib/libmbedtls.a" "$lib/libmbedx509.a" \
  "$lib/libmbedcrypto.a"
./hello | tee seen

cat >expected <<'END'
mbed TLS 2.28.3
one record: goes on, and has answered
two records: -0x7900, 0 bytes of answer
END
diff expected seen

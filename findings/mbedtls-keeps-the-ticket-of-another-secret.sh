#!/bin/bash
# Wrong guess: what mbedtls_ssl_get_session() gives after a handshake is the session of that handshake,
# so a client may save it, and offer it next time.
#
# A client that has offered a ticket, to a server that does not take it and gives none, has made a whole
# handshake with TLS 1.2. What it gets then has the new secret, and still the old ticket. The server
# that has made the ticket takes it next time, with the old secret, and the handshake fails
# (INVALID_MAC). Two servers behind one address do so, if they do not share the key of their tickets
# and one of them gives none; so does a server that is restarted without tickets. A client has to drop
# the ticket itself when the server shows its certificate, or not to save the session.
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

cat >keeps.c <<'END'
#include <stdio.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

typedef struct pipe {
  unsigned char bytes[65536];
  size_t from, to;
} pipe;

typedef struct end {
  mbedtls_ssl_context ssl;
  pipe *in, *out;
} end;

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_x509_crt cert;
static mbedtls_pk_context key;

static int on_send(void *arg, const unsigned char *data, size_t len) {
  pipe *p = ((end *) arg)->out;
  memcpy(p->bytes + p->to, data, len);
  p->to += len;
  return (int) len;
}

static int on_receive(void *arg, unsigned char *data, size_t len) {
  pipe *p = ((end *) arg)->in;
  size_t n = p->to - p->from < len ? p->to - p->from : len;
  if (n == 0) return MBEDTLS_ERR_SSL_WANT_READ;
  memcpy(data, p->bytes + p->from, n);
  p->from += n;
  return (int) n;
}

static void make_certificate(void) {
  static unsigned char der[2048];
  mbedtls_x509write_cert w;
  mbedtls_mpi serial;
  mbedtls_pk_init(&key);
  mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), mbedtls_ctr_drbg_random, &drbg);
  mbedtls_mpi_init(&serial);
  mbedtls_mpi_lset(&serial, 1);
  mbedtls_x509write_crt_init(&w);
  mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_serial(&w, &serial);
  mbedtls_x509write_crt_set_validity(&w, "20200101000000", "20991231235959");
  mbedtls_x509write_crt_set_subject_name(&w, "CN=server");
  mbedtls_x509write_crt_set_issuer_name(&w, "CN=server");
  mbedtls_x509write_crt_set_subject_key(&w, &key);
  mbedtls_x509write_crt_set_issuer_key(&w, &key);
  int len = mbedtls_x509write_crt_der(&w, der, sizeof der, mbedtls_ctr_drbg_random, &drbg);
  mbedtls_x509_crt_init(&cert);
  mbedtls_x509_crt_parse_der(&cert, der + sizeof der - len, (size_t) len);
}

static void configure(mbedtls_ssl_config *conf, int role) {
  mbedtls_ssl_config_init(conf);
  mbedtls_ssl_config_defaults(conf, role, MBEDTLS_SSL_TRANSPORT_STREAM,
                              MBEDTLS_SSL_PRESET_DEFAULT);
  mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &drbg);
  mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
  if (role == MBEDTLS_SSL_IS_SERVER) mbedtls_ssl_conf_own_cert(conf, &cert, &key);
}

static void begin(end *e, const mbedtls_ssl_config *conf, pipe *in, pipe *out) {
  mbedtls_ssl_init(&e->ssl);
  mbedtls_ssl_setup(&e->ssl, conf);
  mbedtls_ssl_set_bio(&e->ssl, e, on_send, on_receive, NULL);
  e->in = in;
  e->out = out;
}

/* Whether an end waits, and none has failed. */
static int goes_on(int client, int server) {
  const int wait = MBEDTLS_ERR_SSL_WANT_READ;
  return (client == wait || server == wait) && (client == 0 || client == wait) &&
         (server == 0 || server == wait);
}

/* A handshake that offers `session`, which is replaced by the new one. */
static void connect_to(const char *name, const mbedtls_ssl_config *to,
                       const mbedtls_ssl_config *from, mbedtls_ssl_session *session) {
  static pipe up, down;
  static end client, server;
  unsigned char before[48];
  size_t len = session->ticket_len;
  memset(&up, 0, sizeof up);
  memset(&down, 0, sizeof down);
  memcpy(before, session->master, sizeof before);
  begin(&server, to, &up, &down);
  begin(&client, from, &down, &up);
  if (len > 0) mbedtls_ssl_set_session(&client.ssl, session);
  int c = MBEDTLS_ERR_SSL_WANT_READ, s = c;
  for (int turn = 0; turn < 20 && goes_on(c, s); turn++) {
    if (c == MBEDTLS_ERR_SSL_WANT_READ) c = mbedtls_ssl_handshake(&client.ssl);
    if (s == MBEDTLS_ERR_SSL_WANT_READ) s = mbedtls_ssl_handshake(&server.ssl);
  }
  if (c != 0 || s != 0) {
    printf("%s: the handshake fails: %s\n", name,
           c == MBEDTLS_ERR_SSL_INVALID_MAC || s == MBEDTLS_ERR_SSL_INVALID_MAC ? "INVALID_MAC"
                                                                               : "another error");
    return;
  }
  mbedtls_ssl_session_free(session);
  mbedtls_ssl_session_init(session);
  mbedtls_ssl_get_session(&client.ssl, session);
  printf("%s: complete, secret %s; the session has a ticket: %s\n", name,
         memcmp(before, session->master, sizeof before) == 0 ? "of before" : "new",
         session->ticket_len > 0 ? "yes" : "no");
  mbedtls_ssl_free(&client.ssl);
  mbedtls_ssl_free(&server.ssl);
}

int main(void) {
  static mbedtls_ssl_config client, with_tickets, without;
  static mbedtls_ssl_ticket_context tickets;
  mbedtls_ssl_session session;
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  if (mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) != 0) return 1;
  make_certificate();
  configure(&client, MBEDTLS_SSL_IS_CLIENT);
  configure(&with_tickets, MBEDTLS_SSL_IS_SERVER);
  configure(&without, MBEDTLS_SSL_IS_SERVER);
  mbedtls_ssl_ticket_init(&tickets);
  mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &drbg, MBEDTLS_CIPHER_AES_256_GCM,
                           3600);
  mbedtls_ssl_conf_session_tickets_cb(&with_tickets, mbedtls_ssl_ticket_write,
                                      mbedtls_ssl_ticket_parse, &tickets);
  mbedtls_ssl_session_init(&session);
  printf("%s\n", MBEDTLS_VERSION_STRING_FULL);
  connect_to("first server, which gives tickets", &with_tickets, &client, &session);
  connect_to("the same again", &with_tickets, &client, &session);
  connect_to("second server, which has none", &without, &client, &session);
  connect_to("first server once more", &with_tickets, &client, &session);
  return 0;
}
END
lib=$(dirname "$(find root -name libmbedtls.a)")
cc -o keeps keeps.c -I root/usr/include "$lib/libmbedtls.a" "$lib/libmbedx509.a" \
  "$lib/libmbedcrypto.a"
./keeps | tee seen

cat >expected <<'END'
mbed TLS 2.28.3
first server, which gives tickets: complete, secret new; the session has a ticket: yes
the same again: complete, secret of before; the session has a ticket: yes
second server, which has none: complete, secret new; the session has a ticket: yes
first server once more: the handshake fails: INVALID_MAC
END
diff expected seen

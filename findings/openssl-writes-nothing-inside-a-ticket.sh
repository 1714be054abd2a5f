#!/bin/bash
# Wrong guess: without renegotiation, which TLS 1.3 does not have, SSL_write() wants to read only
# during the handshake.
#
# A session ticket comes behind the handshake, and may come in several records (RFC 8446 5.1). While
# some of them are there, and the rest is not, SSL_write() writes nothing and wants to read
# (SSL_ERROR_WANT_READ), although the socket takes data. After the rest it writes again. A program
# that takes this for an error, or waits until it can write, ends or stops a good connection. A server
# sends such tickets if they are longer than its records, for example with max_send_fragment.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=3.0.22-1~deb12u2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libssl-dev libssl3; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >ticket.c <<'END'
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { LONG_TICKET = 900, SHORT_RECORD = 512, HEADER = 5 };

static SSL *server, *client;

static int lengthen(SSL *ssl, void *arg) {
  static const unsigned char data[LONG_TICKET];
  (void) arg;
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof data);
}

static void use_new_certificate(SSL_CTX *ctx) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *cert = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_sign(cert, key, EVP_sha256());
  SSL_CTX_use_certificate(ctx, cert);
  SSL_CTX_use_PrivateKey(ctx, key);
}

static SSL *end_of(const SSL_METHOD *method) {
  SSL_CTX *ctx = SSL_CTX_new(method);
  if (method == TLS_server_method()) {
    use_new_certificate(ctx);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_session_ticket_cb(ctx, lengthen, NULL, NULL);
    SSL_CTX_set_max_send_fragment(ctx, SHORT_RECORD);
  }
  SSL *ssl = SSL_new(ctx);
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  BIO_set_mem_eof_return(out, -1);
  SSL_set_bio(ssl, in, out);
  return ssl;
}

/* Carry what an end has sent to the other one, up to `most` bytes; returns how many. */
static int carry(SSL *from, SSL *to, int most) {
  static char bytes[65536];
  int n = BIO_read(SSL_get_wbio(from), bytes, most);
  return n > 0 ? BIO_write(SSL_get_rbio(to), bytes, n) : 0;
}

static const char *name(int result) {
  switch (SSL_get_error(client, result)) {
  case SSL_ERROR_NONE: return "done";
  case SSL_ERROR_WANT_READ: return "wants to read";
  case SSL_ERROR_WANT_WRITE: return "wants to write";
  default: return "failed";
  }
}

int main(void) {
  char text[8];
  server = end_of(TLS_server_method());
  client = end_of(TLS_client_method());
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  SSL_do_handshake(client);
  carry(client, server, 65536);
  SSL_do_handshake(server);
  carry(server, client, 65536);
  int shaken = SSL_do_handshake(client);
  carry(client, server, 65536);
  printf("%s, handshake: client %d, server %d\n", SSL_get_version(client), shaken,
         SSL_do_handshake(server));
  printf("before the ticket: write %s\n", name(SSL_write(client, "a", 1)));
  char *bytes;
  BIO_get_mem_data(SSL_get_wbio(server), &bytes);
  int first = HEADER + ((unsigned char) bytes[3] << 8 | (unsigned char) bytes[4]);
  carry(server, client, first);
  printf("its first record: read %s\n", name(SSL_read(client, text, sizeof text)));
  printf("its first record: write %s\n", name(SSL_write(client, "b", 1)));
  printf("the others: %s\n", carry(server, client, 65536) > 0 ? "have come" : "there are none");
  printf("all of it: write %s\n", name(SSL_write(client, "b", 1)));
}
END
libraries=$(dirname "$(find root -name libssl.so.3)")
headers=$(dirname "$(find root -name opensslconf.h)")
cc -o ticket ticket.c -I root/usr/include -I "$(dirname "$headers")" "$libraries/libssl.so.3" \
  "$libraries/libcrypto.so.3"

{
  echo "openssl $version"
  LD_LIBRARY_PATH=$libraries ./ticket
} >seen
cat seen
diff - seen <<END
openssl $version
TLSv1.3, handshake: client 1, server 1
before the ticket: write done
its first record: read wants to read
its first record: write wants to read
the others: have come
all of it: write done
END

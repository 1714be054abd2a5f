#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

/* A client of TLS and a server in memory, with certificates for both, for cmocka's tests. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/tls_ends.h"
#include "testkit/track_alloc.h"

enum { PAIR_PORT = 443 };

extern const char pair_host[];

/* An authority, another one, an intermediate and a certificate that is none, signed by the first;
   the server's, for pair_host and others, and the client's, too. */
extern cert pair_ca, pair_other_ca, pair_middle, pair_no_ca, pair_server, pair_client;

extern track_alloc pair_alloc;
extern wsuv_tls_config_t pair_config;        /* the client's; trusts pair_ca when a test begins */
extern wsuv_tls_config_t pair_server_config; /* the server's; has pair_server when a test begins */

/* For a group of tests, and for each of them, which ends without an allocation. */
int pair_make_certs(void **state);
int pair_free_certs(void **state);
int pair_before(void **state);
int pair_after(void **state);

void pair_trust(const cert *c); /* instead of pair_ca */
void pair_own(const cert *c);   /* the client has a certificate */

/* The server asks clients for certificates, signed by `ca`. */
void pair_ask(wsuv_tls_client_auth_t auth, const cert *ca);

/* Fill in a certificate from memory. */
void pair_cert(wsuv_tls_cert_t *to, const cert *c);

typedef struct tls_pair {
  tls_context *client_ctx, *server_ctx;
  tls_end client, server;
} tls_pair;

/* The contexts; closing frees the engines, too, if there are any. */
void tls_pair_open(tls_pair *p);
void tls_pair_close(tls_pair *p);

/* Another server; clients_ca as for tls_server_context. */
void pair_serve(tls_pair *p, const cert *leaf, const cert *clients_ca);

/* The engines. */
void pair_connect(tls_pair *p, const char *name, uint16_t port);
void pair_disconnect(tls_pair *p);

/* They are made, and the handshake goes as far as it can. */
void pair_meet(tls_pair *p, const char *name);

/* A pair that is opened with the whole handshake, its bytes in pieces of that size. */
typedef tls_pair shaken_pair;

void shaken_pair_open(shaken_pair *p, size_t piece);
void shaken_pair_close(shaken_pair *p);

void pair_assert_in(const tls_end *e, const void *data, size_t len); /* plaintext that came */
tls_info pair_facts(const tls_end *e);

#endif

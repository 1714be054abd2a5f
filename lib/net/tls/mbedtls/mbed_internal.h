#ifndef WS_NET_TLS_MBEDTLS_MBED_INTERNAL_H
#define WS_NET_TLS_MBEDTLS_MBED_INTERNAL_H

/* The members of a context, for the files of this folder. */

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>

#include "net/tls/mbedtls/tls_constraints.h"
#include "net/tls/mbedtls/tls_crl.h"
#include "net/tls/mbedtls/tls_identity.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/mbedtls/tls_verify.h"
#include "net/tls/tls_context.h"
#include "net/tls/tls_parts.h"

typedef struct mbed_context {
  /* This must be the first field, because mbed_context_of converts its address. */
  tls_context base;
  mbedtls_ssl_config conf;            /* This is mbedTLS's form of the configuration. */
  mbedtls_x509_crt trust;             /* These are the trusted certificates. */
  tls_crl crl;                        /* These are lists of revoked certificates, maybe none. */
  tls_identities own;                 /* These are our own certificates. */
  mbedtls_entropy_context entropy;    /* `random` is seeded from here. */
  mbedtls_ctr_drbg_context random;    /* mbedTLS takes its random bytes from here. */
  unsigned generation;                /* This was fork_generation() when `random` was seeded. */
  mbedtls_ssl_ticket_context tickets; /* A server encrypts its tickets with these keys. */
  int *suites;                 /* The context owns this list of cipher suites, which ends with 0. */
  tls_mbed_secrets secrets;    /* This writes each secret to the key log. */
  tls_constraints constraints; /* They are of the chain that mbedTLS verifies right now. */
} mbed_context;

static inline mbed_context *mbed_context_of(tls_context *ctx) {
  return (mbed_context *) (void *) ctx;
}

/* As tls_library says. */
int mbed_context_load(tls_context *ctx, tls_failure *failure);
void mbed_context_unload(tls_context *ctx);

int mbed_options_check(const wsuv_tls_config_t *config, ws_why *why);

/* A source of random bytes for mbedTLS; `ctx` is the context. */
int tls_context_random(void *ctx, unsigned char *out, size_t len);

#endif

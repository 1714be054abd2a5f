#ifndef WS_NET_TLS_MBEDTLS_TLS_IDENTITY_H
#define WS_NET_TLS_MBEDTLS_TLS_IDENTITY_H

/* Our own certificates: read and parsed, and chosen by the name that a client asks for. */

#include <stddef.h>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/mbedtls/tls_mbed.h"
#include "net/tls/tls_failure.h"

/* A certificate with its chain and its key. */
typedef struct tls_identity {
  mbedtls_x509_crt chain; /* The certificate comes first. */
  mbedtls_pk_context key; /* This is the private key of the certificate. */
} tls_identity;

/* Starts zeroed. */
typedef struct tls_identities {
  tls_identity *list; /* The structure owns these; the first is that of the configuration itself. */
  size_t count;       /* `list` has this many, maybe none. */
} tls_identities;

/* Read and parse all that the configuration names. 0; or, with words in *failure and nothing kept:
   WSUV_ETLS, WS_ENOMEM, or an error of the system's that passes. */
int tls_identities_load(tls_identities *ids, const wsuv_allocator_t *alloc,
                        const wsuv_tls_config_t *config, tls_mbed_rng *rng, void *rng_arg,
                        tls_failure *failure);
void tls_identities_free(tls_identities *ids, const wsuv_allocator_t *alloc);

/* Use the first one. 0 or an error of mbedTLS's. */
int tls_identities_use(const tls_identities *ids, mbedtls_ssl_config *conf);

/* In a handshake: use those for the name that the client asks for, if there are any. It has `len`
   bytes, and is not verified. 0 or an error of mbedTLS's. */
int tls_identities_choose(const tls_identities *ids, mbedtls_ssl_context *ssl,
                          const unsigned char *name, size_t len);

#endif

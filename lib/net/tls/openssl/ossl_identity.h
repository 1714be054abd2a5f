#ifndef WS_NET_TLS_OPENSSL_OSSL_IDENTITY_H
#define WS_NET_TLS_OPENSSL_OSSL_IDENTITY_H

/* Our own certificates: read and parsed, and chosen by the name that a client asks for. */

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* A certificate with its chain and its key. */
typedef struct ossl_identity {
  X509 *cert;             /* This is the certificate. */
  STACK_OF(X509) * chain; /* These are the certificates behind it, maybe none. */
  /* These are its alternative names, so that no handshake has to read them; NULL: it has none that
     can be read. */
  GENERAL_NAMES *names;
  EVP_PKEY *key;         /* This is the private key of the certificate. */
  uint8_t *ocsp;         /* This is the OCSP response for clients that ask for one, or NULL. */
  size_t ocsp_len;       /* `ocsp` has this many bytes. */
  ASN1_TIME *ocsp_until; /* The response is given until this time. */
} ossl_identity;

/* Starts zeroed. */
typedef struct ossl_identities {
  ossl_identity
      *list;    /* The structure owns these; the first is that of the configuration itself. */
  size_t count; /* `list` has this many, maybe none. */
  const wsuv_allocator_t *alloc; /* OCSP responses are copied into memory of this allocator. */
} ossl_identities;

/* Read and parse all that the configuration names. 0; or, with words in *failure: WSUV_ETLS,
   WS_ENOMEM, or an error of the system's that passes. */
int ossl_identities_load(ossl_identities *ids, const wsuv_allocator_t *alloc,
                         const wsuv_tls_config_t *config, tls_failure *failure);
void ossl_identities_free(ossl_identities *ids, const wsuv_allocator_t *alloc);

/* Use the first one. 0, or as ossl_error_set. */
int ossl_identities_use(const ossl_identities *ids, SSL_CTX *ssl, tls_failure *failure);

/* In a handshake: use one for the name that the client asks for, if there is any that the client
   can use. 1, or 0 for an error of OpenSSL's. */
int ossl_identities_choose(const ossl_identities *ids, SSL *ssl);

/* In a handshake whose certificate is chosen: give the client the OCSP response of it, if there is
   one that is not out of date. Returns as SSL_CTX_set_tlsext_status_cb says: SSL_TLSEXT_ERR_*. */
int ossl_identities_staple(const ossl_identities *ids, SSL *ssl);

#endif

#ifndef WS_NET_TLS_OPENSSL_OSSL_CRLS_H
#define WS_NET_TLS_OPENSSL_OSSL_CRLS_H

/* Lists of revoked certificates (CRLs). */

#include <stdbool.h>

#include <openssl/x509_vfy.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* Read those that a configuration names, and have each chain checked with them. 0, or an error as
   tls_crls_load. */
int ossl_crls_load(X509_STORE *trusted, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *config, tls_failure *failure);

/* Whether an error of a chain, X509_V_ERR_*, is one of these lists, or says that a certificate is
   in one. */
bool ossl_crls_found(int error);

#endif

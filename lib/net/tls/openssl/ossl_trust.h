#ifndef WS_NET_TLS_OPENSSL_OSSL_TRUST_H
#define WS_NET_TLS_OPENSSL_OSSL_TRUST_H

/* The trusted certificates that a configuration, or the system, names. */

#include <stdbool.h>

#include <openssl/x509.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* Read all of them. 0, or an error as tls_store_load. */
int ossl_trust_load(X509_STORE *trusted, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, tls_failure *failure);

/* Whether memory that is followed by a NUL holds PEM. */
bool ossl_trust_is_pem(const void *data);

#endif

#ifndef WS_NET_TLS_MBEDTLS_TLS_TRUST_H
#define WS_NET_TLS_MBEDTLS_TLS_TRUST_H

/* The trusted certificates that a configuration, or the system, names. */

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/x509_crt.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* Read all of them into an initialised list. 0, or an error as tls_store_load. */
int tls_trust_load(mbedtls_x509_crt *list, const wsuv_allocator_t *alloc,
                   const wsuv_tls_config_t *config, tls_failure *failure);

/* Parse certificates in memory that is followed by a NUL: PEM, or one in DER. Returns what
   mbedTLS's parser returns. */
int tls_trust_parse(mbedtls_x509_crt *list, const void *data, size_t len);

/* Whether memory that is followed by a NUL holds PEM. */
bool tls_trust_is_pem(const void *data);

#endif

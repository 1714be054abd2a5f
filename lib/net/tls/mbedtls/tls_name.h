#ifndef WS_NET_TLS_MBEDTLS_TLS_NAME_H
#define WS_NET_TLS_MBEDTLS_TLS_NAME_H

/* DNS names of certificates. */

#include <stddef.h>

#include <mbedtls/x509_crt.h>

#include "net/tls/tls_dns_name.h"

/* Look for a name, without a final dot, in a certificate. Returns the best match. */
tls_name_match tls_name_find(const mbedtls_x509_crt *cert, const unsigned char *name, size_t len);

#endif

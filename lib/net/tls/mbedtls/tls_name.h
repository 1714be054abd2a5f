#ifndef WS_NET_TLS_MBEDTLS_TLS_NAME_H
#define WS_NET_TLS_MBEDTLS_TLS_NAME_H

/* DNS names of certificates. */

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/x509_crt.h>

/* How a name is among the DNS names of a certificate. A wildcard is one whole label on the left,
   and stands for one (RFC 9525 6.3). */
typedef enum tls_name_match { TLS_NAME_NONE, TLS_NAME_WILDCARD, TLS_NAME_EQUAL } tls_name_match;

/* Whether two texts are equal, without regard to the case of ASCII letters. */
bool tls_name_equal(const unsigned char *a, const unsigned char *b, size_t len);

/* Look for a name, without a final dot, in a certificate. Returns the best match. */
tls_name_match tls_name_find(const mbedtls_x509_crt *cert, const unsigned char *name, size_t len);

#endif

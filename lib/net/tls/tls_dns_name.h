#ifndef WS_NET_TLS_TLS_DNS_NAME_H
#define WS_NET_TLS_TLS_DNS_NAME_H

/* DNS names of certificates, as sequences of bytes with their lengths, so that a NUL in one is a
   byte as any other. */

#include <stdbool.h>
#include <stddef.h>

/* How a name is among the DNS names of a certificate. A wildcard is one whole label on the left,
   and stands for one (RFC 9525 6.3). */
typedef enum tls_name_match { TLS_NAME_NONE, TLS_NAME_WILDCARD, TLS_NAME_EQUAL } tls_name_match;

/* Whether two texts are equal, without regard to the case of ASCII letters. */
bool tls_dns_name_equal(const unsigned char *a, const unsigned char *b, size_t len);

/* Compare a name with one of a certificate, which may be a wildcard. */
tls_name_match tls_dns_name_match(const unsigned char *pattern, size_t pattern_len,
                                  const unsigned char *name, size_t len);

#endif

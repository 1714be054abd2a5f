#ifndef WS_NET_TLS_MBEDTLS_TLS_CONSTRAINTS_H
#define WS_NET_TLS_MBEDTLS_TLS_CONSTRAINTS_H

/* Name constraints (RFC 5280 4.2.1.10): an authority may be limited to certain names. mbedTLS does
   not check them. */

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/x509_crt.h>

enum { TLS_CHAIN_MAX = MBEDTLS_X509_MAX_INTERMEDIATE_CA + 2 }; /* certificates in a chain */

/* Authorities with constraints in the part of a chain that was seen. Starts zeroed, and is empty
   again after each chain. */
typedef struct tls_constraints {
  /* These certificates belong to the chain, and are valid as long as it is verified. */
  const mbedtls_x509_crt *authorities[TLS_CHAIN_MAX];
  size_t count;       /* `authorities` has this many. */
  size_t comparisons; /* This many names were compared with constraints, which is bounded. */
} tls_constraints;

/* Whether an extension's OID is that of name constraints. */
bool tls_constraints_is(const mbedtls_x509_buf *oid);

/* Check the next certificate of a chain, which begins with the trust anchor and ends with depth 0.
   false: a DNS name or an address of it is outside of what an authority above may certify; or the
   constraints are malformed, or critical and about other kinds of names that it may have. */
bool tls_constraints_check(tls_constraints *above, const mbedtls_x509_crt *cert, int depth);

#endif

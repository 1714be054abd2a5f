#ifndef WS_NET_TLS_OPENSSL_OSSL_NAME_H
#define WS_NET_TLS_OPENSSL_OSSL_NAME_H

/* Names and addresses of certificates. */

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509v3.h>

#include "net/tls/tls_dns_name.h"
#include "net/tls/tls_peer.h"

/* Look for a name, without a final dot, among the DNS names of a certificate. Returns the best
   match, a tls_name_match; -1: there is no memory to read them, or they are malformed. OpenSSL's
   own functions would take other wildcards, and the common name. */
int ossl_name_find(const X509 *cert, const char *name, size_t len);

/* The same among names that were read. NULL: there are none. */
tls_name_match ossl_name_find_in(const GENERAL_NAMES *names, const char *name, size_t len);

/* Whether an address is among the subject's alternative names (RFC 5280 4.2.1.6). */
bool ossl_name_has_address(const X509 *cert, const tls_peer *peer);

#endif

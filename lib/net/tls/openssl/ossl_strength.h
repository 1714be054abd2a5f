#ifndef WS_NET_TLS_OPENSSL_OSSL_STRENGTH_H
#define WS_NET_TLS_OPENSSL_OSSL_STRENGTH_H

/* Keys and hashes that are strong enough, in a way of ours: at least 112 bits of strength.
   OpenSSL's security levels have another. */

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

/* The key of a certificate: 0, WSUV_CERT_WEAK_KEY or WSUV_CERT_KEY_TYPE. */
uint32_t ossl_key_problem(X509 *cert);

/* The hash of a certificate's signature: 0 or WSUV_CERT_WEAK_HASH. */
uint32_t ossl_hash_problem(X509 *cert);

/* The same for the algorithm of another signature: that of a CRL or of an OCSP response. */
bool ossl_signature_is_strong(const X509_ALGOR *algorithm);

#endif

#ifndef WS_NET_TLS_MBEDTLS_TLS_VERIFY_H
#define WS_NET_TLS_MBEDTLS_TLS_VERIFY_H

/* Checks of certificates that mbedTLS does not make, and descriptions of errors. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

#include "net/tls/tls_config.h"
#include "net/tls/tls_peer.h"

/* The keys and hashes that are allowed in a chain: at least 112 bits of strength. */
extern const mbedtls_x509_crt_profile tls_verify_profile;

/* For an address: whether it is one of the subject's alternative names (RFC 5280 4.2.1.6). For a
   name: whether there is any alternative name that mbedTLS can check; without one mbedTLS would use
   the common name, which does not identify a host (RFC 9525 2). */
bool tls_peer_matches(const tls_peer *peer, const mbedtls_x509_crt *cert);

/* Whether the hash of the certificate's public key is one of the pins, an array of TLS_PIN_SIZE
   bytes each. */
bool tls_verify_pins(const mbedtls_x509_crt *cert, const uint8_t *pins, size_t count);

/* Errors that mbedTLS has no flag for, as bits that it does not use. */
enum {
  TLS_BADCERT_CRL_MISSING = 1 << 27,      /* there is no CRL of the certificate's issuer */
  TLS_BADCERT_NAME_CONSTRAINTS = 1 << 28, /* tls_constraints_check has refused a certificate */
  TLS_BADCERT_EXTENSION = 1 << 29,        /* mbedTLS's parser did not take an extension */
  TLS_BADCERT_POLICY = 1 << 30            /* mbedTLS's parser did not take a critical policy */
};

/* The flag for an error of mbedTLS's parser that is about an extension of the peer's certificates;
   0: it is another error. */
uint32_t tls_verify_parse_flag(int library_error);

/* Flags of mbedTLS, and those above, as WSUV_CERT_*. */
uint32_t tls_verify_flags(uint32_t flags);

/* "certificate has expired; host name does not match" */
void tls_verify_describe(char *text, size_t size, uint32_t flags);

/* The alert for flags that are not 0 (RFC 8446 6.2). */
unsigned char tls_verify_alert_for(uint32_t flags);

#endif

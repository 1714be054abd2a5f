#ifndef WS_NET_TLS_MBEDTLS_TLS_VERIFY_H
#define WS_NET_TLS_MBEDTLS_TLS_VERIFY_H

/* What is checked of a certificate beyond what mbedTLS does, and words for what was wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

#include "net/tls/tls_config.h"

/* Keys and hashes that a chain may be made of: nothing below 112 bits of strength. */
extern const mbedtls_x509_crt_profile tls_verify_profile;

/* Whom a certificate must be for: a name, which mbedTLS checks, or an address. */
typedef struct tls_peer {
  uint8_t address[16];
  size_t address_len; /* 4 or 16; 0: it is a name */
} tls_peer;

/* An IPv4 or IPv6 address, a zone left aside; anything else is a name. */
void tls_peer_init(tls_peer *peer, const char *host);

/* Whether one of the subject's alternative names (RFC 5280 4.2.1.6) is the address. Of a name, only
   whether there is any that mbedTLS can look at: without one it would take the common name, which
   nobody vouches for as a host (RFC 9525 2). */
bool tls_peer_matches(const tls_peer *peer, const mbedtls_x509_crt *cert);

/* Whether the hash of the certificate's public key is one of the pins, which lie one behind the
   other. */
bool tls_verify_pins(const mbedtls_x509_crt *cert, const uint8_t *pins, size_t count);

/* Flags of mbedTLS as WSUV_CERT_*. */
uint32_t tls_verify_flags(uint32_t flags);

/* "certificate has expired; host name does not match" */
void tls_verify_describe(char *text, size_t size, uint32_t flags);

/* "handshake failure" for 40 (RFC 8446 6.2). */
const char *tls_verify_alert(int description);

#endif

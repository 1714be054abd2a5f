#ifndef WS_NET_TLS_TLS_PEER_H
#define WS_NET_TLS_TLS_PEER_H

/* The identity that a certificate must have: a name or an address. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tls_peer {
  /* This is the address in network byte order, if the identity is an address. */
  uint8_t address[16];
  size_t address_len; /* `address` has this many bytes, 4 or 16; 0 if the identity is a name. */
} tls_peer;

/* Parse an IPv4 or IPv6 address, without its zone. Anything else is a name. */
void tls_peer_init(tls_peer *peer, const char *host);

/* The length of a name without a final dot, which neither SNI nor certificates have (RFC 6066 3).
 */
size_t tls_peer_name_len(const char *name);

#endif

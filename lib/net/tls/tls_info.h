#ifndef WS_NET_TLS_TLS_INFO_H
#define WS_NET_TLS_TLS_INFO_H

/* Information about one TLS session: the answer to WS_QUERY_TLS. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tls_info {
  const char *version;      /* "TLSv1.2"; NULL before the handshake */
  const char *ciphersuite;  /* by its IANA name with hyphens; NULL before the handshake */
  const char *alpn;         /* the protocol that was negotiated, or NULL */
  const uint8_t *peer_cert; /* the peer's certificate in DER; NULL: none came */
  size_t peer_cert_len;
  bool resumed;
  bool verified;         /* verified in this handshake, or in the one that is resumed */
  uint32_t verify_flags; /* errors of the chain: WSUV_CERT_* */
  int library_error;     /* the library's code of the error, or 0 */
  const char *text;      /* the error in words, or "" */
} tls_info;

#endif

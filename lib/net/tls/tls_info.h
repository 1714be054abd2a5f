#ifndef WS_NET_TLS_TLS_INFO_H
#define WS_NET_TLS_TLS_INFO_H

/* What can be learned of one session of TLS: what WS_QUERY_TLS asks a filter for. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tls_info {
  const char *version;      /* "TLSv1.2"; NULL before the handshake */
  const char *ciphersuite;  /* by its IANA name with hyphens; NULL before the handshake */
  const char *alpn;         /* the protocol that was agreed upon, or NULL */
  const uint8_t *peer_cert; /* its DER, or NULL: none was sent, or not again */
  size_t peer_cert_len;
  bool resumed;
  bool verified;         /* now or, of a resumed one, before */
  uint32_t verify_flags; /* what is wrong with the chain: WSUV_CERT_* */
  int library_error;     /* the library's code of what failed, or 0 */
  const char *text;      /* what failed, in words; "" */
} tls_info;

#endif

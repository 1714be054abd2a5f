#ifndef WS_NET_TLS_TLS_INFO_H
#define WS_NET_TLS_TLS_INFO_H

/* Information about one TLS session: the answer to WS_QUERY_TLS. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

/* What the peer has given for later sessions, which can then do without public key work. */
typedef enum tls_given {
  TLS_GIVEN_NOTHING,
  TLS_GIVEN_LATER,  /* TLS 1.3: nothing yet, but a ticket may come after the handshake */
  TLS_GIVEN_SESSION /* a session that can be resumed is stored */
} tls_given;

typedef struct tls_info {
  /* This is the version, such as "TLSv1.2"; NULL before the handshake is done. */
  const char *version;
  /* This is the suite's IANA name with hyphens; NULL before the handshake is done. */
  const char *ciphersuite;
  const char *group; /* This is the IANA name of the key exchange's group; NULL: it is not known. */
  const char *alpn;  /* This is the negotiated protocol, or NULL. */
  /* This is the peer's certificate in DER; NULL if none came. It may be there before the handshake
     is done, and was not accepted then. */
  const uint8_t *peer_cert;
  size_t peer_cert_len; /* `peer_cert` has this many bytes. */
  bool resumed;         /* The session is a resumed one. */
  bool verified;   /* The peer was verified in this handshake, or in the one that is resumed. */
  bool unverified; /* Any certificate of the peer is accepted. */
  uint32_t verify_flags;      /* These WSUV_CERT_* flags are the errors of the certificates. */
  wsuv_tls_library_t library; /* The code is of this library. */
  int library_error;          /* This is the library's code of the error, or 0. */
  const char *text;           /* This is the error in words, or "". */
  tls_given given; /* This is what the peer has given; nothing before the handshake is done. */
  bool waits;      /* The handshake could go on, but waits for a later turn of the loop. */
} tls_info;

#endif

#ifndef WS_NET_TLS_OPENSSL_OSSL_OCSP_H
#define WS_NET_TLS_OPENSSL_OSSL_OCSP_H

/* OCSP responses (RFC 6960): what one says of a certificate. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "net/tls/tls_failure.h"

/* What a client got with a handshake whose chain was built, the leaf first. */
typedef struct ossl_ocsp_given {
  const uint8_t *der;     /* This is the response; NULL: none came. */
  size_t len;             /* `der` has this many bytes. */
  STACK_OF(X509) * chain; /* The leaf's issuer is the second one, if there is one. */
  /* Each chain is checked with the lists of revoked certificates in this store; NULL: there are
     none. */
  X509_STORE *lists;
  bool required; /* The response must be there, and say that the certificate is good. */
} ossl_ocsp_given;

/* Check it. *problems gets flags, WSUV_CERT_*; 0: nothing is wrong. Returns 0 or WS_ENOMEM. */
int ossl_ocsp_check(const ossl_ocsp_given *given, uint32_t *problems);

/* What a server is to give to clients, of its certificate. 0, and *until is nextUpdate, which the
   caller frees; or, with words in *why: WSUV_ETLS: it is malformed, an error, or not for the
   certificate; WS_ENOMEM. */
int ossl_ocsp_read_own(const uint8_t *der, size_t len, const X509 *cert, ASN1_TIME **until,
                       tls_failure *why);

#endif

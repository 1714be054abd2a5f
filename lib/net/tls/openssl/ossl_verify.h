#ifndef WS_NET_TLS_OPENSSL_OSSL_VERIFY_H
#define WS_NET_TLS_OPENSSL_OSSL_VERIFY_H

/* Verification of the peer's certificate: all errors of a chain, as flags of ours. */

#include <openssl/x509_vfy.h>

/* For SSL_CTX_set_cert_verify_callback. 1: the handshake goes on; 0: it fails. */
int ossl_verify(X509_STORE_CTX *ctx, void *arg);

#endif

#ifndef WS_NET_TLS_OPENSSL_OSSL_VERIFY_H
#define WS_NET_TLS_OPENSSL_OSSL_VERIFY_H

/* Verification of the peer's certificate: all errors of a chain, as flags of ours. */

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

/* For SSL_CTX_set_cert_verify_callback. 1: the handshake goes on; 0: it fails. */
int ossl_verify(X509_STORE_CTX *ctx, void *arg);

/* For SSL_CTX_set_tlsext_status_cb of a client: check the OCSP response, or that none has come. 1:
   the handshake goes on; 0: it fails; -1: no memory. */
int ossl_verify_status(SSL *ssl, void *arg);

#endif

#ifndef WS_NET_TLS_MBEDTLS_TLS_RESUME_H
#define WS_NET_TLS_MBEDTLS_TLS_RESUME_H

/* Between mbedTLS's sessions and the store of them in the context. */

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include "net/tls/tls_sessions.h"

/* Offer the server the session that there was with it. false: there is none, or none that this
   library understands. *not_after: when the certificate expires that was verified for it. */
bool tls_resume_offer(tls_sessions *s, mbedtls_ssl_context *ssl, const char *host, uint16_t port,
                      mbedtls_x509_time *not_after);

/* Remember the session as it is now. Without memory for it the next one is not resumed. */
void tls_resume_save(tls_sessions *s, const mbedtls_ssl_context *ssl, const char *host,
                     uint16_t port, const mbedtls_x509_time *not_after);

#endif

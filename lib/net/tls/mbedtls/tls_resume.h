#ifndef WS_NET_TLS_MBEDTLS_TLS_RESUME_H
#define WS_NET_TLS_MBEDTLS_TLS_RESUME_H

/* Saves mbedTLS's sessions to the context's store, and loads them. */

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include "net/tls/tls_sessions.h"

/* Offer the session that is stored for this server. false: there is none that mbedTLS can load.
 *not_after: when the certificate that was verified for it expires. */
bool tls_resume_offer(tls_sessions *s, mbedtls_ssl_context *ssl, const char *host, uint16_t port,
                      mbedtls_x509_time *not_after);

/* Store the session as it is now. false: nothing is stored, because the server has given neither an
   identifier nor a ticket, or there is no memory; then the next session is not resumed. */
bool tls_resume_save(tls_sessions *s, const mbedtls_ssl_context *ssl, const char *host,
                     uint16_t port, const mbedtls_x509_time *not_after);

#endif

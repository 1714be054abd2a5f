#ifndef WS_NET_TLS_MBEDTLS_TLS_TRUST_H
#define WS_NET_TLS_MBEDTLS_TLS_TRUST_H

/* Whom to trust: the certificates that a configuration, or the system, names. */

#include <stdbool.h>
#include <stddef.h>

#include <mbedtls/x509_crt.h>

#include <wsuv/tls.h>

/* Read all of them into a list that was initialised. 0; WSUV_ETLSTRUST: there is none at all;
   WS_ENOMEM. */
int tls_trust_load(mbedtls_x509_crt *list, const wsuv_tls_config_t *config);

/* Whether the configuration names any of its own. */
bool tls_trust_named(const wsuv_tls_config_t *config);

/* Certificates in memory that has a NUL behind its end: PEM, or one in DER. As mbedTLS's parser
   returns it. */
int tls_trust_parse(mbedtls_x509_crt *list, const void *data, size_t len);

/* Whether what is in memory, with a NUL behind it, is PEM. */
bool tls_trust_is_pem(const void *data);

#endif

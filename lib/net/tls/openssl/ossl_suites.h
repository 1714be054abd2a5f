#ifndef WS_NET_TLS_OPENSSL_OSSL_SUITES_H
#define WS_NET_TLS_OPENSSL_OSSL_SUITES_H

/* Cipher suites: by their IANA names with hyphens, and the ones that are offered by default. */

#include <stdbool.h>

#include <openssl/ssl.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "base/why.h"
#include "net/tls/tls_failure.h"

/* As tls_library::check_suites. */
int ossl_suites_check(const wsuv_tls_config_t *config, ws_why *why);

/* Use the suites of a configuration that was checked. *old, *new: whether there are any of TLS 1.2
   and of TLS 1.3. 0; WS_ENOMEM; or, with words in *failure, WSUV_ETLS: OpenSSL was built without
   all of one list. */
int ossl_suites_use(SSL_CTX *ssl, const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config,
                    bool *old, bool *new, tls_failure *failure);

/* The name of the suite in use, which is one of the configuration's or of the defaults. */
const char *ossl_suites_name(const wsuv_tls_config_t *config, const SSL_CIPHER *suite);

#endif

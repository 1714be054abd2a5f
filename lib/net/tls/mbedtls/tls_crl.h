#ifndef WS_NET_TLS_MBEDTLS_TLS_CRL_H
#define WS_NET_TLS_MBEDTLS_TLS_CRL_H

/* Lists of revoked certificates (CRLs). A build of mbedTLS may be without them. */

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* Whether mbedTLS has them. */
bool tls_crl_is_there(void);

/* The lists of a context. Starts zeroed. */
typedef struct tls_crl {
  mbedtls_x509_crl *list;     /* The structure owns them; NULL: the configuration names none. */
  wsuv_tls_crl_check_t check; /* These certificates are looked up. */
} tls_crl;

/* Read those that a configuration names. 0, or an error as tls_crls_load. */
int tls_crl_load(tls_crl *crl, const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config,
                 tls_failure *failure);
void tls_crl_free(tls_crl *crl, const wsuv_allocator_t *alloc);

/* What the lists say of a certificate that mbedTLS has looked up: add what it does not say to its
   flags, and take away what is not asked for. `depth` 0 is the peer's; the anchor has no list. */
void tls_crl_judge(const tls_crl *crl, const mbedtls_x509_crt *cert, int depth, bool anchor,
                   uint32_t *flags);

#endif

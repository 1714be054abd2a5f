#ifndef WS_NET_TLS_MBEDTLS_TLS_ERROR_H
#define WS_NET_TLS_MBEDTLS_TLS_ERROR_H

/* mbedTLS's codes: wsuv's code for one, and its text. */

#include "net/tls/tls_failure.h"

/* wsuv's code for a code of the library's: WS_ENOMEM, WSUV_ETLSVERIFY, WSUV_ETLSTRUST,
   WSUV_ERANDOM, or otherwise WSUV_ETLS. 0 for 0. */
int tls_failure_status(int library_error);

/* The library's text, after `what` if that is not NULL: "own key: PK - ... (-0x3d00)". */
void tls_failure_set(tls_failure *failure, int library_error, const char *what);

#endif

#ifndef WS_NET_TLS_OPENSSL_OSSL_ERROR_H
#define WS_NET_TLS_OPENSSL_OSSL_ERROR_H

/* OpenSSL's queue of errors, which a thread has one of. */

#include "net/tls/tls_failure.h"

/* Empty the queue, and return the error in it that tells most: missing memory, or else the first
   one of TLS, or else the first. 0 if there is none. */
unsigned long ossl_error_take(void);

/* wsuv's code for an error: WS_ENOMEM, WSUV_ERANDOM, or otherwise WSUV_ETLS. */
int ossl_error_status(unsigned long error);

/* Describe it, after `what` if that is not NULL. Returns ossl_error_status. */
int ossl_error_set(tls_failure *failure, unsigned long error, const char *what);

/* The description of the alert that the peer has sent, or -1: it is another error. */
int ossl_error_alert(unsigned long error);

#endif

#ifndef WS_NET_TLS_TLS_FAILURE_H
#define WS_NET_TLS_TLS_FAILURE_H

/* An error of the TLS library: wsuv's code for it, and a text. */

#include <stddef.h>

enum { TLS_TEXT_SIZE = 160 };

typedef struct tls_failure {
  int library_error;        /* This is the library's code, or 0. */
  char text[TLS_TEXT_SIZE]; /* This is the error in words, terminated, or "" if there was none. */
} tls_failure;

/* wsuv's code for a code of the library's: WS_ENOMEM, WSUV_ETLSVERIFY, WSUV_ETLSTRUST,
   WSUV_ERANDOM, or otherwise WSUV_ETLS. 0 for 0. */
int tls_failure_status(int library_error);

/* The library's text, after `what` if that is not NULL: "own key: PK - ... (-0x3d00)". */
void tls_failure_set(tls_failure *failure, int library_error, const char *what);

#endif

#ifndef WS_NET_TLS_TLS_FAILURE_H
#define WS_NET_TLS_TLS_FAILURE_H

/* What went wrong inside the library behind us, as a code of ours and as words. */

#include <stddef.h>

enum { TLS_TEXT_SIZE = 160 };

typedef struct tls_failure {
  int library_error;        /* its code, or 0 */
  char text[TLS_TEXT_SIZE]; /* "" when nothing went wrong */
} tls_failure;

/* The code of ours for a code of the library's: WS_ENOMEM, WSUV_ETLSVERIFY, WSUV_ETLSTRUST,
   WSUV_ERANDOM, or else WSUV_ETLS. 0 for what is no error. */
int tls_failure_status(int library_error);

/* Its text, behind `what` if that is not NULL: "own key: PK - ... (-0x3d00)". */
void tls_failure_set(tls_failure *failure, int library_error, const char *what);

#endif

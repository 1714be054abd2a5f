#ifndef WS_NET_TLS_TLS_FAILURE_H
#define WS_NET_TLS_TLS_FAILURE_H

/* An error of the TLS library: wsuv's code for it, and a text. */

#include <stddef.h>

#include <wsuv/tls.h>

enum { TLS_TEXT_SIZE = 160 };

typedef struct tls_failure {
  wsuv_tls_library_t library; /* The code is of this library, or nothing has set it. */
  int library_error;          /* This is the library's code, or 0. */
  char text[TLS_TEXT_SIZE];   /* This is the error in words, terminated, or "" if there was none. */
} tls_failure;

#endif

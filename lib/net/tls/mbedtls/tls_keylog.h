#ifndef WS_NET_TLS_MBEDTLS_TLS_KEYLOG_H
#define WS_NET_TLS_MBEDTLS_TLS_KEYLOG_H

/* The secrets of sessions, appended to a file in the format of SSLKEYLOGFILE, which Wireshark
   reads. */

#include "net/tls/mbedtls/tls_mbed.h"

typedef struct tls_keylog {
  int fd;                   /* This is the descriptor of the open file, or -1. */
  tls_mbed_secrets secrets; /* This writes each secret to the file. */
} tls_keylog;

void tls_keylog_init(tls_keylog *log);

/* Open the file. A new file can be read by its owner only. 0 or a code of libuv's. */
int tls_keylog_open(tls_keylog *log, const char *path);

void tls_keylog_close(tls_keylog *log);

#endif

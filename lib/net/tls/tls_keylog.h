#ifndef WS_NET_TLS_TLS_KEYLOG_H
#define WS_NET_TLS_TLS_KEYLOG_H

/* The secrets of sessions, appended to a file in the format of SSLKEYLOGFILE, which Wireshark
   reads. */

#include <stddef.h>

typedef struct tls_keylog {
  int fd; /* This is the descriptor of the open file, or -1. */
} tls_keylog;

void tls_keylog_init(tls_keylog *log);

/* Open the file. A new file can be read by its owner only. 0 or a code of libuv's. */
int tls_keylog_open(tls_keylog *log, const char *path);

void tls_keylog_close(tls_keylog *log);

/* Write a secret of `len` bytes. An error does not end the session. */
void tls_keylog_write(const tls_keylog *log, const char *label,
                      const unsigned char client_random[32], const unsigned char *secret,
                      size_t len);

/* The same for a line that is made already, without its end. */
void tls_keylog_write_line(const tls_keylog *log, const char *text);

#endif

#ifndef FLOOR_TLS_H
#define FLOOR_TLS_H

/* TLS for the floors, as memory in and memory out. No certificate is looked at unless `verify` was
   called. An error ends the program. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct floor_tls floor_tls;

typedef struct floor_tls_library {
  /* Verify the certificates of servers with the authorities in a file. Before the first session. */
  void (*verify)(const char *ca_file);
  /* Begin a session: a client's; or, if `cert` is not NULL, a server's with this certificate and
     key, which are names of files. */
  floor_tls *(*open)(const char *cert, const char *key);
  void (*close)(floor_tls *tls);
  bool (*handshake)(floor_tls *tls); /* go on with it; true: it is complete */
  /* Ciphertext that has come; it is used up by calls of handshake and read until the latter returns
     0. */
  void (*receive)(floor_tls *tls, const uint8_t *p, size_t n);
  size_t (*read)(floor_tls *tls, uint8_t *p, size_t n); /* plaintext; 0: there is no more */
  void (*write)(floor_tls *tls, const uint8_t *p, size_t n);
  /* Ciphertext that is to be sent, and, afterwards, that it was taken. */
  size_t (*send)(floor_tls *tls, const uint8_t **p);
  void (*sent)(floor_tls *tls);
} floor_tls_library;

extern const floor_tls_library floor_tls_mbedtls; /* of clients only */
extern const floor_tls_library floor_tls_openssl;

#endif

#ifndef EXAMPLES_WSUV_TLS_H
#define EXAMPLES_WSUV_TLS_H

/* What the command line says of TLS. */

#include <stdbool.h>
#include <stddef.h>
#include <wsuv.h>

typedef struct tls_options {
  wsuv_tls_config_t config;
  const char **pins; /* the configuration's */
  char *password;    /* the configuration's; NULL: none */
} tls_options;

/* Begin, with room for so many pins. false: no memory, and only tls_options_free() may follow. */
bool tls_options_init(tls_options *tls, size_t pin_max);

void tls_options_add_pin(tls_options *tls, const char *pin);

/* The password is the first line of a file. 0, or a code of libuv's. */
int tls_options_read_password(tls_options *tls, const char *path);

/* "1.2" or "1.3"; false: it is neither. */
bool tls_version_read(wsuv_tls_version_t *version, const char *s);

/* "mbedtls" or "openssl"; false: it is neither. */
bool tls_library_read(wsuv_tls_library_t *library, const char *s);

/* "check", "require" or "off"; false: it is none of them. */
bool tls_ocsp_read(wsuv_tls_ocsp_t *ocsp, const char *s);

void tls_options_free(tls_options *tls);

#endif

#ifndef WS_NET_TLS_TLS_OWN_H
#define WS_NET_TLS_TLS_OWN_H

/* Our own certificates with their keys, as a configuration names them: in files or in memory. A
   library parses them. */

#include <stddef.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

/* What a library does with those of one index: 0, or a code, with its words in *why. */
typedef struct tls_own_parser {
  /* Parse the chain, the certificate first, or the private key: PEM, which a NUL follows, or DER.
   */
  int (*chain)(void *arg, size_t index, const void *data, size_t len, const char *password,
               tls_failure *why);
  int (*key)(void *arg, size_t index, const void *data, size_t len, const char *password,
             tls_failure *why);
  /* Get the key that a PKCS #11 URI names. NULL: a configuration with one is refused before. */
  int (*uri_key)(void *arg, size_t index, const char *uri, const char *password, tls_failure *why);
  /* Whether the key is that of the certificate. */
  int (*check_pair)(void *arg, size_t index, tls_failure *why);
  /* Parse the OCSP response of the certificate, in DER; there is no password. NULL: a configuration
     with one is refused before. */
  int (*ocsp)(void *arg, size_t index, const void *data, size_t len, const char *password,
              tls_failure *why);
} tls_own_parser;

/* How many certificates the configuration names; the first is that of the configuration itself. */
size_t tls_own_count(const wsuv_tls_config_t *config);

/* Have all of them parsed. 0; or, with words in *failure: WSUV_ETLS; WSUV_ETLSOPTION: the library
   cannot get a key by URI; WS_ENOMEM; or an error of the system's that passes. */
int tls_own_load(const tls_own_parser *parser, void *arg, const wsuv_allocator_t *alloc,
                 const wsuv_tls_config_t *config, tls_failure *failure);

#endif

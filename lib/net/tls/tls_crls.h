#ifndef WS_NET_TLS_TLS_CRLS_H
#define WS_NET_TLS_TLS_CRLS_H

/* Lists of revoked certificates (CRLs), as a configuration names them. Does not know the TLS
   library, which parses them. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

typedef struct tls_crls {
  const wsuv_allocator_t *alloc; /* Files are read into memory of this allocator. */
  /* Adds the lists in `data`, which a NUL follows, to `to`. Returns how many they were;
     WSUV_ETLSCRL with words in *failure: one of them cannot be used; or WS_ENOMEM. A list that is
     left out could be the one that a certificate is in, so none is. */
  int (*add)(void *to, const uint8_t *data, size_t len, tls_failure *failure);
  void *to; /* This is the first argument of `add`. */
} tls_crls;

/* Read all of them. 0; or with words in *failure: WSUV_ETLSCRL: a source cannot be read, has no
   list, or one that cannot be used; an error of the system's that may pass; or WS_ENOMEM. */
int tls_crls_load(const tls_crls *crls, const wsuv_tls_config_t *config, tls_failure *failure);

#endif

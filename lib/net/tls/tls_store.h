#ifndef WS_NET_TLS_TLS_STORE_H
#define WS_NET_TLS_TLS_STORE_H

/* Where trusted certificates are found: in what a configuration names, or in the system's store.
   Does not know the TLS library, which parses them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_failure.h"

typedef struct tls_store {
  const wsuv_allocator_t *alloc; /* Files are read into memory of this allocator. */
  /* Adds the certificates in `data`, which a NUL follows, to `list`. Returns how many they were, or
     WS_ENOMEM. One that cannot be used is left out, which can only reduce what is trusted; the
     function writes why to an empty *failure. */
  int (*add)(void *list, const uint8_t *data, size_t len, tls_failure *failure);
  void *list; /* This is the first argument of `add`. */
} tls_store;

/* Whether the configuration names trusted certificates. */
bool tls_store_named(const wsuv_tls_config_t *config);

/* Read all of them. 0, and *failure is empty; or with a text in *failure: WSUV_ETLSTRUST: a source
   that was named cannot be read or holds no certificate, or the system has none; or an error of the
   system's that may pass, such as that too many files are open. WS_ENOMEM. */
int tls_store_load(const tls_store *store, const wsuv_tls_config_t *config, tls_failure *failure);

#endif

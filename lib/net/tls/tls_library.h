#ifndef WS_NET_TLS_TLS_LIBRARY_H
#define WS_NET_TLS_TLS_LIBRARY_H

/* Properties of the TLS library. A folder for one library implements this header, tls_context.h,
   tls_engine.h and tls_failure.h; nothing above knows which library it is. */

#include <stdbool.h>

#include <wsuv/tls.h>

#include "base/hash.h"

/* The library that error codes belong to. */
wsuv_tls_library_t tls_library_id(void);

/* Whether it has TLS 1.3. */
bool tls_library_has_1_3(void);

/* Check the cipher suites of a configuration. 0; WS_EINVAL: an unknown name, or none that the
   library has. */
int tls_library_check_suites(const wsuv_tls_config_t *config);

/* Its hash functions. */
ws_hash_fn tls_library_hash;

#endif

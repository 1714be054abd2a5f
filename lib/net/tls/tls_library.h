#ifndef WS_NET_TLS_TLS_LIBRARY_H
#define WS_NET_TLS_TLS_LIBRARY_H

/* What a TLS library says of itself. With tls_context.h, tls_engine.h and tls_failure.h this is all
   that a folder for one library implements; nothing above knows which one it is. */

#include <stdbool.h>

#include <wsuv/tls.h>

/* Whose codes its errors are. */
wsuv_tls_library_t tls_library_id(void);

/* Whether it has TLS 1.3. */
bool tls_library_has_1_3(void);

/* Cipher suites of a configuration. 0; WS_EINVAL: an unknown name, or none that the library has. */
int tls_library_check_suites(const wsuv_tls_config_t *config);

#endif

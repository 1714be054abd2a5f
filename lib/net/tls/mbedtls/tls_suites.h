#ifndef WS_NET_TLS_MBEDTLS_TLS_SUITES_H
#define WS_NET_TLS_MBEDTLS_TLS_SUITES_H

/* Cipher suites: by name, and those that are offered when nothing is said. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "net/tls/tls_library.h"

/* The list of a configuration that was checked, ended by 0: what of it the library has. NULL: no
   memory. */
int *tls_suites_new(const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config);

/* Whether a suite is one of TLS 1.3, which has its own (RFC 8446 B.4). */
bool tls_suite_is_1_3(int id);

/* The IANA name, with hyphens, of what the library has a name of its own for. */
const char *tls_suite_name(const char *library_name);

#endif

#ifndef WS_NET_TLS_MBEDTLS_TLS_SUITES_H
#define WS_NET_TLS_MBEDTLS_TLS_SUITES_H

/* Cipher suites: by name, and the ones that are offered by default. */

#include <stdbool.h>
#include <stddef.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "base/why.h"

/* As tls_library::check_suites. */
int tls_suites_check(const wsuv_tls_config_t *config, ws_why *why);

/* The suites of a configuration that was checked, as far as the library has them, ended by 0. NULL:
   no memory. */
int *tls_suites_new(const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config);

/* Whether a suite is one of TLS 1.3, which has its own (RFC 8446 B.4). */
bool tls_suite_is_1_3(int id);

/* The IANA name, with hyphens, of a suite that the library calls something else. */
const char *tls_suite_name(const char *library_name);

#endif

#ifndef WS_NET_TLS_TLS_CONFIG_H
#define WS_NET_TLS_TLS_CONFIG_H

/* The configuration of TLS: what is refused, deep copies, and whether two are the same. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/alloc.h"

enum { TLS_PIN_SIZE = 32 };

/* Make one of today's size of what a program has filled in. 0 or WSUV_ESIZE. */
int tls_config_read(wsuv_tls_config_t *to, const wsuv_tls_config_t *from);

/* Judged without a look at any file. 0; WS_EINVAL; WS_EPROTONOSUPPORT: only versions are allowed
   that the library does not have. */
int tls_config_check(const wsuv_tls_config_t *config);

/* A deep copy of what was checked. What was given as memory has a NUL behind it in the copy, and
   lists have a NULL. 0; or WS_ENOMEM, and there is nothing to free. */
int tls_config_copy(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config);

/* What a copy holds; its keys and passwords are wiped. A zeroed one is fine. */
void tls_config_free(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc);

/* Whether both say the same in every point, so that what was made from one does for the other. */
bool tls_config_equal(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b);

/* "sha256//" and base64 to the hash (RFC 7469 2.4). false: it is something else. */
bool tls_config_pin(const char *text, uint8_t pin[TLS_PIN_SIZE]);

#endif

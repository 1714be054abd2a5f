#ifndef WS_NET_TLS_TLS_CONFIG_H
#define WS_NET_TLS_TLS_CONFIG_H

/* The TLS configuration: checks, deep copies, comparison. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/tls.h>

#include "base/alloc.h"
#include "base/role.h"
#include "base/why.h"

enum { TLS_PIN_SIZE = 32 };

/* Read a caller's structure into one of today's size. 0 or WSUV_ESIZE, with *why (base/sized.h). */
int tls_config_read(wsuv_tls_config_t *to, const wsuv_tls_config_t *from, ws_why *why);

/* Check it without opening any file. 0; WS_EINVAL; WSUV_ESIZE: a certificate is of no known size;
   WS_EPROTONOSUPPORT: it allows only versions that the library does not have; WSUV_ETLSOPTION: it
   needs what the library does not have; WS_ENOTSUP: this build does not have the library. *why has
   words where the code alone does not say enough. */
int tls_config_check(const wsuv_tls_config_t *config, ws_role role, ws_why *why);

/* Whether the versions that are allowed take a cipher suite of TLS 1.3, or an older one. */
bool tls_config_takes(const wsuv_tls_config_t *config, bool of_1_3);

/* None of the cipher suites that are named can be used. Returns WS_EINVAL. */
int tls_config_refuse_suites(ws_why *why);

/* The certificate that is in the configuration itself. What it points to stays there. */
wsuv_tls_cert_t tls_config_own(const wsuv_tls_config_t *config);

/* Leave out all certificates of our own. */
void tls_config_drop_own(wsuv_tls_config_t *config);

/* Whether lists of revoked certificates are named. */
bool tls_config_has_crls(const wsuv_tls_config_t *config);

/* Whether a certificate has an OCSP response. */
bool tls_cert_has_ocsp(const wsuv_tls_cert_t *cert);

/* Whether any of a server's certificates has one. */
bool tls_config_has_ocsp(const wsuv_tls_config_t *config);

/* Whether the key of a certificate is a PKCS #11 URI, not a file. */
bool tls_cert_has_uri_key(const wsuv_tls_cert_t *cert);

/* Whether any of a configuration's keys is one. */
bool tls_config_has_uri_key(const wsuv_tls_config_t *config);

/* Whether a certificate is named. */
bool tls_cert_named(const wsuv_tls_cert_t *cert);

/* Make a deep copy of a checked configuration. In the copy, memory is followed by a NUL, and lists
   by a NULL; certificates have today's size. 0; or WS_ENOMEM, and there is nothing to free. */
int tls_config_copy(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config);

/* Free what a copy points to; keys and passwords are overwritten. A zeroed one is allowed. */
void tls_config_free(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc);

/* Whether two configurations are equal in every field, so that one context fits both. */
bool tls_config_equal(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b);

/* Whether sessions of a configuration can be resumed; NULL: the defaults. */
bool tls_config_resumes(const wsuv_tls_config_t *config);

/* Decode a pin: "sha256//" and base64 (RFC 7469 2.4). false: it is malformed. */
bool tls_config_pin(const char *text, uint8_t pin[TLS_PIN_SIZE]);

#endif

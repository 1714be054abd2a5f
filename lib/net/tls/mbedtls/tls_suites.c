#include "net/tls/mbedtls/tls_suites.h"

#include <string.h>

#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>

#include "base/error.h"
#include "net/tls/tls_config.h"

/* Cipher suites by name. The names of TLS 1.3 are known even if the library has no TLS 1.3, so that
   one list fits all its versions. */

/* ECDHE with AEAD. ChaCha20 comes first: mbedTLS encrypts half as fast again with it as with AES,
   even if the processor has instructions for AES. */
static const int defaults[] = {
    0x1303, /* TLS-CHACHA20-POLY1305-SHA256 */
    0x1301, /* TLS-AES-128-GCM-SHA256 */
    0x1302, /* TLS-AES-256-GCM-SHA384 */
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
};

enum { DEFAULTS = sizeof defaults / sizeof *defaults };

static const struct {
  const char *name; /* This is the suite's IANA name with hyphens. */
  int id;           /* This is the suite's number (RFC 8446 B.4). */
} of_1_3[] = {
    {"TLS-AES-128-GCM-SHA256", 0x1301},       {"TLS-AES-256-GCM-SHA384", 0x1302},
    {"TLS-CHACHA20-POLY1305-SHA256", 0x1303}, {"TLS-AES-128-CCM-SHA256", 0x1304},
    {"TLS-AES-128-CCM-8-SHA256", 0x1305},
};

static int id_of(const char *name) {
  for (size_t i = 0; i < sizeof of_1_3 / sizeof *of_1_3; i++) {
    if (strcmp(name, of_1_3[i].name) == 0) return of_1_3[i].id;
  }
  return mbedtls_ssl_get_ciphersuite_id(name);
}

const char *tls_suite_name(const char *library_name) {
  int id = mbedtls_ssl_get_ciphersuite_id(library_name);
  for (size_t i = 0; i < sizeof of_1_3 / sizeof *of_1_3; i++) {
    if (id == of_1_3[i].id) return of_1_3[i].name;
  }
  return library_name;
}

static bool is_there(int id) {
  return mbedtls_ssl_ciphersuite_from_id(id) != NULL;
}

bool tls_suite_is_1_3(int id) {
  return id >> 8 == 0x13;
}

int tls_suites_check(const wsuv_tls_config_t *config, ws_why *why) {
  bool any = config->ciphersuites == NULL;
  if (any) return config->ciphersuite_count == 0 ? 0 : WS_EINVAL;
  for (size_t i = 0; i < config->ciphersuite_count; i++) {
    if (config->ciphersuites[i] == NULL) return WS_EINVAL;
    int id = id_of(config->ciphersuites[i]);
    if (id == 0) return WS_EINVAL;
    any = any || (is_there(id) && tls_config_takes(config, tls_suite_is_1_3(id)));
  }
  return any ? 0 : tls_config_refuse_suites(why);
}

int *tls_suites_new(const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config) {
  bool named = config->ciphersuites != NULL;
  size_t count = named ? config->ciphersuite_count : DEFAULTS, n = 0;
  int *list = ws_malloc(alloc, (count + 1) * sizeof *list);
  if (list == NULL) return NULL;
  for (size_t i = 0; i < count; i++) {
    int id = named ? id_of(config->ciphersuites[i]) : defaults[i];
    if (is_there(id)) list[n++] = id;
  }
  list[n] = 0;
  return list;
}

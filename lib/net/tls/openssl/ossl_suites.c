#include "net/tls/openssl/ossl_suites.h"

#include <string.h>

#include <openssl/err.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/tls_config.h"

/* OpenSSL has two lists, one for TLS 1.3, and names of its own:

     TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256   ours: IANA's, with hyphens
     TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256   IANA's, which OPENSSL_cipher_name knows
     ECDHE-RSA-AES128-GCM-SHA256             OpenSSL's
*/

enum { NAME_SIZE = 64 };

/* ECDHE with AEAD. AES comes first: processors have instructions for it, and OpenSSL uses them. */
static const char *const defaults[] = {
    "TLS-AES-128-GCM-SHA256",
    "TLS-AES-256-GCM-SHA384",
    "TLS-CHACHA20-POLY1305-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256",
    "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384",
    "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256",
    "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256",
};

typedef struct suite_list {
  const char *const *names; /* These are names of ours. */
  size_t count;             /* `names` has this many. */
} suite_list;

static suite_list list_of(const wsuv_tls_config_t *config) {
  if (config->ciphersuites == NULL) {
    return (suite_list){defaults, sizeof defaults / sizeof *defaults};
  }
  return (suite_list){config->ciphersuites, config->ciphersuite_count};
}

/* Its name with underscores; "" if it is too long for one. */
static void to_iana(const char *name, char iana[NAME_SIZE]) {
  size_t len = strlen(name);
  *iana = '\0';
  if (len >= NAME_SIZE) return;
  for (size_t i = 0; i <= len; i++) iana[i] = name[i] == '-' ? '_' : name[i];
}

/* OpenSSL's name; NULL: it does not know the suite. */
static const char *library_name(const char *name) {
  static const char none[] = "(NONE)";
  char iana[NAME_SIZE];
  to_iana(name, iana);
  const char *theirs = OPENSSL_cipher_name(iana);
  return strcmp(theirs, none) == 0 ? NULL : theirs;
}

static bool is_1_3(const char *name) {
  return strstr(name, "-WITH-") == NULL;
}

/* OpenSSL has suites without encryption, or without certificates, which no list gets. */
static bool is_open(const char *name) {
  return strstr(name, "-NULL-") != NULL || strstr(name, "-anon-") != NULL;
}

int ossl_suites_check(const wsuv_tls_config_t *config, ws_why *why) {
  const suite_list list = list_of(config);
  if (config->ciphersuites == NULL) return config->ciphersuite_count == 0 ? 0 : WS_EINVAL;
  bool any = false;
  for (size_t i = 0; i < list.count; i++) {
    if (list.names[i] == NULL) return WS_EINVAL;
    bool known = library_name(list.names[i]) != NULL && !is_open(list.names[i]);
    any = any || tls_config_takes(config, is_1_3(list.names[i]));
    if (known) continue;
    return ws_why_set(why, WS_EINVAL, "ciphersuites: OpenSSL has no %s, or none that is safe",
                      list.names[i]);
  }
  return any ? 0 : tls_config_refuse_suites(why);
}

/* Join OpenSSL's names of one version with colons. Returns whether there are any. */
static bool join(const suite_list *list, bool new, char *text) {
  char *to = text;
  for (size_t i = 0; i < list->count; i++) {
    const char *name = library_name(list->names[i]);
    if (name == NULL || is_1_3(list->names[i]) != new) continue;
    if (to > text) *to++ = ':';
    size_t len = strlen(name);
    memcpy(to, name, len);
    to += len;
  }
  *to = '\0';
  return to > text;
}

int ossl_suites_use(SSL_CTX *ssl, const wsuv_allocator_t *alloc, const wsuv_tls_config_t *config,
                    bool *old, bool *new, tls_failure *failure) {
  const suite_list list = list_of(config);
  char *text = ws_malloc(alloc, list.count * NAME_SIZE + 1);
  if (text == NULL) return WS_ENOMEM;
  int good = 1;
  ERR_clear_error();
  *old = join(&list, false, text);
  if (*old) good = SSL_CTX_set_cipher_list(ssl, text);
  *new = join(&list, true, text);
  if (good == 1 && *new) good = SSL_CTX_set_ciphersuites(ssl, text);
  ws_free(alloc, text);
  return good == 1 ? 0 : ossl_error_set(failure, ossl_error_take(), "ciphersuites");
}

const char *ossl_suites_name(const wsuv_tls_config_t *config, const SSL_CIPHER *suite) {
  const suite_list list = list_of(config);
  const char *theirs = SSL_CIPHER_standard_name(suite);
  for (size_t i = 0; theirs != NULL && i < list.count; i++) {
    char iana[NAME_SIZE];
    to_iana(list.names[i], iana);
    if (strcmp(iana, theirs) == 0) return list.names[i];
  }
  return SSL_CIPHER_get_name(suite);
}

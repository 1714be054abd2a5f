#include "net/tls/tls_config.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/sized.h"
#include "net/tls/tls_library.h"

/* The configuration of TLS, as values: checked, copied, compared. Reads no file. */

enum {
  NAME_MAX_LEN = 253, /* of a host (RFC 1035 2.3.4, without the final dot) */
  ALPN_MAX_LEN = 255, /* of a protocol (RFC 7301 3.1) */
  PIN_TEXT_LEN = 44   /* base64 of a hash */
};

void wsuv_tls_config_disable_verification(wsuv_tls_config_t *config) {
  config->verification_disabled = true;
}

/* Checking */

bool tls_config_pin(const char *text, uint8_t pin[TLS_PIN_SIZE]) {
  static const char prefix[] = "sha256//";
  uint8_t decoded[PIN_TEXT_LEN / 4 * 3];
  if (strncmp(text, prefix, sizeof prefix - 1) != 0) return false;
  text += sizeof prefix - 1;
  if (strlen(text) != PIN_TEXT_LEN) return false;
  if (base64_decode(decoded, text, PIN_TEXT_LEN) != TLS_PIN_SIZE) return false;
  memcpy(pin, decoded, TLS_PIN_SIZE);
  return true;
}

static bool pins_ok(const wsuv_tls_config_t *c) {
  uint8_t pin[TLS_PIN_SIZE];
  if (c->pin_count > 0 && c->pins == NULL) return false;
  for (size_t i = 0; i < c->pin_count; i++) {
    if (c->pins[i] == NULL || !tls_config_pin(c->pins[i], pin)) return false;
  }
  return true;
}

static bool memory_ok(const void *memory, size_t len) {
  return (memory == NULL) == (len == 0);
}

/* Each option needs the other, and each may be given in one form only. */
static bool own_cert_ok(const wsuv_tls_config_t *c) {
  bool cert = c->cert_file != NULL || c->cert_pem != NULL;
  bool key = c->key_file != NULL || c->key_pem != NULL;
  if (c->cert_file != NULL && c->cert_pem != NULL) return false;
  if (c->key_file != NULL && c->key_pem != NULL) return false;
  return cert == key && memory_ok(c->cert_pem, c->cert_pem_len) &&
         memory_ok(c->key_pem, c->key_pem_len);
}

static bool version_ok(wsuv_tls_version_t v) {
  return v == WSUV_TLS_ANY || v == WSUV_TLS_1_2 || v == WSUV_TLS_1_3;
}

static int check_versions(const wsuv_tls_config_t *c) {
  if (!version_ok(c->min_version) || !version_ok(c->max_version)) return WS_EINVAL;
  if (c->max_version != WSUV_TLS_ANY && c->min_version > c->max_version) return WS_EINVAL;
  return c->min_version == WSUV_TLS_1_3 && !tls_library_has_1_3() ? WS_EPROTONOSUPPORT : 0;
}

static bool alpn_ok(const wsuv_tls_config_t *c) {
  if (c->alpn_count > 0 && c->alpn == NULL) return false;
  for (size_t i = 0; i < c->alpn_count; i++) {
    size_t len = c->alpn[i] == NULL ? 0 : strlen(c->alpn[i]);
    if (len == 0 || len > ALPN_MAX_LEN) return false;
  }
  return true;
}

static bool server_name_ok(const char *name) {
  if (name == NULL) return true;
  size_t len = strlen(name);
  return len > 0 && len <= NAME_MAX_LEN;
}

SIZED_TYPE(tls_config_type, wsuv_tls_config_t, keylog_file, sizeof(wsuv_tls_config_t));

int tls_config_read(wsuv_tls_config_t *to, const wsuv_tls_config_t *from, ws_why *why) {
  wsuv_tls_config_init(to);
  return sized_in(to, &tls_config_type, from, why);
}

int tls_config_check(const wsuv_tls_config_t *c) {
  if (!memory_ok(c->ca_pem, c->ca_pem_len) || !own_cert_ok(c) || !pins_ok(c)) return WS_EINVAL;
  if (!alpn_ok(c) || !server_name_ok(c->server_name)) return WS_EINVAL;
  int err = check_versions(c);
  return err < 0 ? err : tls_library_check_suites(c);
}

/* Copying */

static int copy_text(const char **copy, const wsuv_allocator_t *alloc, const char *from) {
  if (from == NULL) return 0;
  *copy = ws_strdup(alloc, from);
  return *copy == NULL ? WS_ENOMEM : 0;
}

static int copy_memory(const void **copy, size_t *copy_len, const wsuv_allocator_t *alloc,
                       const void *from, size_t len) {
  if (from == NULL) return 0;
  *copy = ws_strndup(alloc, from, len);
  *copy_len = len;
  return *copy == NULL ? WS_ENOMEM : 0;
}

static int copy_list(const char *const **copy, size_t *copy_count, const wsuv_allocator_t *alloc,
                     const char *const *from, size_t count) {
  if (from == NULL) return 0;
  if (count >= (size_t) -1 / sizeof(char *)) return WS_ENOMEM;
  const char **list = ws_calloc(alloc, (count + 1) * sizeof *list);
  if (list == NULL) return WS_ENOMEM;
  *copy = list;
  *copy_count = count;
  for (size_t i = 0; i < count; i++) {
    list[i] = ws_strdup(alloc, from[i]);
    if (list[i] == NULL) return WS_ENOMEM;
  }
  return 0;
}

static int copy_all(wsuv_tls_config_t *copy, const wsuv_allocator_t *a,
                    const wsuv_tls_config_t *from) {
  int err = copy_text(&copy->ca_file, a, from->ca_file);
  if (err == 0) err = copy_text(&copy->ca_dir, a, from->ca_dir);
  if (err == 0) err = copy_text(&copy->cert_file, a, from->cert_file);
  if (err == 0) err = copy_text(&copy->key_file, a, from->key_file);
  if (err == 0) err = copy_text(&copy->key_password, a, from->key_password);
  if (err == 0) err = copy_text(&copy->server_name, a, from->server_name);
  if (err == 0) err = copy_text(&copy->keylog_file, a, from->keylog_file);
  if (err == 0)
    err = copy_memory(&copy->ca_pem, &copy->ca_pem_len, a, from->ca_pem, from->ca_pem_len);
  if (err == 0)
    err = copy_memory(&copy->cert_pem, &copy->cert_pem_len, a, from->cert_pem, from->cert_pem_len);
  if (err == 0)
    err = copy_memory(&copy->key_pem, &copy->key_pem_len, a, from->key_pem, from->key_pem_len);
  if (err == 0) err = copy_list(&copy->pins, &copy->pin_count, a, from->pins, from->pin_count);
  if (err == 0) {
    err = copy_list(&copy->ciphersuites, &copy->ciphersuite_count, a, from->ciphersuites,
                    from->ciphersuite_count);
  }
  if (err == 0) err = copy_list(&copy->alpn, &copy->alpn_count, a, from->alpn, from->alpn_count);
  return err;
}

int tls_config_copy(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config) {
  *copy = (wsuv_tls_config_t){
      .size = sizeof *copy,
      .min_version = config->min_version,
      .max_version = config->max_version,
      .resumption = config->resumption,
      .verification_disabled = config->verification_disabled,
  };
  int err = copy_all(copy, alloc, config);
  if (err < 0) tls_config_free(copy, alloc);
  return err;
}

static void free_const(const wsuv_allocator_t *alloc, const void *p) {
  ws_free(alloc, (void *) (uintptr_t) p);
}

static void free_secret(const wsuv_allocator_t *alloc, const void *p, size_t len) {
  if (p != NULL) ws_wipe((void *) (uintptr_t) p, len);
  free_const(alloc, p);
}

static void free_list(const wsuv_allocator_t *alloc, const char *const *list, size_t count) {
  for (size_t i = 0; i < count; i++) free_const(alloc, list[i]);
  free_const(alloc, list);
}

void tls_config_free(wsuv_tls_config_t *c, const wsuv_allocator_t *alloc) {
  const void *plain[] = {c->ca_file,  c->ca_dir,      c->ca_pem,     c->cert_file,
                         c->key_file, c->server_name, c->keylog_file};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) free_const(alloc, plain[i]);
  free_secret(alloc, c->cert_pem, c->cert_pem_len); /* often the key is in the same memory */
  free_secret(alloc, c->key_pem, c->key_pem_len);
  free_secret(alloc, c->key_password, c->key_password == NULL ? 0 : strlen(c->key_password));
  free_list(alloc, c->pins, c->pin_count);
  free_list(alloc, c->ciphersuites, c->ciphersuite_count);
  free_list(alloc, c->alpn, c->alpn_count);
  memset(c, 0, sizeof *c);
}

/* Comparing */

static bool same_text(const char *a, const char *b) {
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_memory(const void *a, size_t a_len, const void *b, size_t b_len) {
  return a_len == b_len && (a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, a_len) == 0);
}

static bool same_list(const char *const *a, size_t a_count, const char *const *b, size_t b_count) {
  if (a_count != b_count || (a == NULL) != (b == NULL)) return false;
  for (size_t i = 0; a != NULL && b != NULL && i < a_count; i++) {
    if (!same_text(a[i], b[i])) return false;
  }
  return true;
}

static bool same_identity(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return same_text(a->cert_file, b->cert_file) && same_text(a->key_file, b->key_file) &&
         same_memory(a->cert_pem, a->cert_pem_len, b->cert_pem, b->cert_pem_len) &&
         same_memory(a->key_pem, a->key_pem_len, b->key_pem, b->key_pem_len) &&
         same_text(a->key_password, b->key_password);
}

static bool same_trust(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return same_text(a->ca_file, b->ca_file) && same_text(a->ca_dir, b->ca_dir) &&
         same_memory(a->ca_pem, a->ca_pem_len, b->ca_pem, b->ca_pem_len) &&
         same_list(a->pins, a->pin_count, b->pins, b->pin_count) &&
         same_text(a->server_name, b->server_name) &&
         a->verification_disabled == b->verification_disabled;
}

bool tls_config_equal(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return same_trust(a, b) && same_identity(a, b) && a->min_version == b->min_version &&
         a->max_version == b->max_version && a->resumption == b->resumption &&
         same_list(a->ciphersuites, a->ciphersuite_count, b->ciphersuites, b->ciphersuite_count) &&
         same_list(a->alpn, a->alpn_count, b->alpn, b->alpn_count) &&
         same_text(a->keylog_file, b->keylog_file);
}

bool tls_config_resumes(const wsuv_tls_config_t *config) {
  return config == NULL || (config->resumption && !config->verification_disabled);
}

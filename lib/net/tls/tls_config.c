#include "net/tls/tls_config.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/sized.h"
#include "net/tls/tls_library.h"
#include "net/tls/tls_store.h"

/* The configuration of TLS, as values: checked, copied, compared. Reads no file. */

enum {
  NAME_MAX_LEN = 253,          /* of a host (RFC 1035 2.3.4, without the final dot) */
  ALPN_MAX_LEN = 255,          /* of a protocol (RFC 7301 3.1) */
  PIN_TEXT_LEN = 44,           /* base64 of a hash */
  TICKET_MAX_S = 7 * 24 * 3600 /* lifetime of a ticket (RFC 8446 4.6.1) */
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

SIZED_TYPE(tls_cert_type, wsuv_tls_cert_t, ocsp_der_len, sizeof(wsuv_tls_cert_t));

static bool memory_ok(const void *memory, size_t len) {
  return (memory == NULL) == (len == 0);
}

wsuv_tls_cert_t tls_config_own(const wsuv_tls_config_t *c) {
  return (wsuv_tls_cert_t){
      .size = sizeof(wsuv_tls_cert_t),
      .cert_file = c->cert_file,
      .key_file = c->key_file,
      .cert_pem = c->cert_pem,
      .cert_pem_len = c->cert_pem_len,
      .key_pem = c->key_pem,
      .key_pem_len = c->key_pem_len,
      .key_password = c->key_password,
      .ocsp_file = c->ocsp_file,
      .ocsp_der = c->ocsp_der,
      .ocsp_der_len = c->ocsp_der_len,
  };
}

void tls_config_drop_own(wsuv_tls_config_t *c) {
  c->cert_file = c->key_file = c->key_password = c->ocsp_file = NULL;
  c->cert_pem = c->key_pem = c->ocsp_der = NULL;
  c->cert_pem_len = c->key_pem_len = c->ocsp_der_len = 0;
}

bool tls_config_has_crls(const wsuv_tls_config_t *c) {
  return c->crl_file != NULL || c->crl_pem != NULL;
}

bool tls_cert_has_ocsp(const wsuv_tls_cert_t *c) {
  return c->ocsp_file != NULL || c->ocsp_der != NULL;
}

bool tls_cert_has_uri_key(const wsuv_tls_cert_t *c) {
  static const char scheme[] = "pkcs11:";
  return c->key_file != NULL && strncmp(c->key_file, scheme, sizeof scheme - 1) == 0;
}

/* Whether `has` is true of any certificate. */
static bool any_cert(const wsuv_tls_config_t *c, bool (*has)(const wsuv_tls_cert_t *cert)) {
  const wsuv_tls_cert_t own = tls_config_own(c);
  bool any = has(&own);
  for (size_t i = 0; !any && c->certs != NULL && i < c->cert_count; i++) {
    wsuv_tls_cert_t cert;
    wsuv_tls_cert_init(&cert);
    if (c->certs[i] == NULL || sized_in(&cert, &tls_cert_type, c->certs[i], NULL) < 0) continue;
    any = has(&cert);
  }
  return any;
}

bool tls_config_has_ocsp(const wsuv_tls_config_t *c) {
  return any_cert(c, tls_cert_has_ocsp);
}

bool tls_config_has_uri_key(const wsuv_tls_config_t *c) {
  return any_cert(c, tls_cert_has_uri_key);
}

bool tls_cert_named(const wsuv_tls_cert_t *c) {
  return c->cert_file != NULL || c->cert_pem != NULL;
}

/* Each option needs the other, and each may be given in one form only. */
static bool cert_ok(const wsuv_tls_cert_t *c) {
  bool cert = tls_cert_named(c);
  bool key = c->key_file != NULL || c->key_pem != NULL;
  if (c->cert_file != NULL && c->cert_pem != NULL) return false;
  if (c->key_file != NULL && c->key_pem != NULL) return false;
  if (c->ocsp_file != NULL && c->ocsp_der != NULL) return false;
  return cert == key && (cert || !tls_cert_has_ocsp(c)) &&
         memory_ok(c->cert_pem, c->cert_pem_len) && memory_ok(c->key_pem, c->key_pem_len) &&
         memory_ok(c->ocsp_der, c->ocsp_der_len);
}

static bool version_ok(wsuv_tls_version_t v) {
  return v == WSUV_TLS_ANY || v == WSUV_TLS_1_2 || v == WSUV_TLS_1_3;
}

static int check_versions(const wsuv_tls_config_t *c) {
  if (!version_ok(c->min_version) || !version_ok(c->max_version)) return WS_EINVAL;
  if (c->max_version != WSUV_TLS_ANY && c->min_version > c->max_version) return WS_EINVAL;
  return c->min_version == WSUV_TLS_1_3 && !tls_library_has_1_3(c->library) ? WS_EPROTONOSUPPORT
                                                                            : 0;
}

bool tls_config_takes(const wsuv_tls_config_t *c, bool of_1_3) {
  return of_1_3 ? c->max_version != WSUV_TLS_1_2 : c->min_version != WSUV_TLS_1_3;
}

int tls_config_refuse_suites(ws_why *why) {
  return ws_why_set(why, WS_EINVAL, "ciphersuites: none of them goes with the versions of TLS");
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

SIZED_TYPE(tls_config_type, wsuv_tls_config_t, ticket_lifetime_s, sizeof(wsuv_tls_config_t));

int tls_config_read(wsuv_tls_config_t *to, const wsuv_tls_config_t *from, ws_why *why) {
  wsuv_tls_config_init(to);
  return sized_in(to, &tls_config_type, from, why);
}

static int check_certs(const wsuv_tls_config_t *c, ws_why *why) {
  if (c->cert_count > 0 && c->certs == NULL) return WS_EINVAL;
  for (size_t i = 0; i < c->cert_count; i++) {
    wsuv_tls_cert_t cert;
    if (c->certs[i] == NULL) return WS_EINVAL;
    wsuv_tls_cert_init(&cert);
    int err = sized_in(&cert, &tls_cert_type, c->certs[i], why);
    if (err < 0) return err;
    if (!tls_cert_named(&cert) || !cert_ok(&cert)) {
      return ws_why_set(why, WS_EINVAL, "certs[%zu] needs one certificate and its key", i);
    }
  }
  return 0;
}

/* Fields of the other role */

static int check_client(const wsuv_tls_config_t *c, ws_why *why) {
  bool foreign = c->certs != NULL || c->cert_count > 0 || c->ticket_lifetime_s > 0 ||
                 c->client_auth != WSUV_TLS_CLIENT_AUTH_NONE || tls_config_has_ocsp(c);
  if (foreign) return ws_why_set(why, WS_EINVAL, "a field of TLS servers is set for a client");
  bool verifies = tls_config_has_crls(c) || c->ocsp == WSUV_TLS_OCSP_REQUIRE;
  if (!verifies || !c->verification_disabled) return 0;
  return ws_why_set(why, WS_EINVAL, "without verification there are no CRLs and no OCSP");
}

static int check_client_auth(const wsuv_tls_config_t *c, ws_why *why) {
  int auth = (int) c->client_auth; /* an enum from the caller may hold any integer */
  if (auth < WSUV_TLS_CLIENT_AUTH_NONE || auth > WSUV_TLS_CLIENT_AUTH_REQUIRE) return WS_EINVAL;
  if (auth == WSUV_TLS_CLIENT_AUTH_NONE || tls_store_named(c)) return 0;
  return ws_why_set(why, WS_EINVAL, "client_auth needs ca_file, ca_dir or ca_pem");
}

static int check_server(const wsuv_tls_config_t *c, ws_why *why) {
  const wsuv_tls_cert_t own = tls_config_own(c);
  bool foreign = c->pins != NULL || c->server_name != NULL || c->verification_disabled ||
                 c->ocsp != WSUV_TLS_OCSP_CHECK;
  if (foreign) return ws_why_set(why, WS_EINVAL, "a field of TLS clients is set for a server");
  if (!tls_cert_named(&own)) {
    return ws_why_set(why, WS_EINVAL, "a TLS server needs a certificate and its key");
  }
  for (size_t i = 0; i < c->alpn_count; i++) {
    if (strcmp(c->alpn[i], "h2") != 0) continue;
    return ws_why_set(why, WS_EINVAL, "alpn: a WebSocket server cannot have h2");
  }
  if (c->ticket_lifetime_s > TICKET_MAX_S) return WS_EINVAL;
  if (tls_config_has_crls(c) && c->client_auth == WSUV_TLS_CLIENT_AUTH_NONE) {
    return ws_why_set(why, WS_EINVAL, "crl_file and crl_pem need client_auth");
  }
  int err = check_certs(c, why);
  return err < 0 ? err : check_client_auth(c, why);
}

/* Of each role. An enum from the caller may hold any integer. */
static bool revocation_ok(const wsuv_tls_config_t *c) {
  int check = (int) c->crl_check, ocsp = (int) c->ocsp;
  return memory_ok(c->crl_pem, c->crl_pem_len) && check >= WSUV_TLS_CRL_CHAIN &&
         check <= WSUV_TLS_CRL_LEAF && ocsp >= WSUV_TLS_OCSP_CHECK && ocsp <= WSUV_TLS_OCSP_OFF;
}

int tls_config_check(const wsuv_tls_config_t *c, ws_role role, ws_why *why) {
  const wsuv_tls_cert_t own = tls_config_own(c);
  if (!memory_ok(c->ca_pem, c->ca_pem_len) || !cert_ok(&own) || !pins_ok(c)) return WS_EINVAL;
  if (!revocation_ok(c)) return WS_EINVAL;
  if (!alpn_ok(c) || !server_name_ok(c->server_name)) return WS_EINVAL;
  const tls_library *library = tls_library_for(c->library);
  if (library == NULL) {
    return ws_why_set(why, WS_ENOTSUP,
                      "library: this build of wsuv does not have that TLS library");
  }
  int err = check_versions(c);
  if (err == 0) err = library->check_suites(c, why);
  if (err < 0) return err;
  err = role == WS_SERVER ? check_server(c, why) : check_client(c, why);
  return err < 0 ? err : library->check_options(c, why);
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

static int copy_cert(wsuv_tls_cert_t *copy, const wsuv_allocator_t *a,
                     const wsuv_tls_cert_t *from) {
  int err = copy_text(&copy->cert_file, a, from->cert_file);
  if (err == 0) err = copy_text(&copy->key_file, a, from->key_file);
  if (err == 0) err = copy_text(&copy->key_password, a, from->key_password);
  if (err == 0)
    err = copy_memory(&copy->cert_pem, &copy->cert_pem_len, a, from->cert_pem, from->cert_pem_len);
  if (err == 0)
    err = copy_memory(&copy->key_pem, &copy->key_pem_len, a, from->key_pem, from->key_pem_len);
  if (err == 0) err = copy_text(&copy->ocsp_file, a, from->ocsp_file);
  if (err == 0)
    err = copy_memory(&copy->ocsp_der, &copy->ocsp_der_len, a, from->ocsp_der, from->ocsp_der_len);
  return err;
}

static int copy_own(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *from) {
  const wsuv_tls_cert_t own = tls_config_own(from);
  wsuv_tls_cert_t c = {.size = sizeof c};
  int err = copy_cert(&c, alloc, &own);
  copy->cert_file = c.cert_file;
  copy->key_file = c.key_file;
  copy->cert_pem = c.cert_pem;
  copy->cert_pem_len = c.cert_pem_len;
  copy->key_pem = c.key_pem;
  copy->key_pem_len = c.key_pem_len;
  copy->key_password = c.key_password;
  copy->ocsp_file = c.ocsp_file;
  copy->ocsp_der = c.ocsp_der;
  copy->ocsp_der_len = c.ocsp_der_len;
  return err;
}

static int copy_certs(wsuv_tls_config_t *copy, const wsuv_allocator_t *alloc,
                      const wsuv_tls_config_t *from) {
  if (from->cert_count == 0) return 0;
  if (from->cert_count >= (size_t) -1 / sizeof(void *)) return WS_ENOMEM;
  const wsuv_tls_cert_t **list = ws_calloc(alloc, (from->cert_count + 1) * sizeof(void *));
  if (list == NULL) return WS_ENOMEM;
  copy->certs = list;
  copy->cert_count = from->cert_count;
  for (size_t i = 0; i < from->cert_count; i++) {
    wsuv_tls_cert_t read, *c = ws_calloc(alloc, sizeof *c);
    if (c == NULL) return WS_ENOMEM;
    list[i] = c;
    wsuv_tls_cert_init(c);
    wsuv_tls_cert_init(&read);
    int err = sized_in(&read, &tls_cert_type, from->certs[i], NULL);
    if (err == 0) err = copy_cert(c, alloc, &read);
    if (err < 0) return err;
  }
  return 0;
}

static int copy_all(wsuv_tls_config_t *copy, const wsuv_allocator_t *a,
                    const wsuv_tls_config_t *from) {
  int err = copy_text(&copy->ca_file, a, from->ca_file);
  if (err == 0) err = copy_text(&copy->ca_dir, a, from->ca_dir);
  if (err == 0) err = copy_own(copy, a, from);
  if (err == 0) err = copy_certs(copy, a, from);
  if (err == 0) err = copy_text(&copy->server_name, a, from->server_name);
  if (err == 0) err = copy_text(&copy->keylog_file, a, from->keylog_file);
  if (err == 0)
    err = copy_memory(&copy->ca_pem, &copy->ca_pem_len, a, from->ca_pem, from->ca_pem_len);
  if (err == 0) err = copy_text(&copy->crl_file, a, from->crl_file);
  if (err == 0)
    err = copy_memory(&copy->crl_pem, &copy->crl_pem_len, a, from->crl_pem, from->crl_pem_len);
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
      .library = config->library,
      .crl_check = config->crl_check,
      .ocsp = config->ocsp,
      .resumption = config->resumption,
      .verification_disabled = config->verification_disabled,
      .client_auth = config->client_auth,
      .ticket_lifetime_s = config->ticket_lifetime_s,
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

static void free_cert(const wsuv_tls_cert_t *c, const wsuv_allocator_t *alloc) {
  free_const(alloc, c->cert_file);
  /* A URI may hold the PIN. */
  free_secret(alloc, c->key_file, c->key_file == NULL ? 0 : strlen(c->key_file));
  free_secret(alloc, c->cert_pem, c->cert_pem_len); /* often the key is in the same memory */
  free_secret(alloc, c->key_pem, c->key_pem_len);
  free_secret(alloc, c->key_password, c->key_password == NULL ? 0 : strlen(c->key_password));
  free_const(alloc, c->ocsp_file);
  free_const(alloc, c->ocsp_der);
}

void tls_config_free(wsuv_tls_config_t *c, const wsuv_allocator_t *alloc) {
  const void *plain[] = {c->ca_file, c->ca_dir,      c->ca_pem,     c->crl_file,
                         c->crl_pem, c->server_name, c->keylog_file};
  const wsuv_tls_cert_t own = tls_config_own(c);
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) free_const(alloc, plain[i]);
  free_cert(&own, alloc);
  for (size_t i = 0; i < c->cert_count && c->certs[i] != NULL; i++) {
    free_cert(c->certs[i], alloc);
    free_const(alloc, c->certs[i]);
  }
  free_const(alloc, c->certs);
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

static bool same_cert(const wsuv_tls_cert_t *a, const wsuv_tls_cert_t *b) {
  return same_text(a->cert_file, b->cert_file) && same_text(a->key_file, b->key_file) &&
         same_memory(a->cert_pem, a->cert_pem_len, b->cert_pem, b->cert_pem_len) &&
         same_memory(a->key_pem, a->key_pem_len, b->key_pem, b->key_pem_len) &&
         same_text(a->key_password, b->key_password) && same_text(a->ocsp_file, b->ocsp_file) &&
         same_memory(a->ocsp_der, a->ocsp_der_len, b->ocsp_der, b->ocsp_der_len);
}

/* A caller's certificate may be of another size than that of a copy. */
static bool same_identity(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  const wsuv_tls_cert_t own_a = tls_config_own(a), own_b = tls_config_own(b);
  if (!same_cert(&own_a, &own_b) || a->cert_count != b->cert_count) return false;
  for (size_t i = 0; i < a->cert_count; i++) {
    wsuv_tls_cert_t cert_a, cert_b;
    wsuv_tls_cert_init(&cert_a);
    wsuv_tls_cert_init(&cert_b);
    bool read = sized_in(&cert_a, &tls_cert_type, a->certs[i], NULL) == 0 &&
                sized_in(&cert_b, &tls_cert_type, b->certs[i], NULL) == 0;
    if (!read || !same_cert(&cert_a, &cert_b)) return false;
  }
  return true;
}

static bool same_revocation(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return same_text(a->crl_file, b->crl_file) &&
         same_memory(a->crl_pem, a->crl_pem_len, b->crl_pem, b->crl_pem_len) &&
         a->crl_check == b->crl_check && a->ocsp == b->ocsp;
}

static bool same_trust(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return same_text(a->ca_file, b->ca_file) && same_text(a->ca_dir, b->ca_dir) &&
         same_memory(a->ca_pem, a->ca_pem_len, b->ca_pem, b->ca_pem_len) &&
         same_list(a->pins, a->pin_count, b->pins, b->pin_count) &&
         same_text(a->server_name, b->server_name) &&
         a->verification_disabled == b->verification_disabled && a->client_auth == b->client_auth;
}

bool tls_config_equal(const wsuv_tls_config_t *a, const wsuv_tls_config_t *b) {
  return tls_library_for(a->library) == tls_library_for(b->library) && same_trust(a, b) &&
         same_revocation(a, b) && same_identity(a, b) && a->min_version == b->min_version &&
         a->max_version == b->max_version && a->resumption == b->resumption &&
         a->ticket_lifetime_s == b->ticket_lifetime_s &&
         same_list(a->ciphersuites, a->ciphersuite_count, b->ciphersuites, b->ciphersuite_count) &&
         same_list(a->alpn, a->alpn_count, b->alpn, b->alpn_count) &&
         same_text(a->keylog_file, b->keylog_file);
}

bool tls_config_resumes(const wsuv_tls_config_t *config) {
  return config == NULL || (config->resumption && !config->verification_disabled &&
                            config->client_auth == WSUV_TLS_CLIENT_AUTH_NONE &&
                            !tls_config_has_crls(config) && config->ocsp != WSUV_TLS_OCSP_REQUIRE);
}

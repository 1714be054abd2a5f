#include "net/tls/tls_context.h"

#include <string.h>

#include "base/error.h"
#include "base/fork.h"
#include "net/tls/mbedtls/tls_internal.h"
#include "net/tls/mbedtls/tls_suites.h"
#include "net/tls/mbedtls/tls_trust.h"
#include "net/tls/tls_config.h"

/* Turns a configuration into mbedTLS's, for both roles. */

enum {
  POOL_SPARES = 8,         /* chunks of ciphertext in the pool's reserve */
  TICKET_LIFETIME_S = 7200 /* a server's tickets, and their key */
};

static const char *const default_alpn[] = {"http/1.1", NULL};

/* A forked child must not draw the same random bytes as its parent. */
int tls_context_random(void *ctx, unsigned char *out, size_t len) {
  tls_context *c = ctx;
  if (c->generation != fork_generation()) {
    int r = fork_watch() == 0 ? mbedtls_ctr_drbg_reseed(&c->random, NULL, 0)
                              : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
    if (r != 0) return r;
    c->generation = fork_generation();
  }
  while (len > 0) {
    size_t n = len < MBEDTLS_CTR_DRBG_MAX_REQUEST ? len : MBEDTLS_CTR_DRBG_MAX_REQUEST;
    int r = mbedtls_ctr_drbg_random(&c->random, out, n);
    if (r != 0) return r;
    out += n;
    len -= n;
  }
  return 0;
}

static int tls_context_fail(tls_failure *failure, int library_error, const char *what) {
  tls_failure_set(failure, library_error, what);
  return tls_failure_status(library_error);
}

static int seed(tls_context *c, tls_failure *failure) {
  int err = fork_watch();
  if (err < 0) return err;
  c->generation = fork_generation();
  int r = tls_mbed_init();
  if (r == 0) r = mbedtls_ctr_drbg_seed(&c->random, mbedtls_entropy_func, &c->entropy, NULL, 0);
  return r == 0 ? 0 : tls_context_fail(failure, r, "random bytes");
}

/* Our own certificates */

/* Called when a client has sent a name. */
static int on_name(void *ctx, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len) {
  const tls_context *c = ctx;
  return tls_identities_choose(&c->own, ssl, name, len);
}

static int load_own(tls_context *c, tls_failure *failure) {
  int err = tls_identities_load(&c->own, c->alloc, &c->config, tls_context_random, c, failure);
  if (err < 0) return err;
  if (c->own.count > 1) mbedtls_ssl_conf_sni(&c->conf, on_name, c);
  int r = tls_identities_use(&c->own, &c->conf);
  return r == 0 ? 0 : tls_context_fail(failure, r, NULL);
}

/* Trust */

/* If a client does not verify, verification runs, but its result does not end the handshake: pins
   still apply, and the log says what is wrong. A server that requests a certificate looks at the
   result itself. */
static int auth_mode(const tls_context *c) {
  if (c->role == WS_CLIENT) {
    return c->config.verification_disabled ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                           : MBEDTLS_SSL_VERIFY_REQUIRED;
  }
  switch (c->config.client_auth) {
  case WSUV_TLS_CLIENT_AUTH_REQUIRE: return MBEDTLS_SSL_VERIFY_REQUIRED;
  case WSUV_TLS_CLIENT_AUTH_REQUEST: return MBEDTLS_SSL_VERIFY_OPTIONAL;
  case WSUV_TLS_CLIENT_AUTH_NONE: break;
  }
  return MBEDTLS_SSL_VERIFY_NONE;
}

static int set_trust(tls_context *c, tls_failure *failure) {
  mbedtls_ssl_conf_cert_profile(&c->conf, &tls_verify_profile);
  mbedtls_ssl_conf_authmode(&c->conf, auth_mode(c));
  if (!tls_context_verifies(c)) return 0;
  int err = tls_trust_load(&c->trust, c->alloc, &c->config, failure);
  if (err == 0) mbedtls_ssl_conf_ca_chain(&c->conf, &c->trust, NULL);
  return err;
}

static int set_pins(tls_context *c) {
  size_t count = c->config.pin_count;
  if (count == 0) return 0;
  c->pins = ws_malloc(c->alloc, count * TLS_PIN_SIZE);
  if (c->pins == NULL) return WS_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    (void) tls_config_pin(c->config.pins[i], c->pins + i * TLS_PIN_SIZE);
  }
  return 0;
}

/* Versions, suites, ALPN */

/* A version without any cipher suite is not offered, because the peer might choose it. */
static void set_versions(tls_context *c) {
  wsuv_tls_version_t min = c->config.min_version, max = c->config.max_version;
  bool old = false, new = false;
  for (const int *id = c->suites; *id != 0; id++) {
    new = new || tls_suite_is_1_3(*id);
    old = old || !tls_suite_is_1_3(*id);
  }
  if (min == WSUV_TLS_ANY) min = WSUV_TLS_1_2;
  if (max == WSUV_TLS_ANY || !tls_library_has_1_3()) {
    max = tls_library_has_1_3() ? WSUV_TLS_1_3 : WSUV_TLS_1_2;
  }
  if (!old && max == WSUV_TLS_1_3) min = WSUV_TLS_1_3;
  if (!new &&min == WSUV_TLS_1_2) max = WSUV_TLS_1_2;
  tls_mbed_conf_versions(&c->conf, min, max);
}

static int set_suites(tls_context *c) {
  c->suites = tls_suites_new(c->alloc, &c->config);
  if (c->suites == NULL) return WS_ENOMEM;
  mbedtls_ssl_conf_ciphersuites(&c->conf, c->suites);
  set_versions(c);
  return 0;
}

static int set_alpn(tls_context *c, tls_failure *failure) {
  const char *const *list = c->config.alpn != NULL ? c->config.alpn : default_alpn;
  if (list[0] == NULL) return 0;
  int r = mbedtls_ssl_conf_alpn_protocols(&c->conf, (const char **) (uintptr_t) list);
  return r == 0 ? 0 : tls_context_fail(failure, r, "ALPN");
}

static int set_client_tickets(tls_context *c) {
  mbedtls_ssl_conf_session_tickets(&c->conf, c->config.resumption
                                                 ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                 : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  return 0;
}

/* Without these callbacks a server gives no tickets. */
static int set_server_tickets(tls_context *c, tls_failure *failure) {
  unsigned lifetime_s = c->config.ticket_lifetime_s;
  if (!tls_context_resumes(c)) return 0;
  int r = mbedtls_ssl_ticket_setup(&c->tickets, tls_context_random, c, MBEDTLS_CIPHER_AES_256_GCM,
                                   lifetime_s > 0 ? lifetime_s : TICKET_LIFETIME_S);
  if (r != 0) return tls_context_fail(failure, r, "tickets");
  mbedtls_ssl_conf_session_tickets_cb(&c->conf, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                      &c->tickets);
  return 0;
}

static int set_tickets(tls_context *c, tls_failure *failure) {
  return c->role == WS_CLIENT ? set_client_tickets(c) : set_server_tickets(c, failure);
}

static int set_keylog(tls_context *c) {
  if (c->config.keylog_file == NULL) return 0;
  tls_mbed_conf_secrets(&c->conf, &c->keylog.secrets);
  return tls_keylog_open(&c->keylog, c->config.keylog_file);
}

static int set_buffers(tls_context *c) {
  c->gather = ws_malloc(c->alloc, TLS_RECORD_MAX);
  c->read_buf = ws_malloc(c->alloc, TLS_READ_SIZE);
  return c->gather != NULL && c->read_buf != NULL ? 0 : WS_ENOMEM;
}

static int set_defaults(tls_context *c, tls_failure *failure) {
  int endpoint = c->role == WS_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
  int r = mbedtls_ssl_config_defaults(&c->conf, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                      MBEDTLS_SSL_PRESET_DEFAULT);
  if (r != 0) return tls_context_fail(failure, r, NULL);
  mbedtls_ssl_conf_rng(&c->conf, tls_context_random, c);
#if defined(MBEDTLS_SSL_RENEGOTIATION)
  mbedtls_ssl_conf_renegotiation(&c->conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
  tls_mbed_conf_strict(&c->conf);
  return 0;
}

static int set_up(tls_context *c, tls_failure *failure) {
  int err = set_buffers(c);
  if (err == 0) err = seed(c, failure);
  if (err == 0) err = set_defaults(c, failure);
  if (err == 0) err = set_suites(c);
  if (err == 0) err = set_alpn(c, failure);
  if (err == 0) err = set_tickets(c, failure);
  if (err == 0) err = set_pins(c);
  if (err == 0) err = set_trust(c, failure);
  if (err == 0) err = load_own(c, failure);
  return err == 0 ? set_keylog(c) : err;
}

/* Loading */

static void tls_context_init(tls_context *c) {
  mbedtls_ssl_config_init(&c->conf);
  mbedtls_x509_crt_init(&c->trust);
  mbedtls_entropy_init(&c->entropy);
  mbedtls_ctr_drbg_init(&c->random);
  mbedtls_ssl_ticket_init(&c->tickets);
  tls_keylog_init(&c->keylog);
}

/* Free what was loaded, all of it or a part. */
static void tls_context_unload(tls_context *c) {
  mbedtls_ssl_config_free(&c->conf);
  mbedtls_x509_crt_free(&c->trust);
  tls_identities_free(&c->own, c->alloc);
  mbedtls_ssl_ticket_free(&c->tickets);
  mbedtls_ctr_drbg_free(&c->random);
  mbedtls_entropy_free(&c->entropy);
  tls_keylog_close(&c->keylog);
  ws_free(c->alloc, c->suites);
  ws_free(c->alloc, c->pins);
  ws_free(c->alloc, c->gather);
  ws_free(c->alloc, c->read_buf);
  c->suites = NULL;
  c->pins = c->gather = c->read_buf = NULL;
}

int tls_context_load(tls_context *c, tls_failure *failure) {
  *failure = (tls_failure){.library_error = 0};
  if (c->loaded) return 0;
  tls_context_init(c);
  int err = set_up(c, failure);
  if (err < 0) tls_context_unload(c);
  c->loaded = err == 0;
  return err;
}

/* Lifetime */

static void destroy(tls_context *c) {
  if (c->loaded) tls_context_unload(c);
  tls_sessions_free(&c->sessions);
  bufq_pool_free(&c->pool);
  tls_config_free(&c->config, c->alloc);
  ws_free(c->alloc, c);
}

int tls_context_new(tls_context **out, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, ws_role role) {
  int err = tls_config_check(config, role, NULL);
  if (err < 0) return err;
  tls_context *c = ws_calloc(alloc, sizeof *c);
  if (c == NULL) return WS_ENOMEM;
  c->alloc = alloc;
  c->refs = 1;
  c->role = role;
  tls_sessions_init(&c->sessions, alloc);
  bufq_pool_init(&c->pool, alloc, POOL_SPARES);
  err = tls_config_copy(&c->config, alloc, config);
  if (err < 0) {
    destroy(c);
    return err;
  }
  *out = c;
  return 0;
}

tls_context *tls_context_ref(tls_context *ctx) {
  ctx->refs++;
  return ctx;
}

void tls_context_unref(tls_context *ctx) {
  if (ctx != NULL && --ctx->refs == 0) destroy(ctx);
}

ws_room tls_context_read_buffer(const tls_context *ctx) {
  return (ws_room){ctx->read_buf, TLS_READ_SIZE};
}

bool tls_context_matches(const tls_context *ctx, const wsuv_tls_config_t *config) {
  return tls_config_equal(&ctx->config, config);
}

const wsuv_tls_config_t *tls_context_config(const tls_context *ctx) {
  return &ctx->config;
}

bool tls_context_verifies(const tls_context *ctx) {
  const wsuv_tls_config_t *config = &ctx->config;
  return ctx->role == WS_SERVER ? config->client_auth != WSUV_TLS_CLIENT_AUTH_NONE
                                : !config->verification_disabled;
}

bool tls_context_resumes(const tls_context *ctx) {
  return tls_config_resumes(&ctx->config);
}

bool tls_context_has_session(tls_context *ctx, const char *host, uint16_t port) {
  return tls_sessions_find(&ctx->sessions, host, port) != NULL;
}

#include "net/tls/mbedtls/mbed_internal.h"

#include "base/error.h"
#include "base/fork.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_suites.h"
#include "net/tls/mbedtls/tls_trust.h"

/* Turns a configuration into mbedTLS's, for both roles. */

/* A forked child must not draw the same random bytes as its parent. */
int tls_context_random(void *ctx, unsigned char *out, size_t len) {
  mbed_context *c = ctx;
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

static int seed(mbed_context *c, tls_failure *failure) {
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
  const mbed_context *c = ctx;
  return tls_identities_choose(&c->own, ssl, name, len);
}

static int load_own(mbed_context *c, tls_failure *failure) {
  int err =
      tls_identities_load(&c->own, c->base.alloc, &c->base.config, tls_context_random, c, failure);
  if (err < 0) return err;
  if (c->own.count > 1) mbedtls_ssl_conf_sni(&c->conf, on_name, c);
  int r = tls_identities_use(&c->own, &c->conf);
  return r == 0 ? 0 : tls_context_fail(failure, r, NULL);
}

/* Trust */

/* If a client does not verify, verification runs, but its result does not end the handshake: pins
   still apply, and the log says what is wrong. A server that requests a certificate looks at the
   result itself. */
static int auth_mode(const mbed_context *c) {
  if (c->base.role == WS_CLIENT) {
    return c->base.config.verification_disabled ? MBEDTLS_SSL_VERIFY_OPTIONAL
                                                : MBEDTLS_SSL_VERIFY_REQUIRED;
  }
  switch (c->base.config.client_auth) {
  case WSUV_TLS_CLIENT_AUTH_REQUIRE: return MBEDTLS_SSL_VERIFY_REQUIRED;
  case WSUV_TLS_CLIENT_AUTH_REQUEST: return MBEDTLS_SSL_VERIFY_OPTIONAL;
  case WSUV_TLS_CLIENT_AUTH_NONE: break;
  }
  return MBEDTLS_SSL_VERIFY_NONE;
}

static int set_trust(mbed_context *c, tls_failure *failure) {
  mbedtls_ssl_conf_cert_profile(&c->conf, &tls_verify_profile);
  mbedtls_ssl_conf_authmode(&c->conf, auth_mode(c));
  if (!tls_context_verifies(&c->base)) return 0;
  int err = tls_trust_load(&c->trust, c->base.alloc, &c->base.config, failure);
  if (err == 0 && tls_config_has_crls(&c->base.config)) {
    err = tls_crl_load(&c->crl, c->base.alloc, &c->base.config, failure);
  }
  if (err == 0) mbedtls_ssl_conf_ca_chain(&c->conf, &c->trust, c->crl.list);
  return err;
}

/* Versions, suites, ALPN */

/* A version without any cipher suite is not offered, because the peer might choose it. */
static void set_versions(mbed_context *c) {
  wsuv_tls_version_t min = c->base.config.min_version, max = c->base.config.max_version;
  bool old = false, new = false;
  for (const int *id = c->suites; *id != 0; id++) {
    new = new || tls_suite_is_1_3(*id);
    old = old || !tls_suite_is_1_3(*id);
  }
  if (min == WSUV_TLS_ANY) min = WSUV_TLS_1_2;
  if (max == WSUV_TLS_ANY || !tls_mbed_has_1_3()) {
    max = tls_mbed_has_1_3() ? WSUV_TLS_1_3 : WSUV_TLS_1_2;
  }
  if (!old && max == WSUV_TLS_1_3) min = WSUV_TLS_1_3;
  if (!new &&min == WSUV_TLS_1_2) max = WSUV_TLS_1_2;
  tls_mbed_conf_versions(&c->conf, min, max);
}

static int set_suites(mbed_context *c) {
  c->suites = tls_suites_new(c->base.alloc, &c->base.config);
  if (c->suites == NULL) return WS_ENOMEM;
  mbedtls_ssl_conf_ciphersuites(&c->conf, c->suites);
  set_versions(c);
  return 0;
}

static int set_alpn(mbed_context *c, tls_failure *failure) {
  const char *const *list = c->base.config.alpn != NULL ? c->base.config.alpn : tls_default_alpn;
  if (list[0] == NULL) return 0;
  int r = mbedtls_ssl_conf_alpn_protocols(&c->conf, (const char **) (uintptr_t) list);
  return r == 0 ? 0 : tls_context_fail(failure, r, "ALPN");
}

static int set_client_tickets(mbed_context *c) {
  mbedtls_ssl_conf_session_tickets(&c->conf, c->base.config.resumption
                                                 ? MBEDTLS_SSL_SESSION_TICKETS_ENABLED
                                                 : MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  return 0;
}

/* Without these callbacks a server gives no tickets. */
static int set_server_tickets(mbed_context *c, tls_failure *failure) {
  unsigned lifetime_s = c->base.config.ticket_lifetime_s;
  if (!tls_context_resumes(&c->base)) return 0;
  int r = mbedtls_ssl_ticket_setup(&c->tickets, tls_context_random, c, MBEDTLS_CIPHER_AES_256_GCM,
                                   lifetime_s > 0 ? lifetime_s : TLS_TICKET_LIFETIME_S);
  if (r != 0) return tls_context_fail(failure, r, "tickets");
  mbedtls_ssl_conf_session_tickets_cb(&c->conf, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                      &c->tickets);
  return 0;
}

static int set_tickets(mbed_context *c, tls_failure *failure) {
  return c->base.role == WS_CLIENT ? set_client_tickets(c) : set_server_tickets(c, failure);
}

static void on_secret(void *arg, const char *label, const unsigned char client_random[32],
                      const unsigned char *secret, size_t len) {
  const mbed_context *c = arg;
  tls_keylog_write(&c->base.keylog, label, client_random, secret, len);
}

static void set_keylog(mbed_context *c) {
  if (c->base.config.keylog_file == NULL) return;
  c->secrets = (tls_mbed_secrets){on_secret, c};
  tls_mbed_conf_secrets(&c->conf, &c->secrets);
}

static int set_defaults(mbed_context *c, tls_failure *failure) {
  int endpoint = c->base.role == WS_SERVER ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
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

static void init(mbed_context *c) {
  mbedtls_ssl_config_init(&c->conf);
  mbedtls_x509_crt_init(&c->trust);
  mbedtls_entropy_init(&c->entropy);
  mbedtls_ctr_drbg_init(&c->random);
  mbedtls_ssl_ticket_init(&c->tickets);
}

int mbed_context_load(tls_context *ctx, tls_failure *failure) {
  mbed_context *c = mbed_context_of(ctx);
  init(c);
  int err = seed(c, failure);
  if (err == 0) err = set_defaults(c, failure);
  if (err == 0) err = set_suites(c);
  if (err == 0) err = set_alpn(c, failure);
  if (err == 0) err = set_tickets(c, failure);
  if (err == 0) err = set_trust(c, failure);
  if (err == 0) err = load_own(c, failure);
  if (err == 0) set_keylog(c);
  return err;
}

void mbed_context_unload(tls_context *ctx) {
  mbed_context *c = mbed_context_of(ctx);
  mbedtls_ssl_config_free(&c->conf);
  mbedtls_x509_crt_free(&c->trust);
  tls_crl_free(&c->crl, c->base.alloc);
  tls_identities_free(&c->own, c->base.alloc);
  mbedtls_ssl_ticket_free(&c->tickets);
  mbedtls_ctr_drbg_free(&c->random);
  mbedtls_entropy_free(&c->entropy);
  ws_free(c->base.alloc, c->suites);
  c->suites = NULL;
}

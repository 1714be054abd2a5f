#include <limits.h>
#include <string.h>

#include <openssl/err.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_crls.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/openssl/ossl_internal.h"
#include "net/tls/openssl/ossl_suites.h"
#include "net/tls/openssl/ossl_trust.h"
#include "net/tls/openssl/ossl_verify.h"

/* Turns a configuration into OpenSSL's, for both roles. Nothing is left to OpenSSL's configuration
   file: what it may say about TLS is set here again. */

enum { CHAIN_MAX = 8 }; /* intermediate certificates in a chain */

static int context_fail(tls_failure *failure, const char *what) {
  return ossl_error_set(failure, ossl_error_take(), what);
}

/* From 3.5 on OpenSSL has a group that withstands quantum computers, too. Key shares (*) of it and
   of X25519 are sent, so that no server needs to ask for another; groups before a slash are
   preferred even if a client has sent no share of them. An OpenSSL that was built without it (?)
   leaves it out. */
static const char *groups(void) {
  return OpenSSL_version_num() >= 0x30500000L ? "?*X25519MLKEM768/*X25519:P-256/P-384:P-521"
                                              : "X25519:P-256:P-384:P-521";
}

/* Strength: groups, signatures and suites are lists of ours, and ossl_verify looks at chains, so
   that security levels of OpenSSL's would only be a second rule. */
static int set_strict(ossl_context *c, tls_failure *failure) {
  static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"
                                   "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
                                   "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
                                   "RSA+SHA256:RSA+SHA384:RSA+SHA512";
  SSL_CTX_set_security_level(c->ssl, 0);
  bool good = SSL_CTX_set1_groups_list(c->ssl, groups()) == 1 &&
              SSL_CTX_set1_sigalgs_list(c->ssl, signatures) == 1 &&
              SSL_CTX_set1_client_sigalgs_list(c->ssl, signatures) == 1;
  return good ? 0 : context_fail(failure, "groups and signatures");
}

/* The configuration file may have set any option, also one that switches a version or tickets off,
   so that only ours are left. The last one is OpenSSL's default. */
static void set_options(ossl_context *c) {
  SSL_CTX_clear_options(c->ssl, SSL_CTX_get_options(c->ssl));
  SSL_CTX_set_options(c->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                  SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  /* An idle session gives its buffers back. */
  SSL_CTX_set_mode(c->ssl, SSL_MODE_RELEASE_BUFFERS);
}

/* A version without any cipher suite is not offered, because the peer might choose it. */
static int set_versions(ossl_context *c, bool old, bool new, tls_failure *failure) {
  int min = (int) c->base.config.min_version, max = (int) c->base.config.max_version;
  if (min == WSUV_TLS_ANY) min = TLS1_2_VERSION;
  if (max == WSUV_TLS_ANY) max = TLS1_3_VERSION;
  if (!old && max == TLS1_3_VERSION) min = TLS1_3_VERSION;
  if (!new &&min == TLS1_2_VERSION) max = TLS1_2_VERSION;
  bool good = SSL_CTX_set_min_proto_version(c->ssl, min) == 1 &&
              SSL_CTX_set_max_proto_version(c->ssl, max) == 1;
  return good ? 0 : context_fail(failure, "versions");
}

static int set_suites(ossl_context *c, tls_failure *failure) {
  bool old, new;
  int err = ossl_suites_use(c->ssl, c->base.alloc, &c->base.config, &old, &new, failure);
  if (err < 0) return err;
  return set_versions(c, old, new, failure);
}

/* ALPN */

/* Our own order decides (RFC 7301 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg) {
  const ossl_context *c = arg;
  for (size_t at = 0; at < c->alpn_len; at += 1 + (size_t) c->alpn[at]) {
    for (size_t theirs = 0; theirs < in_len; theirs += 1 + (size_t) in[theirs]) {
      if (in_len - theirs < 1 + (size_t) in[theirs] || in[theirs] != c->alpn[at]) continue;
      if (memcmp(in + theirs + 1, c->alpn + at + 1, in[theirs]) != 0) continue;
      *out = c->alpn + at + 1;
      *out_len = c->alpn[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  ossl_of(SSL_get_app_data(ssl))->wrong_alpn = true;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int set_alpn(ossl_context *c) {
  const char *const *list = c->base.config.alpn != NULL ? c->base.config.alpn : tls_default_alpn;
  size_t size = 0;
  for (size_t i = 0; list[i] != NULL; i++) size += 1 + strlen(list[i]);
  if (size == 0) return 0;
  if (size > UINT16_MAX) return WS_EINVAL;
  c->alpn = ws_malloc(c->base.alloc, size);
  if (c->alpn == NULL) return WS_ENOMEM;
  for (size_t i = 0; list[i] != NULL; i++) {
    size_t len = strlen(list[i]);
    c->alpn[c->alpn_len] = (uint8_t) len;
    memcpy(c->alpn + c->alpn_len + 1, list[i], len);
    c->alpn_len += 1 + len;
  }
  if (c->base.role == WS_SERVER) {
    SSL_CTX_set_alpn_select_cb(c->ssl, on_alpn, c);
    return 0;
  }
  return SSL_CTX_set_alpn_protos(c->ssl, c->alpn, (unsigned) size) == 0 ? 0 : WS_ENOMEM;
}

/* Sessions */

static void set_client_sessions(ossl_context *c) {
  bool resumes = tls_context_resumes(&c->base);
  SSL_CTX_set_session_cache_mode(
      c->ssl, resumes ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
  if (resumes) {
    SSL_CTX_sess_set_new_cb(c->ssl, ossl_on_session);
  } else {
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET);
  }
}

static int set_server_sessions(ossl_context *c) {
  unsigned lifetime_s = c->base.config.ticket_lifetime_s;
  bool resumes = tls_context_resumes(&c->base);
  SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_OFF);
  (void) SSL_CTX_set_num_tickets(c->ssl, resumes ? 1 : 0); /* cannot fail */
  if (!resumes) {
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_TICKET);
    return 0;
  }
  if (lifetime_s == 0) lifetime_s = TLS_TICKET_LIFETIME_S;
  return ossl_tickets_use(&c->tickets, c->ssl, lifetime_s) ? 0 : WS_ENOMEM;
}

/* Trust */

static int verify_mode(const tls_context *c) {
  if (c->role == WS_CLIENT) return SSL_VERIFY_PEER;
  switch (c->config.client_auth) {
  case WSUV_TLS_CLIENT_AUTH_REQUIRE: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  case WSUV_TLS_CLIENT_AUTH_REQUEST: return SSL_VERIFY_PEER;
  case WSUV_TLS_CLIENT_AUTH_NONE: break;
  }
  return SSL_VERIFY_NONE;
}

/* Clients choose their certificate by the authorities that a server names. */
static int name_authorities(ossl_context *c) {
  const STACK_OF(X509_OBJECT) *all = X509_STORE_get0_objects(SSL_CTX_get_cert_store(c->ssl));
  for (int i = 0; i < sk_X509_OBJECT_num(all); i++) {
    X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
    if (cert != NULL && SSL_CTX_add_client_CA(c->ssl, cert) != 1) return WS_ENOMEM;
  }
  return 0;
}

static int set_trust(ossl_context *c, tls_failure *failure) {
  X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
  SSL_CTX_set_verify(c->ssl, verify_mode(&c->base), NULL);
  SSL_CTX_set_verify_depth(c->ssl, CHAIN_MAX);
  SSL_CTX_set_cert_verify_callback(c->ssl, ossl_verify, NULL);
  if (!tls_context_verifies(&c->base)) return 0;
  /* Each certificate that is named is an anchor, also one that is not signed by itself. */
  if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1) return WS_ENOMEM;
  int err = ossl_trust_load(store, c->base.alloc, &c->base.config, failure);
  if (err == 0 && tls_config_has_crls(&c->base.config)) {
    err = ossl_crls_load(store, c->base.alloc, &c->base.config, failure);
  }
  return err == 0 && c->base.role == WS_SERVER ? name_authorities(c) : err;
}

/* Our own certificates */

static int on_choice(SSL *ssl, void *arg) {
  const ossl_context *c = arg;
  return ossl_identities_choose(&c->own, ssl);
}

static int load_own(ossl_context *c, tls_failure *failure) {
  int err = ossl_identities_load(&c->own, c->base.alloc, &c->base.config, failure);
  if (err == 0) err = ossl_identities_use(&c->own, c->ssl, failure);
  if (err == 0 && c->own.count > 1) SSL_CTX_set_cert_cb(c->ssl, on_choice, c);
  return err;
}

/* OCSP responses */

static int on_status_request(SSL *ssl, void *arg) {
  ossl_engine *e = ossl_of(SSL_get_app_data(ssl));
  const ossl_context *c = arg;
  int r = ossl_identities_staple(&c->own, ssl);
  if (r == SSL_TLSEXT_ERR_ALERT_FATAL) e->io_error = WS_ENOMEM;
  return r;
}

/* These macros of OpenSSL's return 1. */
static void set_status(ossl_context *c) {
  if (c->base.role == WS_SERVER) {
    if (!tls_config_has_ocsp(&c->base.config)) return;
    (void) SSL_CTX_set_tlsext_status_cb(c->ssl, on_status_request);
    (void) SSL_CTX_set_tlsext_status_arg(c->ssl, c);
  } else if (tls_context_wants_ocsp(&c->base)) {
    (void) SSL_CTX_set_tlsext_status_type(c->ssl, TLSEXT_STATUSTYPE_ocsp);
    (void) SSL_CTX_set_tlsext_status_cb(c->ssl, ossl_verify_status);
  }
}

/* The key log */

static void on_secret(const SSL *ssl, const char *line) {
  const tls_engine *e = SSL_get_app_data(ssl);
  if (e->ctx->keylog.fd >= 0) tls_keylog_write_line(&e->ctx->keylog, line);
}

/* Loading */

static int make(ossl_context *c, tls_failure *failure) {
  ERR_clear_error();
  c->ssl = SSL_CTX_new(c->base.role == WS_SERVER ? TLS_server_method() : TLS_client_method());
  if (c->ssl == NULL) return context_fail(failure, NULL);
  c->bio = ossl_bio_method();
  return c->bio != NULL ? 0 : WS_ENOMEM;
}

int ossl_context_load(tls_context *ctx, tls_failure *failure) {
  ossl_context *c = ossl_context_of(ctx);
  int err = make(c, failure);
  if (err < 0) return err;
  set_options(c);
  if (ctx->role == WS_CLIENT) set_client_sessions(c);
  if (ctx->role == WS_SERVER) err = set_server_sessions(c);
  if (ctx->config.keylog_file != NULL) SSL_CTX_set_keylog_callback(c->ssl, on_secret);
  if (err == 0) err = set_strict(c, failure);
  if (err == 0) err = set_suites(c, failure);
  if (err == 0) err = set_alpn(c);
  if (err == 0) err = set_trust(c, failure);
  if (err == 0) set_status(c);
  if (err == 0) err = load_own(c, failure);
  ERR_clear_error();
  return err;
}

void ossl_context_unload(tls_context *ctx) {
  ossl_context *c = ossl_context_of(ctx);
  SSL_CTX_free(c->ssl);
  BIO_meth_free(c->bio);
  ossl_identities_free(&c->own, ctx->alloc);
  ossl_tickets_wipe(&c->tickets);
  ws_free(ctx->alloc, c->alpn);
  c->ssl = NULL;
  c->bio = NULL;
  c->alpn = NULL;
  c->alpn_len = 0;
}

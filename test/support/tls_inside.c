#include "support/tls_inside.h"

#include <string.h>

#include <mbedtls/x509.h>

#include "net/tls/mbedtls/mbed_internal.h"
#if defined(WS_TLS_OPENSSL)
#include <openssl/conf.h>
#include <openssl/crypto.h>

#include "net/tls/openssl/ossl_internal.h"
#endif
#include "net/tls/tls_parts.h"
#include "support/tls_ends.h"
#include "testkit/check.h"

static int mbed_trusted(tls_context *ctx) {
  int count = 0;
  for (const mbedtls_x509_crt *c = &mbed_context_of(ctx)->trust; c != NULL; c = c->next) count++;
  return count;
}

static void mbed_age_tickets(tls_context *ctx, unsigned s) {
  for (int i = 0; i < 2; i++) {
#if defined(MBEDTLS_PRIVATE)
    mbed_context_of(ctx)->tickets.MBEDTLS_PRIVATE(keys)[i].MBEDTLS_PRIVATE(generation_time) -= s;
#else
    mbed_context_of(ctx)->tickets.keys[i].generation_time -= s;
#endif
  }
}

/* The session begins with this date. */
static void mbed_expire(tls_session *session) {
  const mbedtls_x509_time past = {.year = 2024, .mon = 1, .day = 1};
  memcpy(session->data, &past, sizeof past);
}

#if defined(WS_TLS_OPENSSL)

static int ossl_trusted(tls_context *ctx) {
  const SSL_CTX *ssl = ossl_context_of(ctx)->ssl;
  return sk_X509_OBJECT_num(X509_STORE_get0_objects(SSL_CTX_get_cert_store(ssl)));
}

enum { LONG_TICKET = 900, SHORT_RECORD = 512 };

static int lengthen(SSL *ssl, void *arg) {
  static const uint8_t data[LONG_TICKET];
  (void) arg;
  return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof data);
}

static SSL_TICKET_RETURN use_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
                                    size_t len, SSL_TICKET_STATUS status, void *arg) {
  (void) ssl;
  (void) session;
  (void) name;
  (void) len;
  (void) status;
  (void) arg;
  return SSL_TICKET_RETURN_USE;
}

static bool ossl_lengthen_tickets(tls_context *ctx) {
  SSL_CTX *ssl = ossl_context_of(ctx)->ssl;
  return SSL_CTX_set_session_ticket_cb(ssl, lengthen, use_ticket, NULL) == 1 &&
         SSL_CTX_set_max_send_fragment(ssl, SHORT_RECORD) == 1;
}

static void ossl_expire(const tls_session *stored) {
  SSL_SESSION *session;
  memcpy(&session, stored->data, sizeof session);
  ASN1_TIME *past = ASN1_TIME_set(NULL, 0);
  CHECK(past != NULL && X509_set1_notAfter(SSL_SESSION_get0_peer(session), past) == 1);
  ASN1_TIME_free(past);
}

static void ossl_age_tickets(tls_context *ctx, unsigned s) {
  ossl_tickets *t = &ossl_context_of(ctx)->tickets;
  for (int i = 0; i < 2; i++) t->keys[i].since -= (time_t) s;
}

#endif

static bool is_mbedtls(const tls_context *ctx) {
  return ctx->library->id == WSUV_TLS_LIBRARY_MBEDTLS;
}

int tls_inside_trusted(tls_context *ctx) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(ctx)) return ossl_trusted(ctx);
#endif
  CHECK(is_mbedtls(ctx));
  return mbed_trusted(ctx);
}

void tls_inside_age_tickets(tls_context *ctx, unsigned s) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(ctx)) {
    ossl_age_tickets(ctx, s);
    return;
  }
#endif
  CHECK(is_mbedtls(ctx));
  mbed_age_tickets(ctx, s);
}

void tls_inside_expire(const tls_context *ctx, tls_session *session) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(ctx)) {
    ossl_expire(session);
    return;
  }
#endif
  CHECK(is_mbedtls(ctx));
  mbed_expire(session);
}

bool tls_inside_update_keys(tls_engine *e) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(e->ctx)) return SSL_key_update(ossl_of(e)->ssl, SSL_KEY_UPDATE_REQUESTED) == 1;
#endif
  (void) e;
  return false;
}

bool tls_inside_lengthen_tickets(tls_context *ctx) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(ctx)) return ossl_lengthen_tickets(ctx);
#endif
  (void) ctx;
  return false;
}

bool tls_inside_read_configuration(const tls_context *ctx, const char *path) {
#if defined(WS_TLS_OPENSSL)
  if (!is_mbedtls(ctx)) return CONF_modules_load_file(path, NULL, 0) == 1;
#endif
  (void) ctx;
  (void) path;
  return false;
}

void tls_inside_give_tickets(tls_context *ctx, uint16_t count) {
#if defined(WS_TLS_OPENSSL)
  if (ctx->library->id == WSUV_TLS_LIBRARY_OPENSSL) {
    CHECK(SSL_CTX_set_num_tickets(ossl_context_of(ctx)->ssl, count) == 1);
    return;
  }
#endif
#if defined(MBEDTLS_SSL_PROTO_TLS1_3)
  mbedtls_ssl_conf_new_session_tickets(&mbed_context_of(ctx)->conf, count);
#else
  (void) ctx;
  (void) count;
#endif
}

const char *tls_inside_group(ws_role role, const char *version) {
  if (test_is_mbedtls(role)) return NULL;
#if defined(WS_TLS_OPENSSL)
  bool both = !test_is_mbedtls(WS_CLIENT) && !test_is_mbedtls(WS_SERVER);
  bool new = strcmp(version, "TLSv1.3") == 0 && OpenSSL_version_num() >= 0x30500000L;
  if (both && new) return "X25519MLKEM768";
#else
  (void) version;
#endif
  return "x25519";
}

void tls_inside_staple(tls_context *ctx, const void *response, size_t len) {
#if defined(WS_TLS_OPENSSL)
  ossl_identity *id = &ossl_context_of(ctx)->own.list[0];
  ws_free(ctx->alloc, id->ocsp);
  id->ocsp = ws_malloc(ctx->alloc, len + 1);
  CHECK(id->ocsp != NULL);
  memcpy(id->ocsp, response, len);
  id->ocsp_len = len;
#else
  (void) ctx;
  (void) response;
  CHECK_FAIL("no OCSP response of %zu bytes can be given", len);
#endif
}

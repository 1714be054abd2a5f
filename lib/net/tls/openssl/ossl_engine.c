#include "net/tls/tls_engine.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/error.h"
#include "net/tls/openssl/ossl_error.h"
#include "net/tls/openssl/ossl_hash.h"
#include "net/tls/openssl/ossl_internal.h"
#include "net/tls/openssl/ossl_suites.h"
#include "net/tls/tls_alert.h"
#include "net/tls/tls_problems.h"

/* OpenSSL over byte queues, by a BIO of our own. One function reads what was fed, another writes
   into the queue; neither blocks. The thread's queue of errors is emptied before each call that can
   fail: SSL_get_error would find what is left there by others. */

/* The BIO */

/* In the handshake a record is as good as data: OpenSSL bounds the number and size of messages. */
static bool begin_record(ossl_engine *e) {
  if (!e->base.done) tls_flood_reset(&e->base.flood);
  return tls_flood_add_record(&e->base.flood);
}

/* OpenSSL asks for the header of a record, then for its body. */
static void watch_records(ossl_engine *e, const uint8_t *data, size_t len) {
  while (len > 0) {
    if (e->body_left > 0) {
      size_t n = len < e->body_left ? len : e->body_left;
      e->body_left -= n;
      data += n;
      len -= n;
      continue;
    }
    if (e->header_len == TLS_RECORD_HEADER_LEN) e->header_len = 0;
    e->header[e->header_len++] = *data++;
    len--;
    if (e->header_len < TLS_RECORD_HEADER_LEN) continue;
    e->body_left = (size_t) e->header[3] << 8 | e->header[4];
  }
}

static bool at_record(const ossl_engine *e) {
  return e->body_left == 0 && (e->header_len == 0 || e->header_len == TLS_RECORD_HEADER_LEN);
}

/* In place of a record that must not be read OpenSSL gets the header of one that is longer than any
   may be. It refuses that with an alert (record_overflow), for which it has no function. */
static int refuse_record(char *buf, size_t len, size_t *got) {
  static const uint8_t header[TLS_RECORD_HEADER_LEN] = {23, 3, 3, 0xff, 0xff};
  *got = len < sizeof header ? len : sizeof header;
  memcpy(buf, header, *got);
  return 1;
}

static int on_recv(BIO *bio, char *buf, size_t len, size_t *got) {
  ossl_engine *e = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  bool refused = e->base.in_len > 0 && at_record(e) && !begin_record(e);
  if (refused) return refuse_record(buf, len, got);
  *got = tls_engine_take_input(&e->base, (uint8_t *) buf, len);
  watch_records(e, (const uint8_t *) buf, *got);
  if (*got > 0) return 1;
  if (!e->base.network_ended) BIO_set_retry_read(bio);
  return 0;
}

static int on_send(BIO *bio, const char *buf, size_t len, size_t *sent) {
  ossl_engine *e = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  bool refused = e->reading && !tls_flood_add_message(&e->base.flood);
  if (refused) return 0;
  int err = tls_engine_put_output(&e->base, (const uint8_t *) buf, len);
  if (err < 0) {
    e->io_error = err;
    return 0;
  }
  *sent = len;
  return 1;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer) {
  const ossl_engine *e = BIO_get_data(bio);
  (void) number;
  (void) pointer;
  switch (command) {
  case BIO_CTRL_FLUSH: return 1;
  case BIO_CTRL_EOF: return e->base.network_ended && e->base.in_len == 0;
  default: return 0;
  }
}

BIO_METHOD *ossl_bio_method(void) {
  BIO_METHOD *bio = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wsuv");
  if (bio == NULL) return NULL;
  bool good = BIO_meth_set_read_ex(bio, on_recv) == 1 && BIO_meth_set_write_ex(bio, on_send) == 1 &&
              BIO_meth_set_ctrl(bio, on_ctrl) == 1;
  if (good) return bio;
  BIO_meth_free(bio);
  return NULL;
}

/* Resumption */

/* TLS 1.2: called when the handshake is done. TLS 1.3: when a ticket has come. Of several that come
   together the last one is stored: that costs more than the peer's sending. */
int ossl_on_session(SSL *ssl, SSL_SESSION *session) {
  ossl_engine *e = ossl_of(SSL_get_app_data(ssl));
  if (SSL_SESSION_is_resumable(session) != 1) return 0;
  SSL_SESSION_free(e->session);
  e->session = session;
  return 1;
}

/* What is in the store is OpenSSL's session itself: its DER has the certificate of the peer, and to
   parse that again costs more than the rest of a handshake that resumes. A copy is stored and
   offered, because OpenSSL never resumes a session again whose connection has ended badly. */
static SSL_SESSION *session_of(const tls_session *stored) {
  SSL_SESSION *session;
  memcpy(&session, stored->data, sizeof(void *));
  return session;
}

static void ossl_session_drop(tls_session *stored) {
  SSL_SESSION_free(session_of(stored));
}

static void ossl_engine_save(tls_engine *base) {
  ossl_engine *e = ossl_of(base);
  if (e->session == NULL || !base->done) return;
  tls_sessions *sessions = &base->ctx->sessions;
  SSL_SESSION *copy = tls_engine_resumes(base) ? SSL_SESSION_dup(e->session) : NULL;
  tls_session *to =
      copy != NULL ? tls_sessions_add(sessions, base->host, base->port, sizeof(void *)) : NULL;
  if (to != NULL) {
    memcpy(to->data, &copy, sizeof(void *));
    base->given = true;
  } else {
    SSL_SESSION_free(copy);
  }
  SSL_SESSION_free(e->session);
  e->session = NULL;
}

/* What was verified is good for no longer than the certificate. */
static bool is_good(const SSL_SESSION *session) {
  const X509 *cert = SSL_SESSION_get0_peer((SSL_SESSION *) (uintptr_t) session);
  return cert != NULL && X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* A session of TLS 1.3 is used only once (RFC 8446 C.4). */
static bool offer(ossl_engine *e) {
  tls_sessions *sessions = &e->base.ctx->sessions;
  tls_session *stored = tls_sessions_find(sessions, e->base.host, e->base.port);
  if (stored == NULL) return false;
  SSL_SESSION *session = SSL_SESSION_dup(session_of(stored));
  bool offered = session != NULL && is_good(session) && SSL_set_session(e->ssl, session) == 1;
  bool once = !offered || SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
  if (once) tls_sessions_remove(sessions, stored);
  SSL_SESSION_free(session);
  return offered;
}

/* Lifetime */

/* An address is not sent as SNI (RFC 6066 3); ossl_verify looks for it in the certificate. */
static bool set_name(ossl_engine *e) {
  tls_engine *base = &e->base;
  const char *own = base->ctx->config.server_name, *name = own != NULL ? own : base->host;
  char *copy = ws_strndup(base->ctx->alloc, name, tls_peer_name_len(name));
  if (copy == NULL) {
    e->io_error = WS_ENOMEM;
    return false;
  }
  tls_peer_init(&base->peer, copy);
  bool sent = base->peer.address_len == 0 && *copy != '\0';
  bool good = !sent || SSL_set_tlsext_host_name(e->ssl, copy) == 1;
  ws_free(base->ctx->alloc, copy);
  return good;
}

static bool set_up(ossl_engine *e) {
  ossl_context *c = ossl_context_of(e->base.ctx);
  e->ssl = SSL_new(c->ssl);
  if (e->ssl == NULL) return false;
  BIO *bio = BIO_new(c->bio);
  if (bio == NULL) return false;
  BIO_set_data(bio, e);
  BIO_set_init(bio, 1);
  SSL_set_bio(e->ssl, bio, bio);
  if (SSL_set_app_data(e->ssl, &e->base) != 1) return false;
  e->base.set_up = true;
  if (c->base.role == WS_SERVER) {
    SSL_set_accept_state(e->ssl);
    return true;
  }
  SSL_set_connect_state(e->ssl);
  if (!set_name(e)) return false;
  e->base.offered = tls_engine_resumes(&e->base) && offer(e);
  return true;
}

static int ossl_engine_set_up(tls_engine *base) {
  ossl_engine *e = ossl_of(base);
  ERR_clear_error();
  bool good = set_up(e);
  unsigned long error = ossl_error_take();
  if (good) return 0;
  return e->io_error < 0 ? e->io_error : ossl_error_status(error);
}

static void ossl_engine_free(tls_engine *base) {
  ossl_engine *e = ossl_of(base);
  SSL_SESSION_free(e->session);
  SSL_free(e->ssl);
}

/* Failing */

static int reject_certificate(ossl_engine *e) {
  bool pin_only =
      e->base.wrong_pin && (e->problems == 0 || e->base.ctx->config.verification_disabled);
  if (pin_only) return tls_engine_reject_pin(&e->base);
  tls_problems_describe(e->base.failure.text, sizeof e->base.failure.text, e->problems);
  bool ocsp_only = e->problems != 0 && (e->problems & ~(uint32_t) TLS_PROBLEMS_OCSP) == 0;
  return tls_engine_end(&e->base, ocsp_only ? WSUV_ETLSOCSP : WSUV_ETLSVERIFY);
}

/* What the last record was; NULL: only OpenSSL knows, because TLS 1.3 encrypts that. */
static const char *name_of_last(const ossl_engine *e) {
  bool new = SSL_version(e->ssl) == TLS1_3_VERSION;
  switch (e->header[0]) {
  case SSL3_RT_CHANGE_CIPHER_SPEC: return "change_cipher_spec";
  case SSL3_RT_ALERT: return "an alert";
  case SSL3_RT_HANDSHAKE: return new ? NULL : "a request to renegotiate";
  default: return new ? NULL : "an empty record";
  }
}

static int reject_flood(ossl_engine *e) {
  tls_flood_describe(&e->base.flood, name_of_last(e), e->base.failure.text,
                     sizeof e->base.failure.text);
  if (e->base.flood.kind == TLS_FLOOD_UNREAD) tls_engine_note_no_alert(&e->base);
  return tls_engine_end(&e->base, WSUV_ETLSRECORD);
}

static void describe(ossl_engine *e, unsigned long error) {
  tls_failure *failure = &e->base.failure;
  int alert = ossl_error_alert(error);
  (void) ossl_error_set(failure, error, NULL); /* the caller looks at the status */
  if (alert >= 0) {
    (void) snprintf(failure->text, sizeof failure->text, "alert of the peer: %s",
                    tls_alert_name(alert));
  } else if (e->wrong_alpn) {
    (void) snprintf(failure->text, sizeof failure->text,
                    "the client offers none of our protocols (ALPN)");
  }
}

/* OpenSSL has limits of its own, below those of tls_flood. NULL: it is another error. TLS 1.3
   passes over change_cipher_spec, so that only their number is wrong there. */
static const char *own_limit(const ossl_engine *e, unsigned long error) {
  bool new = SSL_version(e->ssl) == TLS1_3_VERSION;
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return NULL;
  switch (ERR_GET_REASON(error)) {
  case SSL_R_RECORD_TOO_SMALL: return "more than 32 empty TLS records in a row";
  case SSL_R_TOO_MANY_WARN_ALERTS: return "more than 4 TLS alerts in a row that are not fatal";
  case SSL_R_UNEXPECTED_CCS_MESSAGE: return new ? "more than 32 change_cipher_spec in a row" : NULL;
  case SSL_R_TOO_MANY_KEY_UPDATES: return "more than 32 TLS key updates in a row";
  default: return NULL;
  }
}

static int ossl_engine_fail(ossl_engine *e) {
  tls_engine *base = &e->base;
  unsigned long error = ossl_error_take();
  int reason = ERR_GET_REASON(error);
  if (base->flood.kind != TLS_FLOOD_NONE) return reject_flood(e);
  if (e->io_error < 0) return tls_engine_end(base, e->io_error);
  bool http = !base->done && e->header_len == TLS_RECORD_HEADER_LEN;
  if (http && tls_engine_is_http(base, e->header)) return tls_engine_reject_http(base, (int) error);
  describe(e, error);
  bool ended = base->network_ended && base->input_exhausted;
  if (ended) return tls_engine_end(base, WSUV_ETLSTRUNCATED);
  int status = ossl_error_status(error);
  if (status == WS_ENOMEM) return tls_engine_end(base, WS_ENOMEM);
  if (!base->done && ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) e->problems |= WSUV_CERT_MISSING;
    bool refused = reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                   reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
                   reason == SSL_R_INVALID_STATUS_RESPONSE;
    if (refused) return reject_certificate(e);
  }
  const char *limit = own_limit(e, error);
  if (limit != NULL) return tls_engine_end_with(base, (int) error, WSUV_ETLSRECORD, limit);
  return tls_engine_end(base, status);
}

/* The handshake */

/* Whether what OpenSSL does next, if it can, is public key work. */
static bool is_costly(const ossl_engine *e) {
  bool client = e->base.ctx->role == WS_CLIENT;
  switch (SSL_get_state(e->ssl)) {
  case TLS_ST_BEFORE: return true;
  case TLS_ST_CW_CLNT_HELLO: return true;
  case TLS_ST_SW_SRVR_DONE: return !client;
  case TLS_ST_SW_FINISHED:
  case TLS_ST_EARLY_DATA: /* TLS 1.3 waits here for the client */
    return !client && e->base.ctx->config.client_auth != WSUV_TLS_CLIENT_AUTH_NONE;
  default: return false;
  }
}

/* Checks again what OpenSSL has verified. Without a chain and without resumption nothing was
   verified. A resumed session was verified, pins included, with this context. */
static int accept_peer(ossl_engine *e) {
  const tls_context *c = e->base.ctx;
  bool resumed = SSL_session_reused(e->ssl) == 1;
  bool good = SSL_get_verify_result(e->ssl) == X509_V_OK;
  if (c->role == WS_SERVER) {
    bool shown = SSL_get0_peer_certificate(e->ssl) != NULL;
    switch (c->config.client_auth) {
    case WSUV_TLS_CLIENT_AUTH_NONE: return 0;
    case WSUV_TLS_CLIENT_AUTH_REQUEST:
      if (!shown) return 0;
      break;
    case WSUV_TLS_CLIENT_AUTH_REQUIRE: break;
    }
    good = good && e->problems == 0;
    return shown && e->saw_chain && good ? 0 : reject_certificate(e);
  }
  if (c->config.verification_disabled) {
    return e->saw_chain && !e->base.wrong_pin ? 0 : reject_certificate(e);
  }
  bool verified = e->saw_chain || (resumed && e->base.offered);
  bool skipped = tls_context_wants_ocsp(c) && e->saw_chain && !e->saw_status;
  if (skipped) e->problems |= WSUV_CERT_OCSP_MISSING;
  /* The session that was resumed by TLS 1.2 is stored still, and may be used again. */
  bool stored = resumed && tls_context_has_session(e->base.ctx, e->base.host, e->base.port);
  if (stored && SSL_version(e->ssl) == TLS1_2_VERSION) e->base.given = true;
  good = good && e->problems == 0 && !e->base.wrong_pin;
  return verified && good ? 0 : reject_certificate(e);
}

/* For tls_engine_info: without memory for the certificate a verified session would seem not to be.
   A session that is resumed shows none, as with mbedTLS. */
static int keep_cert(ossl_engine *e) {
  tls_engine *base = &e->base;
  X509 *cert = SSL_get0_peer_certificate(e->ssl);
  unsigned char *der = NULL;
  if (cert == NULL || base->cert != NULL || SSL_session_reused(e->ssl) == 1) return 0;
  int len = i2d_X509(cert, &der);
  if (len > 0) tls_engine_keep_cert(base, der, (size_t) len);
  OPENSSL_free(der);
  ERR_clear_error();
  return base->cert != NULL ? 0 : tls_engine_end(base, WS_ENOMEM);
}

static int ossl_engine_handshake(tls_engine *base) {
  ossl_engine *e = ossl_of(base);
  OSSL_HANDSHAKE_STATE before = SSL_get_state(e->ssl);
  bool costly = is_costly(e);
  base->input_exhausted = false;
  ERR_clear_error();
  int r = SSL_do_handshake(e->ssl);
  int error = SSL_get_error(e->ssl, r);
  if (r != 1 && error != SSL_ERROR_WANT_READ) return ossl_engine_fail(e);
  ERR_clear_error();
  /* TLS 1.2 resumes without any public key. */
  bool cheap = SSL_session_reused(e->ssl) == 1 && SSL_version(e->ssl) == TLS1_2_VERSION;
  bool worked = costly && !cheap && SSL_get_state(e->ssl) != before;
  if (worked) return TLS_ENGINE_WORKED;
  if (r != 1) return WS_EAGAIN;
  int status = accept_peer(e);
  return status == 0 ? keep_cert(e) : status;
}

/* Data */

/* OpenSSL reads on if an alert cannot be sent that is not fatal, so this is looked at here. What
   was read before is given first. */
static bool has_failed(const ossl_engine *e) {
  return e->io_error < 0 || e->base.flood.kind != TLS_FLOOD_NONE;
}

static size_t ossl_engine_read(tls_engine *base, uint8_t *buf, size_t len) {
  ossl_engine *e = ossl_of(base);
  size_t got = 0;
  if (has_failed(e)) {
    (void) ossl_engine_fail(e); /* read_error has the code */
    return 0;
  }
  base->input_exhausted = false;
  ERR_clear_error();
  e->reading = true;
  int r = SSL_read_ex(e->ssl, buf, len, &got);
  e->reading = false;
  if (r == 1) return got;
  switch (has_failed(e) ? SSL_ERROR_SSL : SSL_get_error(e->ssl, r)) {
  case SSL_ERROR_WANT_READ: ERR_clear_error(); break;
  case SSL_ERROR_ZERO_RETURN:
    ERR_clear_error();
    base->read_error = WS_EOF;
    tls_engine_drop_input(base);
    break;
  default: {
    bool truncated = base->network_ended && base->input_exhausted && !has_failed(e);
    if (truncated) {
      ERR_clear_error();
      base->read_error = WSUV_ETLSTRUNCATED;
    } else {
      (void) ossl_engine_fail(e); /* read_error has the code */
    }
  }
  }
  return 0;
}

/* The BIO takes all, so a record is never written in part. While a message of TLS 1.3 has come in
   part, a ticket in several records for example, OpenSSL writes nothing. */
static int ossl_engine_write(tls_engine *base, const ws_view *record) {
  ossl_engine *e = ossl_of(base);
  size_t written = 0;
  base->input_exhausted = false;
  ERR_clear_error();
  if (SSL_write_ex(e->ssl, record->base, record->len, &written) == 1) {
    assert(written == record->len);
    return 0;
  }
  if (SSL_get_error(e->ssl, 0) != SSL_ERROR_WANT_READ) return ossl_engine_fail(e);
  ERR_clear_error();
  return WS_EAGAIN;
}

static int ossl_engine_close(tls_engine *base) {
  ossl_engine *e = ossl_of(base);
  ERR_clear_error();
  int r = SSL_shutdown(e->ssl);
  unsigned long error = ossl_error_take();
  if (r >= 0) return 0; /* 0: the peer's close_notify has not come */
  return e->io_error < 0 ? e->io_error : ossl_error_status(error);
}

static bool ossl_engine_buffers(const tls_engine *base) {
  return SSL_has_pending(ossl_of_const(base)->ssl) == 1;
}

/* Facts */

static tls_given given(const ossl_engine *e) {
  const tls_engine *base = &e->base;
  if (!base->done || base->given) return base->given ? TLS_GIVEN_SESSION : TLS_GIVEN_NOTHING;
  bool later = tls_engine_resumes(base) && SSL_version(e->ssl) == TLS1_3_VERSION;
  return later ? TLS_GIVEN_LATER : TLS_GIVEN_NOTHING;
}

/* The protocol is one of the configuration's, which ends with a NUL. */
static const char *alpn_of(const ossl_engine *e) {
  const tls_context *c = e->base.ctx;
  const char *const *list = c->config.alpn != NULL ? c->config.alpn : tls_default_alpn;
  const unsigned char *chosen;
  unsigned len;
  SSL_get0_alpn_selected(e->ssl, &chosen, &len);
  for (size_t i = 0; len > 0 && list[i] != NULL; i++) {
    if (strlen(list[i]) == len && memcmp(list[i], chosen, len) == 0) return list[i];
  }
  return NULL;
}

static void ossl_engine_info(const tls_engine *base, tls_info *tls) {
  const ossl_engine *e = ossl_of_const(base);
  tls->verify_flags = tls_problems_public(e->problems);
  tls->given = given(e);
  if (!base->done) return;
  tls->version = SSL_get_version(e->ssl);
  tls->ciphersuite = ossl_suites_name(&base->ctx->config, SSL_get_current_cipher(e->ssl));
  tls->group = SSL_group_to_name(e->ssl, (int) SSL_get_negotiated_group(e->ssl));
  tls->alpn = alpn_of(e);
  tls->resumed = SSL_session_reused(e->ssl) == 1;
}

static bool has_1_3(void) {
  return true;
}

/* OpenSSL has all of them. */
static int check_options(const wsuv_tls_config_t *config, ws_why *why) {
  (void) config;
  (void) why;
  return 0;
}

const tls_library tls_library_openssl = {
    .id = WSUV_TLS_LIBRARY_OPENSSL,
    .has_1_3 = has_1_3,
    .check_suites = ossl_suites_check,
    .check_options = check_options,
    .hash = ossl_hash,
    .context_size = sizeof(ossl_context),
    .context_load = ossl_context_load,
    .context_unload = ossl_context_unload,
    .session_drop = ossl_session_drop,
    .engine_size = sizeof(ossl_engine),
    .engine_set_up = ossl_engine_set_up,
    .engine_free = ossl_engine_free,
    .engine_handshake = ossl_engine_handshake,
    .step_cost = 1,
    .engine_read = ossl_engine_read,
    .engine_write = ossl_engine_write,
    .engine_save = ossl_engine_save,
    .engine_close = ossl_engine_close,
    .engine_buffers = ossl_engine_buffers,
    .engine_info = ossl_engine_info,
};

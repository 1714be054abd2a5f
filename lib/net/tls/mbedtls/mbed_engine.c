#include "net/tls/tls_engine.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/mbedtls/mbed_internal.h"
#include "net/tls/mbedtls/tls_error.h"
#include "net/tls/mbedtls/tls_resume.h"
#include "net/tls/mbedtls/tls_suites.h"
#include "net/tls/tls_alert.h"
#include "net/tls/tls_parts.h"

/* mbedTLS over byte queues. One function reads what was fed, another writes into the queue; neither
   blocks. */

typedef struct mbed_engine {
  tls_engine base;         /* This must be the first field, because mbed_of converts its address. */
  mbedtls_ssl_context ssl; /* This is mbedTLS's state of the session. */
  uint32_t flags; /* These flags of mbedTLS are the errors of all certificates in the chain. */
  bool ticket;    /* A ticket has come that was not saved yet. */
  bool reading;   /* mbedTLS is reading data, so what it sends answers the peer. */
  bool full;      /* The server shows its certificate, so the session is not a resumed one. */
  /* mbedTLS has checked a certificate chain, so the session is not a resumed one. */
  bool saw_chain;
  bool in_chain;               /* mbedTLS is checking a chain, and has begun with the anchor. */
  mbedtls_x509_time not_after; /* The peer's certificate expires at this time. */
} mbed_engine;

static mbed_engine *mbed_of(tls_engine *e) {
  return (mbed_engine *) (void *) e;
}

static mbed_context *context_of(const mbed_engine *e) {
  return mbed_context_of(e->base.ctx);
}

/* Callbacks of mbedTLS */

/* In the handshake, a message of it is as good as data: mbedTLS bounds their number and size. */
static bool begin_record(mbed_engine *e) {
  bool progress = !e->base.done && tls_mbed_record_type(&e->ssl) == MBEDTLS_SSL_MSG_HANDSHAKE;
  if (progress) tls_flood_reset(&e->base.flood);
  return tls_flood_add_record(&e->base.flood);
}

static int on_recv(void *arg, unsigned char *buf, size_t len) {
  mbed_engine *e = arg;
  bool refused = e->base.in_len > 0 && tls_mbed_begins_record(&e->ssl) && !begin_record(e);
  if (refused) return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
  size_t n = tls_engine_take_input(&e->base, buf, len);
  return n > 0 || e->base.network_ended ? (int) n : MBEDTLS_ERR_SSL_WANT_READ;
}

static int on_send(void *arg, const unsigned char *buf, size_t len) {
  mbed_engine *e = arg;
  bool refused = e->reading && !tls_flood_add_message(&e->base.flood);
  if (refused) return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
  int err = tls_engine_put_output(&e->base, buf, len);
  if (err == 0) return (int) len;
  return err == WS_ENOMEM ? MBEDTLS_ERR_SSL_ALLOC_FAILED : MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
}

static void check_leaf(mbed_engine *e, const mbedtls_x509_crt *cert, uint32_t *flags) {
  const tls_context *c = e->base.ctx;
  e->not_after = cert->valid_to;
  if (!tls_peer_matches(&e->base.peer, cert)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (c->pins != NULL && !tls_verify_pins(cert, c->pins, c->config.pin_count)) {
    e->base.wrong_pin = true;
    if (!c->config.verification_disabled) *flags |= MBEDTLS_X509_BADCERT_OTHER;
  }
}

/* Called for each certificate of the chain; the peer's own comes last, with depth 0. */
static int on_cert(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags) {
  mbed_engine *e = arg;
  bool client = e->base.ctx->role == WS_CLIENT, first = !e->in_chain;
  e->saw_chain = true;
  e->in_chain = depth > 0;
  if (depth == 0 && client && e->base.offered) tls_mbed_drop_ticket(&e->ssl);
  if (depth == 0) tls_engine_keep_cert(&e->base, cert->raw.p, cert->raw.len);
  if (depth == 0 && client) check_leaf(e, cert, flags);
  tls_crl_judge(&context_of(e)->crl, cert, depth, first, flags);
  if (!tls_constraints_check(&context_of(e)->constraints, cert, depth)) {
    *flags |= TLS_BADCERT_NAME_CONSTRAINTS;
  }
  e->flags |= *flags;
  if (client && e->base.ctx->config.verification_disabled) *flags = 0;
  return 0;
}

/* Failing */

static void describe(mbed_engine *e, int r) {
  tls_failure_set(&e->base.failure, r, NULL);
  if (r == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    const char *name = tls_alert_name(tls_mbed_last_alert(&e->ssl));
    (void) snprintf(e->base.failure.text, sizeof e->base.failure.text, "alert of the peer: %s",
                    name);
  } else if (tls_mbed_is_alpn(&e->ssl, r)) {
    (void) snprintf(e->base.failure.text, sizeof e->base.failure.text,
                    "the client offers none of our protocols (ALPN)");
  }
}

/* The engine has failed, and the error is described. If no alert can be made, the peer sees only
   that the connection ends. */
static void send_alert(mbed_engine *e, unsigned char description) {
  int r = mbedtls_ssl_send_alert_message(&e->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, description);
  if (r != 0) tls_engine_note_no_alert(&e->base);
}

static int reject_certificate(mbed_engine *e) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&e->ssl);
  if (flags != UINT32_MAX) e->flags |= flags & ~(uint32_t) MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  if (e->base.wrong_pin && (e->flags & ~(uint32_t) MBEDTLS_X509_BADCERT_OTHER) == 0) {
    return tls_engine_reject_pin(&e->base);
  }
  tls_verify_describe(e->base.failure.text, sizeof e->base.failure.text, e->flags);
  return tls_engine_end(&e->base, WSUV_ETLSVERIFY);
}

/* mbedTLS checks the key usage after everything else, and reports it with an error of its own. */
static bool is_wrong_use(const mbed_engine *e) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&e->ssl);
  return flags != UINT32_MAX &&
         (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE)) != 0;
}

static const char *name_of_last(const mbedtls_ssl_context *ssl) {
  switch (tls_mbed_record_type(ssl)) {
  case MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC: return "change_cipher_spec";
  case MBEDTLS_SSL_MSG_ALERT: return "an alert";
  case MBEDTLS_SSL_MSG_HANDSHAKE:
    return tls_mbed_is_1_3(ssl) ? "a session ticket" : "a request to renegotiate";
  default: return "an empty record";
  }
}

/* An alert that mbedTLS has to send already goes out in place of this one. */
static int reject_flood(mbed_engine *e) {
  tls_flood_describe(&e->base.flood, name_of_last(&e->ssl), e->base.failure.text,
                     sizeof e->base.failure.text);
  send_alert(e, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
  return tls_engine_end(&e->base, WSUV_ETLSRECORD);
}

/* The client has no certificate. With TLS 1.2 mbedTLS sends no alert (RFC 5246 7.4.6). */
static int reject_missing(mbed_engine *e, int r) {
  e->base.failure.library_error = r;
  e->flags |= MBEDTLS_X509_BADCERT_MISSING;
  int err = reject_certificate(e);
  if (!tls_mbed_is_1_3(&e->ssl)) send_alert(e, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
  return err;
}

/* The step of the handshake that reads the peer's certificate has failed before on_cert: mbedTLS
   cannot parse the certificate, or another one of the chain. */
static void keep_unparsed_cert(mbed_engine *e) {
  int step = e->base.ctx->role == WS_CLIENT ? MBEDTLS_SSL_SERVER_CERTIFICATE
                                            : MBEDTLS_SSL_CLIENT_CERTIFICATE;
  if (e->base.done || e->base.cert != NULL || tls_mbed_state(&e->ssl) != step) return;
  const ws_view sent = tls_mbed_sent_certificate(&e->ssl);
  if (sent.len > 0) tls_engine_keep_cert(&e->base, sent.base, sent.len);
}

static int mbed_engine_fail(mbed_engine *e, int r) {
  int status = tls_failure_status(r);
  keep_unparsed_cert(e);
  if (e->base.flood.kind != TLS_FLOOD_NONE) return reject_flood(e);
  if (tls_mbed_is_fourth_empty(&e->ssl, r)) {
    return tls_engine_end_with(&e->base, r, WSUV_ETLSRECORD, "four empty TLS records in a row");
  }
  if (e->base.done && tls_mbed_is_key_update(&e->ssl, r)) {
    return tls_engine_end_with(&e->base, r, WSUV_ETLSKEYUPDATE, "the peer has sent a KeyUpdate");
  }
  if (!e->base.done && tls_engine_is_http(&e->base, tls_mbed_record_header(&e->ssl))) {
    return tls_engine_reject_http(&e->base, r);
  }
  if (r == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) return reject_missing(e, r);
  describe(e, r);
  bool truncated = r == MBEDTLS_ERR_SSL_CONN_EOF || (r == 0 && e->base.network_ended);
  if (truncated) return tls_engine_end(&e->base, WSUV_ETLSTRUNCATED);
  e->flags |= tls_verify_parse_flag(r);
  bool refused = status == WSUV_ETLSVERIFY || tls_verify_parse_flag(r) != 0 ||
                 (status == WSUV_ETLS && !e->base.done && is_wrong_use(e));
  return refused ? reject_certificate(e) : tls_engine_end(&e->base, status);
}

/* Lifetime */

/* An address is not sent as SNI (RFC 6066 3); tls_verify looks for it in the certificate. */
static int set_name(mbed_engine *e) {
  const char *own = e->base.ctx->config.server_name;
  const char *name = own != NULL ? own : e->base.host;
  char *copy = ws_strndup(e->base.ctx->alloc, name, tls_peer_name_len(name));
  if (copy == NULL) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  tls_peer_init(&e->base.peer, copy);
  int r = mbedtls_ssl_set_hostname(&e->ssl, e->base.peer.address_len > 0 ? NULL : copy);
  ws_free(e->base.ctx->alloc, copy);
  return r;
}

static int set_up_ssl(mbed_engine *e) {
  tls_context *c = e->base.ctx;
  mbed_context *m = context_of(e);
  mbedtls_ssl_init(&e->ssl);
  int r = mbedtls_ssl_setup(&e->ssl, &m->conf);
  if (r != 0) return r;
  e->base.set_up = true;
  mbedtls_ssl_set_bio(&e->ssl, e, on_send, on_recv, NULL);
  if (c->keylog.fd >= 0) tls_mbed_set_secrets(&e->ssl, &m->secrets);
  mbedtls_ssl_set_verify(&e->ssl, on_cert, e);
  if (c->role == WS_SERVER) return 0;
  r = set_name(e);
  if (r != 0 || !tls_engine_resumes(&e->base)) return r;
  e->base.offered =
      tls_resume_offer(&c->sessions, &e->ssl, e->base.host, e->base.port, &e->not_after);
  return 0;
}

static int mbed_engine_set_up(tls_engine *base) {
  return tls_failure_status(set_up_ssl(mbed_of(base)));
}

/* Without mbedtls_ssl_init the structure is zeroed, which may be freed, too. */
static void mbed_engine_free(tls_engine *base) {
  mbedtls_ssl_free(&mbed_of(base)->ssl);
}

/* The handshake */

/* TLS 1.2: when the handshake is done. TLS 1.3: when a ticket has come. */
static void save_session(mbed_engine *e) {
  if (!tls_engine_resumes(&e->base) || !e->base.done) return;
  bool saved =
      tls_resume_save(&e->base.ctx->sessions, &e->ssl, e->base.host, e->base.port, &e->not_after);
  e->base.given = e->base.given || saved;
}

/* Tickets that come together are saved once: saving costs more than the peer's sending. */
static void mbed_engine_save(tls_engine *base) {
  mbed_engine *e = mbed_of(base);
  if (!e->ticket) return;
  e->ticket = false;
  save_session(e);
}

/* A server's part: what mbedTLS says of the client's certificate, when it was read. */
static uint32_t client_flags(const mbed_engine *e) {
  uint32_t none = MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  return e->flags | (mbedtls_ssl_get_verify_result(&e->ssl) & ~none);
}

/* A certificate that was only requested must be valid all the same. */
static int check_client(mbed_engine *e) {
  uint32_t flags = client_flags(e);
  if (e->base.ctx->config.client_auth != WSUV_TLS_CLIENT_AUTH_REQUEST || flags == 0) return 0;
  int err = reject_certificate(e);
  send_alert(e, tls_verify_alert_for(flags));
  return err;
}

static int accept_client(mbed_engine *e) {
  bool cert = mbedtls_ssl_get_peer_cert(&e->ssl) != NULL;
  switch (e->base.ctx->config.client_auth) {
  case WSUV_TLS_CLIENT_AUTH_NONE: return 0;
  case WSUV_TLS_CLIENT_AUTH_REQUEST:
    if (!cert) return 0;
    break;
  case WSUV_TLS_CLIENT_AUTH_REQUIRE: break;
  }
  return cert && e->saw_chain && client_flags(e) == 0 ? 0 : reject_certificate(e);
}

/* Checks again what mbedTLS has verified. Without a chain and without resumption nothing was
   verified. A resumed session was verified, pins included, with this context. */
static int accept_peer(mbed_engine *e) {
  const tls_context *c = e->base.ctx;
  const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&e->ssl);
  if (c->role == WS_SERVER) return accept_client(e);
  bool resumed = e->base.offered && !e->saw_chain;
  if (!resumed && cert == NULL) return reject_certificate(e);
  if (c->config.verification_disabled)
    return e->base.wrong_pin ? tls_engine_reject_pin(&e->base) : 0;
  bool good = resumed || (e->saw_chain && mbedtls_ssl_get_verify_result(&e->ssl) == 0);
  if (!good || e->flags != 0) return reject_certificate(e);
  bool pinned =
      c->pins == NULL || cert == NULL || tls_verify_pins(cert, c->pins, c->config.pin_count);
  return pinned ? 0 : tls_engine_reject_pin(&e->base);
}

/* mbedTLS also reports WANT_READ after it has read a message without application data. */
static bool goes_on(mbed_engine *e, int r) {
  if (!tls_mbed_is_ticket(r)) return r == MBEDTLS_ERR_SSL_WANT_READ && !e->base.input_exhausted;
  e->ticket = true;
  return tls_flood_add_message(&e->base.flood);
}

static int finish_handshake(mbed_engine *e) {
  int err = accept_peer(e);
  if (err < 0) {
    send_alert(e, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    return err;
  }
  tls_engine_drop_cert(&e->base);
  if (!tls_mbed_is_1_3(&e->ssl)) e->ticket = true;
  return 0;
}

/* One step. Returns 0, TLS_ENGINE_WORKED, a code of ours in *status, or an error of mbedTLS's. */
static int shake(mbed_engine *e, int *status) {
  int state = tls_mbed_state(&e->ssl);
  bool costly = tls_mbed_is_costly(&e->ssl);
  bool clients = state == MBEDTLS_SSL_CLIENT_CERTIFICATE || state == MBEDTLS_SSL_CLIENT_FINISHED;
  if (clients && e->base.ctx->role == WS_SERVER) tls_mbed_use_application_keys(&e->ssl);
  e->base.input_exhausted = false;
  int r = mbedtls_ssl_handshake_step(&e->ssl);
  if (r != 0) return r;
  if (state == MBEDTLS_SSL_SERVER_CERTIFICATE) e->full = true;
  if (state == MBEDTLS_SSL_CLIENT_CERTIFICATE && e->base.ctx->role == WS_SERVER) {
    *status = check_client(e);
  }
  return costly ? TLS_ENGINE_WORKED : 0;
}

static int mbed_engine_handshake(tls_engine *base) {
  mbed_engine *e = mbed_of(base);
  int r, status = 0;
  do {
    r = shake(e, &status);
    if (status < 0 || r == TLS_ENGINE_WORKED) return status < 0 ? status : r;
  } while (r == 0 ? tls_mbed_state(&e->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER : goes_on(e, r));
  if (r == MBEDTLS_ERR_SSL_WANT_READ) return WS_EAGAIN;
  return r == 0 ? finish_handshake(e) : mbed_engine_fail(e, r);
}

/* Reading */

/* mbedTLS reads an empty record as 0 bytes (RFC 8446 5.4, RFC 5246 6.2.1), and returns 0 at the end
   of the network, too. */
static bool reads_on(mbed_engine *e, int r) {
  return r == 0 ? !e->base.input_exhausted : goes_on(e, r);
}

/* One step. Returns the number of bytes; 0: there is nothing more, or an error. */
static size_t mbed_engine_read(tls_engine *base, uint8_t *buf, size_t len) {
  mbed_engine *e = mbed_of(base);
  int r;
  do {
    e->base.input_exhausted = false;
    e->reading = true;
    r = mbedtls_ssl_read(&e->ssl, buf, len);
    e->reading = false;
  } while (reads_on(e, r));
  if (r > 0) return (size_t) r;
  if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    e->base.read_error = WS_EOF;
    tls_engine_drop_input(&e->base);
  } else if (r == 0 || r == MBEDTLS_ERR_SSL_CONN_EOF) {
    e->base.read_error = WSUV_ETLSTRUNCATED;
  } else if (r != MBEDTLS_ERR_SSL_WANT_READ) {
    (void) mbed_engine_fail(e, r); /* read_error has the code */
  }
  return 0;
}

/* Writing */

/* If the peer has asked for smaller records, mbedTLS takes less. */
static int mbed_engine_write(tls_engine *base, const ws_view *record) {
  mbed_engine *e = mbed_of(base);
  for (size_t done = 0; done < record->len;) {
    int r;
    do {
      e->base.input_exhausted = false;
      r = mbedtls_ssl_write(&e->ssl, record->base + done, record->len - done);
    } while (goes_on(e, r));
    if (r <= 0) return mbed_engine_fail(e, r);
    done += (size_t) r;
  }
  return 0;
}

static int mbed_engine_close(tls_engine *base) {
  return tls_failure_status(mbedtls_ssl_close_notify(&mbed_of(base)->ssl));
}

static bool mbed_engine_buffers(const tls_engine *base) {
  const mbed_engine *e = (const mbed_engine *) (const void *) base;
  return mbedtls_ssl_check_pending(&e->ssl) != 0;
}

/* Facts */

static tls_given given(const mbed_engine *e) {
  if (!e->base.done || e->base.given) return e->base.given ? TLS_GIVEN_SESSION : TLS_GIVEN_NOTHING;
  return tls_engine_resumes(&e->base) && tls_mbed_is_1_3(&e->ssl) ? TLS_GIVEN_LATER
                                                                  : TLS_GIVEN_NOTHING;
}

static void mbed_engine_info(const tls_engine *base, tls_info *tls) {
  const mbed_engine *e = (const mbed_engine *) (const void *) base;
  tls->verify_flags = tls_verify_flags(e->flags);
  tls->given = given(e);
  if (!base->done) return;
  const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&e->ssl);
  bool client = base->ctx->role == WS_CLIENT;
  tls->version = mbedtls_ssl_get_version(&e->ssl);
  tls->ciphersuite = tls_suite_name(mbedtls_ssl_get_ciphersuite(&e->ssl));
  tls->alpn = mbedtls_ssl_get_alpn_protocol(&e->ssl);
  tls->resumed = client ? base->offered && !e->saw_chain : !e->full;
  if (cert == NULL || tls->resumed) return; /* TLS 1.2 keeps that of the first session */
  tls->peer_cert = cert->raw.p;
  tls->peer_cert_len = cert->raw.len;
}

const tls_library tls_library_mbedtls = {
    .id = WSUV_TLS_LIBRARY_MBEDTLS,
    .has_1_3 = tls_mbed_has_1_3,
    .check_suites = tls_suites_check,
    .check_options = mbed_options_check,
    .hash = tls_mbed_hash,
    .context_size = sizeof(mbed_context),
    .context_load = mbed_context_load,
    .context_unload = mbed_context_unload,
    .engine_size = sizeof(mbed_engine),
    .engine_set_up = mbed_engine_set_up,
    .engine_free = mbed_engine_free,
    .engine_handshake = mbed_engine_handshake,
    .step_cost = 6,
    .engine_read = mbed_engine_read,
    .engine_write = mbed_engine_write,
    .engine_save = mbed_engine_save,
    .engine_close = mbed_engine_close,
    .engine_buffers = mbed_engine_buffers,
    .engine_info = mbed_engine_info,
};

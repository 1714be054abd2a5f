#include "net/tls/tls_engine.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/mbedtls/tls_flood.h"
#include "net/tls/mbedtls/tls_internal.h"
#include "net/tls/mbedtls/tls_resume.h"
#include "net/tls/mbedtls/tls_suites.h"
#include "net/tls/tls_config.h"

/* mbedTLS over byte queues. One function reads what was fed, another writes into the queue; neither
   blocks. */

enum {
  OUTPUT_MAX = 256 * 1024, /* limit of the output; beyond it the connection fails */
  DIRECT_MIN = 8 * 1024,   /* a piece of this size or more makes a record of its own */
  RECORD_HEADER_LEN = 5    /* bytes (RFC 8446 5.1) */
};

struct tls_engine {
  tls_context *ctx;        /* The engine has a reference to the context. */
  mbedtls_ssl_context ssl; /* This is mbedTLS's state of the session. */
  bufq out;                /* This is the ciphertext that is to be sent. */
  /* These bytes were fed and are not used yet; they are the caller's, or in `kept`. */
  const uint8_t *in;
  size_t in_len;      /* `in` has this many bytes. */
  uint8_t *kept;      /* The engine owns this copy of what was fed, or it is NULL. */
  int read_error;     /* Nothing more can be read because of this error, or it is 0. */
  int write_error;    /* Nothing more can be written because of this error, or it is 0. */
  uint32_t flags;     /* These flags of mbedTLS are the errors of all certificates in the chain. */
  bool set_up;        /* `ssl` has its memory. */
  bool network_ended; /* The network has ended after what was fed. */
  bool input_exhausted;    /* mbedTLS has asked for more than was fed, and got nothing. */
  bool may_have_plaintext; /* mbedTLS may hold plaintext or records. */
  bool ticket;             /* A ticket has come that was not saved yet. */
  bool done;               /* The handshake is done. */
  bool given;              /* A session that can be resumed is stored. */
  bool reading;            /* mbedTLS is reading data, so what it sends answers the peer. */
  bool offered;            /* A client has offered a session to resume. */
  bool full; /* The server shows its certificate, so the session is not a resumed one. */
  /* mbedTLS has checked a certificate chain, so the session is not a resumed one. */
  bool saw_chain;
  bool wrong_pin;  /* The public key of the peer is not among the pinned ones. */
  bool close_said; /* tls_engine_close has tried to send close_notify. */
  /* The engine owns this copy of the peer's certificate in DER, because mbedTLS frees one that is
     refused, and one that it cannot parse. It is NULL if none has come, if there was no memory for
     it, or if `done` is set. */
  uint8_t *cert;
  size_t cert_len;             /* `cert` has this many bytes. */
  tls_peer peer;               /* The peer's certificate must be for this identity. */
  mbedtls_x509_time not_after; /* The peer's certificate expires at this time. */
  tls_failure failure;         /* This is the error, for tls_engine_info. */
  tls_flood flood;             /* This counts what the peer sends without data. */
  uint16_t port;               /* The peer was reached on this port; 0 for a server. */
  char host[]; /* The peer was reached by this host name, terminated; it is "" for a server. */
};

/* Callbacks of mbedTLS */

static void drop_input(tls_engine *e) {
  ws_free(e->ctx->alloc, e->kept);
  e->kept = NULL;
  e->in = NULL;
  e->in_len = 0;
}

/* In the handshake, a message of it is as good as data: mbedTLS bounds their number and size. */
static bool begin_record(tls_engine *e) {
  bool progress = !e->done && tls_mbed_record_type(&e->ssl) == MBEDTLS_SSL_MSG_HANDSHAKE;
  if (progress) tls_flood_reset(&e->flood);
  return tls_flood_add_record(&e->flood);
}

static int on_recv(void *arg, unsigned char *buf, size_t len) {
  tls_engine *e = arg;
  if (e->in_len == 0) {
    e->input_exhausted = true;
    return e->network_ended ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
  }
  bool refused = tls_mbed_begins_record(&e->ssl) && !begin_record(e);
  if (refused) return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
  if (len > e->in_len) len = e->in_len;
  memcpy(buf, e->in, len);
  e->in += len;
  e->in_len -= len;
  if (e->in_len == 0) drop_input(e);
  return (int) len;
}

static int on_send(void *arg, const unsigned char *buf, size_t len) {
  tls_engine *e = arg;
  bool refused = e->reading && !tls_flood_add_message(&e->flood);
  if (refused) return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
  if (len > OUTPUT_MAX - bufq_len(&e->out)) {
    e->flood.kind = TLS_FLOOD_UNREAD;
    return MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE;
  }
  if (bufq_append(&e->out, &e->ctx->pool, buf, len) < 0) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  return (int) len;
}

static void check_leaf(tls_engine *e, const mbedtls_x509_crt *cert, uint32_t *flags) {
  const tls_context *c = e->ctx;
  e->not_after = cert->valid_to;
  if (!tls_peer_matches(&e->peer, cert)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  if (c->pins != NULL && !tls_verify_pins(cert, c->pins, c->config.pin_count)) {
    e->wrong_pin = true;
    if (!c->config.verification_disabled) *flags |= MBEDTLS_X509_BADCERT_OTHER;
  }
}

static void drop_cert(tls_engine *e) {
  ws_free(e->ctx->alloc, e->cert);
  e->cert = NULL;
  e->cert_len = 0;
}

/* It is only for tls_engine_info, so the handshake goes on without memory for it. */
static void keep_cert(tls_engine *e, const uint8_t *der, size_t len) {
  drop_cert(e);
  e->cert = ws_malloc(e->ctx->alloc, len);
  if (e->cert == NULL) return;
  memcpy(e->cert, der, len);
  e->cert_len = len;
}

/* Called for each certificate of the chain; the peer's own comes last, with depth 0. */
static int on_cert(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags) {
  tls_engine *e = arg;
  bool client = e->ctx->role == WS_CLIENT;
  e->saw_chain = true;
  if (depth == 0) keep_cert(e, cert->raw.p, cert->raw.len);
  if (depth == 0 && client) check_leaf(e, cert, flags);
  if (!tls_constraints_check(&e->ctx->constraints, cert, depth)) {
    *flags |= TLS_BADCERT_NAME_CONSTRAINTS;
  }
  e->flags |= *flags;
  if (client && e->ctx->config.verification_disabled) *flags = 0;
  return 0;
}

/* Failing */

/* Whether the beginning of a record is that of an HTTP message: of a response for a client, of a
   request, also of HTTP/2, for a server. A record of TLS begins with a byte from 20 to 24. */
static bool is_http(const tls_engine *e) {
  static const char *const requests[] = {"GET ",    "HEAD ",   "POST ", "PUT ",  "DELETE",
                                         "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI "};
  const unsigned char *header = tls_mbed_record_header(&e->ssl);
  if (e->ctx->role == WS_CLIENT) return memcmp(header, "HTTP/", RECORD_HEADER_LEN) == 0;
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    size_t len = strlen(requests[i]);
    if (len > RECORD_HEADER_LEN) len = RECORD_HEADER_LEN;
    if (memcmp(header, requests[i], len) == 0) return true;
  }
  return false;
}

static void describe(tls_engine *e, int r) {
  tls_failure_set(&e->failure, r, NULL);
  if (r == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
    const char *name = tls_verify_alert(tls_mbed_last_alert(&e->ssl));
    (void) snprintf(e->failure.text, sizeof e->failure.text, "alert of the peer: %s", name);
  } else if (tls_mbed_is_alpn(&e->ssl, r)) {
    (void) snprintf(e->failure.text, sizeof e->failure.text,
                    "the client offers none of our protocols (ALPN)");
  }
}

/* The session that was offered may be why the peer failed the handshake, so it is not offered
   again. */
static int tls_engine_end(tls_engine *e, int status) {
  e->read_error = e->write_error = status;
  drop_input(e);
  if (e->offered && !e->done) tls_sessions_forget(&e->ctx->sessions, e->host, e->port);
  return status;
}

static int reject_pin(tls_engine *e) {
  static const char text[] = "public key of the server is not among the pinned ones";
  memcpy(e->failure.text, text, sizeof text);
  return tls_engine_end(e, WSUV_ETLSPIN);
}

/* The engine fails with an error that is known already. If no alert can be made, the peer sees only
   that the connection ends. */
static void send_alert(tls_engine *e, unsigned char description) {
  (void) mbedtls_ssl_send_alert_message(&e->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, description);
}

static int reject_certificate(tls_engine *e) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&e->ssl);
  if (flags != UINT32_MAX) e->flags |= flags & ~(uint32_t) MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  if (e->wrong_pin && (e->flags & ~(uint32_t) MBEDTLS_X509_BADCERT_OTHER) == 0) {
    return reject_pin(e);
  }
  tls_verify_describe(e->failure.text, sizeof e->failure.text, e->flags);
  return tls_engine_end(e, WSUV_ETLSVERIFY);
}

/* mbedTLS checks the key usage after everything else, and reports it with an error of its own. */
static bool is_wrong_use(const tls_engine *e) {
  uint32_t flags = mbedtls_ssl_get_verify_result(&e->ssl);
  return flags != UINT32_MAX &&
         (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE)) != 0;
}

/* The connection fails whether or not the alert can be sent, so the result is ignored. An alert
   that mbedTLS has to send already goes out in its place. */
static int reject_flood(tls_engine *e) {
  tls_flood_describe(&e->flood, &e->ssl, e->failure.text, sizeof e->failure.text);
  send_alert(e, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
  return tls_engine_end(e, WSUV_ETLSRECORD);
}

static int reject_record(tls_engine *e, int r, int status, const char *text) {
  e->failure.library_error = r;
  (void) snprintf(e->failure.text, sizeof e->failure.text, "%s", text);
  return tls_engine_end(e, status);
}

/* The client has no certificate. With TLS 1.2 mbedTLS sends no alert (RFC 5246 7.4.6). */
static int reject_missing(tls_engine *e, int r) {
  e->failure.library_error = r;
  e->flags |= MBEDTLS_X509_BADCERT_MISSING;
  if (!tls_mbed_is_1_3(&e->ssl)) send_alert(e, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
  return reject_certificate(e);
}

/* The step of the handshake that reads the peer's certificate has failed before on_cert: mbedTLS
   cannot parse the certificate, or another one of the chain. */
static void keep_unparsed_cert(tls_engine *e) {
  int step =
      e->ctx->role == WS_CLIENT ? MBEDTLS_SSL_SERVER_CERTIFICATE : MBEDTLS_SSL_CLIENT_CERTIFICATE;
  if (e->done || e->cert != NULL || tls_mbed_state(&e->ssl) != step) return;
  const ws_view sent = tls_mbed_sent_certificate(&e->ssl);
  if (sent.len > 0) keep_cert(e, sent.base, sent.len);
}

static int tls_engine_fail(tls_engine *e, int r) {
  int status = tls_failure_status(r);
  keep_unparsed_cert(e);
  if (e->flood.kind != TLS_FLOOD_NONE) return reject_flood(e);
  if (tls_mbed_is_fourth_empty(&e->ssl, r)) {
    return reject_record(e, r, WSUV_ETLSRECORD, "four empty TLS records in a row");
  }
  if (e->done && tls_mbed_is_key_update(&e->ssl, r)) {
    return reject_record(e, r, WSUV_ETLSKEYUPDATE, "the peer has sent a KeyUpdate");
  }
  if (!e->done && is_http(e)) {
    return reject_record(e, r, WSUV_ENOTTLS,
                         e->ctx->role == WS_SERVER
                             ? "the client speaks HTTP, not TLS"
                             : "the peer does not speak TLS: it answers in plain HTTP");
  }
  if (r == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) return reject_missing(e, r);
  describe(e, r);
  bool truncated = r == MBEDTLS_ERR_SSL_CONN_EOF || (r == 0 && e->network_ended);
  if (truncated) return tls_engine_end(e, WSUV_ETLSTRUNCATED);
  e->flags |= tls_verify_parse_flag(r);
  bool refused = status == WSUV_ETLSVERIFY || tls_verify_parse_flag(r) != 0 ||
                 (status == WSUV_ETLS && !e->done && is_wrong_use(e));
  return refused ? reject_certificate(e) : tls_engine_end(e, status);
}

/* Lifetime */

/* Neither SNI nor certificates have a final dot (RFC 6066 3). */
static size_t name_len(const char *name) {
  size_t len = strlen(name);
  return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}

/* An address is not sent as SNI (RFC 6066 3); tls_verify looks for it in the certificate. */
static int set_name(tls_engine *e) {
  const char *own = e->ctx->config.server_name;
  const char *name = own != NULL ? own : e->host;
  char *copy = ws_strndup(e->ctx->alloc, name, name_len(name));
  if (copy == NULL) return MBEDTLS_ERR_SSL_ALLOC_FAILED;
  tls_peer_init(&e->peer, copy);
  int r = mbedtls_ssl_set_hostname(&e->ssl, e->peer.address_len > 0 ? NULL : copy);
  ws_free(e->ctx->alloc, copy);
  return r;
}

static bool resumes(const tls_engine *e) {
  return e->ctx->role == WS_CLIENT && tls_config_resumes(&e->ctx->config);
}

static int set_up(tls_engine *e) {
  tls_context *c = e->ctx;
  int r = mbedtls_ssl_setup(&e->ssl, &c->conf);
  if (r != 0) return r;
  e->set_up = true;
  mbedtls_ssl_set_bio(&e->ssl, e, on_send, on_recv, NULL);
  if (c->keylog.fd >= 0) tls_mbed_set_secrets(&e->ssl, &c->keylog.secrets);
  mbedtls_ssl_set_verify(&e->ssl, on_cert, e);
  if (c->role == WS_SERVER) return 0;
  r = set_name(e);
  if (r != 0 || !resumes(e)) return r;
  e->offered = tls_resume_offer(&c->sessions, &e->ssl, e->host, e->port, &e->not_after);
  return 0;
}

int tls_engine_new(tls_engine **out, tls_context *ctx, const char *host, uint16_t port) {
  size_t host_size = host == NULL ? 1 : strlen(host) + 1;
  tls_engine *e = ws_calloc(ctx->alloc, sizeof *e + host_size);
  if (e == NULL) return WS_ENOMEM;
  e->ctx = tls_context_ref(ctx);
  e->port = port;
  if (host != NULL) memcpy(e->host, host, host_size);
  bufq_init(&e->out);
  mbedtls_ssl_init(&e->ssl);
  int r = ctx->role == WS_CLIENT ? set_up(e) : 0;
  if (r != 0) {
    tls_engine_free(e);
    return tls_failure_status(r);
  }
  *out = e;
  return 0;
}

void tls_engine_free(tls_engine *e) {
  if (e == NULL) return;
  tls_context *ctx = e->ctx;
  mbedtls_ssl_free(&e->ssl);
  bufq_clear(&e->out, &ctx->pool);
  drop_input(e);
  drop_cert(e);
  ws_free(ctx->alloc, e);
  tls_context_unref(ctx);
}

/* Input and output */

void tls_engine_feed(tls_engine *e, const uint8_t *data, size_t len) {
  if (e->read_error != 0) return;
  assert(e->in_len == 0);
  e->in = data;
  e->in_len = len;
  e->may_have_plaintext = true;
}

int tls_engine_keep(tls_engine *e) {
  if (e->in_len == 0 || e->kept != NULL) return 0;
  e->kept = ws_malloc(e->ctx->alloc, e->in_len);
  if (e->kept == NULL) return tls_engine_end(e, WS_ENOMEM);
  memcpy(e->kept, e->in, e->in_len);
  e->in = e->kept;
  return 0;
}

bool tls_engine_pending(const tls_engine *e) {
  return e->may_have_plaintext || e->read_error != 0;
}

void tls_engine_eof(tls_engine *e) {
  e->network_ended = true;
  e->may_have_plaintext = true;
}

const bufq *tls_engine_output(const tls_engine *e) {
  return &e->out;
}

void tls_engine_sent(tls_engine *e, size_t n) {
  bufq_consume(&e->out, &e->ctx->pool, n);
}

/* The handshake */

/* TLS 1.2: when the handshake is done. TLS 1.3: when a ticket has come. */
static void save_session(tls_engine *e) {
  if (!resumes(e) || !e->done) return;
  bool saved = tls_resume_save(&e->ctx->sessions, &e->ssl, e->host, e->port, &e->not_after);
  e->given = e->given || saved;
}

/* Tickets that come together are saved once: saving costs more than the peer's sending. */
static void save_ticket(tls_engine *e) {
  if (!e->ticket) return;
  e->ticket = false;
  save_session(e);
}

/* A server's part: what mbedTLS says of the client's certificate, when it was read. */
static uint32_t client_flags(const tls_engine *e) {
  uint32_t none = MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY;
  return e->flags | (mbedtls_ssl_get_verify_result(&e->ssl) & ~none);
}

/* A certificate that was only requested must be valid all the same. */
static int check_client(tls_engine *e) {
  uint32_t flags = client_flags(e);
  if (e->ctx->config.client_auth != WSUV_TLS_CLIENT_AUTH_REQUEST || flags == 0) return 0;
  send_alert(e, tls_verify_alert_for(flags));
  return reject_certificate(e);
}

static int accept_client(tls_engine *e) {
  bool cert = mbedtls_ssl_get_peer_cert(&e->ssl) != NULL;
  switch (e->ctx->config.client_auth) {
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
static int accept_peer(tls_engine *e) {
  const tls_context *c = e->ctx;
  const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&e->ssl);
  if (c->role == WS_SERVER) return accept_client(e);
  bool resumed = e->offered && !e->saw_chain;
  if (!resumed && cert == NULL) return reject_certificate(e);
  if (c->config.verification_disabled) return e->wrong_pin ? reject_pin(e) : 0;
  bool good = resumed || (e->saw_chain && mbedtls_ssl_get_verify_result(&e->ssl) == 0);
  if (!good || e->flags != 0) return reject_certificate(e);
  bool pinned =
      c->pins == NULL || cert == NULL || tls_verify_pins(cert, c->pins, c->config.pin_count);
  return pinned ? 0 : reject_pin(e);
}

/* mbedTLS also reports WANT_READ after it has read a message without application data. */
static bool goes_on(tls_engine *e, int r) {
  if (!tls_mbed_is_ticket(r)) return r == MBEDTLS_ERR_SSL_WANT_READ && !e->input_exhausted;
  e->ticket = true;
  return tls_flood_add_message(&e->flood);
}

static int tls_engine_finish(tls_engine *e) {
  int err = accept_peer(e);
  if (err < 0) {
    send_alert(e, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    return err;
  }
  e->done = true;
  drop_cert(e);
  tls_flood_reset(&e->flood);
  e->may_have_plaintext =
      e->in_len > 0 || e->network_ended || mbedtls_ssl_check_pending(&e->ssl) != 0;
  e->failure = (tls_failure){.library_error = 0};
  if (!tls_mbed_is_1_3(&e->ssl)) save_session(e);
  return 0;
}

/* One step. Returns 0, TLS_ENGINE_WORKED, a code of ours in *status, or an error of mbedTLS's. */
static int shake(tls_engine *e, int *status) {
  int state = tls_mbed_state(&e->ssl);
  bool costly = tls_mbed_is_costly(&e->ssl);
  bool clients = state == MBEDTLS_SSL_CLIENT_CERTIFICATE || state == MBEDTLS_SSL_CLIENT_FINISHED;
  if (clients && e->ctx->role == WS_SERVER) tls_mbed_use_application_keys(&e->ssl);
  e->input_exhausted = false;
  int r = mbedtls_ssl_handshake_step(&e->ssl);
  if (r != 0) return r;
  if (state == MBEDTLS_SSL_SERVER_CERTIFICATE) e->full = true;
  if (state == MBEDTLS_SSL_CLIENT_CERTIFICATE && e->ctx->role == WS_SERVER) {
    *status = check_client(e);
  }
  return costly ? TLS_ENGINE_WORKED : 0;
}

/* A server takes mbedTLS's memory, more than 32 KiB, when the client's first bytes have come, so
   that those who connect and say nothing cost little. */
static int begin_handshake(tls_engine *e) {
  if (e->in_len == 0 && !e->network_ended) return WS_EAGAIN;
  int r = set_up(e);
  return r == 0 ? 0 : tls_engine_end(e, tls_failure_status(r));
}

int tls_engine_handshake(tls_engine *e) {
  int r, status = 0;
  if (e->done) return 0;
  if (e->read_error != 0) return e->read_error;
  if (!e->set_up) {
    int err = begin_handshake(e);
    if (err < 0) return err;
  }
  do {
    r = shake(e, &status);
    if (status < 0 || r == TLS_ENGINE_WORKED) return status < 0 ? status : r;
  } while (r == 0 ? tls_mbed_state(&e->ssl) != MBEDTLS_SSL_HANDSHAKE_OVER : goes_on(e, r));
  if (r == MBEDTLS_ERR_SSL_WANT_READ) {
    e->may_have_plaintext = false;
    return WS_EAGAIN;
  }
  return r == 0 ? tls_engine_finish(e) : tls_engine_fail(e, r);
}

/* Reading */

/* mbedTLS reads an empty record as 0 bytes (RFC 8446 5.4, RFC 5246 6.2.1), and returns 0 at the end
   of the network, too. */
static bool reads_on(tls_engine *e, int r) {
  return r == 0 ? !e->input_exhausted : goes_on(e, r);
}

/* One step. Returns the number of bytes; 0: there is nothing more, or an error. */
static size_t read_some(tls_engine *e, uint8_t *buf, size_t len) {
  int r;
  do {
    e->input_exhausted = false;
    e->reading = true;
    r = mbedtls_ssl_read(&e->ssl, buf, len);
    e->reading = false;
  } while (reads_on(e, r));
  if (r > 0) {
    tls_flood_reset(&e->flood);
    return (size_t) r;
  }
  e->may_have_plaintext = false;
  if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
    e->read_error = WS_EOF;
    drop_input(e);
  } else if (r == 0 || r == MBEDTLS_ERR_SSL_CONN_EOF) {
    e->read_error = WSUV_ETLSTRUNCATED;
  } else if (r != MBEDTLS_ERR_SSL_WANT_READ) {
    (void) tls_engine_fail(e, r);
  }
  return 0;
}

ptrdiff_t tls_engine_read(tls_engine *e, uint8_t *buf, size_t len) {
  size_t got = 0;
  while (got < len && e->read_error == 0) {
    size_t n = read_some(e, buf + got, len - got);
    got += n;
    if (n == 0) break;
  }
  save_ticket(e);
  if (got > 0) return (ptrdiff_t) got;
  return e->read_error != 0 ? e->read_error : WS_EAGAIN;
}

/* Writing */

/* A position in pieces of memory. */
typedef struct cursor {
  const ws_view *bufs; /* This is the piece that is read now. */
  size_t count, off;   /* `count` pieces are left, and `off` bytes of the first one were read. */
} cursor;

static void skip_empty(cursor *c) {
  while (c->count > 0 && c->off == c->bufs->len) {
    c->bufs++;
    c->count--;
    c->off = 0;
  }
}

static void skip_bytes(cursor *c, size_t n) {
  for (skip_empty(c); n > 0; skip_empty(c)) {
    size_t len = c->bufs->len - c->off;
    if (len > n) len = n;
    c->off += len;
    n -= len;
  }
}

static size_t join_views(cursor *c, uint8_t *to) {
  size_t len = 0;
  for (skip_empty(c); c->count > 0 && len < TLS_RECORD_MAX; skip_empty(c)) {
    size_t n = c->bufs->len - c->off;
    if (n > TLS_RECORD_MAX - len) n = TLS_RECORD_MAX - len;
    memcpy(to + len, c->bufs->base + c->off, n);
    c->off += n;
    len += n;
  }
  return len;
}

/* The plaintext of the next record; empty at the end. */
static ws_view next_record(cursor *c, uint8_t *scratch) {
  skip_empty(c);
  if (c->count == 0) return (ws_view){NULL, 0};
  size_t n = c->bufs->len - c->off;
  if (n < DIRECT_MIN && c->count > 1) return (ws_view){scratch, join_views(c, scratch)};
  if (n > TLS_RECORD_MAX) n = TLS_RECORD_MAX;
  c->off += n;
  return (ws_view){c->bufs->base + c->off - n, n};
}

/* If the peer has asked for smaller records, mbedTLS takes less. */
static int write_record(tls_engine *e, const ws_view *record) {
  for (size_t done = 0; done < record->len;) {
    int r;
    do {
      e->input_exhausted = false;
      r = mbedtls_ssl_write(&e->ssl, record->base + done, record->len - done);
    } while (goes_on(e, r));
    if (r <= 0) return tls_engine_fail(e, r);
    done += (size_t) r;
  }
  return 0;
}

int tls_engine_write(tls_engine *e, const ws_view *bufs, size_t count, size_t skip, size_t *taken) {
  cursor c = {bufs, count, 0};
  *taken = 0;
  skip_bytes(&c, skip);
  if (e->write_error != 0) return e->write_error;
  for (int i = 0; i < TLS_BATCH_RECORDS; i++) {
    const ws_view record = next_record(&c, e->ctx->gather);
    if (record.len == 0) break;
    int err = write_record(e, &record);
    if (err < 0) return err;
    *taken += record.len;
  }
  save_ticket(e);
  return 0;
}

void tls_engine_close(tls_engine *e) {
  if (!e->done || e->close_said || e->write_error != 0) return;
  e->close_said = true;
  (void) mbedtls_ssl_close_notify(&e->ssl);
}

/* Facts */

static tls_given given(const tls_engine *e) {
  if (!e->done || e->given) return e->given ? TLS_GIVEN_SESSION : TLS_GIVEN_NOTHING;
  return resumes(e) && tls_mbed_is_1_3(&e->ssl) ? TLS_GIVEN_LATER : TLS_GIVEN_NOTHING;
}

void tls_engine_info(const tls_engine *e, tls_info *tls) {
  const mbedtls_x509_crt *cert = e->done ? mbedtls_ssl_get_peer_cert(&e->ssl) : NULL;
  bool client = e->ctx->role == WS_CLIENT;
  *tls = (tls_info){
      .version = e->done ? mbedtls_ssl_get_version(&e->ssl) : NULL,
      .ciphersuite = e->done ? tls_suite_name(mbedtls_ssl_get_ciphersuite(&e->ssl)) : NULL,
      .alpn = e->done ? mbedtls_ssl_get_alpn_protocol(&e->ssl) : NULL,
      .peer_cert = cert == NULL ? e->cert : cert->raw.p,
      .peer_cert_len = cert == NULL ? e->cert_len : cert->raw.len,
      .resumed = e->done && (client ? e->offered && !e->saw_chain : !e->full),
      .verified = e->done && tls_context_verifies(e->ctx) && (client || cert != NULL),
      .unverified = client && e->ctx->config.verification_disabled,
      .verify_flags = tls_verify_flags(e->flags),
      .library_error = e->failure.library_error,
      .text = e->failure.text,
      .given = given(e),
  };
}

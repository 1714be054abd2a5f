#include "net/tls/tls_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* What the engines of all libraries do alike: input and output, and failing. */

const char *const tls_default_alpn[] = {"http/1.1", NULL};

bool tls_context_pins(const tls_context *ctx, const uint8_t *hash) {
  if (ctx->pins == NULL) return true;
  for (size_t i = 0; i < ctx->config.pin_count; i++) {
    if (memcmp(hash, ctx->pins + i * TLS_PIN_SIZE, TLS_PIN_SIZE) == 0) return true;
  }
  return false;
}

bool tls_context_wants_ocsp(const tls_context *ctx) {
  const wsuv_tls_config_t *config = &ctx->config;
  return ctx->role == WS_CLIENT && !config->verification_disabled &&
         config->ocsp != WSUV_TLS_OCSP_OFF;
}

/* Input and output */

void tls_engine_drop_input(tls_engine *e) {
  ws_free(e->ctx->alloc, e->kept);
  e->kept = NULL;
  e->in = NULL;
  e->in_len = 0;
}

size_t tls_engine_take_input(tls_engine *e, uint8_t *buf, size_t len) {
  if (e->in_len == 0) {
    e->input_exhausted = true;
    return 0;
  }
  if (len > e->in_len) len = e->in_len;
  memcpy(buf, e->in, len);
  e->in += len;
  e->in_len -= len;
  if (e->in_len == 0) tls_engine_drop_input(e);
  return len;
}

int tls_engine_put_output(tls_engine *e, const uint8_t *buf, size_t len) {
  if (len > TLS_OUTPUT_MAX - bufq_len(&e->out)) {
    e->flood.kind = TLS_FLOOD_UNREAD;
    return WSUV_ETLSRECORD;
  }
  return bufq_append(&e->out, &e->ctx->pool, buf, len);
}

/* The peer's certificate */

void tls_engine_drop_cert(tls_engine *e) {
  ws_free(e->ctx->alloc, e->cert);
  e->cert = NULL;
  e->cert_len = 0;
}

void tls_engine_keep_cert(tls_engine *e, const uint8_t *der, size_t len) {
  tls_engine_drop_cert(e);
  if (len == 0) return; /* mbedTLS shows one that it could not parse */
  e->cert = ws_malloc(e->ctx->alloc, len);
  if (e->cert == NULL) return;
  memcpy(e->cert, der, len);
  e->cert_len = len;
}

/* Failing */

int tls_engine_end(tls_engine *e, int status) {
  e->read_error = e->write_error = status;
  tls_engine_drop_input(e);
  if (e->offered && !e->done) tls_sessions_forget(&e->ctx->sessions, e->host, e->port);
  return status;
}

int tls_engine_end_with(tls_engine *e, int library_error, int status, const char *text) {
  e->failure.library_error = library_error;
  (void) snprintf(e->failure.text, sizeof e->failure.text, "%s", text);
  return tls_engine_end(e, status);
}

void tls_engine_note_no_alert(tls_engine *e) {
  size_t len = strlen(e->failure.text);
  (void) snprintf(e->failure.text + len, sizeof e->failure.text - len, "; no alert could be sent");
}

int tls_engine_reject_pin(tls_engine *e) {
  return tls_engine_end_with(e, e->failure.library_error, WSUV_ETLSPIN,
                             "public key of the server is not among the pinned ones");
}

int tls_engine_reject_http(tls_engine *e, int library_error) {
  const char *text = e->ctx->role == WS_SERVER
                         ? "the client speaks HTTP, not TLS"
                         : "the peer does not speak TLS: it answers in plain HTTP";
  return tls_engine_end_with(e, library_error, WSUV_ENOTTLS, text);
}

/* A record of TLS begins with a byte from 20 to 24. */
bool tls_engine_is_http(const tls_engine *e, const uint8_t *header) {
  static const char *const requests[] = {"GET ",    "HEAD ",   "POST ", "PUT ",  "DELETE",
                                         "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI "};
  if (e->ctx->role == WS_CLIENT) return memcmp(header, "HTTP/", TLS_RECORD_HEADER_LEN) == 0;
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    size_t len = strlen(requests[i]);
    if (len > TLS_RECORD_HEADER_LEN) len = TLS_RECORD_HEADER_LEN;
    if (memcmp(header, requests[i], len) == 0) return true;
  }
  return false;
}

/* Facts */

bool tls_engine_resumes(const tls_engine *e) {
  return e->ctx->role == WS_CLIENT && tls_config_resumes(&e->ctx->config);
}

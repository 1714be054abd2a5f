#include "net/tls/tls_engine.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "net/tls/tls_parts.h"
#include "net/tls/tls_pieces.h"

/* What the engines of all libraries have: input, output, and the errors that do not depend on the
   library. */

static const tls_library *library_of(const tls_engine *e) {
  return e->ctx->library;
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

bool tls_engine_is_dry(const tls_engine *e) {
  return e->in_len == 0 && !e->network_ended && e->read_error == 0;
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

/* Lifetime */

int tls_engine_new(tls_engine **out, tls_context *ctx, const char *host, uint16_t port) {
  size_t host_size = host == NULL ? 1 : strlen(host) + 1;
  tls_engine *e = ws_calloc(ctx->alloc, ctx->library->engine_size + host_size);
  if (e == NULL) return WS_ENOMEM;
  e->ctx = tls_context_ref(ctx);
  e->host = (char *) e + ctx->library->engine_size;
  e->port = port;
  if (host != NULL) memcpy(e->host, host, host_size);
  bufq_init(&e->out);
  *out = e;
  return 0;
}

void tls_engine_free(tls_engine *e) {
  if (e == NULL) return;
  tls_context *ctx = e->ctx;
  library_of(e)->engine_free(e);
  bufq_clear(&e->out, &ctx->pool);
  tls_engine_drop_input(e);
  tls_engine_drop_cert(e);
  ws_free(ctx->alloc, e);
  tls_context_unref(ctx);
}

/* The handshake */

/* The library's memory, more than 32 KiB, is taken as a piece of work of its own, so that many
   connections that are made at the same time do not stop the loop. A server takes it when the
   client's first bytes have come, so that those who connect and say nothing cost little. */
static int begin_handshake(tls_engine *e) {
  bool waits = e->ctx->role == WS_SERVER && e->in_len == 0 && !e->network_ended;
  if (waits) return WS_EAGAIN;
  int err = library_of(e)->engine_set_up(e);
  return err == 0 ? TLS_ENGINE_WORKED : tls_engine_end(e, err);
}

int tls_engine_handshake(tls_engine *e) {
  if (e->done) return 0;
  if (e->read_error != 0) return e->read_error;
  if (!e->set_up) return begin_handshake(e);
  int r = library_of(e)->engine_handshake(e);
  if (r == WS_EAGAIN) e->may_have_plaintext = false;
  if (r != 0) return r;
  e->done = true;
  tls_flood_reset(&e->flood);
  e->may_have_plaintext = e->in_len > 0 || e->network_ended || library_of(e)->engine_buffers(e);
  e->failure = (tls_failure){.library_error = 0};
  library_of(e)->engine_save(e);
  return 0;
}

/* Data */

ptrdiff_t tls_engine_read(tls_engine *e, uint8_t *buf, size_t len) {
  size_t got = 0;
  while (got < len && e->read_error == 0) {
    size_t n = library_of(e)->engine_read(e, buf + got, len - got);
    assert(n <= len - got);
    got += n;
    if (n == 0) {
      e->may_have_plaintext = false;
      break;
    }
    tls_flood_reset(&e->flood);
  }
  library_of(e)->engine_save(e);
  if (got > 0) return (ptrdiff_t) got;
  return e->read_error != 0 ? e->read_error : WS_EAGAIN;
}

int tls_engine_write(tls_engine *e, const ws_view *bufs, size_t count, size_t skip, size_t *taken) {
  tls_pieces pieces = {bufs, count, 0};
  *taken = 0;
  tls_pieces_skip(&pieces, skip);
  if (e->write_error != 0) return e->write_error;
  for (int i = 0; i < TLS_BATCH_RECORDS; i++) {
    const ws_view record = tls_pieces_next(&pieces, e->ctx->gather, TLS_RECORD_MAX);
    if (record.len == 0) break;
    int err = library_of(e)->engine_write(e, &record);
    if (err == WS_EAGAIN && *taken > 0) break;
    if (err < 0) return err;
    *taken += record.len;
  }
  library_of(e)->engine_save(e);
  return 0;
}

void tls_engine_close(tls_engine *e) {
  if (!e->done || e->close_said || e->write_error != 0) return;
  e->close_said = true;
  e->write_error = library_of(e)->engine_close(e);
}

/* Facts */

void tls_engine_info(const tls_engine *e, tls_info *tls) {
  bool client = e->ctx->role == WS_CLIENT;
  *tls = (tls_info){
      .unverified = client && e->ctx->config.verification_disabled,
      .library = e->ctx->library->id,
      .library_error = e->failure.library_error,
      .text = e->failure.text,
  };
  library_of(e)->engine_info(e, tls);
  if (tls->peer_cert == NULL) {
    tls->peer_cert = e->cert;
    tls->peer_cert_len = e->cert_len;
  }
  tls->verified = e->done && tls_context_verifies(e->ctx) && (client || tls->peer_cert != NULL);
}

#include "net/tls/tls_context.h"

#include "base/error.h"
#include "net/tls/tls_parts.h"

/* What the contexts of all libraries have. */

enum { POOL_SPARES = 8 }; /* chunks of ciphertext in the pool's reserve */

/* Loading */

static int set_buffers(tls_context *c) {
  c->gather = ws_malloc(c->alloc, TLS_RECORD_MAX);
  c->read_buf = ws_malloc(c->alloc, TLS_READ_SIZE);
  return c->gather != NULL && c->read_buf != NULL ? 0 : WS_ENOMEM;
}

static int set_pins(tls_context *c) {
  size_t count = c->config.pin_count;
  if (count == 0) return 0;
  c->pins = ws_malloc(c->alloc, count * TLS_PIN_SIZE);
  if (c->pins == NULL) return WS_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    if (!tls_config_pin(c->config.pins[i], c->pins + i * TLS_PIN_SIZE)) return WS_EINVAL;
  }
  return 0;
}

static int set_up(tls_context *c, tls_failure *failure) {
  int err = set_buffers(c);
  if (err == 0) err = set_pins(c);
  if (err == 0) {
    err = c->library->context_load(c, failure);
    if (err < 0) c->library->context_unload(c);
  }
  if (err < 0 || c->config.keylog_file == NULL) return err;
  err = tls_keylog_open(&c->keylog, c->config.keylog_file);
  if (err < 0) c->library->context_unload(c);
  return err;
}

static void drop_buffers(tls_context *c) {
  tls_keylog_close(&c->keylog);
  ws_free(c->alloc, c->pins);
  ws_free(c->alloc, c->gather);
  ws_free(c->alloc, c->read_buf);
  c->pins = c->gather = c->read_buf = NULL;
}

int tls_context_load(tls_context *c, tls_failure *failure) {
  *failure = (tls_failure){.library_error = 0};
  if (c->loaded) return 0;
  int err = set_up(c, failure);
  failure->library = c->library->id;
  if (err < 0) drop_buffers(c);
  c->loaded = err == 0;
  return err;
}

/* Lifetime */

static void destroy(tls_context *c) {
  if (c->loaded) {
    c->library->context_unload(c);
    drop_buffers(c);
  }
  tls_sessions_free(&c->sessions);
  bufq_pool_free(&c->pool);
  tls_config_free(&c->config, c->alloc);
  ws_free(c->alloc, c);
}

int tls_context_new(tls_context **out, const wsuv_allocator_t *alloc,
                    const wsuv_tls_config_t *config, ws_role role) {
  int err = tls_config_check(config, role, NULL);
  if (err < 0) return err;
  const tls_library *library = tls_library_for(config->library);
  tls_context *c = ws_calloc(alloc, library->context_size);
  if (c == NULL) return WS_ENOMEM;
  c->library = library;
  c->alloc = alloc;
  c->refs = 1;
  c->role = role;
  tls_keylog_init(&c->keylog);
  tls_sessions_init(&c->sessions, alloc, library->session_drop);
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

/* Facts */

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

unsigned tls_context_step_cost(const tls_context *ctx) {
  return ctx->library->step_cost;
}

bool tls_context_resumes(const tls_context *ctx) {
  return tls_config_resumes(&ctx->config);
}

bool tls_context_has_session(tls_context *ctx, const char *host, uint16_t port) {
  return tls_sessions_find(&ctx->sessions, host, port) != NULL;
}

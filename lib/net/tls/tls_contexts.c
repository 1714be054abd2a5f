#include "net/tls/tls_contexts.h"

/* A short list, ordered by last use. tls_context knows what a context is. */

static const wsuv_tls_config_t default_config = {.size = sizeof default_config, .resumption = true};

/* Move one to the front; those before place `from` move back by one. */
static void put_first(tls_contexts *cs, tls_context *ctx, size_t from) {
  for (size_t i = from; i > 0; i--) cs->list[i] = cs->list[i - 1];
  cs->list[0] = ctx;
}

static tls_context *find_matching(tls_contexts *cs, const wsuv_tls_config_t *config) {
  for (size_t i = 0; i < TLS_CONTEXTS_MAX && cs->list[i] != NULL; i++) {
    tls_context *ctx = cs->list[i];
    if (!tls_context_matches(ctx, config)) continue;
    put_first(cs, ctx, i);
    return ctx;
  }
  return NULL;
}

static const wsuv_tls_config_t *or_default(const wsuv_tls_config_t *config) {
  return config != NULL ? config : &default_config;
}

/* Put a new one to the front. The last one gives way if there are too many. */
static void add_first(tls_contexts *cs, tls_context *ctx) {
  tls_context_unref(cs->list[TLS_CONTEXTS_MAX - 1]);
  put_first(cs, ctx, TLS_CONTEXTS_MAX - 1);
}

int tls_contexts_get(tls_contexts *cs, const wsuv_allocator_t *alloc,
                     const wsuv_tls_config_t *config, ws_role role, tls_context **out) {
  config = or_default(config);
  *out = find_matching(cs, config);
  if (*out == NULL) {
    int err = tls_context_new(out, alloc, config, role);
    if (err < 0) return err;
    add_first(cs, *out);
  }
  (void) tls_context_ref(*out);
  return 0;
}

void tls_contexts_free(tls_contexts *cs) {
  for (size_t i = 0; i < TLS_CONTEXTS_MAX; i++) tls_context_unref(cs->list[i]);
  *cs = (tls_contexts){{NULL}};
}

int tls_contexts_replace(tls_contexts *cs, const wsuv_allocator_t *alloc,
                         const wsuv_tls_config_t *now, ws_role role, tls_failure *failure) {
  tls_context *ctx;
  *failure = (tls_failure){.library_error = 0};
  int err = tls_context_new(&ctx, alloc, or_default(now), role);
  if (err < 0) return err;
  err = tls_context_load(ctx, failure);
  if (err < 0) {
    tls_context_unref(ctx);
    return err;
  }
  tls_contexts_free(cs);
  add_first(cs, ctx);
  return 0;
}

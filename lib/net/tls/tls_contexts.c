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

int tls_contexts_get(tls_contexts *cs, const wsuv_allocator_t *alloc,
                     const wsuv_tls_config_t *config, tls_role role, tls_context **out,
                     tls_failure *failure) {
  if (config == NULL) config = &default_config;
  *out = find_matching(cs, config);
  if (*out != NULL) return 0;
  int err = tls_context_new(out, alloc, config, role, failure);
  if (err < 0) return err;
  tls_context_unref(cs->list[TLS_CONTEXTS_MAX - 1]);
  put_first(cs, *out, TLS_CONTEXTS_MAX - 1);
  return 0;
}

bool tls_contexts_has_session(tls_contexts *cs, const wsuv_tls_config_t *config, const char *host,
                              uint16_t port) {
  tls_context *ctx = find_matching(cs, config != NULL ? config : &default_config);
  return ctx != NULL && tls_context_has_session(ctx, host, port);
}

void tls_contexts_free(tls_contexts *cs) {
  for (size_t i = 0; i < TLS_CONTEXTS_MAX; i++) tls_context_unref(cs->list[i]);
  *cs = (tls_contexts){{NULL}};
}

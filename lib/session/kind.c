#include "session/kind.h"

#include <stddef.h>
#include <string.h>

/* Kinds with reference counts. Calls no callback. */

enum { COMPARED = offsetof(session_kind, refs) /* bytes at the start that make the kind */ };

void session_kinds_init(session_kinds *kinds, const wsuv_allocator_t *alloc) {
  *kinds = (session_kinds){.alloc = alloc};
}

void session_kinds_free(session_kinds *kinds) {
  for (size_t i = 0; i < KINDS_KEPT; i++) session_kind_unref(kinds, kinds->recent[i]);
}

void session_kind_fill(session_kind *kind, const wsuv_callbacks_t *callbacks,
                       const wsuv_config_t *config, bool raw) {
  static const wsuv_callbacks_t none = {WSUV_CALLBACKS_INIT};
  memset(kind, 0, sizeof *kind);
  memcpy(&kind->callbacks, callbacks != NULL ? callbacks : &none, sizeof none);
  if (config->converter != NULL) {
    memcpy(&kind->converter, config->converter, sizeof kind->converter);
  }
  kind->incoming.max_frame_size = config->max_frame_size;
  kind->incoming.max_message_size = config->max_message_size;
  kind->incoming.max_fragments = config->max_message_fragments;
  kind->ping_interval_ms = config->ping_interval_ms;
  kind->ping_timeout_ms = config->ping_timeout_ms;
  kind->idle_timeout_ms = config->idle_timeout_ms;
  kind->close_timeout_ms = config->close_timeout_ms;
  kind->close_deadline_ms = config->close_deadline_ms;
  outflow_limits_init(&kind->outgoing, config);
  if (raw) kind->outgoing.fragment_size = 0;
}

static session_kind *kind_find(const session_kinds *kinds, const session_kind *like) {
  for (size_t i = 0; i < KINDS_KEPT; i++) {
    session_kind *kind = kinds->recent[i];
    if (kind != NULL && memcmp(kind, like, COMPARED) == 0) return kind;
  }
  return NULL;
}

/* It takes the place of the oldest one. */
static session_kind *kind_make(session_kinds *kinds, const session_kind *like) {
  session_kind *kind = ws_malloc(kinds->alloc, sizeof *kind);
  if (kind == NULL) return NULL;
  memcpy(kind, like, sizeof *kind);
  kind->refs = 1;
  session_kind_unref(kinds, kinds->recent[kinds->next]);
  kinds->recent[kinds->next] = kind;
  kinds->next = (kinds->next + 1) % KINDS_KEPT;
  return kind;
}

session_kind *session_kind_get(session_kinds *kinds, const session_kind *like) {
  session_kind *kind = kind_find(kinds, like);
  if (kind == NULL) kind = kind_make(kinds, like);
  if (kind != NULL) kind->refs++;
  return kind;
}

void session_kind_unref(session_kinds *kinds, session_kind *kind) {
  if (kind != NULL && --kind->refs == 0) ws_free(kinds->alloc, kind);
}

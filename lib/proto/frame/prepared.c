#include "proto/frame/prepared.h"

/* Makes variants when they are first needed, and keeps them. */

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "proto/frame/utf8.h"

int wsuv_prepared_new(wsuv_prepared_t **prepared, wsuv_frame_type_t type, const void *data,
                      size_t len, const wsuv_allocator_t *allocator) {
  const wsuv_allocator_t *alloc = allocator != NULL ? allocator : &ws_alloc_libc;
  if (type != WSUV_FRAME_TEXT && type != WSUV_FRAME_BINARY) return WS_EINVAL;
  if (type == WSUV_FRAME_TEXT && !utf8_valid(data, len)) return WSUV_EUTF8;
  wsuv_prepared_t *p = len < SIZE_MAX - sizeof *p ? ws_malloc(alloc, sizeof *p + len) : NULL;
  if (p == NULL) return WS_ENOMEM;
  p->alloc = *alloc;
  p->type = type;
  p->variants = NULL;
  p->len = len;
  if (len > 0) memcpy(p->data, data, len);
  *prepared = p;
  return 0;
}

void wsuv_prepared_free(wsuv_prepared_t *prepared) {
  if (prepared == NULL) return;
  const wsuv_allocator_t alloc = prepared->alloc;
  prepared_variant *next;
  for (prepared_variant *v = prepared->variants; v != NULL; v = next) {
    next = v->next;
    ws_free(&alloc, v);
  }
  ws_free(&alloc, prepared);
}

static int keep(wsuv_prepared_t *p, const prepared_variant *made, const block *output,
                const prepared_variant **out) {
  size_t len = made->taken ? output->len : 0;
  prepared_variant *v = ws_malloc(&p->alloc, sizeof *v + len);
  if (v == NULL) return WS_ENOMEM;
  *v = *made;
  v->len = len;
  v->next = p->variants;
  if (len > 0) memcpy(v->data, output->base, len);
  p->variants = v;
  *out = v;
  return 0;
}

static int make(wsuv_prepared_t *p, const extension_entry *entry, uint64_t id,
                const prepared_variant **out) {
  const wsuv_extension_chunk_t chunk = {p->data, p->len, true, true};
  wsuv_extension_message_t message = {.type = p->type, .len = p->len, .why = ""};
  block output = {0};
  block_spare none;
  block_sink s;
  block_spare_init(&none, &p->alloc);
  block_sink_begin(&s, &output, &none, SIZE_MAX);
  int r = entry->hooks->prepare(entry->state, &message, &chunk, &s.sink);
  block_sink_end(&s);
  if (r >= 0) {
    const prepared_variant made = {
        .prepare = entry->hooks->prepare, .id = id, .taken = r == WSUV_EXTENSION_TAKEN};
    r = keep(p, &made, &output, out);
    if (r == 0 && made.taken) p->variants->rsv = (uint8_t) (message.rsv & entry->hooks->rsv);
  }
  block_release(&output, &none);
  block_spare_free(&none);
  return r;
}

int prepared_for(wsuv_prepared_t *p, const extension_set *set, const prepared_variant **out) {
  const extension_entry *only = &set->entries[0];
  *out = NULL;
  if (set->count != 1 || only->hooks->prepare == NULL) return 0;
  uint64_t id = only->hooks->variant(only->state);
  for (const prepared_variant *v = p->variants; v != NULL; v = v->next) {
    if (v->prepare != only->hooks->prepare || v->id != id) continue;
    *out = v;
    return 0;
  }
  return make(p, only, id, out);
}

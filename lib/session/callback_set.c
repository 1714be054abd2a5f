#include "session/callback_set.h"

#include <string.h>

/* Sets of callbacks with reference counts. Calls no callback. */

static callback_set *new_set(const wsuv_allocator_t *alloc, const wsuv_callbacks_t *callbacks) {
  callback_set *set = ws_malloc(alloc, sizeof *set);
  if (set == NULL) return NULL;
  set->callbacks = *callbacks;
  set->refs = 1;
  return set;
}

callback_set *callback_set_get(callback_set **last, const wsuv_allocator_t *alloc,
                               const wsuv_callbacks_t *callbacks) {
  static const wsuv_callbacks_t none = {WSUV_CALLBACKS_INIT};
  if (callbacks == NULL) callbacks = &none;
  bool same = *last != NULL && memcmp(&(*last)->callbacks, callbacks, sizeof *callbacks) == 0;
  if (!same) {
    callback_set *set = new_set(alloc, callbacks);
    if (set == NULL) return NULL;
    callback_set_unref(*last, alloc);
    *last = set;
  }
  (*last)->refs++;
  return *last;
}

void callback_set_unref(callback_set *set, const wsuv_allocator_t *alloc) {
  if (set != NULL && --set->refs == 0) ws_free(alloc, set);
}

#include "proto/extension/extension_hooks.h"

/* The sizes that the structure had, in one place. */

#include "base/sized.h"

SIZED_TYPE(extension_type, wsuv_extension_t, memory, sizeof(wsuv_extension_t));

int extension_hooks_in(wsuv_extension_t *to, const wsuv_extension_t *from) {
  return sized_in(to, &extension_type, from, NULL);
}

int extension_hooks_out(wsuv_extension_t *to, const wsuv_extension_t *from) {
  return sized_out(to, &extension_type, from, NULL);
}

#include "base/sized.h"

#include <stdbool.h>
#include <string.h>

/* Decides whether a size is valid, and copies the bytes that both sides know. */

static size_t size_of(const void *structure) {
  size_t size;
  memcpy(&size, structure, sizeof size);
  return size;
}

static size_t present_size(const sized_type *type) {
  return type->released[type->count - 1];
}

static bool was_released(const sized_type *type, size_t size) {
  for (size_t i = 0; i < type->count; i++) {
    if (type->released[i] == size) return true;
  }
  return false;
}

/* How many bytes of the structure both sides know; 0: the size is not valid. */
static size_t known_bytes(const sized_type *type, size_t size) {
  size_t present = present_size(type);
  if (size > present) return size <= SIZED_MAX ? present : 0;
  return was_released(type, size) ? size : 0;
}

static bool is_zero(const unsigned char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] != 0) return false;
  }
  return true;
}

/* A newer caller's size is known, but it has set what is not known here. */
static int refuse_size(const sized_type *type, size_t size, size_t known, ws_why *why) {
  if (known == 0) return ws_why_set(why, WSUV_ESIZE, "%s of %zu bytes", type->name, size);
  return ws_why_set(why, WSUV_ESIZE, "%s of %zu bytes with fields set that are unknown here",
                    type->name, size);
}

int sized_in(void *to, const sized_type *type, const void *from, ws_why *why) {
  const size_t size = size_of(from), known = known_bytes(type, size), present = present_size(type);
  const unsigned char *bytes = from;
  if (known == 0 || (size > known && !is_zero(bytes + known, size - known))) {
    return refuse_size(type, size, known, why);
  }
  memcpy((unsigned char *) to + sizeof size, bytes + sizeof size, known - sizeof size);
  memcpy(to, &present, sizeof present);
  return 0;
}

void sized_fill(void *to, size_t size, const sized_type *type, const void *from) {
  const size_t present = present_size(type);
  if (size < sizeof size) return;
  memset(to, 0, size);
  memcpy(to, from, size < present ? size : present);
  memcpy(to, &size, sizeof size);
}

int sized_out(void *to, const sized_type *type, const void *from, ws_why *why) {
  const size_t size = size_of(to), known = known_bytes(type, size);
  unsigned char *bytes = to;
  if (known == 0) return refuse_size(type, size, known, why);
  memcpy(bytes + sizeof size, (const unsigned char *) from + sizeof size, known - sizeof size);
  memset(bytes + known, 0, size - known);
  return 0;
}

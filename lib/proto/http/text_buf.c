#include "proto/http/text_buf.h"

/* Growing text for both directions: requests and answers that are written, header fields that
   arrive. Knows nothing of what the text says. */

#include <stdint.h>
#include <string.h>

#include "base/error.h"

enum { FIRST_SIZE = 256 };

void text_buf_init(text_buf *t, const wsuv_allocator_t *alloc) {
  memset(t, 0, sizeof *t);
  t->alloc = alloc;
}

void text_buf_clear(text_buf *t) {
  ws_free(t->alloc, t->base);
  text_buf_init(t, t->alloc);
}

static bool reserve(text_buf *t, size_t n) {
  if (t->failed) return false;
  if (n <= t->cap - t->len) return true;
  size_t cap = t->cap < FIRST_SIZE / 2 ? FIRST_SIZE : t->cap * 2;
  if (n > SIZE_MAX / 4 - t->len) return false;
  if (cap < t->len + n) cap = t->len + n;
  char *base = ws_realloc(t->alloc, t->base, cap);
  if (base == NULL) return false;
  t->base = base;
  t->cap = cap;
  return true;
}

char *text_buf_extend(text_buf *t, size_t n) {
  if (!reserve(t, n)) {
    t->failed = true;
    return NULL;
  }
  t->len += n;
  return t->base + t->len - n;
}

int text_buf_add(text_buf *t, const char *s, size_t len) {
  if (len == 0) return t->failed ? WS_ENOMEM : 0;
  char *room = text_buf_extend(t, len);
  if (room == NULL) return WS_ENOMEM;
  memcpy(room, s, len);
  return 0;
}

int text_buf_puts(text_buf *t, const char *s) {
  return text_buf_add(t, s, strlen(s));
}

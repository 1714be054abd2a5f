#include "base/text_buf.h"

/* Growing text: requests and responses that are written, header fields that arrive. Knows nothing
   of what the text says. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/cold.h"
#include "base/error.h"

void text_buf_init(text_buf *t, const wsuv_allocator_t *alloc) {
  memset(t, 0, sizeof *t);
  block_spare_init(&t->none, alloc);
}

void text_buf_init_secret(text_buf *t, const wsuv_allocator_t *alloc) {
  text_buf_init(t, alloc);
  t->secret = true;
}

void text_buf_clear(text_buf *t) {
  t->failed = false;
  if (t->bytes.base == NULL) return;
  if (t->secret && t->bytes.cap > 0) ws_wipe(t->bytes.base, t->bytes.cap);
  block_release(&t->bytes, &t->none);
  block_spare_free(&t->none);
}

/* realloc() would free a copy of the secret. The block doubles, too. */
static int grow_secret(text_buf *t, size_t n) {
  text_buf larger;
  const size_t more = n > t->bytes.cap ? n : t->bytes.cap;
  text_buf_init_secret(&larger, t->none.alloc);
  if (more > SIZE_MAX - t->bytes.cap) return WS_ENOMEM;
  int err = block_reserve(&larger.bytes, &larger.none, t->bytes.cap + more, SIZE_MAX);
  if (err < 0) return err;
  if (t->bytes.len > 0) memcpy(larger.bytes.base, t->bytes.base, t->bytes.len);
  larger.bytes.len = t->bytes.len;
  text_buf_clear(t);
  *t = larger;
  return 0;
}

WS_COLD static int grow(text_buf *t, size_t n) {
  return t->secret ? grow_secret(t, n) : block_reserve(&t->bytes, &t->none, n, SIZE_MAX);
}

char *text_buf_extend(text_buf *t, size_t n) {
  const bool fits = n <= t->bytes.cap - t->bytes.len;
  if (t->failed || (!fits && grow(t, n) < 0)) {
    t->failed = true;
    return NULL;
  }
  t->bytes.len += n;
  return text_buf_base(t) + t->bytes.len - n;
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

void text_buf_cut(text_buf *t, size_t len) {
  assert(len <= t->bytes.len);
  t->bytes.len = len;
}

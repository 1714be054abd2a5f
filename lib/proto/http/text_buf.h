#ifndef WS_PROTO_HTTP_TEXT_BUF_H
#define WS_PROTO_HTTP_TEXT_BUF_H

/* Text that grows at its end, in one block. After a failure every addition fails, so that whoever
   writes many pieces needs to look only at the last. */

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

typedef struct text_buf {
  const wsuv_allocator_t *alloc;
  char *base; /* NULL while empty; terminated only if a NUL was added */
  size_t len, cap;
  bool failed;
} text_buf;

void text_buf_init(text_buf *t, const wsuv_allocator_t *alloc);
void text_buf_clear(text_buf *t); /* frees all; a failure is forgotten */

/* Room for n bytes, n >= 1, that count as added and are to be written; NULL: no memory. */
char *text_buf_extend(text_buf *t, size_t n);

/* 0 or WS_ENOMEM. */
int text_buf_add(text_buf *t, const char *s, size_t len);
int text_buf_puts(text_buf *t, const char *s); /* without its NUL */

#endif

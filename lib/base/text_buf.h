#ifndef WS_BASE_TEXT_BUF_H
#define WS_BASE_TEXT_BUF_H

/* Text that grows at its end, in one block. After a failure every addition fails, so a caller that
   adds many pieces needs to check only the last result. */

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/block.h"

typedef struct text_buf {
  block_spare none; /* This has the allocator, and never any spare memory. */
  block bytes;      /* This is the text; it is terminated only if a NUL was added. */
  bool failed;      /* An addition has failed since the last clear. */
  bool secret;      /* The text is a secret: it is overwritten before its memory is freed. */
} text_buf;

void text_buf_init(text_buf *t, const wsuv_allocator_t *alloc);

/* The same for a secret, such as a password. */
void text_buf_init_secret(text_buf *t, const wsuv_allocator_t *alloc);

/* Free all; a failure is forgotten. */
void text_buf_clear(text_buf *t);

/* The text; NULL while it is empty. An addition may move it. */
static inline char *text_buf_base(const text_buf *t) {
  return (char *) t->bytes.base;
}

static inline size_t text_buf_len(const text_buf *t) {
  return t->bytes.len;
}

/* Room for n bytes, n >= 1, that count as added and are to be written; NULL: no memory. */
char *text_buf_extend(text_buf *t, size_t n);

/* 0 or WS_ENOMEM. */
int text_buf_add(text_buf *t, const char *s, size_t len);
int text_buf_puts(text_buf *t, const char *s); /* without its NUL */

/* Keep the first len bytes, which must be there. */
void text_buf_cut(text_buf *t, size_t len);

#endif

#ifndef WS_BASE_VIEW_H
#define WS_BASE_VIEW_H

/* Memory that belongs to somebody else: to be read, or to be filled. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes to be read. */
typedef struct ws_view {
  const uint8_t *base; /* This is the first byte; it may be NULL if `len` is 0. */
  size_t len;          /* This is the number of bytes. */
} ws_view;

/* The rest of a list of views. */
typedef struct ws_view_list {
  const ws_view *at; /* This is the first view of which something is left. */
  size_t count;      /* This is the number of views from `at` on. */
  size_t skip;       /* The rest begins after this many bytes of `at`. */
} ws_view_list;

/* Text to be read. It is not terminated. */
typedef struct ws_text {
  const char *base; /* This is the first character; it may be NULL if `len` is 0. */
  size_t len;       /* This is the number of characters. */
} ws_text;

static inline bool ws_text_equal(ws_text a, ws_text b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

/* Room to be filled. */
typedef struct ws_room {
  uint8_t *base; /* The first byte goes to this address. */
  size_t len;    /* There is room for this many bytes. */
} ws_room;

#endif

#ifndef WS_BASE_VIEW_H
#define WS_BASE_VIEW_H

/* Memory that belongs to somebody else: to be read, or to be filled. */

#include <stddef.h>
#include <stdint.h>

/* Bytes to be read. */
typedef struct ws_view {
  const uint8_t *base; /* May be NULL when len is 0. */
  size_t len;
} ws_view;

/* Text to be read. It is not terminated. */
typedef struct ws_text {
  const char *base; /* May be NULL when len is 0. */
  size_t len;
} ws_text;

/* Room to be filled. */
typedef struct ws_room {
  uint8_t *base;
  size_t len;
} ws_room;

#endif

#ifndef WS_BASE_BUF_H
#define WS_BASE_BUF_H

/* Pieces of memory that belong to somebody else. */

#include <stddef.h>
#include <stdint.h>

typedef struct ws_buf {
  uint8_t *base;
  size_t len;
} ws_buf;

/* To be read only. */
typedef struct ws_slice {
  const uint8_t *base; /* may be NULL when len is 0 */
  size_t len;
} ws_slice;

#endif

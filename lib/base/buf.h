#ifndef WS_BASE_BUF_H
#define WS_BASE_BUF_H

/* A piece of memory that belongs to somebody else. */

#include <stddef.h>
#include <stdint.h>

typedef struct ws_buf {
  uint8_t *base;
  size_t len;
} ws_buf;

#endif

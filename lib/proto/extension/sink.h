#ifndef WS_PROTO_EXTENSION_SINK_H
#define WS_PROTO_EXTENSION_SINK_H

/* Where extensions write their output (wsuv/extension.h): memory to write into, and a function that
   provides more. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/extension.h>

#include "base/block.h"

struct wsuv_sink {
  uint8_t *at;    /* the next byte goes here */
  size_t left;    /* bytes that fit there */
  size_t written; /* bytes before `at` that can still be taken back */
  /* Provide memory for about `want` bytes, at least for 1, and set `at` and `left`. The bytes
     counted by `written` stay before `at`, unless they were passed on: then `written` becomes 0. 0
     or an error. */
  int (*more)(wsuv_sink_t *sink, size_t want);
};

/* A sink that appends to a block, which may grow to `most` bytes: beyond, WSUV_ETOOBIG. The block
   is up to date only after block_sink_end. */
typedef struct block_sink {
  wsuv_sink_t sink;
  block *to;
  block_spare *spare;
  size_t most;
} block_sink;

void block_sink_begin(block_sink *s, block *to, block_spare *spare, size_t most);
void block_sink_end(block_sink *s);

#endif

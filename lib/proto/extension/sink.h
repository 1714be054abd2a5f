#ifndef WS_PROTO_EXTENSION_SINK_H
#define WS_PROTO_EXTENSION_SINK_H

/* Where extensions put their output (wsuv/extension.h): room that is written into in place, and a
   function that makes more of it. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/extension.h>

#include "base/block.h"

struct wsuv_sink {
  uint8_t *at;    /* where the next byte goes */
  size_t left;    /* room there */
  size_t written; /* bytes before `at` that can be taken back */
  /* Make room for about `want` bytes, at least for 1, and set `at` and `left`. Whatever `written`
     was is still there, unless it was passed on: then `written` is 0. 0 or an error. */
  int (*more)(wsuv_sink_t *sink, size_t want);
};

/* A sink at the end of a block, which grows to `most` bytes: WSUV_ETOOBIG beyond. The block is up
   to date only after block_sink_end. */
typedef struct block_sink {
  wsuv_sink_t sink;
  block *to;
  block_spare *spare;
  size_t most;
} block_sink;

void block_sink_begin(block_sink *s, block *to, block_spare *spare, size_t most);
void block_sink_end(block_sink *s);

#endif

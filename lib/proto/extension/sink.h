#ifndef WS_PROTO_EXTENSION_SINK_H
#define WS_PROTO_EXTENSION_SINK_H

/* Where extensions write their output (wsuv/extension.h): memory to write into, and a function that
   provides more. */

#include <stddef.h>
#include <stdint.h>

#include <wsuv/extension.h>

#include "base/block.h"

struct wsuv_sink {
  uint8_t *at;    /* The next byte goes to this address. */
  size_t left;    /* This many bytes fit at `at`. */
  size_t written; /* This many bytes before `at` can still be taken back. */
  /* Provide memory for about `want` bytes, at least for 1, and set `at` and `left`. The bytes
     counted by `written` stay before `at`, unless they were passed on: then `written` becomes 0.
     Returns 0 or an error. */
  int (*more)(wsuv_sink_t *sink, size_t want);
};

/* A sink that appends to a block, which may grow to `most` bytes: beyond, WSUV_ETOOBIG. The block
   is up to date only after block_sink_end. */
typedef struct block_sink {
  wsuv_sink_t sink;   /* This must be the first field, because grow converts its address. */
  block *to;          /* The output is appended to this block, which belongs to the caller. */
  block_spare *spare; /* The block takes its memory from this spare or its allocator. */
  size_t most;        /* The block may have at most this many bytes. */
} block_sink;

void block_sink_begin(block_sink *s, block *to, block_spare *spare, size_t most);
void block_sink_end(block_sink *s);

#endif

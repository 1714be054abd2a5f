#ifndef WS_TESTKIT_TRACK_ALLOC_H
#define WS_TESTKIT_TRACK_ALLOC_H

/* An allocator that counts, and fails when told to. Every block is exactly as large as asked for,
   so that AddressSanitizer sees each byte too far. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wsuv/hooks.h>

typedef struct track_alloc {
  wsuv_allocator_t handle; /* give this to the library */
  size_t live;             /* blocks */
  size_t live_bytes;
  size_t peak_bytes;     /* a block that grows is counted twice while it is copied */
  size_t in_place_bytes; /* the same, as if blocks grew where they are */
  size_t moved_bytes;    /* copied because blocks have grown; any allocator may have to */
  uint64_t calls;        /* malloc and realloc, so far */
  uint64_t fail_at;      /* the call with this number (from 1) fails; 0: none */
  bool fail_for_ever;    /* and all that follow it */
  uint64_t failed;       /* how many were made to fail */
} track_alloc;

void track_alloc_init(track_alloc *t);

#endif

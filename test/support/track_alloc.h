#ifndef TEST_TRACK_ALLOC_H
#define TEST_TRACK_ALLOC_H

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

/* F46: a scenario is played again and again while another one of its allocations fails, until none
   has failed. Only that allocation fails at first; then, from the first again, all that follow it
   fail, too.

       for (alloc_failures f = {0}; alloc_failures_next(&f);) {
         SCOPED(rig, r);
         alloc_failures_begin(&f, &r.alloc);
         int err = play(&r);
         assert_int_equal(err, alloc_failures_end(&f, &r.alloc) ? WS_ENOMEM : 0);
       }
*/
typedef struct alloc_failures {
  uint64_t n;      /* The allocation with this number fails, from 1. */
  bool for_ever;   /* All that follow it fail, too. */
  bool failed;     /* There was one to fail. */
  uint64_t before; /* How many were made to fail before this play. */
} alloc_failures;

bool alloc_failures_next(alloc_failures *f);
void alloc_failures_begin(alloc_failures *f, track_alloc *t);
bool alloc_failures_end(alloc_failures *f, track_alloc *t); /* whether one has failed */

#endif

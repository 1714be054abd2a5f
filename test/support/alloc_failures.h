#ifndef TEST_ALLOC_FAILURES_H
#define TEST_ALLOC_FAILURES_H

#include <stdbool.h>
#include <stdint.h>

#include "testkit/track_alloc.h"

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
  uint64_t step;   /* Only each allocation with such a distance fails; 0: each. */
  bool for_ever;   /* All that follow it fail, too. */
  bool failed;     /* There was one to fail. */
  uint64_t before; /* How many were made to fail before this play. */
} alloc_failures;

bool alloc_failures_next(alloc_failures *f);
void alloc_failures_begin(alloc_failures *f, track_alloc *t);
bool alloc_failures_end(alloc_failures *f, track_alloc *t); /* whether one has failed */

#endif

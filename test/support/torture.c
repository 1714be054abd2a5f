#include "support/torture.h"

#include "support/stride.h"
#include "testkit/check.h"

enum { ENOUGH = 5000 };

static bool fails(world *w, torture_scenario *play, uint64_t n, bool for_ever) {
  w->alloc->failed = 0;
  w->alloc->fail_at = w->alloc->calls + n;
  w->alloc->fail_for_ever = for_ever;
  play(w);
  w->alloc->fail_at = 0;
  CHECK(w->alloc->live == 0);
  return w->alloc->failed > 0;
}

void torture(world *w, torture_scenario *play, bool for_ever, uint64_t least) {
  const uint64_t step = stride();
  uint64_t n = 1 + w->seed % step; /* so that seeds take different ones */
  while (fails(w, play, n, for_ever)) {
    n += step;
    CHECK(n < ENOUGH);
  }
  CHECK(n > least);
}

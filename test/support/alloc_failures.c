#include "support/alloc_failures.h"

bool alloc_failures_next(alloc_failures *f) {
  bool over = f->n > 0 && !f->failed;
  if (over && f->for_ever) return false;
  f->for_ever = f->for_ever || over;
  f->n = over || f->n == 0 ? 1 : f->n + (f->step > 0 ? f->step : 1);
  return true;
}

void alloc_failures_begin(alloc_failures *f, track_alloc *t) {
  f->before = t->failed;
  t->fail_at = t->calls + f->n;
  t->fail_for_ever = f->for_ever;
}

bool alloc_failures_end(alloc_failures *f, track_alloc *t) {
  t->fail_at = 0;
  f->failed = t->failed > f->before;
  return f->failed;
}

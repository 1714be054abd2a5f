#ifndef BENCH_GAP_H
#define BENCH_GAP_H

/* The longest turn of a loop, as a timer of 1 ms sees it: the longest time between two calls of
   it, and the most CPU time of the process, which a busy machine does not lengthen. */

#include <stdint.h>
#include <uv.h>

typedef struct gap {
  uv_timer_t timer;
  uint64_t tick_ns, longest_ns; /* the timer's last call, and its longest gap */
  uint64_t tick_cpu_ns, longest_cpu_ns;
} gap;

void gap_start(gap *g, uv_loop_t *loop);
void gap_reset(gap *g); /* what is before it does not count */
void gap_stop(gap *g);  /* what has passed since the timer's last call counts, too */

static inline double gap_ms(const gap *g) {
  return (double) g->longest_ns * 1e-6;
}
static inline double gap_cpu_ms(const gap *g) {
  return (double) g->longest_cpu_ns * 1e-6;
}

#endif

#include "gap.h"

#include <time.h>

static uint64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static void look(gap *g) {
  uint64_t now = uv_hrtime(), cpu = cpu_ns();
  if (now - g->tick_ns > g->longest_ns) g->longest_ns = now - g->tick_ns;
  if (cpu - g->tick_cpu_ns > g->longest_cpu_ns) g->longest_cpu_ns = cpu - g->tick_cpu_ns;
  g->tick_ns = now;
  g->tick_cpu_ns = cpu;
}

static void on_tick(uv_timer_t *timer) {
  look(timer->data);
}

void gap_reset(gap *g) {
  g->longest_ns = g->longest_cpu_ns = 0;
  g->tick_ns = uv_hrtime();
  g->tick_cpu_ns = cpu_ns();
}

void gap_start(gap *g, uv_loop_t *loop) {
  uv_timer_init(loop, &g->timer);
  g->timer.data = g;
  uv_timer_start(&g->timer, on_tick, 1, 1);
  gap_reset(g);
}

void gap_stop(gap *g) {
  look(g);
  uv_close((uv_handle_t *) &g->timer, NULL);
}

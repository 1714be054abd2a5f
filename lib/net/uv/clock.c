#include "net/uv/clock.h"

#include <uv.h>

/* Reads libuv's high-resolution clock, and the system's clock. */

uint64_t clock_now_ns(ws_env *env) {
  (void) env;
  return uv_hrtime();
}

uint64_t clock_now_ms(ws_env *env) {
  return clock_now_ns(env) / 1000000;
}

int64_t clock_seconds(ws_env *env) {
  uv_timeval64_t now = {0, 0};
  (void) env;
  /* It fails for no other reason than a NULL. */
  return uv_gettimeofday(&now) == 0 ? now.tv_sec : 0;
}

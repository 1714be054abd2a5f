#include "net/uv/clock.h"

#include <uv.h>

/* Reads libuv's high-resolution clock. */

uint64_t clock_now_ns(ws_env *env) {
  (void) env;
  return uv_hrtime();
}

uint64_t clock_now_ms(ws_env *env) {
  return clock_now_ns(env) / 1000000;
}

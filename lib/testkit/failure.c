#include "testkit/kit.h"

/* What a test expected, and what has happened. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void report(wsuv_testkit_t *kit) {
  if (kit->on_failure != NULL) {
    kit->on_failure(kit->on_failure_arg, kit->failure);
  } else if (!kit->failed) {
    fprintf(stderr, "wsuv testkit: %s\n", kit->failure);
  }
  kit->failed = true;
}

int kit_fail(wsuv_testkit_t *kit, int code, const char *format, ...) {
  char text[sizeof kit->failure - 64];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  snprintf(kit->failure, sizeof kit->failure, "%s (seed %" PRIu64 ")", text, kit->seed);
  report(kit);
  return code;
}

const char *wsuv_testkit_failure(const wsuv_testkit_t *kit) {
  return kit->failure;
}

void wsuv_testkit_on_failure(wsuv_testkit_t *kit, void (*cb)(void *arg, const char *text),
                             void *arg) {
  kit->on_failure = cb;
  kit->on_failure_arg = arg;
}

#include "testkit/kit.h"

/* What a test expected, and what has happened. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void kit_report(wsuv_testkit_t *kit) {
  const bool first = !kit->failed;
  kit->failed = true;
  if (kit->on_failure != NULL) {
    kit->on_failure(kit->on_failure_arg, kit->failure);
  } else if (first) {
    fprintf(stderr, "wsuv testkit: %s\n", kit->failure);
  }
}

static void note(wsuv_testkit_t *kit, const char *format, va_list args) {
  char text[sizeof kit->failure - 64];
  vsnprintf(text, sizeof text, format, args);
  snprintf(kit->failure, sizeof kit->failure, "%s (seed %" PRIu64 ")", text, kit->seed);
}

int kit_note(wsuv_testkit_t *kit, int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  note(kit, format, args);
  va_end(args);
  return code;
}

int kit_fail(wsuv_testkit_t *kit, int code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  note(kit, format, args);
  va_end(args);
  kit_report(kit);
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

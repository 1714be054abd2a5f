#include "support/check.h"

/* What a failed assertion of the tests' machinery does. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t check_seed;

void check_failed(const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s:%d: seed %" PRIu64 ": ", file, line, check_seed);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  fflush(NULL);
  abort();
}

void *check_alloc(size_t size) {
  void *p = calloc(1, size > 0 ? size : 1);
  CHECK(p != NULL);
  return p;
}

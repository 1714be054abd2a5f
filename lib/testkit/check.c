#include "testkit/check.h"

/* What a failed assertion of the tests' machinery does. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

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
  void *p = ws_calloc(&ws_alloc_libc, size);
  CHECK(p != NULL);
  return p;
}

void *check_realloc(void *ptr, size_t size) {
  void *p = ws_realloc(&ws_alloc_libc, ptr, size);
  CHECK(p != NULL);
  return p;
}

void check_free(void *ptr) {
  ws_free(&ws_alloc_libc, ptr);
}

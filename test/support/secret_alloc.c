#include "support/secret_alloc.h"

#include <string.h>

#include "support/test.h"

static void *secret_malloc(size_t size, void *arg) {
  secret_alloc *a = arg;
  assert_in_range(size, 0, SECRET_ALLOC_MAX);
  void *p = a->below.handle.malloc(SECRET_ALLOC_MAX, a->below.handle.arg);
  if (p != NULL) memset(p, 0, SECRET_ALLOC_MAX);
  return p;
}

static bool has(const char *p, const char *secret) {
  const size_t len = strlen(secret);
  const char *end = p + SECRET_ALLOC_MAX;
  for (; (p = memchr(p, secret[0], (size_t) (end - p))) != NULL; p++) {
    if ((size_t) (end - p) >= len && memcmp(p, secret, len) == 0) return true;
  }
  return false;
}

static void secret_free(void *p, void *arg) {
  secret_alloc *a = arg;
  if (p == NULL) return;
  a->freed++;
  a->leaks += has(p, a->secret);
  a->below.handle.free(p, a->below.handle.arg);
}

static void *secret_realloc(void *p, size_t size, void *arg) {
  void *larger = secret_malloc(size, arg);
  if (larger == NULL || p == NULL) return larger;
  memcpy(larger, p, SECRET_ALLOC_MAX);
  secret_free(p, arg);
  return larger;
}

void secret_alloc_init(secret_alloc *a, const char *secret) {
  *a = (secret_alloc){.handle = {secret_malloc, secret_realloc, secret_free, a}, .secret = secret};
  track_alloc_init(&a->below);
}

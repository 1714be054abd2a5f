#include "base/alloc.h"

/* Memory from the program's allocator, or by default from the C library: the only file that
   calls malloc. */

#include <stdlib.h>
#include <string.h>

static void *libc_malloc(size_t size, void *arg) {
  (void) arg;
  return malloc(size);
}

static void *libc_realloc(void *ptr, size_t size, void *arg) {
  (void) arg;
  return realloc(ptr, size);
}

static void libc_free(void *ptr, void *arg) {
  (void) arg;
  free(ptr);
}

const wsuv_allocator_t ws_alloc_libc = {libc_malloc, libc_realloc, libc_free, NULL};

/* malloc(0) may be NULL, and realloc(p, 0) may free p. */
static size_t at_least_one(size_t size) {
  return size == 0 ? 1 : size;
}

void *ws_malloc(const wsuv_allocator_t *a, size_t size) {
  return a->malloc(at_least_one(size), a->arg);
}

void *ws_calloc(const wsuv_allocator_t *a, size_t size) {
  void *ptr = ws_malloc(a, size);
  if (ptr != NULL) memset(ptr, 0, size);
  return ptr;
}

void *ws_realloc(const wsuv_allocator_t *a, void *ptr, size_t size) {
  return a->realloc(ptr, at_least_one(size), a->arg);
}

void ws_free(const wsuv_allocator_t *a, void *ptr) {
  if (ptr != NULL) a->free(ptr, a->arg);
}

char *ws_strndup(const wsuv_allocator_t *a, const char *s, size_t len) {
  char *copy = ws_malloc(a, len + 1);
  if (copy == NULL) return NULL;
  if (len > 0) memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

char *ws_strdup(const wsuv_allocator_t *a, const char *s) {
  return ws_strndup(a, s, strlen(s));
}

void ws_wipe(void *p, size_t len) {
  /* A compiler cannot know what this is when it is called. */
  void *(*volatile set)(void *, int, size_t) = memset;
  set(p, 0, len);
}

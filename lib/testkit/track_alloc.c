#include "testkit/track_alloc.h"

#include <stdlib.h>
#include <string.h>

#include "testkit/check.h"

/* The size stands before each block. */
typedef union block_header {
  size_t size;
  max_align_t align;
} block_header;

static bool must_fail(track_alloc *t) {
  t->calls++;
  if (t->fail_at == 0 || t->calls < t->fail_at) return false;
  if (t->calls > t->fail_at && !t->fail_for_ever) return false;
  t->failed++;
  return true;
}

static void count_in(track_alloc *t, size_t size) {
  t->live++;
  t->live_bytes += size;
  if (t->live_bytes > t->peak_bytes) t->peak_bytes = t->live_bytes;
  if (t->live_bytes > t->in_place_bytes) t->in_place_bytes = t->live_bytes;
}

static void count_out(track_alloc *t, size_t size) {
  t->live--;
  t->live_bytes -= size;
}

enum { FILL_WHOLE = 32 * 1024, FILL_EDGE = 4 * 1024 }; /* bytes */

/* A test that relies on zeros fails. Valgrind finds more where nothing was written at all. Of a
   large block only the edges are filled: to touch every page of each client's read buffer took a
   third of the time of tests that make many clients. */
static void fill(void *p, size_t size) {
  static int filling = -1;
  if (filling < 0) filling = getenv("WSUV_TEST_UNSET_MEMORY") == NULL;
  if (!filling) return;
  if (size <= FILL_WHOLE) {
    memset(p, 0xa5, size);
  } else {
    memset(p, 0xa5, FILL_EDGE);
    memset((char *) p + size - FILL_EDGE, 0xa5, FILL_EDGE);
  }
}

static void *track_malloc(size_t size, void *arg) {
  track_alloc *t = arg;
  if (must_fail(t)) return NULL;
  block_header *h = check_realloc(NULL, sizeof *h + size); /* check_alloc would touch every page */
  h->size = size;
  fill(h + 1, size);
  count_in(t, size);
  return h + 1;
}

static void track_free(void *ptr, void *arg) {
  if (ptr == NULL) return;
  block_header *h = (block_header *) ptr - 1;
  count_out(arg, h->size);
  check_free(h);
}

/* Always moves, so that code which kept the old address is found out. */
static void *track_realloc(void *ptr, size_t size, void *arg) {
  track_alloc *t = arg;
  size_t in_place = t->in_place_bytes;
  void *fresh = track_malloc(size, arg);
  if (fresh == NULL || ptr == NULL) return fresh;
  size_t old = ((block_header *) ptr - 1)->size;
  const size_t kept = old < size ? old : size;
  memcpy(fresh, ptr, kept);
  t->moved_bytes += kept;
  track_free(ptr, arg);
  t->in_place_bytes = in_place > t->live_bytes ? in_place : t->live_bytes;
  return fresh;
}

void track_alloc_init(track_alloc *t) {
  memset(t, 0, sizeof *t);
  t->handle = (wsuv_allocator_t){track_malloc, track_realloc, track_free, t};
}

#ifndef TEST_SECRET_ALLOC_H
#define TEST_SECRET_ALLOC_H

/* An allocator that looks for a secret in what is freed. Each block has room for SECRET_ALLOC_MAX
   bytes, and a block that grows is moved. */

#include "testkit/track_alloc.h"

enum { SECRET_ALLOC_MAX = 8192 };

typedef struct secret_alloc {
  wsuv_allocator_t handle; /* give this to the library */
  track_alloc below;       /* counts the blocks, and can fail */
  const char *secret;
  unsigned freed; /* blocks */
  unsigned leaks; /* blocks that still had the secret when they were freed */
} secret_alloc;

void secret_alloc_init(secret_alloc *a, const char *secret);

#endif

#include "support/pieces.h"

#include <stdlib.h>

#include "support/frames.h"

static size_t random_size(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return 1 + (*seed >> 16) % 40;
}

static size_t next_size(pieces *how, size_t done, size_t left) {
  size_t size = left;
  switch (how->kind) {
  case PIECES_WHOLE: break;
  case PIECES_BYTES: size = 1; break;
  case PIECES_OF: size = how->a; break;
  case PIECES_RANDOM: size = random_size(&how->seed); break;
  case PIECES_AT:
    if (done < how->a) {
      size = how->a - done;
    } else if (done < how->b) {
      size = how->b - done;
    }
    break;
  }
  return size < left ? size : left;
}

static int feed_copy(const uint8_t *data, size_t len, pieces_taker taker, void *arg, size_t *used) {
  uint8_t *copy = bytes_exact(data, len);
  int result = taker(arg, copy, len, used);
  free(copy);
  return result;
}

int pieces_feed(pieces how, const void *data, size_t len, pieces_taker taker, void *arg,
                size_t *used) {
  int result = 0;
  size_t done = 0;
  *used = 0;
  while (result == 0 && done < len) {
    size_t n = 0, size = next_size(&how, done, len - done);
    result = feed_copy((const uint8_t *) data + done, size, taker, arg, &n);
    done += size;
    *used += n;
  }
  return result;
}

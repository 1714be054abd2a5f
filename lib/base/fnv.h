#ifndef WS_BASE_FNV_H
#define WS_BASE_FNV_H

/* FNV-1a with 32 bits, by which tables find their buckets. It does not resist collisions that are
   made on purpose. */

#include <stdint.h>

static inline uint32_t fnv_begin(uint32_t seed) {
  return 2166136261u ^ seed;
}

static inline uint32_t fnv_add(uint32_t hash, uint8_t byte) {
  return (hash ^ byte) * 16777619u;
}

/* The lowest bits depend on all bits. */
static inline uint32_t fnv_end(uint32_t hash) {
  return hash ^ hash >> 16;
}

#endif

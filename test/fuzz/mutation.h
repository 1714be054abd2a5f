#ifndef TEST_FUZZ_MUTATION_H
#define TEST_FUZZ_MUTATION_H

/* Changes to the bytes of a flight of TLS records: to bytes, to records, and to handshake messages
   whose lengths still fit. All of it follows from one seed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that grow. Zeroed they are empty. */
typedef struct bytes {
  uint8_t *data;
  size_t len, size;
} bytes;

void bytes_free(bytes *b);
/* Take `old` bytes at `at` away, and put `len` in their place. */
void bytes_replace(bytes *b, size_t at, size_t old, const void *data, size_t len);

enum { POOL_RECORDS = 64 };

/* Where changes come from. */
typedef struct mutator {
  uint64_t state;
  bytes pool[POOL_RECORDS]; /* records of earlier flights */
  size_t kept;              /* so many were put there */
} mutator;

/* From now on everything follows from this seed, and from what is in the pool. */
void mutator_seed(mutator *m, uint64_t seed);
void mutator_free(mutator *m);

uint64_t mutator_random(mutator *m);
size_t mutator_below(mutator *m, size_t bound); /* bound >= 1 */
bool mutator_chance(mutator *m, unsigned percent);

/* Keep some records of a flight, which may come again in another one. */
void mutator_keep(mutator *m, const bytes *flight);

/* Change a flight once, also one that is empty. */
void mutate(mutator *m, bytes *flight);

#endif

#include "testkit/sim_internal.h"

/* What is drawn from the seed. */

/* SplitMix64: a good stream from every seed, 0 included. */
static uint64_t next(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t sim_random(sim *s) {
  return next(&s->chance);
}

uint64_t sim_below(sim *s, uint64_t n) {
  return sim_random(s) % n;
}

bool sim_chance(sim *s, unsigned percent) {
  return percent > 0 && sim_below(s, 100) < percent;
}

void sim_random_bytes(sim *s, void *buf, size_t len) {
  uint8_t *p = buf;
  for (size_t i = 0; i < len; i++) p[i] = (uint8_t) next(&s->bytes);
}

void sim_random_fails(sim *s, bool fails) {
  s->random_fails = fails;
}

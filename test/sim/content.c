#include "sim/content.h"

#include <string.h>

#include "support/frames.h"

/* Two tables, of text and of any bytes. A message is a part of one of them. Text is made of units
   of four bytes, each of whole characters, so that it can be cut at each of them. */

enum {
  UNIT = 4,
  STARTS = 64 * 1024, /* A message begins at one of so many places. */
  SMALL = 64,         /* Most messages have fewer bytes, */
  MEDIUM = 1024,      /* and most of the others fewer than these. */
  ONE_IN_MEDIUM = 16,
  ONE_IN_LARGE = 256
};

static uint8_t text[STARTS + CONTENT_MAX], noise[STARTS + CONTENT_MAX];

static void fill(void) {
  static const char *const units[] = {"abcd", "0 9 ", "e\xc3\xa9z", "\xe2\x82\xac.",
                                      "\xf0\x9f\x90\x9f"};
  uint64_t seed = 1;
  for (size_t i = 0; i < sizeof text; i += UNIT) {
    memcpy(text + i, units[seeded_below(&seed, sizeof units / sizeof *units)], UNIT);
  }
  for (size_t i = 0; i < sizeof noise; i++) noise[i] = (uint8_t) seeded(&seed);
}

static size_t draw_length(uint64_t *seed, size_t most) {
  const uint64_t kind = seeded(seed);
  size_t bound = SMALL;
  if (kind % ONE_IN_MEDIUM == 0) bound = MEDIUM;
  if (kind % ONE_IN_LARGE == 0) bound = most;
  return seeded_below(seed, (bound < most ? bound : most) + 1);
}

content content_of(uint64_t salt, uint32_t number, size_t most) {
  uint64_t seed = salt + number * UINT64_C(0x2545f4914f6cdd1d);
  if (text[0] == 0) fill();
  content c = {.len = draw_length(&seed, most)};
  size_t start = seeded_below(&seed, STARTS);
  c.text = seeded_below(&seed, 2) == 0;
  if (c.text) {
    start -= start % UNIT;
    c.len -= c.len % UNIT;
  }
  c.data = (c.text ? text : noise) + start;
  return c;
}

#include "support/stride.h"

#include <stdlib.h>

uint64_t stride(void) {
  const char *text = getenv("WSUV_TEST_STRIDE");
  const uint64_t n = text != NULL ? strtoull(text, NULL, 10) : 1;
  return n > 0 ? n : 1;
}

bool stride_takes(uint64_t number) {
  const uint64_t mixed = number * 0x9e3779b97f4a7c15; /* 2^64 by the golden ratio */
  return (mixed >> 32) % stride() == 0;
}

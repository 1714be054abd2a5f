#ifndef TEST_STRIDE_H
#define TEST_STRIDE_H

/* How much of a long walk is done: all of it; or with WSUV_TEST_STRIDE=N, one step in N, always the
   same ones. */

#include <stdbool.h>
#include <stdint.h>

uint64_t stride(void);

/* Whether the step with this number is one of those. No row or column of a table is left out, as
   it would be if each N-th were taken. */
bool stride_takes(uint64_t number);

#endif

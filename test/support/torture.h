#ifndef TEST_TORTURE_H
#define TEST_TORTURE_H

/* F46: a scenario is played again and again, while another one of its allocations fails. */

#include <stdbool.h>
#include <stdint.h>

#include "support/world.h"

/* Played from making its client to the client's end; w->alloc->failed tells how often memory has
   been refused in it so far. */
typedef void torture_scenario(world *w);

/* Play it with the first allocation failing, with the second, and so on, until it has had none to
   fail. The one that fails is the only one, or the first of all that come. After each play nothing
   may be left. `least`: how many allocations there must be, or the scenario is not what it was.
   With WSUV_TEST_STRIDE=N, one in N fails. */
void torture(world *w, torture_scenario *play, bool for_ever, uint64_t least);

#endif

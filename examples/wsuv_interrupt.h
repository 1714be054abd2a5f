#ifndef EXAMPLES_WSUV_INTERRUPT_H
#define EXAMPLES_WSUV_INTERRUPT_H

/* Interrupts (SIGINT), reported on the loop; the count can be read anywhere. */

#include <uv.h>

/* From now on `cb` runs on the loop after an interrupt, once for several that come together. The
   loop is not kept alive. 0 or a code of libuv's. */
int interrupt_start(uv_loop_t *loop, void (*cb)(void *data), void *data);

/* How many there were. */
unsigned interrupt_count(void);

/* The next one kills again. Fine without interrupt_start(), too. */
void interrupt_stop(void);

#endif

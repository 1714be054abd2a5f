#ifndef EXAMPLES_WSUV_INTERRUPT_H
#define EXAMPLES_WSUV_INTERRUPT_H

/* Signals that end the program (SIGINT, SIGTERM, SIGHUP), reported on the loop; the count can be
   read anywhere. */

#include <uv.h>

/* From now on `cb` runs on the loop after an interrupt, once for several that come together. The
   loop is not kept alive. 0 or a code of libuv's. */
int interrupt_start(uv_loop_t *loop, void (*cb)(void *data), void *data);

/* How many there were. A SIGHUP counts only as the first: shell and kernel may both send one. */
unsigned interrupt_count(void);

/* The next one kills again. Fine without interrupt_start(), too. */
void interrupt_stop(void);

#endif

#ifndef EXAMPLES_WSUV_RESERVE_H
#define EXAMPLES_WSUV_RESERVE_H

/* What libuv takes when it is needed first, and aborts the process if it cannot have it: a server
   takes it before it has sessions to lose. */

#include <uv.h>

/* Grow the loop's table of descriptors, up to the limit of the process, or to some thousands. 0, or
   a code of libuv's. */
int reserve_descriptors(uv_loop_t *loop);

/* Start the threads that look up names and read files. 0, or a code of libuv's. */
int reserve_threads(uv_loop_t *loop);

#endif

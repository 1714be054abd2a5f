#ifndef EXAMPLES_WSUV_OUTPUT_H
#define EXAMPLES_WSUV_OUTPUT_H

/* Standard output. */

#include <stdbool.h>
#include <stddef.h>

/* Write a message, and the end of a line if asked for; returns when all is written.
   0; UV_EPIPE: nobody reads any more; UV_EINTR: an interrupt came while nobody read; or another
   code of libuv's. */
int output_write(const void *data, size_t len, bool newline);

#endif

#ifndef EXAMPLES_WSUV_OUTPUT_H
#define EXAMPLES_WSUV_OUTPUT_H

/* Standard output. */

#include <stddef.h>
#include <stdint.h>

/* Write bytes; returns when all are written. 0; UV_EPIPE: nobody reads any more; UV_EINTR: an
   interrupt came while nobody read; or another code of libuv's. */
int output_write(const void *data, size_t len);

/* The longest time, in milliseconds, that nobody read what was to be written. */
uint64_t output_blocked_ms(void);

#endif

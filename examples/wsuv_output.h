#ifndef EXAMPLES_WSUV_OUTPUT_H
#define EXAMPLES_WSUV_OUTPUT_H

/* Standard output and standard error, for one thread at a time. */

#include <stddef.h>
#include <stdint.h>

/* Write bytes; returns when all are written. 0; UV_EPIPE: nobody reads any more; UV_EINTR: an
   interrupt came while nobody read; or another code of libuv's. */
int output_write(const void *data, size_t len);

/* Write a line for people to standard error; returns when it is written, or cannot be. After an
   interrupt nobody is waited for: what is not read then is lost, with all that follows. */
void output_report(const void *line, size_t len);

/* While a write waits, look at this socket, too: if its peer ends the connection, `callback` is
   called once, as soon as nobody has read for a second, with that time in milliseconds. -1: at
   none. */
void output_watch(int socket, void (*callback)(uint64_t blocked_ms));

/* The longest time, in milliseconds, that nobody read what was to be written. */
uint64_t output_blocked_ms(void);

#endif

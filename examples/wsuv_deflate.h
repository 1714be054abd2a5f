#ifndef EXAMPLES_WSUV_DEFLATE_H
#define EXAMPLES_WSUV_DEFLATE_H

/* The value of wsuv's option --deflate. */

#include <stdbool.h>
#include <wsuv.h>

/* Read parameters as they stand in the handshake, `NAME; NAME=N`, into options that are set up with
   the defaults; the text is taken apart in place. Whether N is in range is for the library to
   say. */
bool deflate_read(wsuv_deflate_options_t *options, char *text);

#endif

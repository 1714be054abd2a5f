#ifndef EXAMPLES_WSUV_LISTEN_H
#define EXAMPLES_WSUV_LISTEN_H

/* The server, for --listen. */

#include <uv.h>

#include "wsuv_exit.h"
#include "wsuv_options.h"
#include "wsuv_print.h"

/* Serve until a signal ends it, or the mode does. */
exit_code listen_run(const options *o, printer *out, uv_loop_t *loop);

#endif

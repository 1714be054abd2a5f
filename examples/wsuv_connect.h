#ifndef EXAMPLES_WSUV_CONNECT_H
#define EXAMPLES_WSUV_CONNECT_H

/* The client, for a URL. */

#include <uv.h>

#include "wsuv_exit.h"
#include "wsuv_options.h"
#include "wsuv_print.h"

/* Connect, and go on until the session has ended. */
exit_code connect_run(const options *o, printer *out, uv_loop_t *loop);

#endif

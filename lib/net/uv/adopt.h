#ifndef WS_NET_UV_ADOPT_H
#define WS_NET_UV_ADOPT_H

/* A stream that the program has connected, as the filter at the bottom of a chain. */

#include <uv.h>

#include "base/env.h"
#include "net/filter.h"

/* Make a filter for a stream of `loop`, which is the environment's. The stream is not touched.
   0; WS_EINVAL: it is neither TCP nor a pipe, or of another loop; UV_ENOTCONN: it is not connected,
   was shut down or is being closed; WS_ENOMEM. The caller owns the filter, and calls one of the two
   functions below. */
int adopt_new(ws_filter **out, ws_env *env, uv_loop_t *loop, uv_stream_t *handle);

/* Take the stream over: the filter is connected, and reads, writes and closes the handle from now
   on; its `close` frees the filter. The handle's memory stays the program's, and is not touched any
   more once on_close has run. */
void adopt_take(ws_filter *filter);

/* Free the filter, and leave the stream as it is. Call it instead of adopt_take. */
void adopt_discard(ws_filter *filter);

#endif

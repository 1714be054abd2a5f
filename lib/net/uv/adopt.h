#ifndef WS_NET_UV_ADOPT_H
#define WS_NET_UV_ADOPT_H

/* A stream of libuv's that somebody else has connected, as the filter at the bottom of a chain. */

#include <uv.h>

#include "base/env.h"
#include "net/filter.h"

/* Make a filter for a stream of `loop`, which is the environment's. The stream is not touched.
   0; WS_EINVAL: it is neither TCP nor a pipe, or of another loop; UV_ENOTCONN: it is not connected,
   was shut down or is being closed; WS_ENOMEM. */
int adopt_new(ws_filter **out, ws_env *env, uv_loop_t *loop, uv_stream_t *handle);

/* Take the stream over: it is connected, and its events are those of the filter from now on. The
   memory of the handle is not the filter's, and not touched any more once on_close has run. */
void adopt_take(ws_filter *filter);

/* Free the filter, and leave the stream as it is; in place of adopt_take. */
void adopt_discard(ws_filter *filter);

#endif

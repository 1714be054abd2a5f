#ifndef WS_NET_UV_ADOPT_H
#define WS_NET_UV_ADOPT_H

/* A stream that the program has connected or accepted, as the filter at the bottom of a chain. */

#include <uv.h>

#include "base/env.h"
#include "base/view.h"
#include "net/filter.h"

/* The handle is closed, and its memory is not used any more. */
typedef void (*adopt_release)(uv_stream_t *handle, void *arg);

/* Make a filter for a stream of `loop`, which is the environment's. The stream is not touched. What
   the program has received of it is copied, and is read before anything else.
   0; WS_EINVAL: it is neither TCP nor a pipe, or of another loop; UV_ENOTCONN: it is not connected,
   was shut down or is being closed; WS_ENOMEM. The caller owns the filter, and calls one of the two
   functions below. */
int adopt_new(ws_filter **out, ws_env *env, uv_loop_t *loop, uv_stream_t *handle, ws_view received);

/* Take the stream over: the filter is connected, and reads, writes and closes the handle from now
   on; its `close` frees the filter. The handle's memory stays the program's. It is not touched any
   more once on_close has run; with `release`, once that was called after on_close: then the
   handle's `data` is what it was before. */
void adopt_take(ws_filter *filter, adopt_release release, void *arg);

/* Free the filter, and leave the stream as it is. Call it instead of adopt_take. */
void adopt_discard(ws_filter *filter);

#endif

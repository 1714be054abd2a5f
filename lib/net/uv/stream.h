#ifndef WS_NET_UV_STREAM_H
#define WS_NET_UV_STREAM_H

/* The filter at the bottom of a chain: a stream on libuv. What kind of socket it is, is for others
   to know: they make one of these, with the handle behind it, and have it connected. */

#include "net/filter.h"
#include "net/uv/env_uv.h"

/* First member of what env_uv_alloc gave, which is freed when the handle is closed. */
typedef struct stream {
  ws_filter filter; /* without events while nobody is above it; closing needs none */
  env_uv *e;
  uv_stream_t *handle;
  uv_write_t *write; /* the request that holds bytes, kept for the next time; NULL at first */
  bool closing;
} stream;

/* `s` is zeroed, the handle is libuv's already; its data becomes the stream's. */
void stream_init(stream *s, env_uv *e, uv_stream_t *handle);

/* A request for libuv to connect with, and its callback: on_connect of the filter. NULL: no memory.
   It is freed by the callback, or by env_uv_free if libuv did not take it. */
uv_connect_t *stream_connect_request(stream *s);
void stream_on_connect(uv_connect_t *req, int status);

#endif

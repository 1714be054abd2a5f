#ifndef WS_NET_UV_STREAM_H
#define WS_NET_UV_STREAM_H

/* The filter at the bottom of a chain: a uv_stream_t of any kind. `tcp`, `pipe` and `adopt` make
   such filters. */

#include "net/filter.h"
#include "net/uv/loop.h"

/* First member of a block of env_uv_alloc, which is freed in the handle's close callback. */
typedef struct stream {
  ws_filter filter;    /* Without events until there is a filter above it; closing needs none. */
  env_uv *e;           /* The environment, which outlives the stream. */
  uv_stream_t *handle; /* In the same block (`tcp`, `pipe`), or the program's (`adopt`). */
  uv_write_t *write;   /* Holds bytes; NULL until needed, then kept for the next write. */
  bool closing;        /* No event comes any more, but on_close. */
} stream;

static inline stream *stream_of(ws_filter *f) {
  return (stream *) (void *) f;
}

/* Make a filter of `s`, which is zeroed, and of `handle`, which is initialized; the handle's `data`
   belongs to the stream from now on. The filter's `close` closes the handle and frees `s`. */
void stream_init(stream *s, env_uv *e, uv_stream_t *handle);

/* A request to connect with, and its callback, which calls the filter's on_connect. NULL: no
   memory. The callback frees the request; if connecting fails at once, the caller does, by
   env_uv_free. */
uv_connect_t *stream_connect_request(stream *s);
void stream_on_connect(uv_connect_t *req, int status);

#endif

#ifndef WS_NET_UV_STREAM_H
#define WS_NET_UV_STREAM_H

/* The filter at the bottom of a chain: a uv_stream_t of any kind. `tcp`, `pipe` and `adopt` make
   such filters. */

#include "net/filter.h"
#include "net/uv/loop.h"

/* First member of a block of env_uv_alloc, which is freed when the handle is closed. */
typedef struct stream {
  /* This must be the first field; its `events` are NULL until a layer above has set them. */
  ws_filter filter;
  env_uv *e; /* This is the environment, which outlives the stream. */
  /* The handle is a uv_stream_t in the same block (`tcp`, `pipe`), or the program's (`adopt`). */
  own_handle own;
  /* This many bytes were written or retained since the stream was made, and those that waited to be
     written then. */
  uint64_t given;
} stream;

static inline stream *stream_of(ws_filter *f) {
  return (stream *) (void *) f;
}

static inline uv_stream_t *stream_handle(const stream *s) {
  return (uv_stream_t *) s->own.uv;
}

/* Make a filter of `s`, which is zeroed, and of `handle`, which is initialized; the handle's `data`
   belongs to the stream from now on. The filter's `close` closes the handle and frees `s`. */
void stream_init(stream *s, env_uv *e, uv_stream_t *handle);

/* The functions of the filter, for one that replaces some of them. */
int stream_read_start(ws_filter *f);
void stream_read_stop(ws_filter *f);
int stream_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken, size_t *retained);
ptrdiff_t stream_try_write(ws_filter *f, const ws_view *bufs, size_t count);
void stream_set_slow(ws_filter *f, bool slow, ws_slowed *slowed);
void stream_shut_down(ws_filter *f);
int stream_query(const ws_filter *f, ws_filter_query what, void *out);

/* Free a stream whose handle is closed. */
void stream_free(stream *s);

/* A request to connect with, and its callback, which calls the filter's on_connect. NULL: no
   memory. The callback frees the request; if connecting fails at once, the caller does, by
   env_uv_free. */
uv_connect_t *stream_connect_request(stream *s);
void stream_on_connect(uv_connect_t *req, int status);

#endif

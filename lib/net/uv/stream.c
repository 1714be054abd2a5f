#include "net/uv/stream.h"

#include <string.h>

#include "base/cold.h"
#include "base/error.h"
#include "net/address.h"
#include "net/uv/backlog.h"
#include "net/uv/credentials.h"
#include "net/uv/descriptor.h"

/* The bottom filter. Writes go to the kernel at once; what it does not take is retained by one
   write request of a pool. */

enum {
  WRITE_PIECES = 128, /* pieces in one system call */
  RETAIN_PIECES = 4,  /* pieces that libuv retains without allocating memory */
  /* bytes that the kernel takes beyond those that it has sent, while the connection is slow */
  SLOW_UNSENT_MAX = 128 * 1024
};

void stream_free(stream *s) {
  env_uv_free(s->e, s);
}

static void stream_on_closed(own_handle *h) {
  stream *s = ws_list_entry(h, stream, own);
  if (s->filter.events != NULL) s->filter.events->on_close(s->filter.up);
  stream_free(s);
}

static void close_stream(ws_filter *f) {
  stream *s = stream_of(f);
  handle_close(&s->e->handles, &s->own, stream_on_closed);
}

/* A request of a stream that we or the program have closed ends with UV_ECANCELED. No event comes
   from it. */
static bool is_closing(const stream *s) {
  return uv_is_closing(s->own.uv) != 0;
}

/* What a call of libuv returned, for the layer above. */
static int result(const stream *s, int err) {
  return err < 0 && is_closing(s) ? WS_ECANCELED : err;
}

/* Connecting */

uv_connect_t *stream_connect_request(stream *s) {
  uv_connect_t *req = env_uv_alloc(s->e, sizeof *req);
  if (req != NULL) req->data = s;
  return req;
}

void stream_on_connect(uv_connect_t *req, int status) {
  stream *s = req->data;
  env_uv_free(s->e, req);
  if (!is_closing(s)) s->filter.events->on_connect(s->filter.up, status);
}

/* Reading */

static void stream_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  stream *s = handle->data;
  ws_room room;
  (void) suggested;
  s->filter.events->on_alloc(s->filter.up, &room);
  buf->base = (char *) room.base;
  buf->len = room.len;
}

static void stream_on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
  stream *s = handle->data;
  if (n == 0) return; /* the kernel had no bytes (EAGAIN) */
  s->filter.events->on_read(s->filter.up, n > 0 ? (uint8_t *) buf->base : NULL, n);
}

int stream_read_start(ws_filter *f) {
  const stream *s = stream_of(f);
  return result(s, uv_read_start(stream_handle(s), stream_on_alloc, stream_on_read));
}

/* uv_read_stop always succeeds, and its result is not to be looked at: so libuv documents it since
   1.42, and so it is on Unix in 1.44 to 1.50, where it returns nothing but 0. */
void stream_read_stop(ws_filter *f) {
  (void) uv_read_stop(stream_handle(stream_of(f)));
}

/* Writing */

static void stream_on_written(uv_write_t *req, int status) {
  stream *s = req->data;
  env_uv_give_write(s->e, req);
  if (!is_closing(s)) s->filter.events->on_write(s->filter.up, status);
}

static size_t convert(uv_buf_t *to, const ws_view *bufs, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    to[i] = uv_buf_init((char *) bufs[i].base, (unsigned) bufs[i].len);
    total += bufs[i].len;
  }
  return total;
}

/* Cut `skip` bytes off the front, and off the end what is more than WS_FILTER_RETAIN_MAX bytes or
   RETAIN_PIECES pieces. Returns the number of pieces. */
static unsigned cut(uv_buf_t *bufs, unsigned count, size_t skip, size_t *len) {
  unsigned kept = 0;
  *len = 0;
  for (unsigned i = 0; i < count && kept < RETAIN_PIECES && *len < WS_FILTER_RETAIN_MAX; i++) {
    size_t off = skip < bufs[i].len ? skip : bufs[i].len;
    size_t n = bufs[i].len - off;
    skip -= off;
    if (n == 0) continue;
    if (n > WS_FILTER_RETAIN_MAX - *len) n = WS_FILTER_RETAIN_MAX - *len;
    bufs[kept++] = uv_buf_init(bufs[i].base + off, (unsigned) n);
    *len += n;
  }
  return kept;
}

/* After an error *retained is 0. */
WS_COLD static int stream_retain(stream *s, uv_buf_t *bufs, unsigned count, size_t skip,
                                 size_t *retained) {
  uv_write_t *req = env_uv_take_write(s->e);
  if (req == NULL) return WS_ENOMEM;
  req->data = s;
  count = cut(bufs, count, skip, retained);
  int err = uv_write(req, stream_handle(s), bufs, count, stream_on_written);
  if (err == 0) return 0;
  *retained = 0;
  env_uv_give_write(s->e, req);
  return err;
}

/* How many bytes the kernel takes now, or an error. */
static int write_pieces(const stream *s, const uv_buf_t *pieces, unsigned count) {
  int r = uv_try_write(stream_handle(s), pieces, count);
  return r == UV_EAGAIN ? 0 : r;
}

/* As many pieces in each system call as it takes. */
int stream_write(ws_filter *f, const ws_view *bufs, size_t count, size_t *taken, size_t *retained) {
  stream *s = stream_of(f);
  uv_buf_t pieces[WRITE_PIECES];
  *taken = *retained = 0;
  while (count > 0 && *retained == 0) {
    const unsigned n = count < WRITE_PIECES ? (unsigned) count : WRITE_PIECES;
    const size_t total = convert(pieces, bufs, n);
    int r = write_pieces(s, pieces, n);
    const size_t now = r > 0 ? (size_t) r : 0;
    if (r >= 0 && now < total) r = stream_retain(s, pieces, n, now, retained);
    *taken += now;
    s->given += now + *retained;
    if (r < 0) return result(s, r);
    bufs += n;
    count -= n;
  }
  return 0;
}

ptrdiff_t stream_try_write(ws_filter *f, const ws_view *bufs, size_t count) {
  stream *s = stream_of(f);
  uv_buf_t pieces[WRITE_PIECES];
  if (count > WRITE_PIECES) count = WRITE_PIECES;
  (void) convert(pieces, bufs, count); /* the caller knows how many bytes they have */
  int r = write_pieces(s, pieces, (unsigned) count);
  if (r < 0) return result(s, r);
  s->given += (size_t) r;
  return r;
}

void stream_set_slow(ws_filter *f, bool slow, ws_slowed *slowed) {
  const uv_stream_t *handle = stream_handle(stream_of(f));
  int unused;
  if (slow) {
    slowed->changed = backlog_limit(handle, SLOW_UNSENT_MAX, &slowed->before);
  } else if (slowed->changed) {
    slowed->changed = !backlog_limit(handle, slowed->before, &unused);
  }
}

static void stream_on_shutdown(uv_shutdown_t *req, int status) {
  stream *s = req->data;
  (void) status; /* if the connection is lost, reading reports it */
  env_uv_free(s->e, req);
}

/* Without memory for it there is no half-close; the connection still ends by close. */
void stream_shut_down(ws_filter *f) {
  stream *s = stream_of(f);
  uv_shutdown_t *req = env_uv_alloc(s->e, sizeof *req);
  if (req == NULL) return;
  req->data = s;
  if (uv_shutdown(req, stream_handle(s), stream_on_shutdown) < 0) env_uv_free(s->e, req);
}

/* What the filter is asked */

static int tcp_address(const uv_tcp_t *tcp, bool peer, struct sockaddr_storage *addr) {
  int len = sizeof *addr;
  struct sockaddr *sa = (struct sockaddr *) addr;
  return peer ? uv_tcp_getpeername(tcp, sa, &len) : uv_tcp_getsockname(tcp, sa, &len);
}

/* Our own end of a Unix socket has no path. */
static int pipe_address(const uv_pipe_t *pipe, bool peer, struct sockaddr_storage *addr) {
  char path[ADDRESS_PATH_MAX + 1];
  size_t len = sizeof path;
  int err = peer ? uv_pipe_getpeername(pipe, path, &len) : uv_pipe_getsockname(pipe, path, &len);
  if (err == 0) address_of_path(addr, path, len);
  return err;
}

static int address(const ws_filter *f, bool peer, struct sockaddr_storage *addr) {
  const uv_handle_t *uv = ((const stream *) (const void *) f)->own.uv;
  address_clear(addr);
  if (uv_handle_get_type(uv) == UV_TCP) return tcp_address((const uv_tcp_t *) uv, peer, addr);
  return pipe_address((const uv_pipe_t *) uv, peer, addr);
}

static int unacked(const ws_filter *f, ws_unacked *out) {
  const stream *s = (const stream *) (const void *) f;
  size_t bytes;
  int err = backlog_unacked(stream_handle(s), &bytes);
  if (err < 0) return err;
  out->written = s->given - uv_stream_get_write_queue_size(stream_handle(s));
  out->unacked = bytes;
  return 0;
}

static int descriptor(const ws_filter *f, int *out) {
  uv_os_fd_t fd;
  int err = uv_fileno(((const stream *) (const void *) f)->own.uv, &fd);
  if (err < 0) return err;
  *out = descriptor_duplicate(fd);
  return *out < 0 ? *out : 0;
}

int stream_query(const ws_filter *f, ws_filter_query what, void *out) {
  const stream *s = (const stream *) (const void *) f;
  switch (what) {
  case WS_QUERY_LOCAL_ADDRESS: return address(f, false, out);
  case WS_QUERY_PEER_ADDRESS: return address(f, true, out);
  case WS_QUERY_UNACKED: return unacked(f, out);
  case WS_QUERY_CREDENTIALS: return credentials_read(stream_handle(s), out);
  case WS_QUERY_DESCRIPTOR: return descriptor(f, out);
  default: return WS_ENOTSUP;
  }
}

static const ws_filter_ops stream_ops = {
    .read_start = stream_read_start,
    .read_stop = stream_read_stop,
    .write = stream_write,
    .try_write = stream_try_write,
    .set_slow = stream_set_slow,
    .shutdown = stream_shut_down,
    .query = stream_query,
    .close = close_stream,
};

void stream_init(stream *s, env_uv *e, uv_stream_t *handle) {
  s->filter.ops = &stream_ops;
  s->e = e;
  s->own.uv = (uv_handle_t *) handle;
  s->given = uv_stream_get_write_queue_size(handle);
  handle->data = s;
  uv_unref((uv_handle_t *) handle); /* see `keep_alive` in base/env.h */
}

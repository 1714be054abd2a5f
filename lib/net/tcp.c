#include "net/tcp.h"

#include <string.h>

#include "base/error.h"

/* A TCP socket as the bottom filter. Writes go to the kernel at once; what it does not take is
   held by one write request, made when it is first needed. */

enum {
  WRITE_PIECES = 128, /* handed to one system call */
  HOLD_PIECES = 4     /* more, and libuv would allocate */
};

typedef struct tcp {
  ws_filter filter;
  env_uv *e;
  uv_tcp_t handle;
  uv_write_t *write; /* the request that holds bytes, kept for the next time; NULL at first */
  bool nodelay;
  bool closing;
} tcp;

static tcp *self(ws_filter *f) {
  return (tcp *) (void *) f;
}

static uv_stream_t *stream(tcp *t) {
  return (uv_stream_t *) &t->handle;
}

static void on_closed(uv_handle_t *handle) {
  tcp *t = handle->data;
  if (t->filter.events != NULL) t->filter.events->on_close(t->filter.up);
  if (t->write != NULL) env_uv_free(t->e, t->write);
  env_uv_free(t->e, t);
}

static void tcp_close(ws_filter *f) {
  tcp *t = self(f);
  t->closing = true;
  uv_close((uv_handle_t *) &t->handle, on_closed);
}

/* Connecting */

static void on_connect(uv_connect_t *req, int status) {
  tcp *t = req->data;
  env_uv_free(t->e, req);
  if (t->closing) return;
  if (status == 0 && t->nodelay) status = uv_tcp_nodelay(&t->handle, 1);
  t->filter.events->on_connect(t->filter.up, status);
}

/* Reading */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  tcp *t = handle->data;
  ws_buf room;
  (void) suggested;
  t->filter.events->on_alloc(t->filter.up, &room);
  buf->base = (char *) room.base;
  buf->len = room.len;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
  tcp *t = s->data;
  if (n == 0) return; /* the kernel had nothing after all */
  t->filter.events->on_read(t->filter.up, n > 0 ? (uint8_t *) buf->base : NULL, n);
}

static int read_start(ws_filter *f) {
  return uv_read_start(stream(self(f)), on_alloc, on_read);
}

static void read_stop(ws_filter *f) {
  (void) uv_read_stop(stream(self(f)));
}

/* Writing */

static void on_held_written(uv_write_t *req, int status) {
  tcp *t = req->data;
  if (t->closing) return;
  t->filter.events->on_write(t->filter.up, status);
}

static size_t convert(uv_buf_t *to, const ws_buf *bufs, size_t count) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    to[i] = uv_buf_init((char *) bufs[i].base, (unsigned) bufs[i].len);
    total += bufs[i].len;
  }
  return total;
}

/* Cut `skip` bytes off the front, and what is beyond WS_FILTER_HOLD_MAX or HOLD_PIECES off the
   end. Returns the number of pieces. */
static unsigned cut(uv_buf_t *bufs, unsigned count, size_t skip, size_t *len) {
  unsigned kept = 0;
  *len = 0;
  for (unsigned i = 0; i < count && kept < HOLD_PIECES && *len < WS_FILTER_HOLD_MAX; i++) {
    size_t off = skip < bufs[i].len ? skip : bufs[i].len;
    size_t n = bufs[i].len - off;
    skip -= off;
    if (n == 0) continue;
    if (n > WS_FILTER_HOLD_MAX - *len) n = WS_FILTER_HOLD_MAX - *len;
    bufs[kept++] = uv_buf_init(bufs[i].base + off, (unsigned) n);
    *len += n;
  }
  return kept;
}

static int hold(tcp *t, uv_buf_t *bufs, unsigned count, size_t skip, size_t *held) {
  if (t->write == NULL) {
    t->write = env_uv_alloc(t->e, sizeof *t->write);
    if (t->write == NULL) return WS_ENOMEM;
  }
  t->write->data = t;
  count = cut(bufs, count, skip, held);
  return uv_write(t->write, stream(t), bufs, count, on_held_written);
}

/* As many pieces as one system call takes. *total is what they have. */
static int write_group(tcp *t, const ws_buf *bufs, size_t count, size_t *total, size_t *taken,
                       size_t *held) {
  uv_buf_t pieces[WRITE_PIECES];
  *total = convert(pieces, bufs, count);
  *taken = *held = 0;
  int r = uv_try_write(stream(t), pieces, (unsigned) count);
  if (r < 0 && r != UV_EAGAIN) return r;
  *taken = r < 0 ? 0 : (size_t) r;
  if (*taken == *total) return 0;
  r = hold(t, pieces, (unsigned) count, *taken, held);
  if (r < 0) *held = 0;
  return r;
}

static int write_now(ws_filter *f, const ws_buf *bufs, size_t count, size_t *taken, size_t *held) {
  *taken = *held = 0;
  while (count > 0 && *held == 0) {
    size_t n = count < WRITE_PIECES ? count : WRITE_PIECES, total, now;
    int err = write_group(self(f), bufs, n, &total, &now, held);
    *taken += now;
    if (err < 0) return err;
    bufs += n;
    count -= n;
  }
  return 0;
}

static void on_shutdown(uv_shutdown_t *req, int status) {
  tcp *t = req->data;
  (void) status; /* the reading side will tell */
  env_uv_free(t->e, req);
}

/* Without memory for it there is no half-close; the connection still ends by close. */
static void shut_down(ws_filter *f) {
  tcp *t = self(f);
  uv_shutdown_t *req = env_uv_alloc(t->e, sizeof *req);
  if (req == NULL) return;
  req->data = t;
  if (uv_shutdown(req, stream(t), on_shutdown) < 0) env_uv_free(t->e, req);
}

static const ws_filter_ops ops = {
    .read_start = read_start,
    .read_stop = read_stop,
    .write = write_now,
    .shutdown = shut_down,
    .close = tcp_close,
};

static int begin_connect(tcp *t, const struct sockaddr *addr) {
  uv_connect_t *req = env_uv_alloc(t->e, sizeof *req);
  if (req == NULL) return WS_ENOMEM;
  req->data = t;
  int err = uv_tcp_connect(req, &t->handle, addr, on_connect);
  if (err < 0) env_uv_free(t->e, req);
  return err;
}

int tcp_connect(ws_env *env, const struct sockaddr *addr, const ws_socket_options *options,
                const ws_filter_events *events, void *up, ws_filter **out) {
  env_uv *e = (env_uv *) (void *) env;
  tcp *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  int err = uv_tcp_init(e->loop, &t->handle);
  if (err < 0) {
    env_uv_free(e, t);
    return err;
  }
  t->e = e;
  t->handle.data = t;
  t->nodelay = options->nodelay;
  t->filter.ops = &ops;
  err = begin_connect(t, addr);
  if (err < 0) {
    tcp_close(&t->filter); /* nobody is above yet: freed when libuv has let go */
    return err;
  }
  t->filter.events = events;
  t->filter.up = up;
  *out = &t->filter;
  return 0;
}

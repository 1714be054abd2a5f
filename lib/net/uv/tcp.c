#include "net/uv/tcp.h"

#include <unistd.h>

#include "base/error.h"
#include "net/uv/descriptor.h"
#include "net/uv/stream.h"
#include "net/uv/tcp_options.h"

/* Makes TCP sockets by connecting or accepting; `stream` reads and writes. */

typedef struct tcp {
  stream stream;   /* This must be the first field, because its address is freed. */
  uv_tcp_t handle; /* This is the handle of `stream`. */
} tcp;

/* What a socket is given before it connects. */
static int tcp_prepare(tcp *t, const ws_socket_options *options) {
  const struct sockaddr *local = (const struct sockaddr *) &options->local;
  uv_os_fd_t fd;
  int err = uv_fileno((const uv_handle_t *) &t->handle, &fd);
  if (err == 0) err = tcp_options_set(fd, options);
  if (err == 0 && local->sa_family != AF_UNSPEC) err = uv_tcp_bind(&t->handle, local, 0);
  return err;
}

static int tcp_begin(tcp *t, const struct sockaddr *addr) {
  uv_connect_t *req = stream_connect_request(&t->stream);
  if (req == NULL) return WS_ENOMEM;
  int err = uv_tcp_connect(req, &t->handle, addr, stream_on_connect);
  if (err < 0) env_uv_free(t->stream.e, req);
  return err;
}

/* The socket is made at once, to be given its options before it connects. */
int tcp_connect(env_uv *e, const struct sockaddr *addr, const ws_socket_options *options,
                const ws_filter_events *events, void *up, ws_filter **out) {
  tcp *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  int err = uv_tcp_init_ex(e->loop, &t->handle, addr->sa_family);
  if (err < 0) {
    env_uv_free(e, t);
    return err;
  }
  ws_filter *f = &t->stream.filter;
  stream_init(&t->stream, e, (uv_stream_t *) &t->handle);
  err = tcp_prepare(t, options);
  if (err == 0) err = tcp_begin(t, addr);
  if (err < 0) {
    f->ops->close(f); /* has no events yet; freed when it is closed */
    return err;
  }
  f->events = events;
  f->up = up;
  *out = f;
  return 0;
}

/* On macOS a socket whose peer has gone takes no options. */
static int tcp_open(tcp *t, int fd, const ws_socket_options *options) {
  int err = uv_tcp_open(&t->handle, fd);
  if (err < 0) {
    (void) close(fd);
    return err;
  }
  return tcp_options_set(fd, options) < 0 ? WS_ECONNABORTED : 0;
}

/* The memory comes first: without it the connection waits in the backlog. */
int tcp_accept(env_uv *e, int listening, const ws_socket_options *options,
               struct sockaddr_storage *peer, ws_filter **out) {
  tcp *t = env_uv_alloc(e, sizeof *t);
  if (t == NULL) return WS_ENOMEM;
  int fd = descriptor_accept(listening, peer);
  if (fd < 0) {
    env_uv_free(e, t);
    return fd;
  }
  uv_tcp_init(e->loop, &t->handle);
  stream_init(&t->stream, e, (uv_stream_t *) &t->handle);
  *out = &t->stream.filter;
  int err = tcp_open(t, fd, options);
  if (err < 0) (*out)->ops->close(*out); /* has no events; freed when it is closed */
  return err;
}

#include "net/uv/tcp.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/error.h"
#include "net/uv/descriptor.h"
#include "net/uv/stream.h"

/* Makes TCP sockets by connecting or accepting; `stream` reads and writes. */

typedef struct tcp {
  stream stream;   /* This must be the first field, because its address is freed. */
  uv_tcp_t handle; /* This is the handle of `stream`. */
} tcp;

enum { KEEPALIVE_PROBES = 9, NO_OPTION = -1 };

#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL NO_OPTION
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT NO_OPTION
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT NO_OPTION
#endif

/* An option of TCP. The system may not have it, and then it has no number. */
static int tcp_set(const tcp *t, int name, unsigned number) {
  const int value = (int) number;
  uv_os_fd_t fd;
  if (name == NO_OPTION) return 0;
  int err = uv_fileno((const uv_handle_t *) &t->handle, &fd);
  if (err < 0) return err;
  bool set = setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value) == 0;
  return set ? 0 : uv_translate_sys_error(errno);
}

/* libuv sets an interval of one second, so that an outage of ten seconds would end the connection
   (uv_tcp_keepalive). */
static int set_keepalive(tcp *t, unsigned idle_s) {
  int err = uv_tcp_keepalive(&t->handle, 1, idle_s);
  if (err == 0) err = tcp_set(t, TCP_KEEPINTVL, idle_s >= 3 ? idle_s / 3 : 1);
  return err == 0 ? tcp_set(t, TCP_KEEPCNT, KEEPALIVE_PROBES) : err;
}

static int tcp_set_options(tcp *t, const ws_socket_options *options) {
  int err = options->nodelay ? uv_tcp_nodelay(&t->handle, 1) : 0;
  if (err == 0 && options->keepalive_s > 0) err = set_keepalive(t, options->keepalive_s);
  if (err == 0 && options->user_timeout_ms > 0) {
    err = tcp_set(t, TCP_USER_TIMEOUT, options->user_timeout_ms);
  }
  return err;
}

/* What a socket is given before it connects. */
static int tcp_prepare(tcp *t, const ws_socket_options *options) {
  const struct sockaddr *local = (const struct sockaddr *) &options->local;
  int err = tcp_set_options(t, options);
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

/* The socket is made at once, or libuv would forget how long keepalive waits. */
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
  return tcp_set_options(t, options) < 0 ? WS_ECONNABORTED : 0;
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

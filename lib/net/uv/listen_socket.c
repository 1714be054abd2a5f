#include "net/uv/listen_socket.h"

#include <errno.h>
#include <unistd.h>

#include <netinet/in.h>
#include <uv.h>

#include "base/error.h"
#include "net/address.h"
#include "net/uv/descriptor.h"
#include "net/uv/tcp_options.h"

/* Makes sockets that listen, and checks those that do already. */

#if defined(SO_REUSEPORT_LB) /* FreeBSD: there SO_REUSEPORT does not spread connections. */
#define SHARED_PORT SO_REUSEPORT_LB
#elif defined(SO_REUSEPORT)
#define SHARED_PORT SO_REUSEPORT
#endif

static int last_error(void) {
  return uv_translate_sys_error(errno);
}

static int set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : last_error();
}

static int share_port(int fd) {
#ifdef SHARED_PORT
  return set_option(fd, SOL_SOCKET, SHARED_PORT, 1);
#else
  (void) fd;
  return WS_ENOTSUP;
#endif
}

/* SO_REUSEADDR: a server that is started again gets its port although connections of the one before
   it linger. The system's default for IPV6_V6ONLY can be either. */
static int bind_tcp(const listen_socket *s, const ws_listen_options *o) {
  const struct sockaddr *addr = (const struct sockaddr *) &o->address;
  bool is_v6 = s->family == AF_INET6;
  socklen_t len = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
  int err = set_option(s->fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (err == 0 && o->reuse_port) err = share_port(s->fd);
  if (err == 0 && is_v6) err = set_option(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, !o->dual_stack);
  if (err == 0 && bind(s->fd, addr, len) < 0) err = last_error();
  return err == 0 && TCP_OPTIONS_INHERITED ? tcp_options_set(s->fd, &o->socket) : err;
}

static int bind_unix(listen_socket *s, const wsuv_allocator_t *alloc, const ws_listen_options *o) {
  const struct sockaddr_un *addr = (const struct sockaddr_un *) &o->address;
  return socket_file_bind(&s->file, alloc, s->fd, addr, o->unix_mode);
}

/* Another server may have taken the file for a stale one, as long as the socket did not listen. */
static int start(const listen_socket *s, int backlog) {
  if (listen(s->fd, backlog) < 0) return last_error();
  return socket_file_is_there(&s->file) ? 0 : UV_EADDRINUSE;
}

static bool is_known_family(int family) {
  return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

static int make(listen_socket *s, const wsuv_allocator_t *alloc, const ws_listen_options *o) {
  s->family = o->address.ss_family;
  s->keep_path = o->keep_path;
  if (!is_known_family(s->family)) return WS_EINVAL;
  if (!TCP_OPTIONS_INHERITED) s->options = o->socket;
  s->fd = descriptor_socket(s->family);
  if (s->fd < 0) return s->fd;
  int err = s->family == AF_UNIX ? bind_unix(s, alloc, o) : bind_tcp(s, o);
  if (err == 0) err = start(s, o->backlog);
  if (err < 0) {
    socket_file_remove(&s->file);
    (void) close(s->fd);
  }
  return err;
}

static bool has_value(int fd, int name, int expected) {
  int value = -1;
  socklen_t len = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 && value == expected;
}

static bool is_listening(int fd) {
  return has_value(fd, SO_TYPE, SOCK_STREAM) && has_value(fd, SO_ACCEPTCONN, 1);
}

/* Another process may accept from the same socket, so it is given no options. */
static int take_over(listen_socket *s, const ws_listen_options *o) {
  struct sockaddr_storage addr;
  s->fd = o->fd;
  s->options = o->socket;
  if (!is_listening(s->fd) || listen_socket_address(s, &addr) < 0) return WS_EINVAL;
  s->family = addr.ss_family;
  return is_known_family(s->family) ? 0 : WS_EINVAL;
}

int listen_socket_open(listen_socket *s, const wsuv_allocator_t *alloc,
                       const ws_listen_options *options) {
  *s = (listen_socket){.fd = -1};
  return options->fd >= 0 ? take_over(s, options) : make(s, alloc, options);
}

void listen_socket_close(listen_socket *s) {
  if (s->keep_path) {
    socket_file_keep(&s->file);
  } else {
    socket_file_remove(&s->file);
  }
  (void) close(s->fd);
}

int listen_socket_address(const listen_socket *s, struct sockaddr_storage *addr) {
  socklen_t len = sizeof *addr;
  address_clear(addr);
  return getsockname(s->fd, (struct sockaddr *) addr, &len) == 0 ? 0 : last_error();
}

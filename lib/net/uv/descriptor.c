#include "net/uv/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"

/* Linux and the BSDs set both flags in the call that makes the descriptor; macOS does not. */

#if defined(SOCK_NONBLOCK) && defined(SOCK_CLOEXEC)

int descriptor_socket(int family) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  return fd >= 0 ? fd : uv_translate_sys_error(errno);
}

static int accept_with_flags(int listening, struct sockaddr *peer, socklen_t *len) {
  return accept4(listening, peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

#else

/* Returns the descriptor, or -1 with errno. */
static int set_flags(int fd) {
  if (fd < 0) return -1;
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
      fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
    return fd;
  }
  int err = errno;
  (void) close(fd);
  errno = err;
  return -1;
}

int descriptor_socket(int family) {
  int fd = set_flags(socket(family, SOCK_STREAM, 0));
  return fd >= 0 ? fd : uv_translate_sys_error(errno);
}

static int accept_with_flags(int listening, struct sockaddr *peer, socklen_t *len) {
  return set_flags(accept(listening, peer, len));
}

#endif

/* Linux passes errors of the network on that belong to the new connection (accept(2)); a firewall's
   is EPERM. */
static bool is_of_one_connection(int err) {
  switch (err) {
  case ECONNABORTED:
  case EHOSTDOWN:
  case EHOSTUNREACH:
  case EINTR:
  case ENETDOWN:
  case ENETUNREACH:
  case ENOPROTOOPT:
#ifdef ENONET
  case ENONET:
#endif
  case EPERM:
  case EPROTO:
  case ETIMEDOUT: return true;
  default: return false;
  }
}

int descriptor_accept(int listening, struct sockaddr_storage *peer) {
  socklen_t len = sizeof *peer;
  memset(peer, 0, sizeof *peer);
  int fd = accept_with_flags(listening, (struct sockaddr *) peer, &len);
  if (fd >= 0) return fd;
  if (errno == EWOULDBLOCK) return WS_EAGAIN;
  return is_of_one_connection(errno) ? WS_ECONNABORTED : uv_translate_sys_error(errno);
}

/* The flag that it does not block belongs to the socket, and both have it. */
int descriptor_duplicate(int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  return copy >= 0 ? copy : uv_translate_sys_error(errno);
}

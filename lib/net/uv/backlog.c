#include "net/uv/backlog.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

#include "base/error.h"

/* Asks and limits the kernel, where it can be asked and limited. */

#ifdef SIOCOUTQ
int backlog_unacked(const uv_stream_t *handle, size_t *bytes) {
  uv_os_fd_t fd;
  int n;
  int err = uv_fileno((const uv_handle_t *) handle, &fd);
  if (err < 0) return err;
  if (ioctl(fd, SIOCOUTQ, &n) < 0 || n < 0) return WS_ENOTSUP; /* a pipe */
  *bytes = (size_t) n;
  return 0;
}
#else
int backlog_unacked(const uv_stream_t *handle, size_t *bytes) {
  (void) handle;
  (void) bytes;
  return WS_ENOTSUP;
}
#endif

/* Linux applies TCP_NOTSENT_LOWAT when bytes are written, too, and not only when it reports that
   the socket is writable. */
#ifdef TCP_NOTSENT_LOWAT
bool backlog_limit(const uv_stream_t *handle, int bytes, int *before) {
  socklen_t len = sizeof *before;
  uv_os_fd_t fd;
  return uv_handle_get_type((const uv_handle_t *) handle) == UV_TCP &&
         uv_fileno((const uv_handle_t *) handle, &fd) == 0 &&
         getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, before, &len) == 0 &&
         setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes) == 0;
}
#else
bool backlog_limit(const uv_stream_t *handle, int bytes, int *before) {
  (void) handle;
  (void) bytes;
  (void) before;
  return false;
}
#endif

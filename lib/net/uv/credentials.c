#include "net/uv/credentials.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

/* Linux has SO_PEERCRED; the BSDs and macOS have getpeereid, and macOS a process in addition. */

#if defined(SO_PEERCRED) && defined(__linux__)

static int read_from(int fd, ws_credentials *out) {
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
    return uv_translate_sys_error(errno);
  }
  *out = (ws_credentials){peer.pid, peer.uid, peer.gid};
  return 0;
}

#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)

static int read_from(int fd, ws_credentials *out) {
  uid_t uid;
  gid_t gid;
  if (getpeereid(fd, &uid, &gid) < 0) return uv_translate_sys_error(errno);
  *out = (ws_credentials){-1, uid, gid};
#ifdef LOCAL_PEERPID
  pid_t pid;
  socklen_t len = sizeof pid;
  if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &len) == 0) out->pid = pid;
#endif
  return 0;
}

#else

static int read_from(int fd, ws_credentials *out) {
  (void) fd;
  (void) out;
  return WS_ENOTSUP;
}

#endif

int credentials_read(const uv_stream_t *handle, ws_credentials *out) {
  uv_os_fd_t fd;
  if (uv_handle_get_type((const uv_handle_t *) handle) != UV_NAMED_PIPE) return WS_ENOTSUP;
  int err = uv_fileno((const uv_handle_t *) handle, &fd);
  return err < 0 ? err : read_from(fd, out);
}

#include "net/uv/socket_file.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"
#include "net/uv/descriptor.h"

/* A socket that is bound and does not listen refuses connections, so its permissions can be set
   where it is, and the umask, which is the whole process's, stays as it is. */

/* The length of an address, and of it alone: an abstract name has no end of its own. 0: it is no
   address. */
static socklen_t length_of(const struct sockaddr_un *addr) {
  const size_t room = ADDRESS_PATH_MAX + 1, head = offsetof(struct sockaddr_un, sun_path);
  size_t len = strnlen(addr->sun_path, room);
  if (len == 0) {
    size_t name = strnlen(addr->sun_path + 1, room - 1);
    return name == 0 ? 0 : (socklen_t) (head + 1 + name);
  }
  return len < room ? (socklen_t) (head + len + 1) : 0;
}

static int do_bind(int fd, const struct sockaddr_un *addr, socklen_t len) {
  return bind(fd, (const struct sockaddr *) addr, len) == 0 ? 0 : uv_translate_sys_error(errno);
}

/* Only the kernel knows whether a socket listens. A server that is there sees a connection that
   ends at once. */
static bool is_refused(const struct sockaddr_un *addr, socklen_t len) {
  int fd = descriptor_socket(AF_UNIX);
  if (fd < 0) return false;
  bool refused = connect(fd, (const struct sockaddr *) addr, len) < 0 && errno == ECONNREFUSED;
  (void) close(fd);
  return refused;
}

static bool identify(socket_file *file, const char *path) {
  struct stat info;
  if (lstat(path, &info) < 0 || !S_ISSOCK(info.st_mode)) return false;
  memcpy(file->path, path, strlen(path) + 1);
  file->device = info.st_dev;
  file->inode = info.st_ino;
  return true;
}

/* If another server has replaced the file meanwhile, its file stays. */
static void remove_stale(const struct sockaddr_un *addr, socklen_t len) {
  socket_file old;
  if (identify(&old, addr->sun_path) && is_refused(addr, len)) socket_file_remove(&old);
}

static int make_file(socket_file *file, int fd, const struct sockaddr_un *addr, socklen_t len,
                     unsigned mode) {
  int err = do_bind(fd, addr, len);
  if (err == UV_EADDRINUSE) {
    remove_stale(addr, len);
    err = do_bind(fd, addr, len);
  }
  if (err < 0) return err;
  if (!identify(file, addr->sun_path)) return UV_EADDRINUSE;
  if (mode == 0 || chmod(file->path, (mode_t) mode) == 0) return 0;
  err = uv_translate_sys_error(errno);
  socket_file_remove(file);
  return err;
}

int socket_file_bind(socket_file *file, int fd, const struct sockaddr_un *addr, unsigned mode) {
  socklen_t len = length_of(addr);
  file->path[0] = '\0';
  if (len == 0) return WS_EINVAL;
  if (addr->sun_path[0] != '\0') return make_file(file, fd, addr, len, mode);
#ifdef __linux__
  return do_bind(fd, addr, len);
#else
  return WS_ENOTSUP;
#endif
}

bool socket_file_is_there(const socket_file *file) {
  socket_file now;
  if (file->path[0] == '\0') return true;
  return identify(&now, file->path) && now.device == file->device && now.inode == file->inode;
}

void socket_file_remove(socket_file *file) {
  if (file->path[0] != '\0' && socket_file_is_there(file)) (void) unlink(file->path);
  file->path[0] = '\0';
}

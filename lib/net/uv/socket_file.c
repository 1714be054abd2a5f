#include "net/uv/socket_file.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/error.h"
#include "net/address.h"
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

typedef struct identity {
  dev_t device;
  ino_t inode;
} identity;

/* Whether a socket is there, and which. */
static bool identify(identity *out, const char *path) {
  struct stat info;
  if (lstat(path, &info) < 0 || !S_ISSOCK(info.st_mode)) return false;
  *out = (identity){info.st_dev, info.st_ino};
  return true;
}

static bool is_at(const char *path, const identity *id) {
  identity now;
  return identify(&now, path) && now.device == id->device && now.inode == id->inode;
}

/* If another server has replaced the file meanwhile, its file stays. */
static void remove_stale(const struct sockaddr_un *addr, socklen_t len) {
  identity old;
  if (identify(&old, addr->sun_path) && is_refused(addr, len) && is_at(addr->sun_path, &old)) {
    (void) unlink(addr->sun_path); /* if it is still there, the socket cannot be bound */
  }
}

/* The path from the root, since the program may change its folder before the file is removed. As it
   is given if the file is not found from the root, where a folder may not be looked into. NULL: no
   memory. */
static char *path_from_root(const wsuv_allocator_t *alloc, const char *given, const identity *id) {
  char folder[PATH_MAX];
  size_t len = sizeof folder;
  if (given[0] == '/' || uv_cwd(folder, &len) < 0) return ws_strdup(alloc, given);
  const size_t room = len + 1 + strlen(given) + 1;
  char *path = ws_malloc(alloc, room);
  if (path == NULL) return NULL;
  (void) snprintf(path, room, "%s/%s", folder, given); /* it fits */
  if (is_at(path, id)) return path;
  ws_free(alloc, path);
  return ws_strdup(alloc, given);
}

static int set_mode(const char *path, unsigned mode) {
  return mode == 0 || chmod(path, (mode_t) mode) == 0 ? 0 : uv_translate_sys_error(errno);
}

/* The file was made. It has its permissions, and is noted; or it is removed. */
static int finish_file(socket_file *file, const char *path, unsigned mode) {
  identity id;
  if (!identify(&id, path)) return UV_EADDRINUSE;
  int err = set_mode(path, mode);
  if (err == 0) {
    file->path = path_from_root(file->alloc, path, &id);
    file->device = id.device;
    file->inode = id.inode;
    err = file->path != NULL ? 0 : WS_ENOMEM;
  }
  if (err < 0 && is_at(path, &id)) (void) unlink(path); /* if that fails, it is stale */
  return err;
}

static int make_file(socket_file *file, int fd, const struct sockaddr_un *addr, socklen_t len,
                     unsigned mode) {
  int err = do_bind(fd, addr, len);
  if (err == UV_EADDRINUSE) {
    remove_stale(addr, len);
    err = do_bind(fd, addr, len);
  }
  return err < 0 ? err : finish_file(file, addr->sun_path, mode);
}

int socket_file_bind(socket_file *file, const wsuv_allocator_t *alloc, int fd,
                     const struct sockaddr_un *addr, unsigned mode) {
  socklen_t len = length_of(addr);
  *file = (socket_file){.alloc = alloc};
  if (len == 0) return WS_EINVAL;
  if (addr->sun_path[0] != '\0') return make_file(file, fd, addr, len, mode);
#ifdef __linux__
  return do_bind(fd, addr, len);
#else
  return WS_ENOTSUP;
#endif
}

bool socket_file_is_there(const socket_file *file) {
  const identity own = {file->device, file->inode};
  return file->path == NULL || is_at(file->path, &own);
}

/* What cannot be removed is stale, as after a crash. */
void socket_file_remove(socket_file *file) {
  if (file->path != NULL && socket_file_is_there(file)) (void) unlink(file->path);
  socket_file_keep(file);
}

void socket_file_keep(socket_file *file) {
  ws_free(file->alloc, file->path);
  file->path = NULL;
}

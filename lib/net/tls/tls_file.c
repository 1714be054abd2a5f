#include "net/tls/tls_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wsuv/error.h>

#include "base/error.h"

enum {
  FILE_MAX = 64 * 1024 * 1024, /* bytes; a system's store has some 250,000 */
  NOT_REGULAR = WS_EINVAL      /* no call below fails like this for another reason */
};

static int kind_of(const struct stat *s) {
  if (S_ISDIR(s->st_mode)) return -EISDIR;
  if (!S_ISREG(s->st_mode)) return NOT_REGULAR;
  return s->st_size > FILE_MAX ? -EFBIG : 0;
}

/* Returns the size, or an error. */
static off_t size_of(int fd) {
  struct stat s;
  if (fstat(fd, &s) != 0) return -errno;
  int err = kind_of(&s);
  return err < 0 ? err : s.st_size;
}

/* Returns a descriptor, or an error. The file may be replaced after it was looked at, so opening
   must not block. */
static int open_regular(const char *path) {
  struct stat s;
  if (stat(path, &s) != 0) return -errno;
  int err = kind_of(&s);
  if (err < 0) return err;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  return fd < 0 ? -errno : fd;
}

/* A file that grows is read up to the size that it had. */
static int read_all(tls_file *file, int fd, size_t size) {
  while (file->len < size) {
    ssize_t n = read(fd, file->data + file->len, size - file->len);
    if (n < 0 && errno != EINTR) return -errno;
    if (n == 0) break;
    if (n > 0) file->len += (size_t) n;
  }
  file->data[file->len] = '\0';
  return 0;
}

static int read_descriptor(tls_file *file, const wsuv_allocator_t *alloc, int fd) {
  off_t size = size_of(fd);
  if (size < 0) return (int) size;
  *file = (tls_file){ws_malloc(alloc, (size_t) size + 1), 0};
  if (file->data == NULL) return WS_ENOMEM;
  int err = read_all(file, fd, (size_t) size);
  if (err < 0) tls_file_free(file, alloc);
  return err;
}

int tls_file_read(tls_file *file, const wsuv_allocator_t *alloc, const char *path) {
  int fd = open_regular(path);
  if (fd < 0) return fd;
  int err = read_descriptor(file, alloc, fd);
  (void) close(fd);
  return err;
}

void tls_file_free(tls_file *file, const wsuv_allocator_t *alloc) {
  if (file->data != NULL) ws_wipe(file->data, file->len);
  ws_free(alloc, file->data);
  *file = (tls_file){NULL, 0};
}

bool tls_file_error_lasts(int err) {
  switch (err) {
  case NOT_REGULAR:
  case -ENOENT:
  case -ENOTDIR:
  case -EISDIR:
  case -EACCES:
  case -EPERM:
  case -ELOOP:
  case -ENAMETOOLONG:
  case -EFBIG: return true;
  default: return false;
  }
}

void tls_file_describe(tls_failure *failure, const char *what, const char *path,
                       const char *cause) {
  static const char cut[] = "...";
  const char *separator = what != NULL ? ": " : "";
  if (what == NULL) what = "";
  size_t rest = strlen(what) + strlen(separator) + strlen(": ") + strlen(cause);
  size_t room = rest < TLS_TEXT_SIZE ? TLS_TEXT_SIZE - 1 - rest : 0, len = strlen(path);
  bool fits = len <= room;
  if (!fits) path += len - (room > strlen(cut) ? room - strlen(cut) : 0);
  (void) snprintf(failure->text, sizeof failure->text, "%s%s%s%s: %s", what, separator,
                  fits ? "" : cut, path, cause);
}

int tls_file_fail(tls_failure *failure, const char *what, const char *path, int err, int lasting) {
  const char *cause = err == NOT_REGULAR ? "not a regular file" : wsuv_strerror(err);
  tls_file_describe(failure, what, path, cause);
  return tls_file_error_lasts(err) ? lasting : err;
}

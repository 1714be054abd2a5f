#include "support/temp_file.h"

/* Named by process and number, so that no two tests have one name. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "testkit/check.h"

static void put_with(const temp_file *f, int flags, const void *data, size_t len) {
  int fd = open(f->path, O_WRONLY | O_CLOEXEC | flags, 0600);
  CHECK(fd >= 0);
  CHECK(write(fd, data, len) == (ssize_t) len);
  CHECK(close(fd) == 0);
}

void temp_file_open(temp_file *f) {
  static unsigned number;
  int len = snprintf(f->path, sizeof f->path, "%s/wsuv-%d-%u", P_tmpdir, (int) getpid(), number++);
  CHECK(len > 0 && (size_t) len < sizeof f->path);
  put_with(f, O_CREAT | O_EXCL, "", 0);
}

/* A test may have removed it. */
void temp_file_close(temp_file *f) {
  CHECK(unlink(f->path) == 0 || access(f->path, F_OK) != 0);
}

void temp_file_put(const temp_file *f, const void *data, size_t len) {
  put_with(f, O_TRUNC, data, len);
}

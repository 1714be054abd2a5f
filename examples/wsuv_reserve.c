#include "wsuv_reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DESCRIPTORS = 16000 }; /* 8 bytes each */

/* The table is indexed by descriptor, and never shrinks: a high one is watched for a moment. */
static int watch(uv_loop_t *loop, int fd) {
  static uv_poll_t poll;
  int err = uv_poll_init(loop, &poll, fd);
  if (err < 0) return err;
  err = uv_poll_start(&poll, UV_READABLE, NULL);
  uv_close((uv_handle_t *) &poll, NULL);
  return err;
}

int reserve_descriptors(uv_loop_t *loop) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return uv_translate_sys_error(errno);
  rlim_t count = limit.rlim_cur < DESCRIPTORS ? limit.rlim_cur : DESCRIPTORS;
  int low = socket(AF_UNIX, SOCK_STREAM, 0);
  if (low < 0) return uv_translate_sys_error(errno);
  int high = fcntl(low, F_DUPFD_CLOEXEC, (int) count - 1);
  int err = high < 0 ? uv_translate_sys_error(errno) : watch(loop, high);
  if (high >= 0) close(high);
  close(low);
  return err;
}

static void work(uv_work_t *request) {
  (void) request;
}

int reserve_threads(uv_loop_t *loop) {
  static uv_work_t request;
  return uv_queue_work(loop, &request, work, NULL);
}

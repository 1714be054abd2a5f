#include "wsuv_output.h"

/* Writes, and waits for the reader: that holds the loop, hence the socket, and so nothing is piled
   up for a slow reader. The wait ends with an interrupt. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>
#include <uv.h>

#include "wsuv_interrupt.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0 /* Linux only; elsewhere a reset is noticed, and an end is not */
#endif

enum {
  WAIT_MS = 100, /* an interrupt just before poll() is noticed after so long */
  GONE_MS = 1000
};

static uint64_t blocked_ns; /* the longest wait */

static int watched = -1;                     /* a socket */
static void (*on_gone)(uint64_t blocked_ms); /* NULL: it was called */
static bool gone;                            /* the peer of the socket is */

void output_watch(int socket, void (*callback)(uint64_t blocked_ms)) {
  watched = socket;
  on_gone = callback;
  gone = false;
}

static void tell_gone(uint64_t blocked_ms) {
  void (*callback)(uint64_t blocked_ms) = on_gone;
  if (!gone || callback == NULL || blocked_ms < GONE_MS) return;
  on_gone = NULL;
  callback(blocked_ms);
}

/* 1: the output may be ready; 0: not yet; or poll()'s error. */
static int wait_once(int fd, uint64_t begun) {
  struct pollfd fds[] = {{.fd = fd, .events = POLLOUT},
                         {.fd = gone ? -1 : watched, .events = POLLRDHUP}};
  int r = poll(fds, 2, WAIT_MS);
  if (r < 0) return errno == EINTR ? 0 : r;
  gone = gone || (fds[1].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  if (fds[0].revents != 0) return 1;
  if (fd == STDOUT_FILENO) tell_gone((uv_hrtime() - begun) / 1000000);
  return 0;
}

/* 0: PIPE_BUF bytes can be written without blocking; or a code. */
static int wait_writable(int fd) {
  uint64_t begun = uv_hrtime();
  int r;
  do {
    r = wait_once(fd, begun);
  } while (r == 0 && interrupt_count() == 0);
  int err = r < 0 ? uv_translate_sys_error(errno) : r == 0 ? UV_EINTR : 0;
  uint64_t waited = uv_hrtime() - begun;
  if (fd == STDOUT_FILENO && waited > blocked_ns) blocked_ns = waited;
  return err;
}

/* How much was written, or a code. A process that shares the descriptor may have made it
   non-blocking. */
static ssize_t write_some(int fd, const char *data, size_t len) {
  int err = wait_writable(fd);
  if (err < 0) return err;
  ssize_t n = write(fd, data, len < PIPE_BUF ? len : PIPE_BUF);
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EINTR ? 0 : uv_translate_sys_error(errno);
}

static int write_all(int fd, const char *s, size_t len) {
  while (len > 0) {
    ssize_t n = write_some(fd, s, len);
    if (n < 0) return (int) n;
    s += n;
    len -= (size_t) n;
  }
  return 0;
}

int output_write(const void *data, size_t len) {
  return write_all(STDOUT_FILENO, data, len);
}

void output_report(const void *line, size_t len) {
  static bool mute;
  if (!mute) mute = write_all(STDERR_FILENO, line, len) == UV_EINTR;
}

uint64_t output_blocked_ms(void) {
  return blocked_ns / 1000000;
}

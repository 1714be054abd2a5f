#include "wsuv_output.h"

/* Writes to standard output and waits for its reader: that holds the loop, hence the socket,
   and so nothing is piled up for a slow reader. The wait ends with an interrupt. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>
#include <uv.h>

#include "wsuv_interrupt.h"

enum { WAIT_MS = 100 }; /* an interrupt just before poll() is noticed after so long */

static uint64_t blocked_ns; /* the longest wait */

/* 0: PIPE_BUF bytes can be written without blocking; or a code. */
static int wait_writable(void) {
  struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
  uint64_t begun = uv_hrtime();
  int r;
  do {
    r = poll(&output, 1, WAIT_MS);
    if (r < 0 && errno == EINTR) r = 0;
  } while (r == 0 && interrupt_count() == 0);
  int err = r < 0 ? uv_translate_sys_error(errno) : r == 0 ? UV_EINTR : 0;
  uint64_t waited = uv_hrtime() - begun;
  if (waited > blocked_ns) blocked_ns = waited;
  return err;
}

/* How much was written, or a code. A process that shares the descriptor may have made it
   non-blocking. */
static ssize_t write_some(const char *data, size_t len) {
  int err = wait_writable();
  if (err < 0) return err;
  ssize_t n = write(STDOUT_FILENO, data, len < PIPE_BUF ? len : PIPE_BUF);
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EINTR ? 0 : uv_translate_sys_error(errno);
}

int output_write(const void *data, size_t len) {
  const char *s = data;
  while (len > 0) {
    ssize_t n = write_some(s, len);
    if (n < 0) return (int) n;
    s += n;
    len -= (size_t) n;
  }
  return 0;
}

uint64_t output_blocked_ms(void) {
  return blocked_ns / 1000000;
}

#include "net/uv/tcp_options.h"

#include <errno.h>
#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

/* Sets the options by setsockopt(). uv_tcp_keepalive() is not used: it sets an interval of one
   second, so that an outage of ten seconds would end the connection. */

enum { KEEPALIVE_PROBES = 9, NO_OPTION = -1 };

#if defined(TCP_KEEPIDLE)
#define KEEPALIVE_IDLE TCP_KEEPIDLE
#elif defined(TCP_KEEPALIVE) /* macOS */
#define KEEPALIVE_IDLE TCP_KEEPALIVE
#else
#define KEEPALIVE_IDLE NO_OPTION
#endif
#ifndef TCP_KEEPINTVL
#define TCP_KEEPINTVL NO_OPTION
#endif
#ifndef TCP_KEEPCNT
#define TCP_KEEPCNT NO_OPTION
#endif
#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT NO_OPTION
#endif

static int set_option(int fd, int level, int name, unsigned number) {
  const int value = (int) number;
  bool set = setsockopt(fd, level, name, &value, sizeof value) == 0;
  return set ? 0 : uv_translate_sys_error(errno);
}

/* An option of TCP. The system may not have it, and then it has no number. */
static int tcp_set(int fd, int name, unsigned number) {
  return name == NO_OPTION ? 0 : set_option(fd, IPPROTO_TCP, name, number);
}

static int set_keepalive(int fd, unsigned idle_s) {
  int err = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (err == 0) err = tcp_set(fd, KEEPALIVE_IDLE, idle_s);
  if (err == 0) err = tcp_set(fd, TCP_KEEPINTVL, idle_s >= 3 ? idle_s / 3 : 1);
  return err == 0 ? tcp_set(fd, TCP_KEEPCNT, KEEPALIVE_PROBES) : err;
}

int tcp_options_set(int fd, const ws_socket_options *options) {
  int err = options->nodelay ? tcp_set(fd, TCP_NODELAY, 1) : 0;
  if (err == 0 && options->keepalive_s > 0) err = set_keepalive(fd, options->keepalive_s);
  if (err == 0 && options->user_timeout_ms > 0) {
    err = tcp_set(fd, TCP_USER_TIMEOUT, options->user_timeout_ms);
  }
  return err;
}

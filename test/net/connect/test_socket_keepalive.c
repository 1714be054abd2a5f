/* tcp_keepalive_s, as the kernel has it: when probes begin, how often they come, and how many. And
   tcp_user_timeout_ms. */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "net/uv/stream.h"
#include "session/session.h"
#include "support/scenario.h"
#include "testkit/check.h"

static int option_of(const session_user *u, int level, int name) {
  const stream *s = (const stream *) (const void *) session_filter(u->session);
  int value = -1;
  socklen_t len = sizeof value;
  uv_os_fd_t fd;
  CHECK(uv_fileno(s->own.uv, &fd) == 0);
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

/* libuv sets an interval of one second, so that an outage of ten would end an idle session. */
SCENARIO_UV_TEST(test_keepalive_probes_for_three_times_as_long_as_it_waits, w, p, u) {
  static const struct {
    unsigned wait_s;
    int interval_s;
  } rows[] = {{1, 1}, {2, 1}, {3, 1}, {7, 2}, {60, 20}, {32767, 10922}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    scenario_renew(u);
    u->config.tcp_keepalive_s = rows[i].wait_s;
    scenario_open(u);
    assert_int_not_equal(option_of(u, SOL_SOCKET, SO_KEEPALIVE), 0);
    assert_int_equal(option_of(u, IPPROTO_TCP, TCP_KEEPIDLE), rows[i].wait_s);
    assert_int_equal(option_of(u, IPPROTO_TCP, TCP_KEEPINTVL), rows[i].interval_s);
    assert_int_equal(option_of(u, IPPROTO_TCP, TCP_KEEPCNT), 9);
    scenario_close(u);
  }
}

SCENARIO_UV_TEST(test_keepalive_is_off_by_default, w, p, u) {
  scenario_open(u);
  assert_int_equal(option_of(u, SOL_SOCKET, SO_KEEPALIVE), 0);
  scenario_close(u);
}

#if defined(TCP_USER_TIMEOUT)
SCENARIO_UV_TEST(test_unacknowledged_data_is_waited_for_as_long_as_configured, w, p, u) {
  static const unsigned rows[] = {0, 1500, 2147483647};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    scenario_renew(u);
    u->config.tcp_user_timeout_ms = rows[i];
    scenario_open(u);
    assert_int_equal(option_of(u, IPPROTO_TCP, TCP_USER_TIMEOUT), rows[i]);
    scenario_close(u);
  }
}
#endif

/* Sockets of a server's sessions have the options of its configuration. */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <uv.h>

#include "net/uv/stream.h"
#include "session/session.h"
#include "support/server_user.h"
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

SERVER_UV_TEST(test_server_keepalive_is_on_by_default, w, s) {
  server_user_start(s);
  (void) server_user_connect(s, "/");
  const session_user *u = server_user_session(s, 0);
  assert_int_not_equal(option_of(u, SOL_SOCKET, SO_KEEPALIVE), 0);
  assert_int_not_equal(option_of(u, IPPROTO_TCP, TCP_NODELAY), 0);
  assert_int_equal(option_of(u, IPPROTO_TCP, TCP_KEEPIDLE), 60);
#if defined(TCP_USER_TIMEOUT)
  assert_int_equal(option_of(u, IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
#endif
}

SERVER_UV_TEST(test_server_sockets_have_the_options, w, s) {
  s->config.tcp_keepalive_s = 0;
  s->config.tcp_nodelay = false;
  s->config.tcp_user_timeout_ms = 1500;
  server_user_start(s);
  (void) server_user_connect(s, "/");
  const session_user *u = server_user_session(s, 0);
  assert_int_equal(option_of(u, SOL_SOCKET, SO_KEEPALIVE), 0);
  assert_int_equal(option_of(u, IPPROTO_TCP, TCP_NODELAY), 0);
#if defined(TCP_USER_TIMEOUT)
  assert_int_equal(option_of(u, IPPROTO_TCP, TCP_USER_TIMEOUT), 1500);
#endif
}

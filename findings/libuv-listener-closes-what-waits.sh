#!/bin/bash
# Wrong guess: when a process has no descriptor left, clients that connect to its libuv listener stay
# in the backlog, and are accepted when descriptors are free again; or else the connection callback
# is told of UV_EMFILE.
#
# libuv keeps one descriptor in reserve. When accept() fails for lack of descriptors, it gives that
# one up, accepts all connections that wait, and closes each at once. The listener's callback is not
# called for them, with a status or without. The clients see a connection that opened and ended, and
# the server's program sees nothing, not even something to count.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

version=1.44.2-1+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libuv1-dev libuv1; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >listener.c <<'END'
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uv.h>

enum { CLIENTS = 8, FREE = 3, FILLED_MAX = 100000 };

static int called, refused, filled[FILLED_MAX], count;

/* The program accepts, and holds the connections. */
static void on_connection(uv_stream_t *listener, int status) {
  static uv_tcp_t conns[CLIENTS];
  if (status < 0) {
    refused++;
    return;
  }
  uv_tcp_init(listener->loop, &conns[called]);
  uv_accept(listener, (uv_stream_t *) &conns[called]);
  called++;
}

/* Each client connects, then says which of its connections the server has ended. */
static int play_clients(const struct sockaddr_in *addr) {
  int fds[CLIENTS], ended = 0;
  for (int i = 0; i < CLIENTS; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    connect(fds[i], (const struct sockaddr *) addr, sizeof *addr);
  }
  for (int i = 0; i < CLIENTS; i++) {
    struct pollfd p = {.fd = fds[i], .events = POLLIN};
    ended += poll(&p, 1, i == 0 ? 3000 : 100) == 1;
  }
  return ended;
}

static void on_timer(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

int main(void) {
  uv_loop_t loop;
  uv_tcp_t listener;
  uv_timer_t timer;
  struct sockaddr_in addr;
  int len = sizeof addr, fd, status;
  printf("libuv %s\n", uv_version_string());
  uv_loop_init(&loop);
  uv_tcp_init(&loop, &listener);
  uv_ip4_addr("127.0.0.1", 0, &addr);
  uv_tcp_bind(&listener, (const struct sockaddr *) &addr, 0);
  uv_listen((uv_stream_t *) &listener, CLIENTS, on_connection);
  uv_tcp_getsockname(&listener, (struct sockaddr *) &addr, &len);
  uv_timer_init(&loop, &timer);
  uv_run(&loop, UV_RUN_NOWAIT); /* libuv makes what it needs for polling */
  pid_t child = fork();
  if (child == 0) _exit(play_clients(&addr));
  while (count < FILLED_MAX && (fd = open("/dev/null", O_RDONLY)) >= 0) filled[count++] = fd;
  for (int i = 0; i < FREE; i++) close(filled[--count]);
  uv_timer_start(&timer, on_timer, 2000, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  while (count > 0) close(filled[--count]);
  uv_timer_start(&timer, on_timer, 2000, 0);
  uv_run(&loop, UV_RUN_DEFAULT); /* descriptors are free again */
  waitpid(child, &status, 0);
  printf("%d clients, %d descriptors\n", CLIENTS, FREE);
  printf("callbacks with a connection: %d, with an error: %d\n", called, refused);
  printf("connections that the server ended: %d\n", WEXITSTATUS(status));
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o listener listener.c -I root/usr/include "$lib/libuv.so.1"
(
  ulimit -n 64
  LD_LIBRARY_PATH=$lib ./listener
) | tee seen

cat >expected <<'END'
libuv 1.44.2
8 clients, 3 descriptors
callbacks with a connection: 3, with an error: 0
connections that the server ended: 5
END
diff expected seen

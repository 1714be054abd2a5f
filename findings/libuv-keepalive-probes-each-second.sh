#!/bin/bash
# Wrong guess: uv_tcp_keepalive(handle, 1, 600) makes the kernel probe after 600 idle seconds, and
# leaves the number of probes and the time between them to the system's settings (9, and 75 s).
#
# libuv sets all three options of the socket: the next probes come one second apart, and the
# connection is dropped after ten. So a program that asks for ten minutes loses an idle connection to
# an outage of ten seconds that happens to begin just before the first probe, where the system's own
# settings would wait for eleven more minutes. A longer interval must be set by the program itself,
# after the call.
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

cat >keepalive.c <<'END'
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include <uv.h>

static int option(int fd, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  getsockopt(fd, IPPROTO_TCP, name, &value, &len);
  return value;
}

static void show(const char *when, int fd) {
  int probes = option(fd, TCP_KEEPCNT), apart = option(fd, TCP_KEEPINTVL);
  printf("%s: first probe after %d s, then %d probes, %d s apart\n", when,
         option(fd, TCP_KEEPIDLE), probes, apart);
}

int main(void) {
  uv_loop_t loop;
  uv_tcp_t tcp;
  uv_os_fd_t fd;
  int system_probes = 9, system_apart = 75;
  printf("libuv %s\n", uv_version_string());
  uv_loop_init(&loop);
  uv_tcp_init_ex(&loop, &tcp, AF_INET);
  uv_fileno((uv_handle_t *) &tcp, &fd);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){7200}, sizeof(int));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &system_probes, sizeof system_probes);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &system_apart, sizeof system_apart);
  show("before", fd);
  uv_tcp_keepalive(&tcp, 1, 600);
  show("after", fd);
  uv_close((uv_handle_t *) &tcp, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  return uv_loop_close(&loop);
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o keepalive keepalive.c -I root/usr/include "$lib/libuv.so.1"
LD_LIBRARY_PATH=$lib ./keepalive | tee seen

cat >expected <<'END'
libuv 1.44.2
before: first probe after 7200 s, then 9 probes, 75 s apart
after: first probe after 600 s, then 10 probes, 1 s apart
END
diff expected seen

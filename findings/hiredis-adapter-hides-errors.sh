#!/bin/bash
# Wrong guess: with hiredis and its adapter for libuv, a connection that is refused ends in the connect
# callback with an error, and each command that was given meanwhile in its own callback without a
# reply.
#
# The adapter's poll callback returns at once if libuv reports an error of the socket, which it does
# for a refused connection. Nothing is called, the commands stay owed, and the handle stays open. So a
# program needs a timeout of its own: redisAsyncFree() calls what is owed. A Unix socket is refused
# inside redisAsyncConnectUnix(), which shows in the context's `err`.
#
# Needs Debian 12's apt and a C compiler. Prints what is seen, and fails if it changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libhiredis-dev=0.14.1-3 libhiredis0.14=0.14.1-3 \
  libuv1-dev=1.44.2-1+deb12u1 libuv1=1.44.2-1+deb12u1; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >refused.c <<'END'
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include <hiredis/adapters/libuv.h>

static int connects, replies;

static void on_connect(const redisAsyncContext *redis, int status) {
  (void) redis;
  (void) status;
  connects++;
}

static void on_reply(redisAsyncContext *redis, void *reply, void *arg) {
  (void) redis;
  (void) reply;
  (void) arg;
  replies++;
}

static void on_timer(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

/* A port that nobody listens on: the socket that has it is not listening. */
static int closed_port(void) {
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof addr;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  bind(fd, (struct sockaddr *) &addr, len);
  getsockname(fd, (struct sockaddr *) &addr, &len);
  return ntohs(addr.sin_port);
}

int main(void) {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_unref((uv_handle_t *) &timer);
  printf("hiredis %d.%d.%d, libuv %s\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH,
         uv_version_string());
  redisAsyncContext *redis = redisAsyncConnect("127.0.0.1", closed_port());
  redisLibuvAttach(redis, &loop);
  redisAsyncSetConnectCallback(redis, on_connect);
  redisAsyncCommand(redis, on_reply, NULL, "PING");
  uv_timer_start(&timer, on_timer, 2000, 0);
  uv_run(&loop, UV_RUN_DEFAULT);
  printf("after 2 s: %d connect callbacks, %d replies\n", connects, replies);
  redisAsyncFree(redis);
  printf("after redisAsyncFree: %d connect callbacks, %d replies\n", connects, replies);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o refused refused.c -I root/usr/include "$lib/libuv.so.1" "$lib"/libhiredis.so.0.14
LD_LIBRARY_PATH=$lib ./refused | tee seen

cat >expected <<'END'
hiredis 0.14.1, libuv 1.44.2
after 2 s: 0 connect callbacks, 0 replies
after redisAsyncFree: 0 connect callbacks, 1 replies
END
diff expected seen

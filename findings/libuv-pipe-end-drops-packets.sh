#!/bin/bash
# Wrong guess: libuv calls a reader with UV_EOF only after everything that was written has been read.
#
# That is so for streams of bytes. A pipe in packet mode (O_DIRECT, pipe(2)) and a Unix socket of
# type SOCK_SEQPACKET return one packet for each read(). libuv takes a read that does not fill the
# buffer for the last one: it waits for the next event, and if the writer has closed meanwhile, that
# event is a hangup. Then libuv reports UV_EOF, although packets are waiting. If a writer writes five
# packets and exits, the reader may get only the first. A program that reads a descriptor that
# another one has opened, such as its standard input, can look for O_DIRECT with fcntl(F_GETFL), and
# poll and read such a descriptor itself.
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

cat >packets.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

enum { PACKETS = 5, PACKET = 10 };

static ssize_t bytes, ended;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char space[4096];
  (void) handle;
  (void) suggested;
  *buf = uv_buf_init(space, sizeof space);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void) buf;
  if (n > 0) {
    bytes += n;
  } else if (n < 0) {
    ended = n;
    uv_close((uv_handle_t *) stream, NULL);
  }
}

/* The writer has written and closed before the loop runs. */
static void play(const char *name, const int fds[2]) {
  uv_loop_t loop;
  uv_pipe_t pipe;
  bytes = 0;
  ended = 0;
  for (int i = 0; i < PACKETS; i++) {
    if (write(fds[1], "ten bytes.", PACKET) != PACKET) perror("write");
  }
  close(fds[1]);
  uv_loop_init(&loop);
  uv_pipe_init(&loop, &pipe, 0);
  uv_pipe_open(&pipe, fds[0]);
  uv_read_start((uv_stream_t *) &pipe, on_alloc, on_read);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  printf("%s: %zd of %d bytes, then %s\n", name, bytes, PACKETS * PACKET, uv_err_name((int) ended));
}

int main(void) {
  int fds[2];
  printf("libuv %s\n", uv_version_string());
  if (pipe2(fds, 0) == 0) play("pipe", fds);
  if (pipe2(fds, O_DIRECT) == 0) play("pipe in packet mode", fds);
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0) play("socket, stream", fds);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0) play("socket, packets", fds);
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o packets packets.c -I root/usr/include "$lib/libuv.so.1"
LD_LIBRARY_PATH=$lib ./packets | tee seen

cat >expected <<'END'
libuv 1.44.2
pipe: 50 of 50 bytes, then EOF
pipe in packet mode: 10 of 50 bytes, then EOF
socket, stream: 50 of 50 bytes, then EOF
socket, packets: 10 of 50 bytes, then EOF
END
diff expected seen

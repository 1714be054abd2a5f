#!/bin/bash
# Wrong guess: a process that uv_spawn() starts with UV_CREATE_PIPE has a pipe as its standard input
# or output.
#
# It has a Unix socket. A socket cannot be opened by a name of it, so that /dev/stdin, /dev/stdout
# and /dev/stderr, which scripts use, fail with ENXIO ("No such device or address"). A program that
# runs the commands of others makes pipes with uv_pipe(), and hands them over with UV_INHERIT_FD.
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

cat >spawn.c <<'END'
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

static void on_exit_of(uv_process_t *process, int64_t status, int signal) {
  (void) signal;
  printf("%s: exit status %d\n", (const char *) process->data, (int) status);
  uv_close((uv_handle_t *) process, NULL);
}

/* The command opens its standard output by its name. */
static void run(uv_loop_t *loop, const char *what, uv_stdio_container_t out) {
  char *args[] = {"/bin/sh", "-c", "echo x 2>/dev/null >/dev/stdout", NULL};
  uv_stdio_container_t stdio[] = {{.flags = UV_IGNORE}, out, {.flags = UV_IGNORE}};
  uv_process_options_t options = {.exit_cb = on_exit_of,
                                  .file = args[0],
                                  .args = args,
                                  .stdio = stdio,
                                  .stdio_count = 3};
  uv_process_t process = {.data = (void *) what};
  if (uv_spawn(loop, &process, &options) < 0) return;
  uv_run(loop, UV_RUN_DEFAULT);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  uv_pipe_t handle;
  uv_file fds[2];
  uv_pipe_init(loop, &handle, 0);
  printf("libuv %s\n", uv_version_string());
  run(loop, "UV_CREATE_PIPE",
      (uv_stdio_container_t){.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
                             .data.stream = (uv_stream_t *) &handle});
  if (uv_pipe(fds, 0, 0) < 0) return 1;
  run(loop, "uv_pipe, UV_INHERIT_FD",
      (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fds[1]});
  return 0;
}
END
lib=$(dirname "$(find root -name 'libuv.so.1')")
cc -o spawn spawn.c -I root/usr/include "$lib/libuv.so.1"
LD_LIBRARY_PATH=$lib ./spawn | tee seen

cat >expected <<'END'
libuv 1.44.2
UV_CREATE_PIPE: exit status 2
uv_pipe, UV_INHERIT_FD: exit status 0
END
diff expected seen

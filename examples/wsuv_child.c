#include "wsuv_child.h"

/* Runs processes. libuv would give them sockets, which cannot be opened by the name /dev/stdin:
   hence pipes of our own. */

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { STANDARD = 3 }; /* descriptors of a child */

/* --- the end --- */

static void on_closed(uv_handle_t *handle) {
  child *c = uv_handle_get_data(handle);
  c->handles--;
  if (c->handles == 0) c->events->on_gone(c);
}

/* One that was never set up is of no kind. */
static void close_handle(child *c, uv_handle_t *handle) {
  if (handle->type == UV_UNKNOWN_HANDLE || uv_is_closing(handle)) return;
  handle->data = c;
  uv_close(handle, on_closed);
}

static void close_all(child *c) {
  close_handle(c, (uv_handle_t *) &c->process);
  close_handle(c, (uv_handle_t *) &c->timer);
  close_handle(c, (uv_handle_t *) &c->in);
  close_handle(c, (uv_handle_t *) &c->out);
}

/* Of the group: there is one as long as any process is in it, and its number is not used again. */
static bool signal_group(const child *c, int number) {
  return c->process.pid > 0 && uv_kill(-c->process.pid, number) == 0;
}

/* A process of the group may have outlived the first. */
static void finish(child *c) {
  if (c->ending && c->exited && (c->killed || !signal_group(c, 0))) close_all(c);
}

static void on_timer(uv_timer_t *timer) {
  child *c = timer->data;
  size_t waiting = uv_stream_get_write_queue_size((const uv_stream_t *) &c->in);
  if (waiting < c->waiting) {
    c->waiting = waiting;
  } else if (!c->warned) {
    c->warned = true;
    signal_group(c, SIGTERM);
  } else {
    child_kill(c);
  }
  if (!c->killed) finish(c);
}

void child_close_input(child *c) {
  close_handle(c, (uv_handle_t *) &c->in);
}

void child_end(child *c) {
  c->ending = true;
  c->timer.data = c;
  c->waiting = uv_stream_get_write_queue_size((const uv_stream_t *) &c->in);
  uv_timer_start(&c->timer, on_timer, c->patience_ms, c->patience_ms);
  finish(c);
}

void child_kill(child *c) {
  c->killed = true;
  signal_group(c, SIGKILL);
  finish(c);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal) {
  child *c = process->data;
  c->exited = true;
  c->events->on_exit(c, status != 0 || signal != 0);
  finish(c);
}

/* --- the beginning --- */

static void close_pipe(const uv_file pipe[2]) {
  for (int i = 0; i < 2; i++)
    if (pipe[i] >= 0) close(pipe[i]);
}

/* Give our end of a pipe to its handle. */
static int open_end(uv_pipe_t *handle, uv_file pipe[2], int end) {
  int err = uv_pipe_open(handle, pipe[end]);
  if (err == 0) pipe[end] = -1;
  return err;
}

static int spawn(child *c, uv_loop_t *loop, char **argv, char **environment, int in, int out) {
  uv_stdio_container_t stdio[STANDARD] = {
      {.flags = UV_INHERIT_FD, .data.fd = in},
      {.flags = UV_INHERIT_FD, .data.fd = out},
      {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
  };
  uv_process_options_t options = {.exit_cb = on_exit_of,
                                  .file = argv[0],
                                  .args = argv,
                                  .env = environment,
                                  .flags = UV_PROCESS_DETACHED,
                                  .stdio_count = STANDARD,
                                  .stdio = stdio};
  c->process.data = c;
  return uv_spawn(loop, &c->process, &options);
}

int child_start(child *c, uv_loop_t *loop, char **argv, char **environment) {
  uv_file in[2] = {-1, -1}, out[2] = {-1, -1};
  uv_timer_init(loop, &c->timer);
  uv_pipe_init(loop, &c->in, 0);
  uv_pipe_init(loop, &c->out, 0);
  c->handles = 3;
  int err = uv_pipe(in, 0, UV_NONBLOCK_PIPE);
  if (err == 0) err = uv_pipe(out, UV_NONBLOCK_PIPE, 0);
  if (err == 0) err = open_end(&c->in, in, 1);
  if (err == 0) err = open_end(&c->out, out, 0);
  if (err == 0) {
    c->handles++;
    err = spawn(c, loop, argv, environment, in[0], out[1]);
  }
  close_pipe(in);
  close_pipe(out);
  if (err == 0) return 0;
  c->process.pid = 0;
  close_all(c);
  return err;
}

#include "wsuv_input.h"

/* Reads standard input and hands it out line by line, whole, or as it comes. It reads no further
   while its owner cannot take what there is. It knows nothing of WebSocket. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 }; /* bytes of room for each read */

static void read_more(input *in);

static void release(input *in) {
  if (in->is_stream && in->flags != -1) fcntl(STDIN_FILENO, F_SETFL, in->flags);
  items_free(&in->items);
}

static void on_source_closed(uv_handle_t *handle) {
  release(handle->data);
}

void input_close(input *in) {
  if (in->closed || in->loop == NULL) return;
  in->closed = true;
  if (in->editor != NULL) {
    editor_stop(in->editor);
    release(in);
  } else if (in->is_stream) {
    uv_close(&in->source.handle, on_source_closed);
  } else if (!in->busy) {
    release(in);
  }
}

static void finish(input *in, int status) {
  input_close(in);
  in->events->on_end(in->up, status);
}

/* --- handing out --- */

/* True: go on. */
static bool hand_out(input *in, const char *data, size_t len) {
  input_verdict verdict = in->events->on_item(in->up, data, len);
  if (in->closed) return false;
  switch (verdict) {
  case INPUT_TAKEN: items_take(&in->items); break;
  case INPUT_LATER: in->later = true; break;
  case INPUT_ENOUGH: input_close(in); break;
  }
  return verdict == INPUT_TAKEN;
}

static void pump(input *in) {
  const char *data;
  size_t len;
  while (items_next(&in->items, in->ended, &data, &len))
    if (!hand_out(in, data, len)) return;
  if (in->ended) {
    finish(in, 0);
  } else if (items_left(&in->items) > in->item_max) {
    finish(in, UV_E2BIG);
  } else {
    read_more(in);
  }
}

void input_resume(input *in) {
  if (!in->later || in->closed) return;
  in->later = false;
  pump(in);
}

/* --- reading --- */

/* n bytes have been read; 0: the end; or a code. */
static void on_bytes(input *in, ssize_t n) {
  if (n < 0) {
    finish(in, (int) n);
    return;
  }
  items_add(&in->items, (size_t) n);
  in->left -= in->left < (uint64_t) n ? in->left : (uint64_t) n;
  in->ended = n == 0;
  pump(in);
}

static void on_file_read(uv_fs_t *request) {
  input *in = request->data;
  ssize_t n = request->result;
  uv_fs_req_cleanup(request);
  in->busy = false;
  if (in->closed) {
    release(in);
  } else {
    on_bytes(in, n);
  }
}

static int read_file(input *in) {
  char *room = items_room(&in->items, READ_SIZE);
  if (room == NULL) return UV_ENOMEM;
  uv_buf_t buf = uv_buf_init(room, READ_SIZE);
  in->request.data = in;
  int err = uv_fs_read(in->loop, &in->request, STDIN_FILENO, &buf, 1, -1, on_file_read);
  in->busy = err == 0;
  return err;
}

/* Without room libuv reports UV_ENOBUFS. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  input *in = handle->data;
  char *room = items_room(&in->items, READ_SIZE);
  (void) suggested;
  *buf = uv_buf_init(room, room != NULL ? READ_SIZE : 0);
}

static void on_stream_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  input *in = stream->data;
  (void) buf;
  if (n == 0) return;
  on_bytes(in, n == UV_EOF ? 0 : n == UV_ENOBUFS ? UV_ENOMEM : n);
  if (in->later && in->reading) {
    uv_read_stop(stream);
    in->reading = false;
  }
}

static int read_stream(input *in) {
  if (in->reading) return 0;
  in->reading = true;
  return uv_read_start(&in->source.stream, on_alloc, on_stream_read);
}

static void on_line(void *up, const char *line, size_t len, int status) {
  input *in = up;
  if (status == 0 && line != NULL) {
    char *room = items_room(&in->items, len);
    if (room != NULL) memcpy(room, line, len);
    if (room == NULL) status = UV_ENOMEM;
  }
  on_bytes(in, status < 0 ? status : line != NULL ? (ssize_t) len : 0);
}

static void read_more(input *in) {
  if (in->editor != NULL) {
    editor_read(in->editor);
    return;
  }
  int err = in->is_stream ? read_stream(in) : read_file(in);
  if (err < 0) finish(in, err);
}

/* --- what is left --- */

/* A reader of the end may not have been told of it yet. What is read here is lost: it is only for
   the end of the program. */
static bool is_at_end(void) {
  char c;
  struct pollfd source = {.fd = STDIN_FILENO, .events = POLLIN};
  return poll(&source, 1, 0) > 0 && read(STDIN_FILENO, &c, 1) == 0;
}

bool input_is_used_up(const input *in, bool to_end) {
  if (in->loop == NULL || items_left(&in->items) > 0) return false;
  if (in->ended) return true;
  if (in->sized) return in->left == 0;
  if (in->editor != NULL) return !to_end;
  return !to_end || is_at_end();
}

uint64_t input_left(const input *in) {
  bool known = in->loop != NULL && (in->sized || in->ended);
  return known ? in->left + items_left(&in->items) : UINT64_MAX;
}

static void measure(input *in) {
  struct stat file;
  off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
  in->sized = at >= 0 && fstat(STDIN_FILENO, &file) == 0 && S_ISREG(file.st_mode);
  if (in->sized && file.st_size > at) in->left = (uint64_t) (file.st_size - at);
}

/* --- the beginning --- */

/* On failure is_stream says whether there is a handle to be closed. */
static int open_source(input *in, uv_handle_type type, int fd) {
  int err;
  if (type == UV_TTY) {
    err = uv_tty_init(in->loop, &in->source.tty, fd, 1);
    in->is_stream = err == 0;
  } else if (type == UV_NAMED_PIPE) {
    in->is_stream = uv_pipe_init(in->loop, &in->source.pipe, 0) == 0;
    err = uv_pipe_open(&in->source.pipe, fd);
  } else {
    in->is_stream = uv_tcp_init(in->loop, &in->source.tcp) == 0;
    err = uv_tcp_open(&in->source.tcp, fd);
  }
  in->source.handle.data = in;
  return err;
}

/* libuv makes the descriptor non-blocking and closes it: it gets a copy, and others that share the
   original get its flags back in the end. */
static int start_stream(input *in, uv_handle_type type) {
  in->flags = fcntl(STDIN_FILENO, F_GETFL);
  int fd = dup(STDIN_FILENO);
  if (fd < 0) return uv_translate_sys_error(errno);
  int err = open_source(in, type, fd);
  if (err < 0) close(fd);
  return err == 0 ? read_stream(in) : err;
}

int input_start(input *in, uv_loop_t *loop, items_unit unit, size_t item_max,
                const input_events *events, void *up) {
  uv_handle_type type = uv_guess_handle(STDIN_FILENO);
  *in = (input){
      .events = events, .up = up, .item_max = item_max, .items = {.unit = unit}, .loop = loop};
  measure(in);
  if (unit == ITEMS_LINES && editor_start(&in->editor, loop, on_line, in) == 0) {
    read_more(in);
    return 0;
  }
  switch (type) {
  case UV_TTY:
  case UV_NAMED_PIPE:
  case UV_TCP: return start_stream(in, type);
  default: return read_file(in);
  }
}

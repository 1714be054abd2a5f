/* A chat on the terminal: each line of standard input goes out as a text message, each message that
   arrives is printed. Standard input is read by the loop that the session is on, and no faster than
   the server takes it. The end of input closes the session with 1000, Ctrl-C with 1001.

     chat URL */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <wsuv.h>

enum {
  LINE_MAX_BYTES = 16 * 1024,   /* with its end */
  QUEUE_MAX_BYTES = 256 * 1024, /* that wait to be sent; then standard input waits, too */
  PING_INTERVAL_MS = 20 * 1000  /* a server that is gone is noticed after three of these */
};

typedef struct chat {
  wsuv_client_t *client;
  wsuv_session_t *session;
  uv_signal_t interrupt;
  bool interrupted;
  bool failed;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tty_t tty;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  } in;                     /* standard input, if is_stream */
  uv_fs_t file_read;        /* of standard input that is a file */
  bool is_stream;           /* there is a handle, which has to be closed */
  bool reading;             /* the stream is being read from, or a read of the file is under way */
  bool at_end;              /* of standard input; what is in buf may still have to be sent */
  bool input_closed;        /* nothing more is read, or sent */
  char buf[LINE_MAX_BYTES]; /* what was read and not sent yet */
  size_t len;
} chat;

static int read_more(chat *c);

static void close_input(chat *c) {
  c->input_closed = true;
  if (!c->is_stream || uv_is_closing(&c->in.handle)) return;
  uv_stream_set_blocking(&c->in.stream, 1); /* other programs may share it */
  uv_close(&c->in.handle, NULL);
}

/* Whatever went wrong here, the server gets its closing handshake. */
static void fail(chat *c, const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  c->failed = true;
  close_input(c);
  wsuv_session_close(c->session, WSUV_CLOSE_GOING_AWAY, NULL);
}

/* --- standard input --- */

/* Sends the lines that are complete. False: the rest has to wait. */
static bool send_lines(chat *c) {
  char *begin = c->buf;
  char *end = c->buf + c->len;
  char *eol;
  while ((eol = memchr(begin, '\n', (size_t) (end - begin))) != NULL) {
    int err = wsuv_send_text(c->session, begin, (size_t) (eol - begin));
    if (err == WSUV_EQUEUEFULL || err == WSUV_ESTATE) break; /* on_drain or on_close follows */
    if (err < 0) fprintf(stderr, "line not sent: %s\n", wsuv_strerror(err));
    begin = eol + 1;
  }
  c->len = (size_t) (end - begin);
  memmove(c->buf, begin, c->len);
  return eol == NULL;
}

/* Does what can be done now: after a read, and when the queue has room again. */
static void go_on(chat *c) {
  if (!send_lines(c)) {
    if (c->is_stream) uv_read_stop(&c->in.stream);
    c->reading = false;
  } else if (c->at_end) {
    close_input(c);
    wsuv_session_close(c->session, WSUV_CLOSE_NORMAL, NULL); /* after what is queued */
  } else if (c->len == LINE_MAX_BYTES) {
    fail(c, "standard input", "line too long");
  } else {
    int err = read_more(c);
    if (err < 0) fail(c, "standard input", uv_strerror(err));
  }
}

/* n bytes were read; 0: the end; or an error. A last line without an end counts; there is room for
   one, since nothing is read into a full buffer. */
static void on_input(chat *c, ssize_t n) {
  if (n < 0) {
    fail(c, "standard input", uv_strerror((int) n));
    return;
  }
  c->len += (size_t) n;
  c->at_end = n == 0;
  if (c->at_end && c->len > 0) c->buf[c->len++] = '\n';
  go_on(c);
}

static uv_buf_t room(chat *c) {
  return uv_buf_init(c->buf + c->len, (unsigned) (LINE_MAX_BYTES - c->len));
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void) suggested;
  *buf = room(handle->data);
}

static void on_stream_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void) buf;
  if (n != 0) on_input(stream->data, n == UV_EOF ? 0 : n);
}

/* A read of a file cannot be taken back: the session may have ended meanwhile. */
static void on_file_read(uv_fs_t *request) {
  chat *c = request->data;
  ssize_t n = request->result;
  uv_fs_req_cleanup(request);
  c->reading = false;
  if (!c->input_closed) on_input(c, n);
}

static int read_more(chat *c) {
  if (c->reading) return 0;
  c->reading = true;
  if (c->is_stream) return uv_read_start(&c->in.stream, on_alloc, on_stream_read);
  uv_buf_t buf = room(c);
  c->file_read.data = c;
  return uv_fs_read(wsuv_client_loop(c->client), &c->file_read, STDIN_FILENO, &buf, 1, -1,
                    on_file_read);
}

/* /dev/null is a file, too. */
static int open_input(chat *c) {
  uv_loop_t *loop = wsuv_client_loop(c->client);
  int err = 0;
  switch (uv_guess_handle(STDIN_FILENO)) {
  case UV_TTY:
    err = uv_tty_init(loop, &c->in.tty, STDIN_FILENO, 1);
    c->is_stream = err == 0;
    break;
  case UV_NAMED_PIPE:
    c->is_stream = uv_pipe_init(loop, &c->in.pipe, 0) == 0;
    err = uv_pipe_open(&c->in.pipe, STDIN_FILENO);
    break;
  case UV_TCP:
    c->is_stream = uv_tcp_init(loop, &c->in.tcp) == 0;
    err = uv_tcp_open(&c->in.tcp, STDIN_FILENO);
    break;
  case UV_FILE: break;
  default: err = UV_ENOTSUP;
  }
  c->in.handle.data = c;
  return err;
}

/* --- output --- */

/* Standard output may be the same socket or terminal as standard input, which libuv has made
   non-blocking. */
static bool write_all(int fd, const char *data, size_t len) {
  while (len > 0) {
    struct pollfd out = {.fd = fd, .events = POLLOUT};
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EAGAIN) n = poll(&out, 1, -1) < 0 ? -1 : 0;
    if (n < 0 && errno != EINTR) return false;
    if (n <= 0) continue;
    data += n;
    len -= (size_t) n;
  }
  return true;
}

/* Whether the character at `text` is one of C0, DEL or C1: its bytes, or 0. */
static size_t control_len(const char *text, size_t len) {
  unsigned char first = (unsigned char) *text;
  if (first == 0xc2 && len > 1 && (unsigned char) text[1] < 0xa0) return 2;
  return (first < ' ' && first != '\t') || first == 0x7f;
}

/* Text of others: as it is, but a terminal would do what control characters say. */
static bool show(int fd, const char *text, size_t len) {
  if (!isatty(fd)) return write_all(fd, text, len);
  for (size_t plain = 0; len > 0; plain = 0) {
    while (plain < len && control_len(text + plain, len - plain) == 0) plain++;
    size_t control = plain < len ? control_len(text + plain, len - plain) : 0;
    if (!write_all(fd, text, plain) || !write_all(fd, "?", control > 0)) return false;
    text += plain + control;
    len -= plain + control;
  }
  return true;
}

/* --- the session --- */

static void on_open(wsuv_session_t *session) {
  chat *c = wsuv_session_data(session);
  int err = open_input(c);
  if (err == 0) err = read_more(c);
  if (err < 0) fail(c, "standard input", uv_strerror(err));
}

static void on_drain(wsuv_session_t *session) {
  chat *c = wsuv_session_data(session);
  if (!c->input_closed && !c->reading) go_on(c); /* with the line that was refused */
}

/* Waits for the terminal: what a server says faster than it can be shown is held back by TCP. */
static void on_message(wsuv_session_t *session, const wsuv_message_t *message) {
  chat *c = wsuv_session_data(session);
  char note[64];
  bool shown;
  if (c->failed) return;
  if (message->type == WSUV_FRAME_TEXT) {
    shown = show(STDOUT_FILENO, message->data, message->len);
  } else {
    int len = snprintf(note, sizeof note, "(%zu bytes that are not text)", message->len);
    shown = write_all(STDOUT_FILENO, note, (size_t) len);
  }
  if (!shown || !write_all(STDOUT_FILENO, "\n", 1)) fail(c, "standard output", "cannot be written");
}

static void finish(chat *c) {
  close_input(c);
  uv_close((uv_handle_t *) &c->interrupt, NULL);
  wsuv_client_close(c->client, NULL);
}

static void on_close(wsuv_session_t *session, const wsuv_close_info_t *info) {
  chat *c = wsuv_session_data(session);
  if (info->status < 0) {
    fprintf(stderr, "%s: %s\n", wsuv_stage_name(info->stage), wsuv_strerror(info->status));
    c->failed = c->failed || !c->interrupted;
  } else if (info->by_peer) {
    fprintf(stderr, "closed by the server: %u ", info->code);
    (void) show(STDERR_FILENO, info->reason, info->reason_len); /* nobody could be told */
    fputc('\n', stderr);
  }
  finish(c);
}

/* The first time the server is waited for, as long as it takes what is queued. */
static void on_interrupt(uv_signal_t *handle, int number) {
  chat *c = handle->data;
  (void) number;
  if (c->interrupted) {
    wsuv_session_terminate(c->session);
    return;
  }
  fprintf(stderr, "closing\n");
  c->interrupted = true;
  close_input(c);
  wsuv_session_close(c->session, WSUV_CLOSE_GOING_AWAY, NULL);
}

/* --- the beginning --- */

static int start(chat *c, const char *url) {
  static const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT, .on_open = on_open,
                                             .on_message = on_message, .on_drain = on_drain,
                                             .on_close = on_close};
  c->interrupt.data = c;
  int err = uv_signal_start(&c->interrupt, on_interrupt, SIGINT);
  if (err == 0) err = wsuv_connect_url(c->client, url, &callbacks, c, &c->session);
  return err;
}

static int make_client(chat *c, uv_loop_t *loop) {
  wsuv_config_t config;
  wsuv_client_config_init(&config);
  config.ping_interval_ms = PING_INTERVAL_MS;
  config.outgoing_max = QUEUE_MAX_BYTES;
  return wsuv_client_new(&c->client, loop, &config);
}

/* A standard descriptor that is closed must not become one of the loop's. */
static void fill_descriptors(void) {
  int fd;
  do {
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  } while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  static chat c;
  if (argc != 2) return fprintf(stderr, "usage: chat URL\n"), 1;
  signal(SIGPIPE, SIG_IGN);
  fill_descriptors();
  uv_loop_t *loop = uv_default_loop();
  if (loop == NULL || uv_signal_init(loop, &c.interrupt) < 0 || make_client(&c, loop) < 0) return 1;
  int err = start(&c, argv[1]);
  if (err < 0) {
    fprintf(stderr, "%s\n", wsuv_strerror(err));
    c.failed = true;
    finish(&c);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) != 0 || c.failed;
}

#include "wsuv_editor.h"

/* Runs libedit on a thread of its own, because it blocks in the middle of a key. The thread holds
   the lock of the screen unless it waits for a key or for its next line: at these times the loop
   may print, and have the line erased and drawn again. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "wsuv_canvas.h"
#include "wsuv_screen.h"

enum {
  TYPED_SIZE = 4096, /* bytes that are read at once */
  HANDLES = 4
};

static const wchar_t REPLACEMENT = 0xfffd; /* for what is not UTF-8 */

struct editor {
  editor_cb cb;
  void *up;
  canvas canvas;          /* libedit. */
  uv_thread_t thread;     /* It edits. */
  uv_cond_t wish;         /* Signalled when `wanted` or `stopped` changes. */
  bool wanted;            /* The loop wants a line. */
  bool stopped;           /* The thread has to end. */
  int wakeup[2];          /* A pipe, which ends a wait for a key. */
  char typed[TYPED_SIZE]; /* Bytes that were read, from `typed_start` to `typed_end`. */
  size_t typed_start, typed_end;
  mbstate_t decoder; /* A character of which only the beginning was read. */
  char *line;        /* What was typed, for the loop; NULL: the end. */
  size_t line_len;   /* Its length in bytes. */
  int status;        /* Of the end. */
  uv_async_t done;   /* Tells the loop that there is a line. */
  uv_signal_t resized, suspended, quit;
  uv_handle_t *handles[HANDLES]; /* Those of the loop that were begun. */
  unsigned handle_count;         /* Their number. */
};

/* --- the thread --- */

/* Wait for bytes. false: none will come, for the reason in e->status if that is not 0. */
static bool read_bytes(editor *e) {
  struct pollfd sources[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = e->wakeup[0], .events = POLLIN}};
  ssize_t n = -1;
  screen_unlock();
  do {
    if (poll(sources, 2, -1) < 0) continue;
    if (sources[1].revents != 0) break;
    n = read(STDIN_FILENO, e->typed, TYPED_SIZE);
  } while (n < 0 && (errno == EINTR || errno == EAGAIN));
  screen_lock();
  if (n < 0 && sources[1].revents == 0 && errno != EIO) e->status = uv_translate_sys_error(errno);
  e->typed_start = 0;
  e->typed_end = n > 0 ? (size_t) n : 0;
  return n > 0 && !e->stopped;
}

/* Take a character from the bytes that were read. false: the rest of it is missing. */
static bool decode(editor *e, wchar_t *c) {
  while (e->typed_start < e->typed_end) {
    size_t n = mbrtowc(c, e->typed + e->typed_start, e->typed_end - e->typed_start, &e->decoder);
    if (n == (size_t) -2) break;
    if (n == (size_t) -1) {
      *c = REPLACEMENT;
      e->decoder = (mbstate_t){0};
    }
    e->typed_start += n == 0 || n == (size_t) -1 ? 1 : n;
    return true;
  }
  e->typed_start = e->typed_end;
  return false;
}

/* A terminal that hung up is at its end, and after an interrupt the loop decides. */
static bool show(editor *e) {
  int err = canvas_flush(&e->canvas);
  if (err != UV_EIO && err != UV_EINTR) e->status = err;
  e->canvas.visible = err == 0;
  return err == 0;
}

static int next_character(void *up, wchar_t *c) {
  editor *e = up;
  while (!decode(e, c)) {
    if (e->stopped || !show(e) || !read_bytes(e)) return 0;
    e->canvas.visible = false;
  }
  return 1;
}

/* For the loop, in UTF-8. */
static int take_line(editor *e, const wchar_t *text, size_t len) {
  mbstate_t encoder = {0};
  e->line = malloc(len * MB_CUR_MAX + 1);
  e->line_len = 0;
  if (e->line == NULL) return UV_ENOMEM;
  for (size_t i = 0; i < len; i++) {
    size_t n = wcrtomb(e->line + e->line_len, text[i], &encoder);
    e->line_len += n == (size_t) -1 ? 0 : n;
  }
  return 0;
}

/* Have a line typed. false: there are no more. */
static bool edit_line(editor *e) {
  int len;
  const wchar_t *text = canvas_read(&e->canvas, &len);
  if (e->stopped) return false;
  if (text == NULL) {
    e->canvas.visible = true;
    canvas_erase(&e->canvas);
  } else {
    canvas_flush(&e->canvas);
    screen_finish_line();
    e->status = take_line(e, text, (size_t) len);
  }
  e->canvas.visible = false;
  uv_async_send(&e->done);
  return e->line != NULL;
}

static void edit(void *arg) {
  editor *e = arg;
  bool more = true;
  screen_lock();
  while (more && !e->stopped) {
    while (!e->wanted && !e->stopped) screen_wait(&e->wish);
    e->wanted = false;
    if (!e->stopped) more = edit_line(e);
  }
  screen_unlock();
}

/* --- the loop --- */

static void on_done(uv_async_t *async) {
  editor *e = async->data;
  screen_lock();
  char *line = e->line;
  size_t len = e->line_len;
  int status = e->status;
  e->line = NULL;
  screen_unlock();
  e->cb(e->up, line, len, status);
  free(line);
}

void editor_read(editor *e) {
  screen_lock();
  e->wanted = true;
  uv_cond_signal(&e->wish);
  screen_unlock();
}

/* Ctrl-Z or Ctrl-\\: the program stops, or is killed, with the modes of before. */
static void give_way(editor *e, int number) {
  struct sigaction usual = {.sa_handler = SIG_DFL}, ours;
  struct termios editing;
  screen_begin();
  bool known = tcgetattr(STDIN_FILENO, &editing) == 0;
  canvas_restore(&e->canvas);
  sigaction(number, &usual, &ours);
  raise(number);
  sigaction(number, &ours, NULL);
  if (known) tcsetattr(STDIN_FILENO, TCSANOW, &editing);
  screen_end();
}

static void on_signal(uv_signal_t *handle, int number) {
  if (number != SIGWINCH) {
    give_way(handle->data, number);
    return;
  }
  screen_begin();
  screen_end();
}

/* --- the end --- */

static void release(editor *e) {
  canvas_end(&e->canvas);
  uv_cond_destroy(&e->wish);
  for (int i = 0; i < 2; i++)
    if (e->wakeup[i] >= 0) close(e->wakeup[i]);
  free(e->line);
  free(e);
}

static void on_handle_closed(uv_handle_t *handle) {
  editor *e = handle->data;
  if (--e->handle_count == 0) release(e);
}

static void close_handles(editor *e) {
  unsigned n = e->handle_count;
  for (unsigned i = 0; i < n; i++) uv_close(e->handles[i], on_handle_closed);
  if (n == 0) release(e);
}

/* What was typed stays to be read. */
void editor_stop(editor *e) {
  screen_begin();
  e->stopped = true;
  canvas_leave(&e->canvas);
  screen_set_line(NULL, NULL);
  uv_cond_signal(&e->wish);
  screen_end();
  (void) !write(e->wakeup[1], "", 1);
  uv_thread_join(&e->thread);
  canvas_restore(&e->canvas);
  close_handles(e);
}

/* --- the beginning --- */

static void keep_handle(editor *e, uv_handle_t *handle) {
  handle->data = e;
  e->handles[e->handle_count++] = handle;
}

static int watch(editor *e, uv_loop_t *loop, uv_signal_t *handle, int number) {
  int err = uv_signal_init(loop, handle);
  if (err < 0) return err;
  keep_handle(e, (uv_handle_t *) handle);
  uv_unref((uv_handle_t *) handle);
  return uv_signal_start(handle, on_signal, number);
}

static int start_thread(editor *e, uv_loop_t *loop) {
  int err = uv_async_init(loop, &e->done, on_done);
  if (err < 0) return err;
  keep_handle(e, (uv_handle_t *) &e->done);
  err = watch(e, loop, &e->resized, SIGWINCH);
  if (err == 0) err = watch(e, loop, &e->suspended, SIGTSTP);
  if (err == 0) err = watch(e, loop, &e->quit, SIGQUIT);
  if (err == 0) err = uv_pipe(e->wakeup, 0, 0);
  if (err == 0) err = uv_thread_create(&e->thread, edit, e);
  return err;
}

static void erase_line(void *up) {
  canvas_erase(&((editor *) up)->canvas);
}

static void draw_line(void *up) {
  canvas_draw(&((editor *) up)->canvas);
}

static editor *new_editor(editor_cb cb, void *up) {
  editor *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  e->cb = cb;
  e->up = up;
  e->wakeup[0] = e->wakeup[1] = -1;
  if (uv_cond_init(&e->wish) == 0) return e;
  free(e);
  return NULL;
}

int editor_start(editor **out, uv_loop_t *loop, editor_cb cb, void *up) {
  static const screen_line drawing = {erase_line, draw_line};
  editor *e = new_editor(cb, up);
  if (e == NULL) return UV_ENOMEM;
  int err = canvas_start(&e->canvas, next_character, e);
  if (err == 0) err = start_thread(e, loop);
  if (err < 0) {
    if (e->canvas.el != NULL) canvas_restore(&e->canvas);
    close_handles(e);
    return err;
  }
  screen_lock();
  screen_set_line(&drawing, e);
  screen_unlock();
  *out = e;
  return 0;
}

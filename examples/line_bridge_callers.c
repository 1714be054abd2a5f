#include "line_bridge_callers.h"

/* Accepts TCP clients, cuts what they send into lines, and writes answers to them. A caller whose
   line is not taken now is not read from until it is. It knows nothing of WebSocket. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct caller {
  uv_tcp_t tcp;
  callers *all;
  struct caller *next;
  uint32_t number;
  size_t unread; /* bytes of memory that answers take */
  size_t len;
  char buf[CALLERS_LINE_MAX]; /* what came and was not taken yet */
} caller;

typedef struct answer {
  uv_write_t request;
  size_t size; /* of all this */
  char text[];
} answer;

static uv_stream_t *stream_of(caller *c) {
  return (uv_stream_t *) &c->tcp;
}

static bool is_closing(const caller *c) {
  return uv_is_closing((const uv_handle_t *) &c->tcp) != 0;
}

static void on_caller_closed(uv_handle_t *handle) {
  caller *c = handle->data;
  caller **at = &c->all->first;
  while (*at != c) at = &(*at)->next;
  *at = c->next;
  c->all->count--;
  free(c);
}

/* It stays in the list until it is closed, so this may be called while going through the list. */
static void drop(caller *c, const char *why) {
  if (is_closing(c)) return;
  fprintf(stderr, "caller %08x: %s\n", c->number, why);
  uv_close((uv_handle_t *) &c->tcp, on_caller_closed);
}

/* --- lines --- */

/* Hands out the lines that are complete, up to the first that is refused. */
static int hand_out(caller *c) {
  char *begin = c->buf;
  char *end = c->buf + c->len;
  char *eol;
  int err = 0;
  while (err == 0 && (eol = memchr(begin, '\n', (size_t) (end - begin))) != NULL) {
    err = c->all->on_line(c->all->up, c->number, begin, (size_t) (eol - begin));
    if (err == 0) begin = eol + 1;
  }
  c->len = (size_t) (end - begin);
  memmove(c->buf, begin, c->len);
  return err;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  caller *c = handle->data;
  (void) suggested;
  *buf = uv_buf_init(c->buf + c->len, (unsigned) (sizeof c->buf - c->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

/* Does what can be done now: after a read, and when lines are taken again. The buffer is never full
   when reading goes on. */
static void serve(caller *c) {
  if (is_closing(c)) return;
  int err = hand_out(c);
  if (err == UV_EAGAIN) {
    uv_read_stop(stream_of(c));
  } else if (err == 0 && c->len == sizeof c->buf) {
    drop(c, "line too long");
  } else if (err == 0) {
    err = uv_read_start(stream_of(c), on_alloc, on_read);
    if (err == UV_EALREADY) err = 0;
  }
  if (err < 0 && err != UV_EAGAIN) drop(c, uv_strerror(err));
}

void callers_serve(callers *cs) {
  for (caller *c = cs->first; c != NULL; c = c->next) serve(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  caller *c = stream->data;
  (void) buf;
  if (n < 0) {
    drop(c, uv_strerror((int) n));
  } else if (n > 0) {
    c->len += (size_t) n;
    serve(c);
  }
}

/* --- answers --- */

static void on_written(uv_write_t *request, int status) {
  caller *c = request->handle->data;
  answer *a = request->data;
  c->unread -= a->size;
  free(a);
  if (status < 0) drop(c, uv_strerror(status));
}

static int write_answer(caller *c, const char *text, size_t len) {
  size_t size = sizeof(answer) + len + 1;
  answer *a = malloc(size);
  if (a == NULL) return UV_ENOMEM;
  a->size = size;
  a->request.data = a;
  memcpy(a->text, text, len);
  a->text[len] = '\n';
  uv_buf_t buf = uv_buf_init(a->text, (unsigned) (len + 1));
  int err = uv_write(&a->request, stream_of(c), &buf, 1, on_written);
  if (err < 0) {
    free(a);
  } else {
    c->unread += size;
  }
  return err;
}

void callers_answer(callers *cs, uint32_t number, const char *text, size_t len) {
  caller *c = cs->first;
  while (c != NULL && c->number != number) c = c->next;
  if (c == NULL || is_closing(c)) return;
  if (c->unread > CALLERS_UNREAD_MAX) {
    drop(c, "does not read its answers");
    return;
  }
  int err = write_answer(c, text, len);
  if (err < 0) drop(c, uv_strerror(err));
}

/* --- coming and going --- */

static caller *add_caller(callers *cs) {
  caller *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  uv_tcp_init(cs->listener.loop, &c->tcp);
  c->tcp.data = c;
  c->all = cs;
  c->number = ++cs->last_number;
  c->next = cs->first;
  cs->first = c;
  cs->count++;
  return c;
}

/* libuv listens no further until the connection has been accepted: so without memory nobody is. */
static void on_connection(uv_stream_t *listener, int status) {
  callers *cs = listener->data;
  caller *c = status == 0 ? add_caller(cs) : NULL;
  if (c == NULL) return;
  int err = uv_accept(listener, stream_of(c));
  if (err < 0) {
    drop(c, uv_strerror(err));
  } else if (cs->count > CALLERS_MAX) {
    drop(c, "too many callers");
  } else {
    serve(c);
  }
}

void callers_init(callers *cs, uv_loop_t *loop, callers_line_cb on_line, void *up) {
  *cs = (callers){.on_line = on_line, .up = up};
  uv_tcp_init(loop, &cs->listener);
  cs->listener.data = cs;
}

int callers_listen(callers *cs, int port) {
  struct sockaddr_in address;
  int size = sizeof address;
  uv_ip4_addr("127.0.0.1", port, &address);
  int err = uv_tcp_bind(&cs->listener, (const struct sockaddr *) &address, 0);
  if (err == 0) err = uv_listen((uv_stream_t *) &cs->listener, CALLERS_MAX, on_connection);
  if (err == 0) err = uv_tcp_getsockname(&cs->listener, (struct sockaddr *) &address, &size);
  if (err == 0) fprintf(stderr, "listening on port %d\n", ntohs(address.sin_port));
  return err;
}

void callers_close(callers *cs) {
  uv_close((uv_handle_t *) &cs->listener, NULL);
  for (caller *c = cs->first; c != NULL; c = c->next) drop(c, "the bridge is closing");
}

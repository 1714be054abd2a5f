#include "floor_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_SIZE = 256 * 1024 };

/* Bytes that wait for the kernel, and behind them those that came later. */
typedef struct floor_rest {
  uv_write_t req;
  uint8_t *bytes;
  size_t len;
  uint8_t *later;
  size_t later_len;
} floor_rest;

static uint8_t input[READ_SIZE], plain[READ_SIZE];

static struct gathered {
  uint8_t *bytes;
  size_t len, size;
} gathered;

static void check(int err, const char *what) {
  if (err >= 0) return;
  fprintf(stderr, "%s: %s\n", what, uv_strerror(err));
  exit(1);
}

static void *grow(void *block, size_t size) {
  void *p = realloc(block, size);
  if (p == NULL) check(UV_ENOMEM, "memory");
  return p;
}

/* --- the end --- */

static void on_closed(uv_handle_t *handle) {
  floor_link *l = handle->data;
  if (l->tls != NULL) l->library->close(l->tls);
  l->calls->on_end(l);
}

static void end(floor_link *l) {
  if (!uv_is_closing((uv_handle_t *) &l->tcp)) uv_close((uv_handle_t *) &l->tcp, on_closed);
}

/* --- out --- */

static void begin_write(floor_link *l, floor_rest *rest);

static void on_write(uv_write_t *req, int status) {
  floor_rest *rest = req->data;
  floor_link *l = (floor_link *) req->handle->data;
  free(rest->bytes);
  rest->bytes = rest->later;
  rest->len = rest->later_len;
  rest->later = NULL;
  rest->later_len = 0;
  if (status == 0 && rest->len > 0) {
    begin_write(l, rest);
    return;
  }
  free(rest->bytes);
  free(rest);
  l->writing = NULL;
  if (status == 0 && l->calls->on_written != NULL) l->calls->on_written(l);
}

static void begin_write(floor_link *l, floor_rest *rest) {
  const uv_buf_t buf = uv_buf_init((char *) rest->bytes, (unsigned) rest->len);
  rest->req.data = rest;
  l->writing = rest;
  check(uv_write(&rest->req, (uv_stream_t *) &l->tcp, &buf, 1, on_write), "write");
}

static void keep_for_later(floor_rest *rest, const uint8_t *p, size_t n) {
  rest->later = grow(rest->later, rest->later_len + n);
  memcpy(rest->later + rest->later_len, p, n);
  rest->later_len += n;
}

static void write_wire(floor_link *l, const uint8_t *p, size_t n) {
  if (l->writing != NULL) {
    keep_for_later(l->writing, p, n);
    return;
  }
  const uv_buf_t buf = uv_buf_init((char *) (uintptr_t) p, (unsigned) n);
  const int written = uv_try_write((uv_stream_t *) &l->tcp, &buf, 1);
  if (written < 0 && written != UV_EAGAIN) {
    end(l);
    return;
  }
  const size_t done = written > 0 ? (size_t) written : 0;
  if (done == n) return;
  floor_rest *rest = grow(NULL, sizeof *rest);
  *rest = (floor_rest){.bytes = grow(NULL, n - done), .len = n - done};
  memcpy(rest->bytes, p + done, n - done);
  begin_write(l, rest);
}

static void write_tls(floor_link *l) {
  const uint8_t *p;
  const size_t n = l->library->send(l->tls, &p);
  if (n == 0) return;
  write_wire(l, p, n);
  l->library->sent(l->tls);
}

void floor_link_write(floor_link *l, const uint8_t *p, size_t n) {
  if (l->library == NULL) {
    write_wire(l, p, n);
    return;
  }
  l->library->write(l->tls, p, n);
  write_tls(l);
}

uint8_t *floor_link_room(size_t n) {
  if (gathered.size - gathered.len < n) {
    gathered.size = 2 * (gathered.len + n);
    gathered.bytes = grow(gathered.bytes, gathered.size);
  }
  return gathered.bytes + gathered.len;
}

void floor_link_add(size_t n) {
  gathered.len += n;
}

void floor_link_flush(floor_link *l) {
  const size_t n = gathered.len;
  gathered.len = 0;
  if (n > 0) floor_link_write(l, gathered.bytes, n);
}

/* --- in --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  const floor_link *l = handle->data;
  (void) suggested;
  *buf = l->into_len > 0 && l->library == NULL
             ? uv_buf_init((char *) l->into, (unsigned) l->into_len)
             : uv_buf_init((char *) input, sizeof input);
}

static void become_ready(floor_link *l) {
  l->ready = true;
  if (l->calls->on_ready != NULL) l->calls->on_ready(l);
}

static void read_tls(floor_link *l, const uint8_t *p, size_t n) {
  size_t len;
  l->library->receive(l->tls, p, n);
  const bool complete = l->ready || l->library->handshake(l->tls);
  write_tls(l);
  if (complete && !l->ready) become_ready(l);
  while (l->ready && (len = l->library->read(l->tls, plain, sizeof plain)) > 0)
    l->calls->on_data(l, plain, len);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  floor_link *l = stream->data;
  if (n < 0) {
    end(l);
  } else if (n > 0 && l->library != NULL) {
    read_tls(l, (const uint8_t *) buf->base, (size_t) n);
  } else if (n > 0) {
    l->calls->on_data(l, (uint8_t *) buf->base, (size_t) n);
  }
}

/* --- the beginning --- */

static void link_init(floor_link *l, uv_loop_t *loop, const floor_link_calls *calls,
                      const floor_tls_library *library) {
  *l = (floor_link){.calls = calls, .library = library};
  check(uv_tcp_init(loop, &l->tcp), "socket");
  l->tcp.data = l;
}

static void begin_link(floor_link *l, const char *cert, const char *key) {
  check(uv_tcp_nodelay(&l->tcp, 1), "nodelay");
  check(uv_read_start((uv_stream_t *) &l->tcp, on_alloc, on_read), "read");
  if (l->library == NULL) {
    become_ready(l);
    return;
  }
  l->tls = l->library->open(cert, key);
  if (cert != NULL) return;
  (void) l->library->handshake(l->tls); /* a client begins; it cannot be complete */
  write_tls(l);
}

static void on_connect(uv_connect_t *req, int status) {
  floor_link *l = (floor_link *) req->handle->data;
  free(req);
  check(status, "connect");
  begin_link(l, NULL, NULL);
}

void floor_link_connect(floor_link *l, uv_loop_t *loop, int port, const floor_link_calls *calls,
                        const floor_tls_library *library) {
  struct sockaddr_in addr;
  uv_connect_t *req = grow(NULL, sizeof *req);
  link_init(l, loop, calls, library);
  check(uv_ip4_addr("127.0.0.1", port, &addr), "address");
  check(uv_tcp_connect(req, &l->tcp, (const struct sockaddr *) &addr, on_connect), "connect");
}

void floor_link_accept(floor_link *l, uv_stream_t *listener, const floor_link_calls *calls,
                       const floor_tls_library *library, const char *cert, const char *key) {
  link_init(l, listener->loop, calls, library);
  check(uv_accept(listener, (uv_stream_t *) &l->tcp), "accept");
  begin_link(l, cert, key);
}

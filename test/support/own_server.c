#include "support/own_server.h"

/* Accepts, reads as much as the test wants, and hands over. */

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/un.h>

#include "support/socket_path.h"
#include "testkit/check.h"

enum { BACKLOG = 16 };

static uv_stream_t *make_handle(const own_server *own) {
  uv_loop_t *loop = world_uv_loop(own->s->w);
  if (own->kind == OWN_UNIX) {
    uv_pipe_t *pipe = check_alloc(sizeof *pipe);
    CHECK(uv_pipe_init(loop, pipe, 0) == 0);
    return (uv_stream_t *) pipe;
  }
  uv_tcp_t *tcp = check_alloc(sizeof *tcp);
  CHECK(uv_tcp_init(loop, tcp) == 0);
  return (uv_stream_t *) tcp;
}

/* --- accepting --- */

static void on_connection(uv_stream_t *listener, int status) {
  own_server *own = listener->data;
  CHECK(status == 0 && own->count < OWN_CONNS_MAX);
  own_conn *c = &own->conns[own->count++];
  *c = (own_conn){.own = own, .stream = make_handle(own)};
  c->stream->data = c;
  CHECK(uv_accept(listener, c->stream) == 0);
}

static void bind_tcp(own_server *own) {
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  uv_tcp_t *tcp = (uv_tcp_t *) own->listener;
  int len = sizeof own->s->address;
  CHECK(uv_tcp_bind(tcp, (const struct sockaddr *) &any, 0) == 0);
  CHECK(uv_tcp_getsockname(tcp, (struct sockaddr *) &own->s->address, &len) == 0);
}

static void bind_pipe(own_server *own) {
  struct sockaddr_un *un = (struct sockaddr_un *) (void *) &own->s->address;
  CHECK(uv_pipe_bind((uv_pipe_t *) own->listener, socket_path()) == 0);
  un->sun_family = AF_UNIX;
  strcpy(un->sun_path, socket_path());
}

void own_server_start(own_server *own, server_user *s, own_kind kind) {
  *own = (own_server){.s = s, .kind = kind};
  (void) server_user_server(s); /* it is made, and s->server is it */
  own->listener = make_handle(own);
  own->listener->data = own;
  if (kind == OWN_TCP) bind_tcp(own);
  if (kind == OWN_UNIX) bind_pipe(own);
  CHECK(uv_listen(own->listener, BACKLOG, on_connection) == 0);
}

own_conn *own_server_accept(own_server *own) {
  own_conn *c = &own->conns[own->count];
  raw_client *client = server_user_client(own->s);
  world_run_until_count(own->s->w, &own->count, own->count + 1);
  c->client = client;
  return c;
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  own_conn *c = handle->data;
  size_t left = c->limit - c->received.len;
  (void) suggested;
  *buf = uv_buf_init(c->room, (unsigned) (left < sizeof c->room ? left : sizeof c->room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  own_conn *c = stream->data;
  CHECK(c->stream == stream && !c->handed_over);
  if (n < 0) CHECK(uv_read_stop(stream) == 0);
  if (n <= 0) return;
  bytes_add(&c->received, buf->base, (size_t) n);
  c->reads++;
}

static bool is_there(void *conn) {
  const own_conn *c = conn;
  return c->received.len == c->limit;
}

void own_conn_read(own_conn *c, size_t total) {
  c->limit = total;
  if (is_there(c)) return;
  CHECK(uv_read_start(c->stream, on_alloc, on_read) == 0);
  world_run_until(c->own->s->w, is_there, c);
  CHECK(uv_read_stop(c->stream) == 0);
}

void own_conn_go_on(own_conn *c) {
  c->limit = SIZE_MAX;
  CHECK(uv_read_start(c->stream, on_alloc, on_read) == 0);
}

void own_conn_parse(own_conn *c, wsuv_http_request_t *request) {
  while (!parsed_head_read(&c->head, &c->received)) own_conn_read(c, c->received.len + 1);
  *request = c->head.request;
}

/* --- handing over --- */

void own_conn_release(uv_stream_t *stream, void *conn) {
  own_conn *c = conn;
  own_server *own = c->own;
  CHECK(no_call_is_running());
  CHECK(c->handed_over && c->stream == stream && c->releases == 0);
  CHECK(uv_is_closing((uv_handle_t *) stream) && stream->data == c);
  c->releases++;
  c->closes = own->s->close_count;
  own->releases++;
  free(stream);
  c->stream = NULL;
  if (own->at_release != NULL) own->at_release(c);
}

int own_conn_adopt(own_conn *c) {
  call_begins();
  int err = wsuv_server_adopt(c->own->s->server, c->stream, bytes_text(&c->received),
                              c->received.len, own_conn_release, c);
  call_ends();
  c->handed_over = err == 0;
  return err;
}

int own_conn_upgrade(own_conn *c, const wsuv_http_request_t *request) {
  call_begins();
  int err = wsuv_server_upgrade(c->own->s->server, c->stream, request,
                                bytes_text(&c->received) + c->head.len,
                                c->received.len - c->head.len, own_conn_release, c);
  call_ends();
  c->handed_over = err == 0;
  return err;
}

void own_conn_assert_untouched(const own_conn *c, bool reading) {
  CHECK(c->stream->data == c);
  CHECK(!uv_is_closing((const uv_handle_t *) c->stream));
  CHECK((uv_is_active((const uv_handle_t *) c->stream) != 0) == reading);
  CHECK(c->releases == 0);
}

void own_server_run_to_releases(own_server *own, size_t releases) {
  world_run_until_count(own->s->w, &own->releases, releases);
}

/* --- ending --- */

static void on_listener_closed(uv_handle_t *handle) {
  own_server *own = handle->data;
  own->closed = true;
  free(handle);
}

static void on_conn_closed(uv_handle_t *handle) {
  own_conn *c = handle->data;
  c->stream = NULL;
  free(handle);
}

static void forget_conn(own_conn *c) {
  CHECK(c->stream == NULL);
  bytes_free(&c->received);
  parsed_head_free(&c->head);
}

void own_server_forget(own_server *own) {
  for (size_t i = 0; i < own->count; i++) forget_conn(&own->conns[i]);
  own->count = 0;
}

void own_server_finish(own_server *own) {
  server_user_finish(own->s);
  for (size_t i = 0; i < own->count; i++) {
    own_conn *c = &own->conns[i];
    if (!c->handed_over) uv_close((uv_handle_t *) c->stream, on_conn_closed);
  }
  uv_close((uv_handle_t *) own->listener, on_listener_closed);
  world_run_until_true(own->s->w, &own->closed);
  own_server_forget(own);
}

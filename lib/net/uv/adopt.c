#include "net/uv/adopt.h"
#include "net/uv/env_uv.h"

#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "net/uv/stream.h"

/* Checks streams that the program has connected or accepted, and makes filters of them. What the
   program has received is delivered in a turn of its own; from then on `stream` reads. */

typedef struct adopted {
  stream stream;         /* This must be the first field, because its address is freed. */
  uint8_t *received;     /* The program has received these bytes, or NULL: all are delivered. */
  size_t len, at;        /* There are `len` of them, and the first `at` are delivered. */
  handle_call delivery;  /* This delivers bytes that were received. */
  bool reading;          /* The layer above reads, and `delivery` has not ended yet. */
  adopt_release release; /* The program's function gets the handle back, or this is NULL. */
  void *arg;             /* This is the last argument of `release`. */
  void *data;            /* The handle had this `data` before. */
} adopted;

static adopted *adopted_of(ws_filter *f) {
  return (adopted *) (void *) f;
}

/* Reading */

static void drop_received(adopted *a) {
  if (a->received != NULL) env_uv_free(a->stream.e, a->received);
  a->received = NULL;
}

static void deliver_piece(adopted *a) {
  ws_filter *f = &a->stream.filter;
  ws_room room;
  f->events->on_alloc(f->up, &room);
  size_t n = a->len - a->at < room.len ? a->len - a->at : room.len;
  memcpy(room.base, a->received + a->at, n);
  a->at += n;
  if (a->at == a->len) drop_received(a);
  f->events->on_read(f->up, room.base, (ptrdiff_t) n);
}

static void deliver(void *data) {
  adopted *a = data;
  ws_filter *f = &a->stream.filter;
  const own_handle *own = &a->stream.own;
  while (a->reading && a->received != NULL && !handle_lost(own)) deliver_piece(a);
  if (!a->reading || handle_lost(own)) return;
  a->reading = false;
  int err = stream_read_start(f);
  if (err < 0) f->events->on_read(f->up, NULL, err);
}

static int adopted_read_start(ws_filter *f) {
  adopted *a = adopted_of(f);
  if (a->reading) return 0;
  if (a->received == NULL) return stream_read_start(f);
  if (handle_lost(&a->stream.own)) return WS_ECANCELED;
  a->reading = true;
  handles_call(&a->stream.e->handles, &a->delivery);
  return 0;
}

static void stop_delivery(adopted *a) {
  a->reading = false;
  ws_list_remove(&a->delivery.node);
}

static void adopted_read_stop(ws_filter *f) {
  stop_delivery(adopted_of(f));
  stream_read_stop(f);
}

/* Closing */

static void adopted_on_closed(own_handle *h) {
  adopted *a = ws_list_entry(h, adopted, stream.own);
  uv_stream_t *handle = stream_handle(&a->stream);
  a->stream.filter.events->on_close(a->stream.filter.up);
  if (a->release != NULL) {
    handle->data = a->data;
    a->release(handle, a->arg);
  }
  drop_received(a);
  stream_free(&a->stream);
}

static void adopted_close(ws_filter *f) {
  adopted *a = adopted_of(f);
  stop_delivery(a);
  handle_close(&a->stream.e->handles, &a->stream.own, adopted_on_closed);
}

/* Bytes that the layer above has not got would be lost, and so would those of the program's writes
   that have not left. */
static int adopted_descriptor(const adopted *a, void *out) {
  if (a->received != NULL) return WS_ENOTSUP;
  if (uv_stream_get_write_queue_size(stream_handle(&a->stream)) > 0) return WS_EAGAIN;
  return stream_query(&a->stream.filter, WS_QUERY_DESCRIPTOR, out);
}

static int adopted_query(const ws_filter *f, ws_filter_query what, void *out) {
  const adopted *a = (const adopted *) (const void *) f;
  return what == WS_QUERY_DESCRIPTOR ? adopted_descriptor(a, out) : stream_query(f, what, out);
}

static const ws_filter_ops adopted_ops = {
    .read_start = adopted_read_start,
    .read_stop = adopted_read_stop,
    .write = stream_write,
    .try_write = stream_try_write,
    .set_slow = stream_set_slow,
    .shutdown = stream_shut_down,
    .query = adopted_query,
    .close = adopted_close,
};

/* Beginning */

static bool is_kind(const uv_stream_t *handle) {
  uv_handle_type type = uv_handle_get_type((const uv_handle_t *) handle);
  return type == UV_TCP || type == UV_NAMED_PIPE;
}

/* To libuv a stream is readable as soon as it begins to connect; the kernel knows a peer only when
   it is connected. */
static bool has_peer(const uv_stream_t *handle) {
  char path[sizeof(struct sockaddr_un)];
  struct sockaddr_storage addr;
  size_t size = sizeof path;
  int len = sizeof addr;
  if (uv_handle_get_type((const uv_handle_t *) handle) == UV_NAMED_PIPE) {
    return uv_pipe_getpeername((const uv_pipe_t *) handle, path, &size) == 0;
  }
  return uv_tcp_getpeername((const uv_tcp_t *) handle, (struct sockaddr *) &addr, &len) == 0;
}

static bool is_connected(const uv_stream_t *handle) {
  return !uv_is_closing((const uv_handle_t *) handle) && uv_is_readable(handle) &&
         uv_is_writable(handle) && has_peer(handle);
}

static int keep_received(adopted *a, ws_view received) {
  if (received.len == 0) return 0;
  a->received = env_uv_alloc(a->stream.e, received.len);
  if (a->received == NULL) return WS_ENOMEM;
  memcpy(a->received, received.base, received.len);
  a->len = received.len;
  return 0;
}

int adopt_new(ws_filter **out, ws_env *env, uv_loop_t *loop, uv_stream_t *handle,
              ws_view received) {
  if (!env_uv_is(env)) return WS_ENOTSUP;
  env_uv *e = env_uv_of(env);
  if (handle->loop != loop || !is_kind(handle)) return WS_EINVAL;
  if (!is_connected(handle)) return UV_ENOTCONN;
  adopted *a = env_uv_alloc(e, sizeof *a);
  if (a == NULL) return WS_ENOMEM;
  a->stream.e = e;
  a->stream.own.uv = (uv_handle_t *) handle;
  a->delivery = (handle_call){.run = deliver, .data = a};
  ws_list_init(&a->delivery.node);
  *out = &a->stream.filter;
  int err = keep_received(a, received);
  if (err < 0) adopt_discard(*out);
  return err;
}

/* The program may have been reading from it. */
void adopt_take(ws_filter *filter, adopt_release release, void *arg) {
  adopted *a = adopted_of(filter);
  uv_stream_t *handle = stream_handle(&a->stream);
  a->release = release;
  a->arg = arg;
  a->data = handle->data;
  stream_read_stop(filter);
  stream_init(&a->stream, a->stream.e, handle);
  filter->ops = &adopted_ops;
}

void adopt_discard(ws_filter *filter) {
  adopted *a = adopted_of(filter);
  drop_received(a);
  env_uv_free(a->stream.e, a);
}

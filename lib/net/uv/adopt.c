#include "net/uv/adopt.h"

#include <sys/un.h>

#include "base/error.h"
#include "net/uv/stream.h"

/* Checks streams that the program has connected, and makes filters of them. */

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

int adopt_new(ws_filter **out, ws_env *env, uv_loop_t *loop, uv_stream_t *handle) {
  env_uv *e = env_uv_of(env);
  if (handle->loop != loop || !is_kind(handle)) return WS_EINVAL;
  if (!is_connected(handle)) return UV_ENOTCONN;
  stream *s = env_uv_alloc(e, sizeof *s);
  if (s == NULL) return WS_ENOMEM;
  s->e = e;
  s->own.uv = (uv_handle_t *) handle;
  *out = &s->filter;
  return 0;
}

/* The program may have been reading from it. uv_read_stop always succeeds. */
void adopt_take(ws_filter *filter) {
  stream *s = stream_of(filter);
  (void) uv_read_stop(stream_handle(s));
  stream_init(s, s->e, stream_handle(s));
}

void adopt_discard(ws_filter *filter) {
  env_uv_free(stream_of(filter)->e, filter);
}

#include "net/uv/pipe.h"

#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "net/uv/descriptor.h"
#include "net/uv/stream.h"

/* Makes Unix sockets by connecting or accepting; `stream` reads and writes. */

typedef struct pipe_stream {
  stream stream;    /* This must be the first field, because its address is freed. */
  uv_pipe_t handle; /* This is the handle of `stream`. */
} pipe_stream;

int pipe_connect(env_uv *e, const struct sockaddr_un *addr, const ws_filter_events *events,
                 void *up, ws_filter **out) {
  pipe_stream *p = env_uv_alloc(e, sizeof *p);
  if (p == NULL) return WS_ENOMEM;
  uv_pipe_init(e->loop, &p->handle, 0);
  ws_filter *f = &p->stream.filter;
  stream_init(&p->stream, e, (uv_stream_t *) &p->handle);
  uv_connect_t *req = stream_connect_request(&p->stream);
  if (req == NULL) {
    f->ops->close(f); /* has no events yet; freed when it is closed */
    return WS_ENOMEM;
  }
  f->events = events;
  f->up = up;
  uv_pipe_connect(req, &p->handle, addr->sun_path, stream_on_connect);
  *out = f;
  return 0;
}

int pipe_accept(env_uv *e, int listening, struct sockaddr_storage *peer, ws_filter **out) {
  pipe_stream *p = env_uv_alloc(e, sizeof *p);
  if (p == NULL) return WS_ENOMEM;
  int fd = descriptor_accept(listening, peer);
  if (fd < 0) {
    env_uv_free(e, p);
    return fd;
  }
  uv_pipe_init(e->loop, &p->handle, 0);
  stream_init(&p->stream, e, (uv_stream_t *) &p->handle);
  *out = &p->stream.filter;
  int err = uv_pipe_open(&p->handle, fd);
  if (err < 0) {
    (void) close(fd);
    (*out)->ops->close(*out); /* has no events; freed when it is closed */
  }
  return err;
}

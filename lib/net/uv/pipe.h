#ifndef WS_NET_UV_PIPE_H
#define WS_NET_UV_PIPE_H

/* Unix sockets on libuv, which calls them pipes. */

#include "net/filter.h"
#include "net/uv/loop.h"

struct sockaddr_un;

/* ws_env_ops.connect for AF_UNIX; the path ends in a zero byte. 0, and the caller owns the filter,
   which its `close` frees; or WS_ENOMEM, and there is none. All other errors come with
   on_connect. */
int pipe_connect(env_uv *e, const struct sockaddr_un *addr, const ws_filter_events *events,
                 void *up, ws_filter **out);

/* As tcp_accept. */
int pipe_accept(env_uv *e, int listening, struct sockaddr_storage *peer, ws_filter **out);

#endif

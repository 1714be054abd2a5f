#ifndef WS_NET_UV_TCP_H
#define WS_NET_UV_TCP_H

/* TCP sockets on libuv. */

#include "net/filter.h"
#include "net/uv/loop.h"

/* ws_env_ops.connect for AF_INET and AF_INET6. 0, and the caller owns the filter, which its `close`
   frees; or a code, and there is none: what was made is freed, when it is closed if there is a
   handle. */
int tcp_connect(env_uv *e, const struct sockaddr *addr, const ws_socket_options *options,
                const ws_filter_events *events, void *up, ws_filter **out);

/* Accept the next connection of a socket that listens; `local` of the options has no effect. *peer
   is set to the other end's address. Returns 0, and the caller owns the filter, which has no events
   yet; or a code of descriptor_accept, or another one, and there is none. Without memory the
   connection is not accepted (WS_ENOMEM). */
int tcp_accept(env_uv *e, int listening, const ws_socket_options *options,
               struct sockaddr_storage *peer, ws_filter **out);

#endif

#ifndef WS_NET_TCP_H
#define WS_NET_TCP_H

/* TCP sockets on libuv. */

#include "net/env_uv.h"
#include "net/filter.h"

/* ws_env_ops.connect for AF_INET and AF_INET6. */
int tcp_connect(env_uv *e, const struct sockaddr *addr, const ws_socket_options *options,
                const ws_filter_events *events, void *up, ws_filter **out);

#endif
